//! The difference of a unit test as a table: what is missing (`-`), what is too much (`+`), what differs (`~`).

use serde_json::{Map, Value, json};

use super::table::{Column, Fit, Table};
use crate::unit::{Diff, DiffRow, Texts};

/// So many rows are shown to a person.
const MOST_ROWS: usize = 20;

/// The table, with a line about what it leaves out. `width` is that of the terminal.
pub fn diff_text(diff: &Diff, width: Option<usize>) -> String {
    let shown = &diff.rows[..diff.rows.len().min(MOST_ROWS)];
    let mut columns = vec![column("", shown.iter().map(|row| Some(mark(row).to_owned())).collect())];
    for index in in_order(diff, width) {
        columns.push(column(&diff.columns[index], shown.iter().map(|row| cell(row, index)).collect()));
    }
    let drawn = Table { columns }.draw(width);
    let mut text = drawn.text.trim_end().to_owned();
    if let Some(note) = drawn.note() {
        text.push_str(&format!("\n{note}"));
    }
    let left_out = diff.rows.len() - shown.len() + diff.left_out;
    if left_out > 0 {
        let rows = if left_out == 1 { "row differs" } else { "rows differ" };
        text.push_str(&format!("\n{left_out} more {rows}"));
    }
    text
}

/// What differs, in a few words.
pub(crate) fn in_words(diff: &Diff) -> String {
    let count = |is: fn(&DiffRow) -> bool| diff.rows.iter().filter(|row| is(row)).count();
    let counts = [
        (count(|row| matches!(row, DiffRow::Missing(_))), "missing"),
        (count(|row| matches!(row, DiffRow::Extra(_))), "too many"),
        (count(|row| matches!(row, DiffRow::Changed { .. })), "different"),
        (diff.left_out, "more not looked at"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

/// The columns as they stand; where they do not all fit, those in which rows differ come first.
fn in_order(diff: &Diff, width: Option<usize>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..diff.columns.len()).collect();
    if width.is_some() {
        let differs = |index: usize| {
            diff.rows
                .iter()
                .any(|row| matches!(row, DiffRow::Changed { differs, .. } if differs.get(index) == Some(&true)))
        };
        let is_wide = diff.columns.len() > 6;
        order.sort_by_key(|index| is_wide && *index > 0 && !differs(*index));
    }
    order
}

fn column(name: &str, cells: Vec<Option<String>>) -> Column {
    let fit = if name.is_empty() { Fit::Whole } else { Fit::default() };
    Column { name: name.to_owned(), is_number: false, fit, cells }
}

fn mark(row: &DiffRow) -> &'static str {
    match row {
        DiffRow::Missing(_) => "-",
        DiffRow::Extra(_) => "+",
        DiffRow::Changed { .. } => "~",
    }
}

fn cell(row: &DiffRow, index: usize) -> Option<String> {
    match row {
        DiffRow::Missing(texts) | DiffRow::Extra(texts) => shown(texts, index),
        DiffRow::Changed { expected, actual, differs } if differs.get(index) == Some(&true) => {
            let text = |texts: &Texts| shown(texts, index).unwrap_or_else(|| "NULL".to_owned());
            Some(format!("{} → {}", text(expected), text(actual)))
        }
        DiffRow::Changed { actual, .. } => shown(actual, index),
    }
}

/// A cell's text. An empty one, and the word that stands for nothing, are told from NULL.
fn shown(texts: &Texts, index: usize) -> Option<String> {
    let text = texts.get(index)?.clone()?;
    Some(if text.is_empty() || text == "NULL" { format!("'{text}'") } else { text })
}

/// The difference for machines.
pub(crate) fn diff_json(diff: &Diff) -> Value {
    let object = |texts: &Texts| {
        let values = texts.iter().map(|text| text.clone().map_or(Value::Null, Value::String));
        Value::Object(diff.columns.iter().cloned().zip(values).collect::<Map<_, _>>())
    };
    let row = |row: &DiffRow| match row {
        DiffRow::Missing(expected) => json!({"kind": "missing", "expected": object(expected)}),
        DiffRow::Extra(actual) => json!({"kind": "extra", "actual": object(actual)}),
        DiffRow::Changed { expected, actual, differs } => {
            let names = diff.columns.iter().zip(differs).filter(|(_, differs)| **differs).map(|(name, _)| name);
            json!({
                "kind": "changed",
                "expected": object(expected),
                "actual": object(actual),
                "columns": names.collect::<Vec<_>>(),
            })
        }
    };
    json!({
        "columns": diff.columns,
        "expected_rows": diff.expected,
        "actual_rows": diff.actual,
        "rows": diff.rows.iter().map(row).collect::<Vec<_>>(),
        "left_out": diff.left_out,
    })
}
