//! A connection, and what is asked of it.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use duckdb::ffi;

use super::prepared::{Extracted, Prepared};
use super::result::{LogicalType, QueryResult};
use super::{Database, borrowed_text, c_string, take_error, take_text};
use crate::engine::duckdb::error::{error_from_text, query_error};
use crate::engine::{EngineError, EngineErrorKind};
use crate::graph::RelationName;

/// Fills a vector from a chunk of arguments.
type ScalarFunction = unsafe extern "C" fn(ffi::duckdb_function_info, ffi::duckdb_data_chunk, ffi::duckdb_vector);

/// One connection. DuckDB locks it inside, so sharing it is safe; a new statement ends the streaming result before it.
pub(in crate::engine::duckdb) struct Connection {
    pub(super) raw: ffi::duckdb_connection,
    pub(super) database: Arc<Database>,
}

// SAFETY: DuckDB's connection takes its own lock in every call.
unsafe impl Send for Connection {}
unsafe impl Sync for Connection {}

impl Connection {
    /// Runs one or more statements.
    pub(in crate::engine::duckdb) fn execute(&self, sql: &str) -> Result<(), EngineError> {
        self.run(sql).map(|_| ())
    }

    /// Runs a `create table as` and returns the rows that it wrote; `None` where DuckDB made several statements of it
    /// and answers for the last one, as it does with `pivot`.
    pub(in crate::engine::duckdb) fn execute_counting(&self, sql: &str) -> Result<Option<u64>, EngineError> {
        let mut result = self.run(sql)?;
        let counts = matches!(result.columns().as_slice(), [(name, _)] if name == "Count");
        let count = result.next_chunk()?.filter(|_| counts).and_then(|chunk| chunk.big_int(0, 0));
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    }

    pub(in crate::engine::duckdb) fn run(&self, sql: &str) -> Result<QueryResult, EngineError> {
        let text = c_string(sql)?;
        let mut result = QueryResult::empty();
        // SAFETY: the text lives through the call; `result` destroys what DuckDB wrote, also after an error.
        let state = unsafe { ffi::duckdb_query(self.raw, text.as_ptr(), &mut result.raw) };
        if state == ffi::DuckDBSuccess { Ok(result) } else { Err(result.error()) }
    }

    /// Prepares the one statement that `sql` is to DuckDB; `None` where DuckDB makes several of it. Runs nothing.
    pub(in crate::engine::duckdb) fn prepare_only(
        self: &Arc<Self>,
        sql: &str,
    ) -> Result<Option<Prepared>, EngineError> {
        let statements = self.extract(sql)?;
        if statements.count == 1 { self.prepare_extracted(&statements, 0).map(Some) } else { Ok(None) }
    }

    /// Runs all statements of `sql` but the last, and prepares that one.
    pub(in crate::engine::duckdb) fn prepare_last(self: &Arc<Self>, sql: &str) -> Result<Prepared, EngineError> {
        let statements = self.extract(sql)?;
        let last = statements.count - 1;
        for index in 0..last {
            self.prepare_extracted(&statements, index)?.run()?;
        }
        self.prepare_extracted(&statements, last)
    }

    /// As `prepare_last`, of a text that is one query; `None` where it is something else, of which nothing runs.
    pub(in crate::engine::duckdb) fn prepare_query(
        self: &Arc<Self>,
        sql: &str,
    ) -> Result<Option<Prepared>, EngineError> {
        let statements = self.extract(sql)?;
        let last = statements.count - 1;
        // DuckDB makes several statements of a query with `pivot`, as it does of several that somebody wrote: only a query
        // can stand in parentheses.
        if last > 0 && self.extract(&format!("select * from (\n{sql}\n)")).is_err() {
            return Ok(None);
        }
        for index in 0..last {
            self.prepare_extracted(&statements, index)?.run()?;
        }
        self.prepare_extracted(&statements, last).map(|prepared| prepared.is_query().then_some(prepared))
    }

    /// The statements that DuckDB makes of a text: at least one.
    fn extract(&self, sql: &str) -> Result<Extracted, EngineError> {
        let text = c_string(sql)?;
        let mut statements = Extracted { raw: ptr::null_mut(), count: 0 };
        // SAFETY: `statements` is destroyed by its drop.
        statements.count = unsafe { ffi::duckdb_extract_statements(self.raw, text.as_ptr(), &mut statements.raw) };
        if statements.count > 0 {
            return Ok(statements);
        }
        // SAFETY: the message belongs to the extracted statements.
        let message = unsafe { borrowed_text(ffi::duckdb_extract_statements_error(statements.raw)) };
        Err(query_error(&message))
    }

    fn prepare_extracted(self: &Arc<Self>, statements: &Extracted, index: u64) -> Result<Prepared, EngineError> {
        let mut prepared = Prepared { raw: ptr::null_mut(), connection: Arc::clone(self) };
        // SAFETY: the index is below the count that DuckDB gave.
        let state =
            unsafe { ffi::duckdb_prepare_extracted_statement(self.raw, statements.raw, index, &mut prepared.raw) };
        prepared.checked(state)
    }

