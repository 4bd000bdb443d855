//! Safe handles over DuckDB's C API, where the `duckdb` crate has no door: building from an Arrow stream, streaming
//! results that own their connection, and errors with positions.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use duckdb::ffi;

use super::error::{error_from_text, query_error};
use crate::engine::{EngineError, EngineErrorKind};
use crate::graph::RelationName;

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

/// One connection. DuckDB locks it inside, so sharing it is safe; a new statement ends the streaming result before it.
pub(super) struct Connection {
    raw: ffi::duckdb_connection,
    database: Arc<Database>,
}

// SAFETY: DuckDB's connection takes its own lock in every call.
unsafe impl Send for Connection {}
unsafe impl Sync for Connection {}

impl Connection {
    /// Runs one or more statements.
    pub(super) fn execute(&self, sql: &str) -> Result<(), EngineError> {
        self.run(sql).map(|_| ())
    }

    /// Runs a `create table as` and returns the rows that it wrote; `None` where DuckDB made several statements of it
    /// and answers for the last one, as it does with `pivot`.
    pub(super) fn execute_counting(&self, sql: &str) -> Result<Option<u64>, EngineError> {
        let mut result = self.run(sql)?;
        let counts = matches!(result.columns().as_slice(), [(name, _)] if name == "Count");
        let count = result.next_chunk()?.filter(|_| counts).and_then(|chunk| chunk.big_int(0, 0));
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    }

    fn run(&self, sql: &str) -> Result<QueryResult, EngineError> {
        let text = c_string(sql)?;
        let mut result = QueryResult::empty();
        // SAFETY: the text lives through the call; `result` destroys what DuckDB wrote, also after an error.
        let state = unsafe { ffi::duckdb_query(self.raw, text.as_ptr(), &mut result.raw) };
        if state == ffi::DuckDBSuccess { Ok(result) } else { Err(result.error()) }
    }

    /// Runs all statements of `sql` but the last, and prepares that one.
    pub(super) fn prepare_last(self: &Arc<Self>, sql: &str) -> Result<Prepared, EngineError> {
        let text = c_string(sql)?;
        let mut statements = Extracted { raw: ptr::null_mut() };
        // SAFETY: `statements` is destroyed by its drop.
        let count = unsafe { ffi::duckdb_extract_statements(self.raw, text.as_ptr(), &mut statements.raw) };
        if count == 0 {
            // SAFETY: the message belongs to the extracted statements.
            let message = unsafe { borrowed_text(ffi::duckdb_extract_statements_error(statements.raw)) };
            return Err(query_error(&message));
        }
        for index in 0..count - 1 {
            self.prepare_extracted(&statements, index)?.run()?;
        }
        self.prepare_extracted(&statements, count - 1)
    }

    fn prepare_extracted(self: &Arc<Self>, statements: &Extracted, index: u64) -> Result<Prepared, EngineError> {
        let mut prepared = Prepared { raw: ptr::null_mut(), connection: Arc::clone(self) };
        // SAFETY: the index is below the count that DuckDB gave.
        let state =
            unsafe { ffi::duckdb_prepare_extracted_statement(self.raw, statements.raw, index, &mut prepared.raw) };
        prepared.checked(state)
    }

    pub(super) fn prepare(self: &Arc<Self>, sql: &str) -> Result<Prepared, EngineError> {
        let text = c_string(sql)?;
        let mut prepared = Prepared { raw: ptr::null_mut(), connection: Arc::clone(self) };
        // SAFETY: the text lives through the call.
        let state = unsafe { ffi::duckdb_prepare(self.raw, text.as_ptr(), &mut prepared.raw) };
        prepared.checked(state)
    }

    /// Makes the stream's rows readable as a view called `name`.
    ///
    /// # Safety
    /// `stream` stays at its address and alive until the view is dropped.
    pub(super) unsafe fn arrow_view(&self, name: &str, stream: *mut FFI_ArrowArrayStream) -> Result<(), EngineError> {
        let name = c_string(name)?;
        // SAFETY: the caller keeps the stream; both struct types are the C data interface's.
        let state = unsafe { ffi::duckdb_arrow_scan(self.raw, name.as_ptr(), stream.cast()) };
        if state != ffi::DuckDBSuccess {
            return Err(error_from_text(EngineErrorKind::Source, "DuckDB could not read the Arrow stream's schema"));
        }
        Ok(())
    }

