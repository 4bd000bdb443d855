//! DuckDB's errors in our words: kind, message without its position marks, position.

use serde_json::Value;

use crate::engine::{EngineError, EngineErrorKind};

pub(super) fn error_from_text(kind: EngineErrorKind, message: impl Into<String>) -> EngineError {
    EngineError { kind, message: message.into(), offset: None }
}

/// An error of a statement. Sessions set `errors_as_json`, so the text is usually a JSON object with the parts apart;
/// errors from outside the query path (such as those of the parser) are plain text.
pub(super) fn query_error(text: &str) -> EngineError {
    // Errors of the parser have the object behind their type: `Parser Error: {...}`. In an object, a message may say that.
    let start = if text.starts_with('{') { None } else { text.find(" Error: {") };
    let object = start.map_or(text, |start| &text[start + " Error: ".len()..]);
    match serde_json::from_str::<Value>(object) {
        Ok(Value::Object(parts)) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_str);
            let name = part("exception_type").unwrap_or_default();
            let message = part("exception_message").unwrap_or(text);
            EngineError {
                kind: kind_of(name),
                message: with_type(name, message),
                offset: part("position").and_then(|position| position.parse().ok()),
            }
        }
        _ => plain_error(text),
    }
}

fn plain_error(text: &str) -> EngineError {
    let name = text.split(" Error:").next().filter(|name| name.len() < 40).unwrap_or_default();
    let (message, offset) = match text.find("\n\nLINE ") {
        Some(start) => (&text[..start], caret_offset(&text[start + 2..])),
        None => (text, None),
    };
    EngineError { kind: kind_of(name), message: message.trim_end().to_owned(), offset }
}

/// The offset that a mark of the form `LINE 1: select ...\n             ^` shows, when it is on the first line.
fn caret_offset(mark: &str) -> Option<usize> {
    let (shown, below) = mark.split_once('\n')?;
    let prefix = "LINE 1: ";
    if !shown.starts_with(prefix) || shown.starts_with("LINE 1: ...") {
        return None;
    }
    below.find('^')?.checked_sub(prefix.len())
}

fn with_type(name: &str, message: &str) -> String {
    let message = message.split("\n\nLINE ").next().unwrap_or(message).trim_end();
    if name.is_empty() || message.starts_with(name) { message.to_owned() } else { format!("{name} Error: {message}") }
}

fn kind_of(exception_type: &str) -> EngineErrorKind {
    match exception_type {
        "INTERRUPT" | "Interrupt" => EngineErrorKind::Cancelled,
        "Parser" | "Binder" | "Catalog" | "Syntax" | "Parameter Not Resolved" => EngineErrorKind::Query,
        _ => EngineErrorKind::Execution,
    }
}

/// What to do about a file that cannot be opened, by the words of its refusal.
const OPENING: [(&str, &str); 7] = [
    ("No such file or directory", "its folder does not exist: make it (`mkdir -p`)"),
    ("Is a directory", "that is a folder: name a file in it"),
    ("not a valid DuckDB database", "the file is something else: name another one, or move it away"),
    ("No space left", "the disk is full: make room, nothing is lost"),
    ("Permission denied", "the file and its folder must be writable for you"),
    ("Read-only file system", "the file and its folder must be writable for you"),
    ("newer version of DuckDB", "a newer DuckDB has written it: read it with that, or name another file"),
];

/// What the user can do, where DuckDB's own words do not say it.
pub(crate) fn hint(kind: EngineErrorKind, message: &str) -> Option<String> {
    let opening = || OPENING.iter().find(|(words, _)| message.contains(words)).map(|(_, hint)| (*hint).to_owned());
    match kind {
        EngineErrorKind::Open => opening(),
        _ => storage_hint(message),
    }
}

/// What to do where a column's type is younger than the file's format. DuckDB's message does not say it.
fn storage_hint(message: &str) -> Option<String> {
    let rest = message.split_once("are not supported in storage versions prior to ")?.1;
    let version = rest.split_whitespace().next()?;
    Some(format!(
        "set `storage_compatibility_version = \"{version}\"` in the target's `settings` in `dovetail.toml`, and run on a new \
         database file (DuckDB before {version} cannot open it); or cast the column, as in `::json`"
    ))
}

/// An error of `duckdb_open_ext`.
pub(super) fn open_error(text: &str) -> EngineError {
    let parsed = query_error(text);
    let kind =
        if parsed.message.contains("Could not set lock") || parsed.message.contains("being used by another process") {
            EngineErrorKind::Locked
        } else {
            EngineErrorKind::Open
        };
    EngineError { kind, offset: None, ..parsed }
}

/// Who holds the lock, in words, from DuckDB's message: `process 123 (/usr/bin/python3.11)`.
pub(super) fn lock_holder(message: &str) -> Option<String> {
    let rest = message.split("Conflicting lock is held in ").nth(1)?;
    let (program, rest) = rest.split_once(" (PID ")?;
    let (process, _) = rest.split_once(')')?;
    Some(format!("process {process} ({program})"))
}
