//! What engines say when they fail.

use std::fmt;

use super::{Refusal, duckdb};

/// What an engine says when it fails.
#[derive(Debug, Clone)]
pub struct EngineError {
    pub kind: EngineErrorKind,
    /// The engine's own words, without its position marks.
    pub message: String,
    /// Byte offset into the statement that the error is about (into the file, of `BuildSource::Csv`), where the engine
    /// tells it.
    pub offset: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineErrorKind {
    Open,
    Locked,
    NoDatabase,
    Setting,
    /// The statement does not parse or bind.
    Query,
    /// The statement failed while it ran.
    Execution,
    /// `Engine::cancel` was called.
    Cancelled,
    /// The Arrow stream given to `build` failed; its producer knows why.
    Source,
    /// A column of the Arrow stream or of a result cannot be converted; the message names column and type.
    ColumnType,
    /// The stream has no columns.
    NoColumns,
    Publish,
    /// The state has a format that nobody here knows.
    StateFormat,
    /// The state lacks a table, or has a row that nobody has written so.
    StateDamaged,
}

impl EngineError {
    /// What the user can do, where the engine's own words do not say it.
    pub fn hint(&self) -> Option<String> {
        duckdb::hint(self.kind, &self.message)
    }

    /// What is wrong with `statement`, which the engine did not take, where that is said of it and not of its data.
    pub fn refusal(&self, statement: &str) -> Option<Refusal> {
        (self.kind == EngineErrorKind::Query).then(|| duckdb::refusal(statement, self))?
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}
