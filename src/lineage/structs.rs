//! Structs: a field is lineage of the whole column, but a star of a struct makes a column of each.

use recursive::recursive;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

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
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)), recursive] if is_recursive(recursive) => {
                return self.unnested_to_the_end(argument, scope);
            }
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

    /// `recursive := true` goes into the structs in structs and lists too.
    fn unnested_to_the_end(&mut self, argument: &Expr, scope: &Scope<'_>) -> Option<Vec<Column>> {
        let flow = self.expression(argument, scope);
        let Form::Copy(Some(engine_type)) = &flow.form else { return self.unknown_fields() };
        let Some(end) = End::of(engine_type) else { return self.unknown_fields() };
        if end.has_lists {
            self.unnested.push(flow.clone());
        }
        let column = |name: Option<String>| Column { name: name.map(Into::into), flow: flow.clone().computed() };
        Some(end.names.into_iter().map(column).collect())
    }

    /// How many columns come out is not certain, and so nothing of the statement is.
    fn unknown_fields(&mut self) -> Option<Vec<Column>> {
        self.give_up("whether a list or a struct is unnested is not known");
        Some(Vec::new())
    }
}

/// `recursive := true`
fn is_recursive(argument: &FunctionArg) -> bool {
    match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. } => {
            name.value.eq_ignore_ascii_case("recursive") && value.value == Value::Boolean(true)
        }
        _ => false,
    }
}

/// What is left of a type when its lists, and then all structs in it, are unnested.
#[derive(Default)]
struct End {
    names: Vec<Option<String>>,
    has_lists: bool,
}

impl End {
    /// `None` where a type is not known for certain.
    fn of(engine_type: &str) -> Option<Self> {
        let mut end = End::default();
        let mut inner = engine_type;
        while let Some(element) = inner.strip_suffix("[]") {
            end.has_lists = true;
            inner = element;
        }
        end.look_into(None, inner).filter(|()| !inner.ends_with(']'))?;
        Some(end)
    }

    #[recursive]
    fn look_into(&mut self, name: Option<String>, engine_type: &str) -> Option<()> {
        if !(engine_type.starts_with("STRUCT(") && engine_type.ends_with(')')) {
            self.names.push(name);
            return Some(());
        }
        fields_of(engine_type)?.into_iter().try_for_each(|(name, field)| self.look_into(Some(name), field))
    }
}

/// A column of each field of a struct whose type is known.
pub(super) fn fields(flow: &Flow) -> Option<Vec<Column>> {
    let Form::Copy(Some(engine_type)) = &flow.form else { return None };
    let column = |(name, _): (String, &str)| Column { name: Some(name.into()), flow: flow.clone().computed() };
    Some(fields_of(engine_type)?.into_iter().map(column).collect())
}

/// The names and types in `STRUCT(a INTEGER, "b c" VARCHAR)`.
pub(super) fn fields_of(engine_type: &str) -> Option<Vec<(String, &str)>> {
    let mut rest = engine_type.strip_prefix("STRUCT(")?.strip_suffix(')')?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = field_name(rest.trim_start())?;
        let end = type_end(behind);
        fields.push((name, behind.get(..end)?.trim()));
        rest = behind.get(end + 1..).unwrap_or_default();
    }
    Some(fields)
}

/// The name that a field begins with, and what stands behind it.
fn field_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // `STRUCT(INTEGER, VARCHAR)` is a row whose fields have no names.
        let end = text.find([' ', ',']).filter(|end| text[*end..].starts_with(' '))?;
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' if letters.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
            '"' => return Some((name, &quoted[place + 1..])).filter(|(_, behind)| behind.starts_with(' ')),
            letter => name.push(letter),
        }
    }
    None
}

/// Where a field's type ends: at the next comma outside of parentheses and quotes.
fn type_end(text: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) => quote = Some(open).filter(|open| *open != letter),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => return place,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_name_their_fields() {
        let names = |fields: Vec<(String, &str)>| fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let fields = |engine_type| fields_of(engine_type).map(names).unwrap_or_default();
        assert_eq!(
            fields("STRUCT(a INTEGER, \"b, \"\"c\" STRUCT(d DECIMAL(4,2), e INTEGER)[], f ENUM('(', 'x'))"),
            ["a", "b, \"c", "f"]
        );
        assert_eq!(fields("INTEGER[]"), Vec::<String>::new());
        assert_eq!(fields("STRUCT(INTEGER, VARCHAR)"), Vec::<String>::new());
        assert_eq!(fields("STRUCT(a INTEGER)[]"), Vec::<String>::new());
    }

    #[test]
    fn types_are_looked_into_to_their_end() {
        let end = |engine_type| {
            let end = End::of(engine_type)?;
            Some((end.names.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" "), end.has_lists))
        };
        assert_eq!(
            end("STRUCT(a INTEGER, b STRUCT(c ENUM('(', ','), \"d e\" VARCHAR))"),
            Some(("a c d e".into(), false))
        );
        assert_eq!(end("STRUCT(a DECIMAL(4,2), b STRUCT(c INTEGER)[])[][]"), Some(("a b".into(), true)));
        assert_eq!(end("INTEGER[]"), Some((String::new(), true)));
        assert_eq!(end("STRUCT(a INTEGER[3])"), Some(("a".into(), false)));
        assert_eq!(end("STRUCT(a INTEGER)[3]"), None);
        assert_eq!(end("STRUCT(INTEGER, VARCHAR)"), None);
    }
}
