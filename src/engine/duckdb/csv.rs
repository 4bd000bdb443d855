//! CSV files as tables: read as they are written, or refused with the place of what is wrong.
//!
//! Left to itself, DuckDB's reader guesses the delimiter, skips lines and pads rows until a file fits, and so loads a
//! broken one as something else. All that it would guess about the form is therefore said here; only types are found
//! out, from all rows.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::error::error_from_text;
use super::raw::Connection;
use crate::engine::{EngineError, EngineErrorKind};
use crate::graph::{literal, sql_value, without_glob};
use crate::project::Values;

/// Options with our defaults; one is left out where the user sets an option of the list behind it.
const STRICT: [(&str, &str, &[&str]); 10] = [
    ("header", "true", &["header"]),
    ("delim", "','", &["delim", "sep"]),
    ("quote", "'\"'", &["quote"]),
    // With a quote of the user's own, DuckDB finds out what escapes it.
    ("escape", "'\"'", &["quote", "escape"]),
    ("skip", "0", &["skip"]),
    ("comment", "''", &["comment"]),
    ("strict_mode", "true", &["strict_mode"]),
    ("null_padding", "false", &["null_padding"]),
    ("ignore_errors", "false", &["ignore_errors"]),
    ("sample_size", "-1", &["sample_size"]),
];

/// Options that are about columns by name, which have no meaning for columns with names of ours.
const ABOUT_COLUMNS: [&str; 9] = [
    "types",
    "dtypes",
    "column_types",
    "columns",
    "names",
    "column_names",
    "force_not_null",
    "auto_detect",
    "all_varchar",
];

/// Enough of a file to know that it is not empty.
const HEAD: u64 = 4096;
/// The longest part of DuckDB's explanation that is worth showing.
const LONGEST_REASON: usize = 300;

pub(super) fn query(path: &Path, options: &Values) -> String {
    select(path, options, "")
}

fn select(path: &Path, options: &Values, more: &str) -> String {
    let is_set = |names: &[&str]| options.keys().any(|key| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    let mut text = String::new();
    for (name, value, _) in STRICT.iter().filter(|(_, _, unless)| !is_set(unless)) {
        text.push_str(&format!(", {name} = {value}"));
    }
    for (name, value) in options {
        text.push_str(&format!(", {name} = {}", sql_value(value)));
    }
    format!("select * from read_csv({}{text}{more})", literal(&without_glob(&path.to_string_lossy())))
}

/// Refuses a file that does not begin with the names of its columns: DuckDB would make some up.
pub(super) fn check_header(path: &Path, options: &Values) -> Result<(), EngineError> {
    let is_named = ["header", "names", "column_names", "columns", "skip", "encoding"];
    if options.keys().any(|key| is_named.iter().any(|name| key.eq_ignore_ascii_case(name))) {
        return Ok(());
    }
    let mut head = Vec::new();
    // What cannot be read is DuckDB's to say.
    let Ok(_) = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)) else {
        return Ok(());
    };
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let problem = match () {
        () if text.trim_ascii().is_empty() => "it is empty, and its first line names the columns",
        () if first.trim_ascii().is_empty() => "line 1 is empty, and the first line names the columns",
        () => return Ok(()),
    };
    Err(EngineError { offset: Some(0), ..error_from_text(EngineErrorKind::Execution, problem) })
}

/// What DuckDB says about a file, in one line, with the offset of the line in the file.
///
/// Where DuckDB only says that it could not make out the file's form, it is asked again with the columns that the first
/// line has: then it names the line that does not fit.
pub(super) fn explain(connection: &Arc<Connection>, path: &Path, options: &Values, error: EngineError) -> EngineError {
    if error.kind == EngineErrorKind::Cancelled {
        return error;
    }
    let Ok(bytes) = std::fs::read(path) else { return EngineError { offset: None, ..error } };
    let records = Records::of(&bytes, options);
    let mut text = error.message.clone();
    if record_number(&text).is_none()
        && let Some(again) = read_with_columns(connection, path, options, records.first_columns)
    {
        text = again;
    }
    let number = record_number(&text);
    let start = number.and_then(|number| records.starts.get(number.saturating_sub(1)).copied());
    let (reason, start) = match (records.other_line_end, number) {
        (Some(start), None) => ("the file has line ends of two kinds, with and without CR".to_owned(), Some(start)),
        _ => (reason(&text), start),
    };
    let message = match start {
        Some(start) => format!("line {}: {reason}", 1 + bytes[..start].iter().filter(|byte| **byte == b'\n').count()),
        None => reason,
    };
    EngineError { message, offset: start, ..error }
}

fn read_with_columns(connection: &Arc<Connection>, path: &Path, options: &Values, columns: usize) -> Option<String> {
    let form: Values = options
        .iter()
        .filter(|(name, _)| !ABOUT_COLUMNS.iter().any(|about| about.eq_ignore_ascii_case(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let columns: Vec<String> = (0..columns).map(|number| format!("'c{number}': 'VARCHAR'")).collect();
    let more = format!(", auto_detect = false, columns = {{{}}}", columns.join(", "));
    let read = || -> Result<(), EngineError> {
        let mut statement = connection.prepare(&select(path, &form, &more))?;
        let mut rows = statement.run()?;
        while rows.next_chunk()?.is_some() {}
        Ok(())
    };
    read().err().map(|error| error.message)
}

/// Such as 3 of `CSV Error on Line: 3`. DuckDB counts rows: a quoted line end does not begin a line.
fn record_number(text: &str) -> Option<usize> {
    let rest = text.split("CSV Error on Line: ").nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The sentence of DuckDB's explanation that says what is wrong, without the row, the options and the advice.
fn reason(text: &str) -> String {
    let before_advice = text.split("\nPossible ").next().unwrap_or(text).split("\n\nColumn ").next().unwrap_or(text);
    let line = match record_number(text) {
        // The row stands before the sentence, and may have many lines.
        Some(_) => before_advice.lines().rev().find(|line| !line.trim().is_empty()),
        None => before_advice.lines().next(),
    };
    let mut line = line.unwrap_or_default().trim().to_owned();
    if let Some((expected, found)) =
        line.strip_prefix("Expected Number of Columns: ").and_then(|rest| rest.split_once(" Found: "))
    {
        line = format!("expected {expected} columns, found {found}");
    }
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Where a file's rows begin.
struct Records {
    starts: Vec<usize>,
    first_columns: usize,
    /// The first row whose end is of another kind than that of the first.
    other_line_end: Option<usize>,
}

impl Records {
    fn of(bytes: &[u8], options: &Values) -> Self {
        let letter = |names: &[&str], default: u8| {
            let value = options.iter().find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
            value.and_then(|(_, value)| Value::as_str(value)).map_or(Some(default), |text| text.bytes().next())
        };
        let (delimiter, quote) = (letter(&["delim", "sep"], b','), letter(&["quote"], b'"'));
        let mut records = Records { starts: vec![0], first_columns: 1, other_line_end: None };
        let (mut is_quoted, mut first_end) = (false, None);
        for (index, byte) in bytes.iter().copied().enumerate() {
            if Some(byte) == quote {
                is_quoted = !is_quoted;
                continue;
            }
            if is_quoted {
                continue;
            }
            if Some(byte) == delimiter && records.starts.len() == 1 {
                records.first_columns += 1;
            } else if byte == b'\n' {
                let has_return = index > 0 && bytes[index - 1] == b'\r';
                if *first_end.get_or_insert(has_return) != has_return && records.other_line_end.is_none() {
                    records.other_line_end = records.starts.last().copied();
                }
                records.starts.push(index + 1);
            }
        }
        records
    }
}