    /// Why DuckDB cannot read a field's Arrow type; `None` when it can.
    pub(super) fn refuses_field(&self, field: &arrow::datatypes::Field) -> Option<String> {
        let schema = arrow::datatypes::Schema::new(vec![field.clone()]);
        let mut exported = match arrow::ffi::FFI_ArrowSchema::try_from(&schema) {
            Ok(exported) => exported,
            Err(error) => return Some(error.to_string()),
        };
        let mut converted = ptr::null_mut();
        // SAFETY: the schema lives through the call; the converted one is destroyed below.
        unsafe {
            let error = ffi::duckdb_schema_from_arrow(self.raw, (&raw mut exported).cast(), &mut converted);
            ffi::duckdb_destroy_arrow_converted_schema(&mut converted);
            take_error(error)
        }
    }

    /// Whether a view stands under the name (else a table); `None` when nothing does. Outside of transactions only.
    pub(super) fn is_view(&self, relation: &RelationName) -> Result<Option<bool>, EngineError> {
        let database = relation.database.as_deref().map(c_string).transpose()?;
        let (schema, identifier) = (c_string(&relation.schema)?, c_string(&relation.identifier)?);
        let database = database.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        let mut description = ptr::null_mut();
        // SAFETY: all texts live through the call; the description is destroyed, also after an error.
        let (state, message) = unsafe {
            let (schema, identifier) = (schema.as_ptr(), identifier.as_ptr());
            let create = ffi::duckdb_table_description_create_ext;
            let state = create(self.raw, database, schema, identifier, &mut description);
            let message = borrowed_text(ffi::duckdb_table_description_error(description));
            ffi::duckdb_table_description_destroy(&mut description);
            (state, message)
        };
        match state {
            ffi::DuckDBSuccess => Ok(Some(false)),
            _ if message.contains("is not an table") || message.contains("is not a table") => Ok(Some(true)),
            _ => Ok(None),
        }
    }

    /// Stops the statement that runs now, if any.
    pub(super) fn interrupt(&self) {
        // SAFETY: may be called from any thread.
        unsafe { ffi::duckdb_interrupt(self.raw) };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: disconnected once; an open transaction is rolled back.
        unsafe { ffi::duckdb_disconnect(&mut self.raw) };
    }
}

struct Extracted {
    raw: ffi::duckdb_extracted_statements,
}

impl Drop for Extracted {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_extracted(&mut self.raw) };
    }
}

/// A prepared statement.
pub(super) struct Prepared {
    raw: ffi::duckdb_prepared_statement,
    connection: Arc<Connection>,
}

// SAFETY: owned by one thread at a time; its connection takes its own lock.
unsafe impl Send for Prepared {}

