//! How DuckDB calls a column that has no alias, as far as that is simple.

use std::collections::HashSet;
use std::sync::LazyLock;

use sqlparser::ast::{
    AccessExpr, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, Subscript, Value,
};

/// The name of an unnamed item of a select's list; `None` where DuckDB prints an expression in its own way.
pub(super) fn name_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        Expr::Nested(inner) => name_of(inner),
        Expr::CompoundFieldAccess { root, access_chain } => access(root, access_chain),
        Expr::Function(function) => call(function),
        _ => None,
    }
}

/// `(s).a` and `l[1].a`
fn access(root: &Expr, chain: &[AccessExpr]) -> Option<String> {
    let (mut start, mut chain) = (printed(root)?, chain);
    if let Expr::Identifier(_) = root {
        while let [AccessExpr::Dot(Expr::Identifier(name)), rest @ ..] = chain {
            start = format!("{start}.{}", written(name));
            chain = rest;
        }
    }
    chain.iter().try_fold(start, |before, access| match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(format!("({before}).{}", written(name))),
        AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => match &value.value {
            Value::Number(number, false) => Some(format!("{before}[{number}]")),
            _ => None,
        },
        _ => None,
    })
}

/// Functions that are no keywords and that DuckDB prints in other words.
const IN_OTHER_WORDS: [&str; 4] = ["construct_array", "date", "ifnull", "try"];

fn call(function: &Function) -> Option<String> {
    let [name] = function.name.0.as_slice() else { return None };
    let name = name.as_ident()?.value.to_ascii_lowercase();
    let FunctionArguments::List(list) = &function.args else { return None };
    if has_clauses(function, list) || is_quoted(&name) || IN_OTHER_WORDS.contains(&name.as_str()) {
        return None;
    }
    let distinct = match list.duplicate_treatment {
        None => "",
        Some(DuplicateTreatment::Distinct) => "DISTINCT ",
        Some(DuplicateTreatment::All) => return None,
    };
    if let ([FunctionArg::Unnamed(FunctionArgExpr::Wildcard)], "count", "") = (&list.args[..], &name[..], distinct) {
        return Some("count_star()".to_owned());
    }
    let arguments: Option<Vec<String>> = list.args.iter().map(argument).collect();
    Some(format!("{name}({distinct}{})", arguments.filter(|arguments| !arguments.is_empty())?.join(", ")))
}

fn has_clauses(function: &Function, list: &FunctionArgumentList) -> bool {
    function.over.is_some()
        || function.filter.is_some()
        || function.null_treatment.is_some()
        || !function.within_group.is_empty()
        || function.parameters != FunctionArguments::None
        || !list.clauses.is_empty()
}

fn argument(argument: &FunctionArg) -> Option<String> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) = argument else { return None };
    printed(expression)
}

fn printed(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(written(name)),
        Expr::CompoundIdentifier(parts) => Some(parts.iter().map(written).collect::<Vec<_>>().join(".")),
        Expr::Nested(inner) => printed(inner),
        Expr::Value(value) => match &value.value {
            // It may stand in the place of one with escapes.
            Value::SingleQuotedString(text) if text.is_empty() => None,
            Value::SingleQuotedString(text) => Some(format!("'{}'", text.replace('\'', "''"))),
            Value::Number(number, false) => Some(number.to_string()).filter(|number| is_plain_number(number)),
            _ => None,
        },
        Expr::Function(function) => call(function),
        Expr::CompoundFieldAccess { root, access_chain } => access(root, access_chain),
        _ => None,
    }
}

fn written(name: &Ident) -> String {
    match is_quoted(&name.value) {
        true => format!("\"{}\"", name.value.replace('"', "\"\"")),
        false => name.value.clone(),
    }
}

/// Whether a name is printed in quotes.
fn is_quoted(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    !begins || !name.chars().all(is_plain) || KEYWORDS.contains(name.to_ascii_lowercase().as_str())
}

/// A number that is printed as it is written for certain.
fn is_plain_number(number: &str) -> bool {
    let is_short = number.len() < 10 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let whole = number.split('.').next().unwrap_or_default();
    is_short && !number.ends_with('.') && (whole == "0" || (!whole.is_empty() && !whole.starts_with('0')))
}

/// All words that DuckDB's parser knows. A test compares them with what DuckDB lists.
static KEYWORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("keywords.txt").split_whitespace().collect());

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> duckdb::Connection {
        // Loads the engine's library.
        crate::engine::table_names("select 1").unwrap();
        duckdb::Connection::open_in_memory().unwrap()
    }

    #[test]
    fn keywords_are_those_of_the_engine() {
        let query = "select string_agg(distinct keyword_name, ' ') from duckdb_keywords()";
        let words: String = connection().query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(*KEYWORDS, words.split(' ').collect());
    }

    /// The name of the one item of a select's list.
    fn named(item: &str) -> Option<String> {
        let lineage = crate::lineage::trace(&format!("select {item} from t"), &|_| None).unwrap();
        lineage.columns[0].name.clone()
    }

    #[test]
    fn names_are_those_of_the_engine() {
        let connection = connection();
        connection.execute_batch("create table t (a double, \"B c\" varchar, value int, \"Date\" date, s struct(\"type\" int, x int), l int[])").unwrap();
        for item in [
            "a",
            "t.a",
            "(a)",
            "sum(a)",
            "SUM(t.A)",
            "count(*)",
            "count(distinct a)",
            "max(\"B c\")",
            "max(value)",
            "max(\"Date\")",
            "round(sum(a), 2)",
            "quantile_cont(a, 0.5)",
            "string_agg(\"B c\", ', ''')",
            "max_by(a, t.value)",
            "\"lower\"(\"B c\")",
            "s.x",
            "(s).x",
            "(t.s).type",
            "l[1]",
            "max(l[1])",
            "max(t.l[1])",
        ] {
            let made: String = connection
                .query_row(&format!("select column_name from (describe select {item} from t)"), [], |row| row.get(0))
                .unwrap();
            assert_eq!(named(item), Some(made), "{item}");
        }
    }

    #[test]
    fn what_is_printed_in_other_words_has_no_name() {
        for item in ["a + 1", "first(a)", "ifnull(a, 1)", "sum(a) over ()", "max(a) filter (a > 1)", "sum(1e3)"] {
            assert_eq!(named(item), None, "{item}");
        }
    }
}
