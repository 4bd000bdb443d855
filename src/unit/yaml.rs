//! Values as YAML that reads as them again, here and by dbt.

use std::borrow::Cow;

use crate::document::{Content, resolve};
use crate::engine::Column;
use crate::parse::unit_test::CellValue;

/// A row on one line: `{id: 1, name: x}`.
pub(super) fn flow_row(columns: &[Column], row: &[CellValue]) -> String {
    let cells = columns.iter().zip(row).map(|(column, cell)| format!("{}: {}", scalar(&column.name), flow(cell)));
    format!("{{{}}}", cells.collect::<Vec<_>>().join(", "))
}

/// The lines of a row as an item of a list, without its indentation.
pub(super) fn row_lines(columns: &[Column], row: &[CellValue], is_flow: bool) -> Vec<String> {
    if is_flow || columns.is_empty() {
        return vec![format!("- {}", flow_row(columns, row))];
    }
    let line = |(index, (column, cell)): (usize, (&Column, &CellValue))| {
        let mark = if index == 0 { "- " } else { "  " };
        format!("{mark}{}: {}", scalar(&column.name), flow(cell))
    };
    columns.iter().zip(row).enumerate().map(line).collect()
}

fn flow(value: &CellValue) -> String {
    match value {
        CellValue::Null => "null".to_owned(),
        CellValue::Truth(truth) => truth.to_string(),
        // A number that YAML does not read as one is a text with the same digits.
        CellValue::Number(number) => match resolve(Cow::Borrowed(number.as_str())) {
            Content::Number(_) => number.clone(),
            _ => quoted(number),
        },
        CellValue::Text(text) => scalar(text),
        CellValue::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        CellValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text without quotes where no reader of YAML could take it for something else.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ' ' | '.' | '-' | '/' | '@'))
        && !text.ends_with(' ');
    let is_day = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    let is_text = matches!(resolve(Cow::Borrowed(text)), Content::Text(_));
    // YAML 1.1 has more words for truth.
    let is_other =
        matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "nan" | "inf");
    if (is_word || is_day) && is_text && !is_other { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04X}", letter as u32));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