impl Prepared {
    fn checked(self, state: ffi::duckdb_state) -> Result<Self, EngineError> {
        if state == ffi::DuckDBSuccess {
            return Ok(self);
        }
        // SAFETY: the message belongs to the statement.
        let message = unsafe { borrowed_text(ffi::duckdb_prepare_error(self.raw)) };
        Err(query_error(&message))
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Types and names of the columns that the statement will give.
    pub(super) fn columns(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: indexes are below the count; names are freed by `take_text`, types by `LogicalType`.
        let count = unsafe { ffi::duckdb_prepared_statement_column_count(self.raw) };
        (0..count)
            .map(|index| unsafe {
                let name = take_text(ffi::duckdb_prepared_statement_column_name(self.raw, index).cast_mut());
                (name, LogicalType::new(ffi::duckdb_prepared_statement_column_logical_type(self.raw, index)))
            })
            .collect()
    }

    pub(super) fn bind(&mut self, index: u64, value: &BindValue<'_>) -> Result<(), EngineError> {
        // SAFETY: texts and blobs are copied by DuckDB during the call.
        let state = unsafe {
            match value {
                BindValue::Null => ffi::duckdb_bind_null(self.raw, index),
                BindValue::BigInt(value) => ffi::duckdb_bind_int64(self.raw, index, *value),
                BindValue::Double(value) => ffi::duckdb_bind_double(self.raw, index, *value),
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
    pub(super) fn run(&mut self) -> Result<QueryResult, EngineError> {
        let mut result = QueryResult::empty();
        // SAFETY: `result` destroys what DuckDB wrote.
        let state = unsafe { ffi::duckdb_execute_prepared(self.raw, &mut result.raw) };
        if state == ffi::DuckDBSuccess { Ok(result) } else { Err(result.error()) }
    }

    /// Runs as the result is fetched.
    pub(super) fn stream(&mut self) -> Result<QueryResult, EngineError> {
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
pub(super) enum BindValue<'a> {
    Null,
    BigInt(i64),
    Double(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A result, streaming or complete.
pub(super) struct QueryResult {
    pub(super) raw: ffi::duckdb_result,
}

// SAFETY: owned by one thread at a time.
unsafe impl Send for QueryResult {}

impl QueryResult {
    fn empty() -> Self {
        // SAFETY: all-zero is what DuckDB expects before it writes a result, and what it can destroy.
        QueryResult { raw: unsafe { std::mem::zeroed() } }
    }

    pub(super) fn error(&mut self) -> EngineError {
        // SAFETY: the message belongs to the result.
        query_error(&unsafe { borrowed_text(ffi::duckdb_result_error(&mut self.raw)) })
    }

    pub(super) fn columns(&mut self) -> Vec<(String, LogicalType)> {
        // SAFETY: indexes are below the count; names belong to the result.
        let count = unsafe { ffi::duckdb_column_count(&mut self.raw) };
        (0..count)
            .map(|index| unsafe {
                let name = borrowed_text(ffi::duckdb_column_name(&mut self.raw, index));
                (name, LogicalType::new(ffi::duckdb_column_logical_type(&mut self.raw, index)))
            })
            .collect()
    }

    /// The next chunk, `None` at the end.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        // SAFETY: the chunk is destroyed by its drop.
        let raw = unsafe { ffi::duckdb_fetch_chunk(self.raw) };
        if !raw.is_null() {
            return Ok(Some(Chunk { raw }));
        }
        // SAFETY: the message belongs to the result; null when the end was reached without an error.
        let message = unsafe { ffi::duckdb_result_error(&mut self.raw) };
        if message.is_null() { Ok(None) } else { Err(self.error()) }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_result(&mut self.raw) };
    }
}

pub(super) struct Chunk {
    pub(super) raw: ffi::duckdb_data_chunk,
}

impl Chunk {
    pub(super) fn len(&self) -> u64 {
        // SAFETY: the chunk is valid until it is dropped.
        unsafe { ffi::duckdb_data_chunk_get_size(self.raw) }
    }

    /// A value of a BIGINT column, `None` for NULL.
    pub(super) fn big_int(&self, column: u64, row: u64) -> Option<i64> {
        // SAFETY: the caller's column is a BIGINT, of which `data` holds one per row.
        self.value(column, row, |data| unsafe { *data.cast::<i64>().add(row as usize) })
    }

    /// A value of a VARCHAR or BLOB column, `None` for NULL.
    pub(super) fn bytes(&self, column: u64, row: u64) -> Option<Vec<u8>> {
        // SAFETY: the caller's column holds strings, one `duckdb_string_t` per row.
        self.value(column, row, |data| unsafe {
            let text = data.cast::<ffi::duckdb_string_t>().add(row as usize);
            let length = ffi::duckdb_string_t_length(*text) as usize;
            std::slice::from_raw_parts(ffi::duckdb_string_t_data(text).cast::<u8>(), length).to_vec()
        })
    }

    fn value<T>(&self, column: u64, row: u64, read: impl FnOnce(*mut std::ffi::c_void) -> T) -> Option<T> {
        if row >= self.len() {
            return None;
        }
        // SAFETY: vector, validity and data belong to the chunk; a null validity mask means that all rows are valid.
        unsafe {
            let vector = ffi::duckdb_data_chunk_get_vector(self.raw, column);
            let validity = ffi::duckdb_vector_get_validity(vector);
            let is_valid = validity.is_null() || ffi::duckdb_validity_row_is_valid(validity, row);
            is_valid.then(|| read(ffi::duckdb_vector_get_data(vector)))
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.raw) };
    }
}

/// A column's type.
pub(super) struct LogicalType {
    pub(super) raw: ffi::duckdb_logical_type,
}

// SAFETY: an immutable value behind a pointer.
unsafe impl Send for LogicalType {}

impl LogicalType {
    /// # Safety
    /// `raw` is a type that nobody else destroys.
    pub(super) unsafe fn new(raw: ffi::duckdb_logical_type) -> Self {
        LogicalType { raw }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.raw) };
    }
}

/// DuckDB's options for conversions to Arrow, which hold the settings that were in force.
pub(super) struct ArrowOptions {
    pub(super) raw: ffi::duckdb_arrow_options,
}

// SAFETY: an immutable value behind a pointer.
unsafe impl Send for ArrowOptions {}

impl ArrowOptions {
    pub(super) fn of(connection: &Connection) -> Self {
        let mut raw = ptr::null_mut();
        // SAFETY: writes the handle that is destroyed by the drop.
        unsafe { ffi::duckdb_connection_get_arrow_options(connection.raw, &mut raw) };
        ArrowOptions { raw }
    }
}

impl Drop for ArrowOptions {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_arrow_options(&mut self.raw) };
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
