//! How rows of the state are read. What cannot be read is damage: taken for nothing, it would say of an asset what never
//! happened.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::engine::duckdb::error::error_from_text;
use crate::engine::duckdb::raw::{Chunk, Connection};
use crate::engine::{EngineError, EngineErrorKind};

/// A row of a query, most of whose columns are those of one table of the state.
pub(super) struct Row<'c> {
    chunk: &'c Chunk,
    index: u64,
    table: &'static str,
}

impl<'c> Row<'c> {
    pub(super) fn first_of(chunk: &'c Chunk, table: &'static str) -> Self {
        Row { chunk, index: 0, table }
    }

    /// The same row, for the columns that another table has joined.
    pub(super) fn joined(&self, table: &'static str) -> Self {
        Row { table, ..*self }
    }

    pub(super) fn text(&self, column: u64) -> Option<String> {
        text(self.chunk, column, self.index)
    }

    pub(super) fn number(&self, column: u64) -> Option<i64> {
        self.chunk.big_int(column, self.index)
    }

    /// A count, which is never negative.
    pub(super) fn count(&self, column: u64) -> Option<u64> {
        self.number(column).and_then(|count| u64::try_from(count).ok())
    }

    pub(super) fn bytes(&self, column: u64) -> Option<Vec<u8>> {
        self.chunk.bytes(column, self.index)
    }

    /// Of a column of microseconds.
    pub(super) fn seconds(&self, column: u64) -> Result<f64, EngineError> {
        Ok(self.there(column, self.number(column))? as f64 / 1e6)
    }

    /// Of a column that is never null.
    pub(super) fn its_text(&self, column: u64) -> Result<String, EngineError> {
        self.there(column, self.text(column))
    }

    /// Of a column that is never null.
    pub(super) fn its_number(&self, column: u64) -> Result<i64, EngineError> {
        self.there(column, self.number(column))
    }

    /// One of a few words, as `named` knows them.
    pub(super) fn word<T>(
        &self,
        column: u64,
        named: impl Fn(&str) -> Option<T>,
        of: impl FnOnce() -> String,
    ) -> Result<T, EngineError> {
        let word = self.its_text(column)?;
        named(&word).ok_or_else(|| self.damage(&format!("{}: it says `{word}`, which nobody has written", of())))
    }

    /// What was written as JSON with names, or its default for null: older formats know less. `of` says whose it is.
    ///
    /// # Errors
    /// When it is not of the form in which it is written.
    pub(super) fn fields<T: DeserializeOwned + Default>(
        &self,
        column: u64,
        of: impl FnOnce() -> String,
    ) -> Result<T, EngineError> {
        let Some(text) = self.text(column) else { return Ok(T::default()) };
        let read = match text.trim_start().starts_with('{') {
            true => {
                let mut reader = serde_json::Deserializer::from_str(&text);
                // Config is as deep as it was when it was written.
                reader.disable_recursion_limit();
                T::deserialize(&mut reader).map_err(|error| error.to_string())
            }
            // It would be read as if all fields had been left out.
            false => Err("no object".to_owned()),
        };
        read.map_err(|error| self.damage(&format!("{}: {error}", of())))
    }

    fn there<T>(&self, column: u64, value: Option<T>) -> Result<T, EngineError> {
        value.ok_or_else(|| {
            self.damage(&format!(
                "it lacks a value that is always written: number {} of what was asked for",
                column + 1
            ))
        })
    }

    pub(super) fn damage(&self, what: &str) -> EngineError {
        let table = self.table;
        let message = format!(
            "the state in schema `dovetail` is damaged: a row of `dovetail.{table}` cannot be read ({what}); \
             delete that row, and what it says counts as never recorded"
        );
        error_from_text(EngineErrorKind::StateDamaged, message)
    }
}

/// The state lacks something as a whole.
pub(super) fn damaged(what: &str) -> EngineError {
    let message =
        format!("the state in schema `dovetail` is damaged: {what}; drop the schema, and all counts as never built");
    error_from_text(EngineErrorKind::StateDamaged, message)
}

/// The rows that a query gives, of which `table` has most columns.
pub(super) fn rows<T>(
    connection: &Arc<Connection>,
    table: &'static str,
    query: &str,
    read: impl Fn(&Row<'_>) -> Result<T, EngineError>,
) -> Result<Vec<T>, EngineError> {
    let mut result = connection.prepare(query)?.run()?;
    let mut found = Vec::new();
    while let Some(chunk) = result.next_chunk()? {
        for index in 0..chunk.len() {
            found.push(read(&Row { chunk: &chunk, index, table })?);
        }
    }
    Ok(found)
}

/// The BIGINT that a query gives.
pub(in crate::engine::duckdb) fn number(connection: &Arc<Connection>, query: &str) -> Result<Option<i64>, EngineError> {
    Ok(connection.prepare(query)?.run()?.next_chunk()?.and_then(|chunk| chunk.big_int(0, 0)))
}

pub(in crate::engine::duckdb) fn text(chunk: &Chunk, column: u64, row: u64) -> Option<String> {
    chunk.bytes(column, row).and_then(|bytes| String::from_utf8(bytes).ok())
}
