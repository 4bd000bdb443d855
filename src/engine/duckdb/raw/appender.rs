//! Rows of values that go into a table without a statement: planned once for all of them.

use std::ptr;
use std::sync::Arc;

use duckdb::ffi;

use super::connection::Connection;
use super::prepared::BindValue;
use super::{c_string, take_error};
use crate::engine::EngineError;
use crate::engine::duckdb::error::query_error;

/// Rows on their way into a table, as part of its connection's transaction.
pub(in crate::engine::duckdb) struct Appender {
    raw: ffi::duckdb_appender,
    /// Lives as long as the appender needs it.
    _connection: Arc<Connection>,
}

impl Appender {
    pub(in crate::engine::duckdb) fn open(
        connection: &Arc<Connection>,
        (database, schema, table): (&str, &str, &str),
    ) -> Result<Self, EngineError> {
        let (database, schema, table) = (c_string(database)?, c_string(schema)?, c_string(table)?);
        let mut appender = Appender { raw: ptr::null_mut(), _connection: Arc::clone(connection) };
        // SAFETY: all texts live through the call; the appender is destroyed by its drop, also after an error.
        let state = unsafe {
            let (database, schema, table) = (database.as_ptr(), schema.as_ptr(), table.as_ptr());
            ffi::duckdb_appender_create_ext(connection.raw, database, schema, table, &mut appender.raw)
        };
        appender.checked(state)?;
        Ok(appender)
    }

    /// Adds a row, which has a value for each column of the table.
    pub(in crate::engine::duckdb) fn row(&mut self, values: &[BindValue<'_>]) -> Result<(), EngineError> {
        for value in values {
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
        // SAFETY: the appender is open.
        self.checked(unsafe { ffi::duckdb_appender_end_row(self.raw) })
    }

    /// Writes what was added.
    pub(in crate::engine::duckdb) fn finish(self) -> Result<(), EngineError> {
        // SAFETY: the appender is open; closing it twice, here and by the drop, is allowed.
        self.checked(unsafe { ffi::duckdb_appender_close(self.raw) })
    }

    fn checked(&self, state: ffi::duckdb_state) -> Result<(), EngineError> {
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: the error is a value of its own, which `take_error` destroys.
        let message = take_error(unsafe { ffi::duckdb_appender_error_data(self.raw) });
        Err(query_error(&message.unwrap_or_else(|| "DuckDB refused a row".to_owned())))
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // SAFETY: destroyed once. What was added and is not written yet becomes part of a transaction that fails.
        unsafe { ffi::duckdb_appender_destroy(&mut self.raw) };
    }
}
