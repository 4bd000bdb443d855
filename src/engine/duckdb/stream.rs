//! Rows out of DuckDB as Arrow batches, one at a time.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use duckdb::ffi;

use super::error::{error_from_text, query_error};
use super::hugeint::{readable_data, readable_schema};
use super::interval::has_too_long;
use super::raw::{ArrowOptions, Connection, LogicalType, Prepared, QueryResult, take_error};
use super::types::{needs_type_metadata, type_text};
use crate::engine::{EngineError, EngineErrorKind, TYPE_METADATA};

/// DuckDB's chunks of 2,048 rows are put together to batches of the size of its row groups. Batches that come back in
/// this size are written as they are; smaller ones DuckDB first copies together, which costs a third of the time.
const BATCH_ROWS: usize = 122_880;
/// Batches end earlier when their rows are large, so that 32-bit offsets of strings never overflow.
const BATCH_BYTES: usize = 64 << 20;

/// The Arrow form of a query's columns, in DuckDB's own C struct and in ours.
struct ColumnTypes {
    options: ArrowOptions,
    exported: FFI_ArrowSchema,
    /// The type of a chunk as a whole, when it is not the one that DuckDB exports.
    readable: Option<DataType>,
    /// The columns in which intervals are, maybe deep in a nested type.
    intervals: Vec<usize>,
    schema: SchemaRef,
    /// DuckDB's own type of each column, as SQL writes it.
    types: Vec<String>,
}

impl ColumnTypes {
    fn new(connection: &Connection, columns: &[(String, LogicalType)]) -> Result<Self, EngineError> {
        let options = ArrowOptions::of(connection);
        let names: Vec<CString> =
            columns.iter().map(|(name, _)| CString::new(name.as_str()).unwrap_or_default()).collect();
        let mut name_pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let mut types: Vec<ffi::duckdb_logical_type> = columns.iter().map(|(_, logical)| logical.raw).collect();
        let mut exported = FFI_ArrowSchema::empty();
        // SAFETY: the arrays hold `columns.len()` items that live through the call.
        let error = unsafe {
            ffi::duckdb_to_arrow_schema(
                options.raw,
                types.as_mut_ptr(),
                name_pointers.as_mut_ptr(),
                columns.len() as u64,
                (&raw mut exported).cast(),
            )
        };
        if let Some(message) = take_error(error) {
            return Err(EngineError { kind: EngineErrorKind::ColumnType, ..query_error(&message) });
        }
        let plain = Schema::try_from(&exported).map_err(arrow_error)?;
        let readable = readable_schema(&plain);
        let data_type = readable.as_ref().map(|schema| DataType::Struct(schema.fields().clone()));
        let types: Vec<String> = columns.iter().map(|(_, logical)| type_text(logical)).collect();
        let schema = Arc::new(with_types(readable.as_ref().unwrap_or(&plain), &types));
        let holds_interval = |(index, text): (usize, &String)| text.contains("INTERVAL").then_some(index);
        let intervals = types.iter().enumerate().filter_map(holds_interval).collect();
        Ok(ColumnTypes { options, exported, readable: data_type, intervals, schema, types })
    }

    fn batch(&self, result: &mut QueryResult) -> Result<Option<RecordBatch>, EngineError> {
        let Some(chunk) = result.next_chunk()? else { return Ok(None) };
        if let Some(column) = self.intervals.iter().find(|column| has_too_long(&chunk, **column)) {
            let message = format!(
                "column `{}` has an {} that is longer than the nanoseconds of Arrow can hold; cast it to VARCHAR in SQL",
                self.schema.field(*column).name(),
                self.types[*column]
            );
            return Err(error_from_text(EngineErrorKind::ColumnType, message));
        }
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: chunk and options are valid; DuckDB fills the array, which owns its buffers from then on.
        let error = unsafe { ffi::duckdb_data_chunk_to_arrow(self.options.raw, chunk.raw, (&raw mut array).cast()) };
        if let Some(message) = take_error(error) {
            return Err(error_from_text(EngineErrorKind::ColumnType, message));
        }
        // SAFETY: the array was exported with this schema.
        let mut data = unsafe { from_ffi(array, &self.exported) }.map_err(arrow_error)?;
        if let Some(readable) = &self.readable {
            data = readable_data(data, readable).map_err(arrow_error)?;
        }
        let (_, columns, _) = StructArray::from(data).into_parts();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map(Some).map_err(arrow_error)
    }
}

fn with_types(arrow: &Schema, types: &[String]) -> Schema {
    let fields = arrow.fields().iter().zip(types).map(|(field, text)| with_type_metadata(field, text));
    Schema::new(fields.collect::<Vec<_>>())
}

fn with_type_metadata(field: &Field, text: &str) -> Field {
    let mut metadata = field.metadata().clone();
    if needs_type_metadata(text) {
        metadata.insert(TYPE_METADATA.to_owned(), text.to_owned());
    }
    field.clone().with_metadata(metadata)
}

fn arrow_error(error: ArrowError) -> EngineError {
    error_from_text(EngineErrorKind::ColumnType, error.to_string())
}

/// A running query. Dropping it ends the query.
pub(super) struct ResultReader {
    types: ColumnTypes,
    result: QueryResult,
    /// Kept for as long as its result is read; goes last.
    _prepared: Prepared,
    merges: bool,
    ended: bool,
}

impl ResultReader {
    pub(super) fn start(mut prepared: Prepared) -> Result<Self, EngineError> {
        let mut result = prepared.stream()?;
        let columns = result.columns();
        let types = ColumnTypes::new(prepared.connection(), &columns)?;
        let merges = !types.schema.fields().iter().any(|field| holds_dictionary(field.data_type()));
        Ok(ResultReader { types, result, _prepared: prepared, merges, ended: false })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while !self.ended && rows < BATCH_ROWS && bytes < BATCH_BYTES {
            match self.types.batch(&mut self.result)? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) if !self.merges => return Ok(Some(batch)),
                Some(batch) => {
                    rows += batch.num_rows();
                    bytes += batch.get_array_memory_size();
                    batches.push(batch);
                }
                None => self.ended = true,
            }
        }
        match batches.len() {
            0 => Ok(None),
            1 => Ok(batches.pop()),
            _ => concat_batches(&self.types.schema, &batches).map(Some).map_err(arrow_error),
        }
    }
}

/// Dictionaries are not merged: each chunk brings the whole dictionary, and putting them together builds it anew.
fn holds_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => holds_dictionary(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| holds_dictionary(field.data_type())),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| holds_dictionary(field.data_type())),
        _ => false,
    }
}

impl Iterator for ResultReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.read().map_err(|error| ArrowError::ExternalError(Box::new(error)));
        if result.is_err() {
            self.ended = true;
        }
        result.transpose()
    }
}

impl RecordBatchReader for ResultReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.types.schema)
    }
}
