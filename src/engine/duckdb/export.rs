//! Rows of any type, by DuckDB's own export: an array for each chunk, put together to a batch.

use arrow::array::{RecordBatch, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use arrow::ffi::{FFI_ArrowArray, from_ffi};
use duckdb::ffi;

use super::error::error_from_text;
use super::hugeint::readable_data;
use super::interval::has_too_long;
use super::raw::{Chunk, take_error};
use super::stream::{BATCH_BYTES, BATCH_ROWS, ColumnTypes, arrow_error};
use crate::engine::{EngineError, EngineErrorKind};

/// Gathers chunks into a batch.
pub(super) struct Exporter {
    types: ColumnTypes,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    merges: bool,
}

impl Exporter {
    pub(super) fn new(types: ColumnTypes) -> Self {
        let merges = !types.schema.fields().iter().any(|field| holds_dictionary(field.data_type()));
        Exporter { types, batches: Vec::new(), rows: 0, bytes: 0, merges }
    }

    pub(super) fn add(&mut self, chunk: &Chunk) -> Result<(), EngineError> {
        let batch = self.export(chunk)?;
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES || (!self.merges && self.rows > 0)
    }

    /// The rows since the last batch; `None` when there are none.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        (self.rows, self.bytes) = (0, 0);
        let mut batches = std::mem::take(&mut self.batches);
        match batches.len() {
            0 | 1 => Ok(batches.pop()),
            _ => concat_batches(&self.types.schema, &batches).map(Some).map_err(arrow_error),
        }
    }

    fn export(&self, chunk: &Chunk) -> Result<RecordBatch, EngineError> {
        let schema = &self.types.schema;
        if let Some(column) = self.types.intervals.iter().find(|column| has_too_long(chunk, **column)) {
            let message = format!(
                "column `{}` has an {} that is longer than the nanoseconds of Arrow can hold; cast it to VARCHAR in SQL",
                schema.field(*column).name(),
                self.types.types[*column]
            );
            return Err(error_from_text(EngineErrorKind::ColumnType, message));
        }
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: chunk and options are valid; DuckDB fills the array, which owns its buffers from then on.
        let error =
            unsafe { ffi::duckdb_data_chunk_to_arrow(self.types.options.raw, chunk.raw, (&raw mut array).cast()) };
        if let Some(message) = take_error(error) {
            return Err(error_from_text(EngineErrorKind::ColumnType, message));
        }
        // SAFETY: the array was exported with this schema.
        let mut data = unsafe { from_ffi(array, &self.types.exported) }.map_err(arrow_error)?;
        if let Some(readable) = &self.types.readable {
            data = readable_data(data, readable).map_err(arrow_error)?;
        }
        let (_, columns, _) = StructArray::from(data).into_parts();
        RecordBatch::try_new(schema.clone(), columns).map_err(arrow_error)
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
