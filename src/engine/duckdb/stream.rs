//! Rows out of DuckDB as Arrow batches, one at a time.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ffi::FFI_ArrowSchema;
use duckdb::ffi;

use super::error::{error_from_text, query_error};
use super::export::Exporter;
use super::hugeint::readable_schema;
use super::pack::Packer;
use super::raw::{ArrowOptions, Chunk, Connection, LogicalType, Prepared, QueryResult, take_error};
use super::types::{needs_type_metadata, type_text};
use crate::engine::{EngineError, EngineErrorKind, TYPE_METADATA};

/// DuckDB's chunks of 2,048 rows are put together to batches of the size of its row groups. Batches that come back in
/// this size are written as they are; smaller ones DuckDB first copies together, which costs a third of the time.
pub(super) const BATCH_ROWS: usize = 122_880;
/// Rows of a whole chunk.
pub(super) const CHUNK_ROWS: usize = 2048;
/// Batches end earlier when their rows are large, so that 32-bit offsets of strings never overflow.
pub(super) const BATCH_BYTES: usize = 64 << 20;

/// The Arrow form of a query's columns, in DuckDB's own C struct and in ours.
pub(super) struct ColumnTypes {
    pub(super) options: ArrowOptions,
    pub(super) exported: FFI_ArrowSchema,
    /// The type of a chunk as a whole, when it is not the one that DuckDB exports.
    pub(super) readable: Option<DataType>,
    /// The columns in which intervals are, maybe deep in a nested type.
    pub(super) intervals: Vec<usize>,
    pub(super) schema: SchemaRef,
    /// DuckDB's own type of each column, as SQL writes it.
    pub(super) types: Vec<String>,
}

impl ColumnTypes {
    pub(super) fn new(connection: &Connection, columns: &[(String, LogicalType)]) -> Result<Self, EngineError> {
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

pub(super) fn arrow_error(error: ArrowError) -> EngineError {
    error_from_text(EngineErrorKind::ColumnType, error.to_string())
}

/// Puts chunks together to batches.
enum Batcher {
    /// All columns are plain.
    Packer(Packer),
    Exporter(Exporter),
}

impl Batcher {
    fn new(types: ColumnTypes, columns: &[LogicalType]) -> Self {
        match Packer::new(&types.schema, columns) {
            Some(packer) => Batcher::Packer(packer),
            None => Batcher::Exporter(Exporter::new(types)),
        }
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), EngineError> {
        match self {
            Batcher::Packer(packer) => packer.add(chunk),
            Batcher::Exporter(exporter) => exporter.add(chunk),
        }
    }

    fn is_full(&self) -> bool {
        match self {
            Batcher::Packer(packer) => packer.is_full(),
            Batcher::Exporter(exporter) => exporter.is_full(),
        }
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        match self {
            Batcher::Packer(packer) => packer.finish(),
            Batcher::Exporter(exporter) => exporter.finish(),
        }
    }
}

/// A running query. Dropping it ends the query.
pub(super) struct ResultReader {
    schema: SchemaRef,
    batcher: Batcher,
    result: QueryResult,
    /// Kept for as long as its result is read; goes last.
    _prepared: Prepared,
    ended: bool,
}

impl ResultReader {
    /// Rows come out of DuckDB as they are read, which occupies the connection.
    pub(super) fn start(mut prepared: Prepared) -> Result<Self, EngineError> {
        let result = prepared.stream()?;
        ResultReader::new(prepared, result)
    }

    /// All rows are there before the first one is read, and DuckDB keeps them.
    pub(super) fn complete(mut prepared: Prepared) -> Result<Self, EngineError> {
        let result = prepared.run()?;
        ResultReader::new(prepared, result)
    }

    fn new(prepared: Prepared, mut result: QueryResult) -> Result<Self, EngineError> {
        let columns = result.columns();
        let types = ColumnTypes::new(prepared.connection(), &columns)?;
        let schema = Arc::clone(&types.schema);
        let logical: Vec<LogicalType> = columns.into_iter().map(|(_, logical)| logical).collect();
        Ok(ResultReader { schema, batcher: Batcher::new(types, &logical), result, _prepared: prepared, ended: false })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        while !self.ended && !self.batcher.is_full() {
            match self.result.next_chunk()? {
                Some(chunk) if chunk.len() == 0 => {}
                Some(chunk) => self.batcher.add(&chunk)?,
                None => self.ended = true,
            }
        }
        self.batcher.finish()
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
        Arc::clone(&self.schema)
    }
}
