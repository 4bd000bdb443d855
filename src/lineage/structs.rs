//! Structs: a field is lineage of the whole column, but a star of a struct makes a column of each.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::flow::{Column, Flow, Form};
use super::scope::Scope;
use super::tracer::Tracer;

/// Functions that give a list whatever they are given.
const LISTS: [&str; 26] = [
    "array_agg",
    "array_transform",
    "flatten",
    "generate_series",
    "json_keys",
    "list",
    "list_apply",
    "list_concat",
    "list_distinct",
    "list_filter",
    "list_reverse",
    "list_reverse_sort",
    "list_sort",
    "list_transform",
    "list_value",
    "list_zip",
    "map_entries",
    "map_keys",
    "map_values",
    "range",
    "regexp_extract_all",
    "regexp_split_to_array",
    "split",
    "str_split",
    "string_split",
    "string_to_array",
];

pub(super) fn makes_list(function: &str) -> bool {
    LISTS.iter().any(|known| known.eq_ignore_ascii_case(function))
}

impl Tracer<'_> {
    /// `unnest(s)` in a select's list makes a column of each field of a struct, and of a list one.
    pub fn unnested_struct(&mut self, expression: &Expr, scope: &Scope<'_>) -> Option<Vec<Column>> {
        let Expr::Function(function) = expression else { return None };
        let name = function.name.0.last().and_then(|part| part.as_ident())?;
        if !name.value.eq_ignore_ascii_case("unnest") {
            return None;
        }
        let FunctionArguments::List(list) = &function.args else { return None };
        let argument = match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => argument,
            // `recursive := true` goes into structs in lists too.
            _ => return self.unknown_fields(),
        };
        if let Expr::Dictionary(entries) = argument {
            let column = |field: &sqlparser::ast::DictionaryField| Column {
                name: Some(field.key.value.as_str().into()),
                flow: self.expression(&field.value, scope).computed(),
            };
            return Some(entries.iter().map(column).collect());
        }
        let flow = self.expression(argument, scope);
        match &flow.form {
            Form::Copy(Some(engine_type)) if engine_type.starts_with("STRUCT(") && engine_type.ends_with(')') => {
                fields(&flow).or_else(|| self.unknown_fields())
            }
            Form::Copy(Some(_)) | Form::List => None,
            Form::Copy(None) | Form::Computed => self.unknown_fields(),
        }
    }

    /// How many columns come out is not certain, and so nothing of the statement is.
    fn unknown_fields(&mut self) -> Option<Vec<Column>> {
        self.give_up("whether a list or a struct is unnested is not known");
        Some(Vec::new())
    }
}

/// A column of each field of a struct whose type is known.
pub(super) fn fields(flow: &Flow) -> Option<Vec<Column>> {
    let Form::Copy(Some(engine_type)) = &flow.form else { return None };
    let column = |name: String| Column { name: Some(name.into()), flow: flow.clone().computed() };
    Some(field_names(engine_type)?.into_iter().map(column).collect())
}

/// The names in `STRUCT(a INTEGER, "b c" VARCHAR)`.
fn field_names(engine_type: &str) -> Option<Vec<String>> {
    let inner = engine_type.strip_prefix("STRUCT(")?.strip_suffix(')')?;
    let (mut names, mut depth, mut letters) = (Vec::new(), 0_usize, inner.chars().peekable());
    let mut starts = true;
    while let Some(letter) = letters.next() {
        if starts && !letter.is_whitespace() {
            starts = false;
            let mut name = String::new();
            if letter == '"' {
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' if letters.peek() == Some(&'"') => name.extend(letters.next()),
                        '"' => break,
                        letter => name.push(letter),
                    }
                }
            } else {
                name.push(letter);
                while let Some(letter) = letters.next_if(|letter| !matches!(letter, ' ' | ',')) {
                    name.push(letter);
                }
            }
            // `STRUCT(INTEGER, VARCHAR)` is a row whose fields have no names.
            letters.peek().filter(|letter| **letter == ' ')?;
            names.push(name);
            continue;
        }
        match letter {
            '"' => while letters.next().is_some_and(|letter| letter != '"') {},
            '\'' => while letters.next().is_some_and(|letter| letter != '\'') {},
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => starts = true,
            _ => {}
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_name_their_fields() {
        let fields = |engine_type| field_names(engine_type).unwrap_or_default();
        assert_eq!(
            fields("STRUCT(a INTEGER, \"b, \"\"c\" STRUCT(d DECIMAL(4,2), e INTEGER)[], f ENUM('(', 'x'))"),
            ["a", "b, \"c", "f"]
        );
        assert_eq!(fields("INTEGER[]"), Vec::<String>::new());
        assert_eq!(fields("STRUCT(INTEGER, VARCHAR)"), Vec::<String>::new());
        assert_eq!(fields("STRUCT(a INTEGER)[]"), Vec::<String>::new());
    }
}
