//! Rows into DuckDB from an Arrow C stream: what its schema must fulfil, and the query that reads it.

use std::collections::HashSet;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::{Field, Schema};
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::FFI_ArrowArrayStream;

use super::error::{error_from_text, query_error};
use super::raw::Connection;
use crate::engine::{EngineError, EngineErrorKind, TYPE_METADATA};
use crate::graph::{faithful_cast, folded, quoted};

static NEXT_VIEW: AtomicU64 = AtomicU64::new(0);

/// A stream that the engine reads, at an address that does not change.
pub(super) struct IncomingStream {
    stream: Box<FFI_ArrowArrayStream>,
    schema: Schema,
    view: String,
}

impl IncomingStream {
    pub(super) fn new(stream: FFI_ArrowArrayStream) -> Result<Self, EngineError> {
        let mut stream = Box::new(stream);
        let schema = read_schema(&mut stream)?;
        check_columns(&schema)?;
        let view = format!("__dovetail_stream_{}", NEXT_VIEW.fetch_add(1, Ordering::Relaxed));
        Ok(IncomingStream { stream, schema, view })
    }

    /// Makes the rows readable inside the connection's transaction.
    pub(super) fn create_view(&mut self, connection: &Connection) -> Result<(), EngineError> {
        // SAFETY: the stream is boxed and dropped after the view, by the caller that calls `drop_view`.
        unsafe { connection.arrow_view(&self.view, &raw mut *self.stream) }
    }

    pub(super) fn drop_view(&self, connection: &Connection) -> Result<(), EngineError> {
        connection.execute(&format!("drop view {}", quoted(&self.view)))
    }

    /// The query that gives the rows, with columns cast to the types that their fields name.
    pub(super) fn query(&self) -> String {
        let columns: Vec<String> = self.schema.fields().iter().map(|field| column(field)).collect();
        format!("select {} from {}", columns.join(", "), quoted(&self.view))
    }
}

fn column(field: &Field) -> String {
    match field.metadata().get(TYPE_METADATA) {
        Some(data_type) => faithful_cast(field.name(), data_type),
        None => quoted(field.name()),
    }
}

fn read_schema(stream: &mut FFI_ArrowArrayStream) -> Result<Schema, EngineError> {
    let Some(get_schema) = stream.get_schema else {
        return Err(error_from_text(EngineErrorKind::Source, "the Arrow stream was read before"));
    };
    let mut exported = FFI_ArrowSchema::empty();
    // SAFETY: a C stream that was not released; the producer fills the schema.
    if unsafe { get_schema(stream, &mut exported) } != 0 {
        return Err(error_from_text(EngineErrorKind::Source, last_error(stream)));
    }
    Schema::try_from(&exported).map_err(|error| error_from_text(EngineErrorKind::ColumnType, error.to_string()))
}

fn last_error(stream: &mut FFI_ArrowArrayStream) -> String {
    let Some(get_last_error) = stream.get_last_error else { return String::new() };
    // SAFETY: the message belongs to the stream until its next call; null when there is none.
    unsafe {
        let message = get_last_error(stream);
        if message.is_null() { String::new() } else { CStr::from_ptr(message).to_string_lossy().into_owned() }
    }
}

fn check_columns(schema: &Schema) -> Result<(), EngineError> {
    if schema.fields().is_empty() {
        return Err(error_from_text(EngineErrorKind::NoColumns, "the data has no columns"));
    }
    let mut seen = HashSet::new();
    for field in schema.fields() {
        if field.name().is_empty() {
            return Err(error_from_text(EngineErrorKind::ColumnType, "the data has a column without a name"));
        }
        if !seen.insert(folded(field.name())) {
            let message = format!("the data has two columns called `{}` (case does not count)", field.name());
            return Err(error_from_text(EngineErrorKind::ColumnType, message));
        }
    }
    Ok(())
}

/// Names the column whose type DuckDB refuses, by asking for each column alone.
pub(super) fn refused_column(connection: &Connection, schema: &Schema) -> Option<EngineError> {
    schema.fields().iter().find_map(|field| {
        let message = query_error(&connection.refuses_field(field)?).message;
        let message = format!(
            "column `{}` has the Arrow type {}, which DuckDB cannot read: {message}",
            field.name(),
            field.data_type()
        );
        Some(error_from_text(EngineErrorKind::ColumnType, message))
    })
}

impl IncomingStream {
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }
}