    pub(in crate::engine::duckdb) fn prepare(self: &Arc<Self>, sql: &str) -> Result<Prepared, EngineError> {
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
    pub(in crate::engine::duckdb) unsafe fn arrow_view(
        &self,
        name: &str,
        stream: *mut FFI_ArrowArrayStream,
    ) -> Result<(), EngineError> {
        let name = c_string(name)?;
        // SAFETY: the caller keeps the stream; both struct types are the C data interface's.
        let state = unsafe { ffi::duckdb_arrow_scan(self.raw, name.as_ptr(), stream.cast()) };
        if state != ffi::DuckDBSuccess {
            return Err(error_from_text(EngineErrorKind::Source, "DuckDB could not read the Arrow stream's schema"));
        }
        Ok(())
    }

    /// Why DuckDB cannot read a field's Arrow type; `None` when it can.
    pub(in crate::engine::duckdb) fn refuses_field(&self, field: &arrow::datatypes::Field) -> Option<String> {
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
    pub(in crate::engine::duckdb) fn is_view(&self, relation: &RelationName) -> Result<Option<bool>, EngineError> {
        let description = Description::of(self, relation)?;
        Ok(match description.error() {
            None => Some(false),
            Some(message) if message.contains("is not an table") || message.contains("is not a table") => Some(true),
            Some(_) => None,
        })
    }

    /// The columns of a table that is there, from the catalog: a third of what binding a query of it costs.
    pub(in crate::engine::duckdb) fn table_columns(
        &self,
        relation: &RelationName,
    ) -> Result<Vec<(String, LogicalType)>, EngineError> {
        let description = Description::of(self, relation)?;
        match description.error() {
            None => Ok(description.columns()),
            Some(message) => Err(query_error(&message)),
        }
    }

    /// Adds a function to the database that is called anew for each row.
    ///
    /// # Safety
    /// `function` reads chunks of these parameters and writes as many values of the type that it returns.
    pub(in crate::engine::duckdb) unsafe fn register_volatile(
        &self,
        name: &CStr,
        parameters: ffi::duckdb_type,
        returns: ffi::duckdb_type,
        function: ScalarFunction,
    ) -> Result<(), EngineError> {
        // SAFETY: all handles are made and destroyed here; DuckDB copies what it registers.
        let state = unsafe {
            let mut declared = ffi::duckdb_create_scalar_function();
            ffi::duckdb_scalar_function_set_name(declared, name.as_ptr());
            let logical = LogicalType::new(ffi::duckdb_create_logical_type(parameters));
            ffi::duckdb_scalar_function_set_varargs(declared, logical.raw);
            let logical = LogicalType::new(ffi::duckdb_create_logical_type(returns));
            ffi::duckdb_scalar_function_set_return_type(declared, logical.raw);
            ffi::duckdb_scalar_function_set_volatile(declared);
            ffi::duckdb_scalar_function_set_function(declared, Some(function));
            let state = ffi::duckdb_register_scalar_function(self.raw, declared);
            ffi::duckdb_destroy_scalar_function(&mut declared);
            state
        };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        let message = format!("DuckDB refuses the function `{}`", name.to_string_lossy());
        Err(error_from_text(EngineErrorKind::Open, message))
    }

    /// Stops the statement that runs now, if any.
    pub(in crate::engine::duckdb) fn interrupt(&self) {
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

/// What the catalog says of a table. A failed look-up breaks the transaction that it is made in.
struct Description {
    raw: ffi::duckdb_table_description,
    state: ffi::duckdb_state,
}

impl Description {
    fn of(connection: &Connection, relation: &RelationName) -> Result<Self, EngineError> {
        let database = relation.database.as_deref().map(c_string).transpose()?;
        let (schema, identifier) = (c_string(&relation.schema)?, c_string(&relation.identifier)?);
        let database = database.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        let mut raw = ptr::null_mut();
        // SAFETY: all texts live through the call; the description is destroyed by the drop, also after an error.
        let state = unsafe {
            let (schema, identifier) = (schema.as_ptr(), identifier.as_ptr());
            ffi::duckdb_table_description_create_ext(connection.raw, database, schema, identifier, &mut raw)
        };
        Ok(Description { raw, state })
    }

    fn error(&self) -> Option<String> {
        // SAFETY: the message belongs to the description.
        (self.state != ffi::DuckDBSuccess)
            .then(|| unsafe { borrowed_text(ffi::duckdb_table_description_error(self.raw)) })
    }

    fn columns(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: indexes are below the count; names are freed by `take_text`, types by `LogicalType`.
        let count = unsafe { ffi::duckdb_table_description_get_column_count(self.raw) };
        (0..count)
            .map(|index| unsafe {
                let name = take_text(ffi::duckdb_table_description_get_column_name(self.raw, index));
                (name, LogicalType::new(ffi::duckdb_table_description_get_column_type(self.raw, index)))
            })
            .collect()
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_table_description_destroy(&mut self.raw) };
    }
}
