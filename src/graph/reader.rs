//! SQL that reads what has no relation: files, and the queries of ephemeral assets.

use serde_json::Value;

use super::relation::{literal, quoted};
use crate::parse::FileFormat;
use crate::project::Values;

/// `read_csv('/data/x.csv', delim=';')`. Names of options are identifiers: `sources` sees to that.
pub(super) fn call(path: &str, format: FileFormat, options: &Values) -> String {
    let function = match format {
        FileFormat::Parquet => "read_parquet",
        FileFormat::Csv => "read_csv",
        FileFormat::Json => "read_json",
    };
    let mut text = format!("{function}({}", literal(path));
    for (name, value) in options {
        text.push_str(&format!(", {name}={}", sql_value(value)));
    }
    text.push(')');
    text
}

/// A query where a table stands. A comment at its end must not swallow the parenthesis.
pub(super) fn subquery(statement: &str) -> String {
    let last_line = statement.rsplit('\n').next().unwrap_or(statement);
    let end = if last_line.contains("--") { "\n)" } else { ")" };
    format!("({statement}{end}")
}

pub(super) fn with_alias(item: &str, alias: &str) -> String {
    format!("{item} as {}", quoted(alias))
}

/// A value of a config as SQL writes it: texts quoted, lists in brackets, maps as structs.
pub fn sql_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => literal(text),
        Value::Array(items) => format!("[{}]", items.iter().map(sql_value).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let fields = entries.iter().map(|(key, value)| format!("{}: {}", literal(key), sql_value(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_become_sql() {
        let options: Values = [
            ("columns".to_owned(), json!({"it's": "INTEGER"})),
            ("delim".to_owned(), json!(";")),
            ("header".to_owned(), json!(true)),
            ("nullstr".to_owned(), json!(["", "NA"])),
        ]
        .into();
        assert_eq!(
            call("/d/o'x.csv", FileFormat::Csv, &options),
            "read_csv('/d/o''x.csv', columns={'it''s': 'INTEGER'}, delim=';', header=true, nullstr=['', 'NA'])"
        );
    }

    #[test]
    fn a_comment_does_not_swallow_the_parenthesis() {
        assert_eq!(subquery("select 1"), "(select 1)");
        assert_eq!(subquery("select 1 -- one"), "(select 1 -- one\n)");
    }
}
