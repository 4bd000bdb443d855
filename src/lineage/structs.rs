//! Structs: a field is lineage of the whole column, but a star of a struct makes a column of each.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::flow::{Column, Flow, Form};
use super::scope::Scope;
use super::tracer::Tracer;

impl Tracer<'_> {
    /// `unnest(s)` in a select's list makes a column of each field of a struct.
    pub fn unnested_struct(&mut self, expression: &Expr, scope: &Scope<'_>) -> Option<Vec<Column>> {
        let Expr::Function(function) = expression else { return None };
        let argument = unnest_argument(function)?;
        if let Expr::Dictionary(entries) = argument {
            let column = |field: &sqlparser::ast::DictionaryField| Column {
                name: Some(field.key.value.as_str().into()),
                flow: self.expression(&field.value, scope).computed(),
            };
            return Some(entries.iter().map(column).collect());
        }
        if makes_struct(argument) {
            self.give_up("the fields of a struct that is unnested are not known");
            return Some(Vec::new());
        }
        fields(&self.expression(argument, scope))
    }
}

/// Whether an expression may be a struct, by the function that makes it.
fn makes_struct(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => makes_struct(inner),
        Expr::Tuple(_) => true,
        Expr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            let name = name.map(|name| name.value.to_ascii_lowercase()).unwrap_or_default();
            name == "row" || name.starts_with("struct_") || name.contains("json")
        }
        _ => false,
    }
}

/// The one argument of `unnest`; further ones (`recursive := true`) make more columns than a type tells.
fn unnest_argument(function: &Function) -> Option<&Expr> {
    let name = function.name.0.last().and_then(|part| part.as_ident())?;
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] if name.value.eq_ignore_ascii_case("unnest") => {
            Some(argument)
        }
        _ => None,
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
