//! The difference of a unit test as a table: what is missing (`-`), what is too much (`+`), what differs (`~`).

use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

use super::table::{Column, Fit, Table};
use crate::unit::{Diff, DiffRow, Texts};

/// So many rows are shown to a person.
const MOST_ROWS: usize = 20;

/// So many columns keep their order; of more, some may not fit.
const MOST_COLUMNS: usize = 6;

/// The table, with a line about what it leaves out. `width` is that of the terminal.
pub fn diff_text(diff: &Diff, width: Option<usize>) -> String {
    let shown = &diff.rows[..diff.rows.len().min(MOST_ROWS)];
    let mut columns = vec![column("", Fit::Whole, shown.iter().map(|row| Some(mark(row).to_owned())).collect())];
    for index in in_order(diff, width) {
        let cells = shown.iter().map(|row| cell(row, index)).collect();
        // What differs is what the table is for.
        let fit = if differs_in(diff, index) { Fit::Whole } else { Fit::First };
        columns.push(column(&diff.columns[index], fit, cells));
    }
    // Where it alone is too wide, it is cut as well.
    let whole: usize = columns.iter().filter(|column| column.fit == Fit::Whole).map(widest).sum();
    if width.is_some_and(|width| whole > width * 3 / 4) {
        columns
            .iter_mut()
            .skip(1)
            .filter(|column| column.fit == Fit::Whole)
            .for_each(|column| column.fit = Fit::AsUsual);
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
    if width.is_some() && diff.columns.len() > MOST_COLUMNS {
        order.sort_by_key(|index| *index > 0 && !differs_in(diff, *index));
    }
    order
}

fn widest(column: &Column) -> usize {
    column.cells.iter().flatten().map(|cell| cell.width()).max().unwrap_or_default()
}

/// Whether two paired rows differ in a column.
fn differs_in(diff: &Diff, index: usize) -> bool {
    let differs = |row: &DiffRow| matches!(row, DiffRow::Changed { differs, .. } if differs.get(index) == Some(&true));
    diff.rows.iter().any(differs)
}

fn column(name: &str, fit: Fit, cells: Vec<Option<String>>) -> Column {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(columns: usize, rows: usize) -> Diff {
        let texts = |row: usize| (0..columns).map(|column| Some(format!("value {row}.{column}"))).collect::<Texts>();
        let changed = |row: usize| {
            let mut actual = texts(row);
            actual[columns - 2] = None;
            let differs = (0..columns).map(|column| column == columns - 2).collect();
            DiffRow::Changed { expected: texts(row), actual, differs }
        };
        Diff {
            columns: (0..columns).map(|column| format!("column_{column}")).collect(),
            rows: (0..rows).map(changed).collect(),
            expected: rows,
            actual: rows,
            left_out: 3,
        }
    }

    #[test]
    fn what_differs_is_shown_where_not_everything_fits() {
        let text = diff_text(&diff(12, 23), Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains("do not fit")), "{text}");
        let header: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(header[..2], ["column_0", "column_10"], "{text}");
        assert!(text.contains("value 0.10 → NULL"), "{text}");
        assert!(text.ends_with("6 more rows differ"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with('~')).count(), MOST_ROWS);
    }

    #[test]
    fn an_empty_text_is_told_from_null() {
        let texts = |text: Option<&str>| vec![text.map(str::to_owned)];
        let rows =
            vec![DiffRow::Missing(texts(Some(""))), DiffRow::Extra(texts(None)), DiffRow::Extra(texts(Some("NULL")))];
        let diff = Diff { columns: vec!["x".to_owned()], rows, expected: 1, actual: 2, left_out: 0 };
        assert_eq!(diff_text(&diff, None), "   x\n─  ──────\n-  ''\n+  NULL\n+  'NULL'");
        assert_eq!(in_words(&diff), "1 missing, 2 too many");
    }
}
