//! Safe handles over DuckDB's C API, where the `duckdb` crate has no door: building from an Arrow stream, streaming
//! results that own their connection, and errors with positions.

mod appender;
mod connection;
mod prepared;
mod result;

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use duckdb::ffi;

pub(super) use self::appender::Appender;
pub(super) use self::connection::Connection;
pub(super) use self::prepared::{BindValue, Prepared};
pub(super) use self::result::{ArrowOptions, Chunk, LogicalType, QueryResult, Vector, is_set};
use super::error::error_from_text;
use crate::engine::{EngineError, EngineErrorKind};

/// How many tasks a lent thread runs before it looks for other work.
const HELPER_TASKS: u64 = 16;

/// An open database; closed (and checkpointed) when the last connection to it is gone.
pub(super) struct Database {
    raw: ffi::duckdb_database,
}

// SAFETY: DuckDB's database handle may be used from any thread at once.
unsafe impl Send for Database {}
unsafe impl Sync for Database {}

impl Database {
    /// Opens `path` (in memory when `None`). Settings that DuckDB only knows after an extension is loaded are returned.
    pub(super) fn open(path: Option<&Path>, settings: &[(String, String)]) -> Result<Self, EngineError> {
        let path = match path {
            Some(path) => c_string(&path.to_string_lossy())?,
            None => c_string(":memory:")?,
        };
        let config = Config::new(settings)?;
        let mut raw = ptr::null_mut();
        let mut message: *mut c_char = ptr::null_mut();
        // SAFETY: all pointers are valid for the call; the message is freed by `take_text`.
        let state = unsafe { ffi::duckdb_open_ext(path.as_ptr(), &mut raw, config.raw, &mut message) };
        if state != ffi::DuckDBSuccess {
            return Err(super::error::open_error(&take_text(message)));
        }
        Ok(Database { raw })
    }

    pub(super) fn connect(self: &Arc<Self>) -> Result<Arc<Connection>, EngineError> {
        let mut raw = ptr::null_mut();
        // SAFETY: the database handle is open as long as `self` lives.
        let state = unsafe { ffi::duckdb_connect(self.raw, &mut raw) };
        if state != ffi::DuckDBSuccess {
            return Err(error_from_text(EngineErrorKind::Open, "the database gave no connection"));
        }
        Ok(Arc::new(Connection { raw, database: Arc::clone(self) }))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: closed once, here; connections hold the database alive.
        unsafe { ffi::duckdb_close(&mut self.raw) };
    }
}

/// Lends a thread to DuckDB's scheduler.
pub(super) struct Helper {
    raw: ffi::duckdb_task_state,
}

// SAFETY: owned by one thread at a time.
unsafe impl Send for Helper {}

impl Helper {
    pub(super) fn new(connection: &Connection) -> Self {
        // SAFETY: the database is open as long as a connection to it is.
        Helper { raw: unsafe { ffi::duckdb_create_task_state(connection.database.raw) } }
    }

    /// Runs some of the tasks that wait, if any; returns how many.
    pub(super) fn run_tasks(&self) -> u64 {
        // SAFETY: the state is destroyed by the drop only.
        unsafe { ffi::duckdb_execute_n_tasks_state(self.raw, HELPER_TASKS) }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_task_state(self.raw) };
    }
}

struct Config {
    raw: ffi::duckdb_config,
}

impl Config {
    fn new(settings: &[(String, String)]) -> Result<Self, EngineError> {
        let mut config = Config { raw: ptr::null_mut() };
        // SAFETY: writes the handle that `config` owns.
        if unsafe { ffi::duckdb_create_config(&mut config.raw) } != ffi::DuckDBSuccess {
            return Err(error_from_text(EngineErrorKind::Open, "DuckDB gave no configuration"));
        }
        for (name, value) in settings {
            let (name_text, value_text) = (c_string(name)?, c_string(value)?);
            // SAFETY: both texts live through the call.
            if unsafe { ffi::duckdb_set_config(config.raw, name_text.as_ptr(), value_text.as_ptr()) }
                != ffi::DuckDBSuccess
            {
                let message = format!("DuckDB refuses the setting `{name}` = `{value}`");
                return Err(error_from_text(EngineErrorKind::Setting, message));
            }
        }
        Ok(config)
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_config(&mut self.raw) };
    }
}

/// The message of an error value, which is destroyed; `None` when it holds no error.
pub(super) fn take_error(mut error: ffi::duckdb_error_data) -> Option<String> {
    if error.is_null() {
        return None;
    }
    // SAFETY: the message is copied before the value is destroyed.
    unsafe {
        let message =
            ffi::duckdb_error_data_has_error(error).then(|| borrowed_text(ffi::duckdb_error_data_message(error)));
        ffi::duckdb_destroy_error_data(&mut error);
        message
    }
}

/// A text of SQL or a name for DuckDB; a NUL inside cannot be passed.
fn c_string(text: &str) -> Result<CString, EngineError> {
    CString::new(text).map_err(|_| error_from_text(EngineErrorKind::Query, "the text holds a NUL character"))
}

/// # Safety
/// `text` is null or a C string that lives through the call.
pub(super) unsafe fn borrowed_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Copies and frees a text that DuckDB allocated.
pub(super) fn take_text(text: *mut c_char) -> String {
    // SAFETY: DuckDB's own allocation, freed once, null allowed.
    unsafe {
        let copy = borrowed_text(text);
        ffi::duckdb_free(text.cast());
        copy
    }
}
