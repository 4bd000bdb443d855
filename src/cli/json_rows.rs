//! Rows as JSON, one object per line. The engine writes the values, since it alone knows all of its types exactly.

use std::collections::HashSet;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;

/// The keys of the objects. They are unique: a name that comes again gets a number.
pub(crate) fn keys(schema: &Schema) -> Vec<String> {
    let mut names = HashSet::new();
    let unique = schema.fields().iter().map(|field| {
        let mut name = field.name().clone();
        let mut number = 1;
        while !names.insert(name.clone()) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        serde_json::Value::String(name).to_string()
    });
    unique.collect()
}

/// One line for each row, of columns that hold JSON texts; nulls are written.
pub(crate) fn json_lines(columns: &[&StringArray], batch: &RecordBatch, keys: &[String]) -> String {
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        let values = columns.iter().map(|column| match column.is_null(row) {
            true => "null".to_owned(),
            false => standard_json(column.value(row)),
        });
        let members: Vec<String> = keys.iter().zip(values).map(|(key, value)| format!("{key}:{value}")).collect();
        text.push_str(&format!("{{{}}}\n", members.join(",")));
    }
    text
}

/// JSON has no form for the numbers that are none, which DuckDB writes bare: they become text.
fn standard_json(text: &str) -> String {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return text.to_owned();
    }
    let mut standard = String::with_capacity(text.len() + 2);
    let (mut rest, mut is_quoted) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !is_quoted && rest.starts_with(word));
        let taken = match (word, letter) {
            (Some(word), _) => {
                standard.push_str(&format!("\"{word}\""));
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') => rest.chars().take(2).map(char::len_utf8).sum(),
            (None, letter) => {
                is_quoted ^= letter == '"';
                letter.len_utf8()
            }
        };
        standard.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    standard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_become_text() {
        assert_eq!(
            standard_json(r#"{"NaN \" NaN":[NaN,-Infinity,Infinity,1.0],"a":"Infinity\\"}"#),
            r#"{"NaN \" NaN":["NaN","-Infinity","Infinity",1.0],"a":"Infinity\\"}"#
        );
        assert_eq!(standard_json("-1"), "-1");
    }
}
