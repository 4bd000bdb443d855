//! Results: their chunks, and the types of their columns.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use duckdb::ffi;

use super::borrowed_text;
use super::connection::Connection;
use crate::engine::EngineError;
use crate::engine::duckdb::error::query_error;

/// A result, streaming or complete.
pub(in crate::engine::duckdb) struct QueryResult {
    pub(in crate::engine::duckdb) raw: ffi::duckdb_result,
}

// SAFETY: owned by one thread at a time.
unsafe impl Send for QueryResult {}

impl QueryResult {
    pub(super) fn empty() -> Self {
        // SAFETY: all-zero is what DuckDB expects before it writes a result, and what it can destroy.
        QueryResult { raw: unsafe { std::mem::zeroed() } }
    }

    pub(in crate::engine::duckdb) fn error(&mut self) -> EngineError {
        // SAFETY: the message belongs to the result.
        query_error(&unsafe { borrowed_text(ffi::duckdb_result_error(&mut self.raw)) })
    }

    pub(in crate::engine::duckdb) fn columns(&mut self) -> Vec<(String, LogicalType)> {
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
    pub(in crate::engine::duckdb) fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
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

pub(in crate::engine::duckdb) struct Chunk {
    pub(in crate::engine::duckdb) raw: ffi::duckdb_data_chunk,
}

impl Chunk {
    pub(in crate::engine::duckdb) fn len(&self) -> u64 {
        // SAFETY: the chunk is valid until it is dropped.
        unsafe { ffi::duckdb_data_chunk_get_size(self.raw) }
    }

    /// A column of the chunk, which is flat: one value after the other.
    pub(in crate::engine::duckdb) fn vector(&self, column: u64) -> Vector<'_> {
        // SAFETY: vector, data and validity belong to the chunk.
        unsafe {
            let vector = ffi::duckdb_data_chunk_get_vector(self.raw, column);
            Vector {
                data: ffi::duckdb_vector_get_data(vector),
                validity: ffi::duckdb_vector_get_validity(vector),
                _chunk: PhantomData,
            }
        }
    }

    /// A value of a BIGINT column, `None` for NULL.
    pub(in crate::engine::duckdb) fn big_int(&self, column: u64, row: u64) -> Option<i64> {
        // SAFETY: the caller's column is a BIGINT, of which `data` holds one per row.
        self.value(column, row, |data| unsafe { *data.cast::<i64>().add(row as usize) })
    }

    /// A value of a UBIGINT column, `None` for NULL.
    pub(in crate::engine::duckdb) fn unsigned_big_int(&self, column: u64, row: u64) -> Option<u64> {
        // SAFETY: as in `big_int`.
        self.value(column, row, |data| unsafe { *data.cast::<u64>().add(row as usize) })
    }

    /// A value of a HUGEINT column, `None` for NULL.
    pub(in crate::engine::duckdb) fn huge_int(&self, column: u64, row: u64) -> Option<i128> {
        // SAFETY: as in `big_int`.
        let value = self.value(column, row, |data| unsafe { *data.cast::<ffi::duckdb_hugeint>().add(row as usize) })?;
        Some(i128::from(value.upper) << 64 | i128::from(value.lower))
    }

    /// A value of a VARCHAR or BLOB column, `None` for NULL.
    pub(in crate::engine::duckdb) fn bytes(&self, column: u64, row: u64) -> Option<Vec<u8>> {
        // SAFETY: the caller's column holds strings, one `duckdb_string_t` per row.
        self.value(column, row, |data| unsafe {
            let text = data.cast::<ffi::duckdb_string_t>().add(row as usize);
            let length = ffi::duckdb_string_t_length(*text) as usize;
            std::slice::from_raw_parts(ffi::duckdb_string_t_data(text).cast::<u8>(), length).to_vec()
        })
    }

    fn value<T>(&self, column: u64, row: u64, read: impl FnOnce(*mut c_void) -> T) -> Option<T> {
        if row >= self.len() {
            return None;
        }
        let vector = self.vector(column);
        vector.is_valid(row as usize).then(|| read(vector.data))
    }
}

/// The values of one column of a chunk.
pub(in crate::engine::duckdb) struct Vector<'c> {
    data: *mut c_void,
    validity: *mut u64,
    _chunk: PhantomData<&'c Chunk>,
}

impl Vector<'_> {
    /// # Safety
    /// The vector has that many values of `T`, DuckDB's storage of its type.
    pub(in crate::engine::duckdb) unsafe fn slice<T>(&self, count: usize) -> &[T] {
        // SAFETY: by the caller's promise; an empty vector may have no data at all.
        if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.data.cast(), count) } }
    }

    /// A bit for each row, lowest first, that is set where there is a value; `None` where all rows have one.
    pub(in crate::engine::duckdb) fn mask(&self, rows: usize) -> Option<&[u8]> {
        // SAFETY: the mask has whole words of 64 rows.
        (!self.validity.is_null())
            .then(|| unsafe { std::slice::from_raw_parts(self.validity.cast::<u8>(), rows.div_ceil(8)) })
    }

    fn is_valid(&self, row: usize) -> bool {
        self.mask(row + 1).is_none_or(|mask| is_set(mask, row))
    }
}

/// A row's bit in a mask.
pub(in crate::engine::duckdb) fn is_set(mask: &[u8], row: usize) -> bool {
    mask[row / 8] >> (row % 8) & 1 == 1
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.raw) };
    }
}

/// A column's type.
pub(in crate::engine::duckdb) struct LogicalType {
    pub(in crate::engine::duckdb) raw: ffi::duckdb_logical_type,
}

// SAFETY: an immutable value behind a pointer.
unsafe impl Send for LogicalType {}

impl LogicalType {
    /// # Safety
    /// `raw` is a type that nobody else destroys.
    pub(in crate::engine::duckdb) unsafe fn new(raw: ffi::duckdb_logical_type) -> Self {
        LogicalType { raw }
    }

    pub(in crate::engine::duckdb) fn id(&self) -> ffi::duckdb_type {
        // SAFETY: the type is valid until it is dropped.
        unsafe { ffi::duckdb_get_type_id(self.raw) }
    }

    /// Digits of a DECIMAL.
    pub(in crate::engine::duckdb) fn decimal_width(&self) -> u8 {
        // SAFETY: as in `id`; zero for other types.
        unsafe { ffi::duckdb_decimal_width(self.raw) }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.raw) };
    }
}

/// DuckDB's options for conversions to Arrow, which hold the settings that were in force.
pub(in crate::engine::duckdb) struct ArrowOptions {
    pub(in crate::engine::duckdb) raw: ffi::duckdb_arrow_options,
}

// SAFETY: an immutable value behind a pointer.
unsafe impl Send for ArrowOptions {}

impl ArrowOptions {
    pub(in crate::engine::duckdb) fn of(connection: &Connection) -> Self {
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
