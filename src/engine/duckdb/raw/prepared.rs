//! Statements that are prepared, then run.

use std::sync::Arc;

use duckdb::ffi;

use super::connection::Connection;
use super::result::{LogicalType, QueryResult};
use super::{borrowed_text, take_text};
use crate::engine::duckdb::error::{error_from_text, query_error};
use crate::engine::{EngineError, EngineErrorKind};

/// The statements of a text.
pub(super) struct Extracted {
    pub(super) raw: ffi::duckdb_extracted_statements,
    pub(super) count: u64,
}

impl Drop for Extracted {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_extracted(&mut self.raw) };
    }
}

/// A prepared statement.
pub(in crate::engine::duckdb) struct Prepared {
    pub(super) raw: ffi::duckdb_prepared_statement,
    pub(super) connection: Arc<Connection>,
}

// SAFETY: owned by one thread at a time; its connection takes its own lock.
unsafe impl Send for Prepared {}

impl Prepared {
    pub(super) fn checked(self, state: ffi::duckdb_state) -> Result<Self, EngineError> {
        if state == ffi::DuckDBSuccess {
            return Ok(self);
        }
        // SAFETY: the message belongs to the statement.
        let message = unsafe { borrowed_text(ffi::duckdb_prepare_error(self.raw)) };
        Err(query_error(&message))
    }

    pub(in crate::engine::duckdb) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Types and names of the columns that the statement will give.
    pub(in crate::engine::duckdb) fn columns(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: indexes are below the count; names are freed by `take_text`, types by `LogicalType`.
        let count = unsafe { ffi::duckdb_prepared_statement_column_count(self.raw) };
        (0..count)
            .map(|index| unsafe {
                let name = take_text(ffi::duckdb_prepared_statement_column_name(self.raw, index).cast_mut());
                (name, LogicalType::new(ffi::duckdb_prepared_statement_column_logical_type(self.raw, index)))
            })
            .collect()
    }

    /// Whether it gives rows and changes nothing.
    pub(in crate::engine::duckdb) fn is_query(&self) -> bool {
        // SAFETY: the statement is valid until it is dropped.
        let kind = unsafe { ffi::duckdb_prepared_statement_type(self.raw) };
        kind == ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT
    }

    pub(in crate::engine::duckdb) fn bind(&mut self, index: u64, value: &BindValue<'_>) -> Result<(), EngineError> {
        // SAFETY: texts and blobs are copied by DuckDB during the call.
        let state = unsafe {
            match value {
                BindValue::Null => ffi::duckdb_bind_null(self.raw, index),
                BindValue::BigInt(value) => ffi::duckdb_bind_int64(self.raw, index, *value),
                BindValue::Double(value) => ffi::duckdb_bind_double(self.raw, index, *value),
                BindValue::Timestamp(micros) => {
                    ffi::duckdb_bind_timestamp_tz(self.raw, index, ffi::duckdb_timestamp { micros: *micros })
                }
                BindValue::Text(text) => {
                    ffi::duckdb_bind_varchar_length(self.raw, index, text.as_ptr().cast(), text.len() as u64)
                }
                BindValue::Blob(bytes) => {
                    ffi::duckdb_bind_blob(self.raw, index, bytes.as_ptr().cast(), bytes.len() as u64)
                }
            }
        };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        Err(error_from_text(EngineErrorKind::Execution, format!("parameter {index} could not be bound")))
    }

    /// Runs to the end.
    pub(in crate::engine::duckdb) fn run(&mut self) -> Result<QueryResult, EngineError> {
        let mut result = QueryResult::empty();
        // SAFETY: `result` destroys what DuckDB wrote.
        let state = unsafe { ffi::duckdb_execute_prepared(self.raw, &mut result.raw) };
        if state == ffi::DuckDBSuccess { Ok(result) } else { Err(result.error()) }
    }

    /// Runs as the result is fetched.
    pub(in crate::engine::duckdb) fn stream(&mut self) -> Result<QueryResult, EngineError> {
        let mut result = QueryResult::empty();
        // SAFETY: as in `run`.
        let state = unsafe { ffi::duckdb_execute_prepared_streaming(self.raw, &mut result.raw) };
        if state == ffi::DuckDBSuccess { Ok(result) } else { Err(result.error()) }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.raw) };
    }
}

/// A value for a statement's parameter.
pub(in crate::engine::duckdb) enum BindValue<'a> {
    Null,
    BigInt(i64),
    Double(f64),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}
