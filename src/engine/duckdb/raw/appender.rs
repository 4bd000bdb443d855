//! Rows put into a table without a statement: nothing is parsed, bound or planned.

use std::ptr;
use std::sync::Arc;

use duckdb::ffi;

use super::connection::Connection;
use super::prepared::BindValue;
use super::{borrowed_text, c_string};
use crate::engine::duckdb::error::query_error;
use crate::engine::{EngineError, EngineErrorKind};

/// Appends to one table, in the connection's transaction.
pub(in crate::engine::duckdb) struct Appender {
    raw: ffi::duckdb_appender,
    /// Outlives the appender.
    _connection: Arc<Connection>,
}

// SAFETY: owned by one thread at a time; its connection takes its own lock.
unsafe impl Send for Appender {}

impl Appender {
    pub(in crate::engine::duckdb) fn new(
        connection: &Arc<Connection>,
        database: &str,
        schema: &str,
        table: &str,
    ) -> Result<Self, EngineError> {
        let (database, schema, table) = (c_string(database)?, c_string(schema)?, c_string(table)?);
        let mut appender = Appender { raw: ptr::null_mut(), _connection: Arc::clone(connection) };
        // SAFETY: all texts live through the call; the appender is destroyed by the drop, also after an error.
        let state = unsafe {
            let (database, schema, table) = (database.as_ptr(), schema.as_ptr(), table.as_ptr());
            ffi::duckdb_appender_create_ext(connection.raw, database, schema, table, &mut appender.raw)
        };
        appender.checked(state)?;
        Ok(appender)
    }

    /// Puts one row into the table, a value for each of its columns.
    pub(in crate::engine::duckdb) fn append(&mut self, row: &[BindValue<'_>]) -> Result<(), EngineError> {
        for value in row {
            // SAFETY: texts and blobs are copied by DuckDB during the call.
            let state = unsafe {
                match value {
                    BindValue::Null => ffi::duckdb_append_null(self.raw),
                    BindValue::BigInt(value) => ffi::duckdb_append_int64(self.raw, *value),
                    BindValue::Double(value) => ffi::duckdb_append_double(self.raw, *value),
                    BindValue::Timestamp(micros) => {
                        ffi::duckdb_append_timestamp(self.raw, ffi::duckdb_timestamp { micros: *micros })
                    }
                    BindValue::Text(text) => {
                        ffi::duckdb_append_varchar_length(self.raw, text.as_ptr().cast(), text.len() as u64)
                    }
                    BindValue::Blob(bytes) => {
                        ffi::duckdb_append_blob(self.raw, bytes.as_ptr().cast(), bytes.len() as u64)
                    }
                }
            };
            self.checked(state)?;
        }
        // SAFETY: the appender is valid until it is dropped.
        let (ended, flushed) =
            unsafe { (ffi::duckdb_appender_end_row(self.raw), ffi::duckdb_appender_flush(self.raw)) };
        self.checked(ended)?;
        self.checked(flushed)
    }

    fn checked(&self, state: ffi::duckdb_state) -> Result<(), EngineError> {
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: the message belongs to the appender.
        let error = query_error(&unsafe { borrowed_text(ffi::duckdb_appender_error(self.raw)) });
        Err(EngineError { kind: EngineErrorKind::Execution, ..error })
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // SAFETY: destroyed once. What a failed flush has left is dropped: it would be written outside of the transaction.
        unsafe {
            ffi::duckdb_appender_clear(self.raw);
            ffi::duckdb_appender_destroy(&mut self.raw);
        }
    }
}
