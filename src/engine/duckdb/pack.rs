//! Rows of plain types, packed from DuckDB's vectors straight into large Arrow arrays.
//!
//! DuckDB's own export makes an array of each chunk of 2,048 rows, so that every value is copied twice on its way into a
//! batch that is worth a call. Packing copies it once. What is packed is equal to what DuckDB exports: a test compares.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, BooleanBufferBuilder, RecordBatch, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use duckdb::ffi;

use super::error::error_from_text;
use super::raw::{Chunk, LogicalType, Vector, is_set};
use super::recycle::Recycled;
use super::stream::{BATCH_BYTES, BATCH_ROWS, CHUNK_ROWS, arrow_error};
use crate::engine::{EngineError, EngineErrorKind};

/// Arrow's offsets into texts have 32 bits.
const MOST_BYTES: usize = i32::MAX as usize;
/// The longest text that DuckDB keeps inside of its vector.
const INLINE_BYTES: u32 = 12;

/// Gathers chunks, all of whose columns are plain, into a batch.
pub(super) struct Packer {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

impl Packer {
    /// `None` when a column has a type that only DuckDB's export knows.
    pub(super) fn new(schema: &SchemaRef, types: &[LogicalType]) -> Option<Self> {
        let columns = schema.fields().iter().zip(types).map(|(field, logical)| {
            let layout = Layout::of(logical, field.data_type())?;
            Some(Column::new(layout, field.data_type().clone()))
        });
        let columns = columns.collect::<Option<Vec<_>>>()?;
        Some(Packer { schema: Arc::clone(schema), columns, rows: 0 })
    }

    pub(super) fn add(&mut self, chunk: &Chunk) -> Result<(), EngineError> {
        let rows = chunk.len() as usize;
        if rows == 0 {
            return Ok(());
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            let vector = chunk.vector(index as u64);
            // SAFETY: the vector is the chunk's, so it has that many rows, of the type that the layout was made for.
            let fits = unsafe { column.append(&vector, self.rows, rows) };
            fits.ok_or_else(|| too_much_text(self.schema.field(index).name(), rows))?;
        }
        self.rows += rows;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS
            || self.columns.iter().map(|column| column.values.filling.len()).sum::<usize>() >= BATCH_BYTES
    }

    /// The rows since the last batch; `None` when there are none.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(|column| column.finish(rows)).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map(Some).map_err(arrow_error)
    }
}

fn too_much_text(column: &str, rows: usize) -> EngineError {
    let message = format!(
        "column `{column}` has more than two gigabytes of text in {rows} rows that travel together; shorten it in SQL"
    );
    error_from_text(EngineErrorKind::ColumnType, message)
}

/// How a column's values stand in DuckDB's vector, compared with Arrow's array.
#[derive(Clone, Copy)]
enum Layout {
    /// The same, with so many bytes for each value.
    Same(usize),
    /// A byte for each value, a bit in Arrow.
    Bits,
    /// Decimals of 2, 4 or 8 bytes, 16 in Arrow.
    Decimal16,
    Decimal32,
    Decimal64,
    /// A number with its highest bit turned over, so that it sorts as the text does; the plain bytes in Arrow.
    Uuid,
    /// Texts and blobs: short ones inline, others behind a pointer.
    Bytes,
}

impl Layout {
    fn of(logical: &LogicalType, arrow: &DataType) -> Option<Self> {
        let id = logical.id();
        let same = |width: usize| (arrow.primitive_width() == Some(width)).then_some(Layout::Same(width));
        match id {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN if *arrow == DataType::Boolean => Some(Layout::Bits),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => same(1),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT | ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => same(2),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => same(4),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS
            | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => same(8),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => same(16),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL if matches!(arrow, DataType::Decimal128(..)) => {
                // The widths are those of DuckDB's storage.
                Some(match logical.decimal_width() {
                    0..=4 => Layout::Decimal16,
                    5..=9 => Layout::Decimal32,
                    10..=18 => Layout::Decimal64,
                    _ => Layout::Same(16),
                })
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID if *arrow == DataType::FixedSizeBinary(16) => Some(Layout::Uuid),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR if *arrow == DataType::Utf8 => Some(Layout::Bytes),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB if *arrow == DataType::Binary => Some(Layout::Bytes),
            _ => None,
        }
    }
}

struct Column {
    layout: Layout,
    data_type: DataType,
    values: Recycled,
    /// Bits for `Layout::Bits`, in the place of `values`.
    bits: BooleanBufferBuilder,
    /// Ends of the texts, after a zero; for `Layout::Bytes`.
    offsets: Recycled,
    /// From the first chunk on that has a mask.
    validity: Option<BooleanBufferBuilder>,
    /// Bytes of the batch before, as a guess for the next one.
    expected: usize,
}

impl Column {
    fn new(layout: Layout, data_type: DataType) -> Self {
        Column {
            layout,
            data_type,
            values: Recycled::default(),
            bits: BooleanBufferBuilder::new(0),
            offsets: Recycled::default(),
            validity: None,
            expected: 0,
        }
    }

    /// Adds a chunk's values after `before` ones; `None` when their texts do not fit.
    ///
    /// # Safety
    /// The vector has that many rows, of the type that the layout was made for.
    unsafe fn append(&mut self, vector: &Vector<'_>, before: usize, rows: usize) -> Option<()> {
        if before == 0 {
            // What begins with a full chunk goes on.
            self.reserve(if rows == CHUNK_ROWS { BATCH_ROWS } else { rows });
        }
        self.append_validity(vector, before, rows);
        // SAFETY (all slices): the types are the storage of DuckDB's types, by `Layout::of`.
        unsafe {
            match self.layout {
                Layout::Same(width) => self.values.filling.extend_from_slice(vector.slice::<u8>(rows * width)),
                Layout::Bits => vector.slice::<u8>(rows).iter().for_each(|value| self.bits.append(*value != 0)),
                Layout::Decimal16 => self.extend(vector.slice::<i16>(rows), |value| i128::from(*value)),
                Layout::Decimal32 => self.extend(vector.slice::<i32>(rows), |value| i128::from(*value)),
                Layout::Decimal64 => self.extend(vector.slice::<i64>(rows), |value| i128::from(*value)),
                Layout::Uuid => self.extend(vector.slice::<i128>(rows), |value| (value ^ i128::MIN).swap_bytes()),
                Layout::Bytes => self.append_texts(vector, rows)?,
            }
        }
        Some(())
    }

    /// Makes room for a batch of so many rows.
    fn reserve(&mut self, rows: usize) {
        match self.layout {
            Layout::Same(width) => self.values.reserve(rows * width),
            Layout::Bits => self.bits.reserve(rows),
            Layout::Decimal16 | Layout::Decimal32 | Layout::Decimal64 | Layout::Uuid => {
                self.values.reserve(rows * size_of::<i128>());
            }
            Layout::Bytes => {
                self.offsets.reserve((rows + 1) * size_of::<i32>());
                self.offsets.filling.push(0i32);
                // A little more than the batch before, so that a little more needs no second place.
                self.values.reserve(self.expected + self.expected / 8);
            }
        }
    }

    fn append_validity(&mut self, vector: &Vector<'_>, before: usize, rows: usize) {
        match (vector.mask(rows), &mut self.validity) {
            (None, None) => {}
            (None, Some(validity)) => validity.append_n(rows, true),
            (Some(mask), validity) => {
                let validity = validity.get_or_insert_with(|| {
                    let mut all_before = BooleanBufferBuilder::new(BATCH_ROWS);
                    all_before.append_n(before, true);
                    all_before
                });
                validity.append_packed_range(0..rows, mask);
            }
        }
    }

    fn extend<T>(&mut self, values: &[T], convert: impl Fn(&T) -> i128) {
        let start = self.values.filling.len() / size_of::<i128>();
        self.values.filling.resize(self.values.filling.len() + values.len() * size_of::<i128>(), 0);
        let room = &mut self.values.filling.typed_data_mut::<i128>()[start..];
        for (place, value) in room.iter_mut().zip(values) {
            *place = convert(value);
        }
    }

    /// # Safety
    /// The vector has that many texts or blobs.
    unsafe fn append_texts(&mut self, vector: &Vector<'_>, rows: usize) -> Option<()> {
        // SAFETY: by the caller's promise.
        let texts = unsafe { vector.slice::<ffi::duckdb_string_t>(rows) };
        let mask = vector.mask(rows);
        // What stands in the place of a NULL is not a text.
        let is_valid = |row: usize| mask.is_none_or(|mask| is_set(mask, row));
        // SAFETY: both forms of a text begin with its length.
        let length = |text: &ffi::duckdb_string_t| unsafe { text.value.inlined.length as usize };
        let total: usize =
            texts.iter().enumerate().filter(|(row, _)| is_valid(*row)).map(|(_, text)| length(text)).sum();
        if self.values.filling.len() + total > MOST_BYTES {
            return None;
        }
        self.values.filling.reserve(total);
        for (row, text) in texts.iter().enumerate() {
            if is_valid(row) {
                // SAFETY: short texts are inline, others behind the pointer, which the chunk keeps alive.
                let bytes = unsafe {
                    let length = text.value.inlined.length;
                    let inline = text.value.inlined.inlined.as_ptr();
                    let start = if length <= INLINE_BYTES { inline } else { text.value.pointer.ptr };
                    std::slice::from_raw_parts(start.cast::<u8>(), length as usize)
                };
                self.values.filling.extend_from_slice(bytes);
            }
            self.offsets.filling.push(self.values.filling.len() as i32);
        }
        Some(())
    }

    fn finish(&mut self, rows: usize) -> ArrayRef {
        let nulls = self.validity.take().map(|mut validity| NullBuffer::new(validity.finish()));
        self.expected = self.values.filling.len();
        let data = ArrayData::builder(self.data_type.clone()).len(rows).nulls(nulls);
        let data = match self.layout {
            Layout::Bytes => data.add_buffer(self.offsets.take()).add_buffer(self.values.take()),
            Layout::Bits => data.add_buffer(self.bits.finish().into_inner()),
            _ => data.add_buffer(self.values.take()),
        };
        // SAFETY: the buffers hold `rows` values of the type; DuckDB's texts are UTF-8.
        make_array(unsafe { data.build_unchecked() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::compute::concat_batches;

    use super::*;
    use crate::engine::duckdb::export::Exporter;
    use crate::engine::duckdb::raw::{Connection, Database};
    use crate::engine::duckdb::stream::ColumnTypes;

    fn connection() -> Arc<Connection> {
        crate::engine::duckdb::library::load().unwrap();
        let settings = [("arrow_lossless_conversion".to_owned(), "true".to_owned())];
        Arc::new(Database::open(None, &settings).unwrap()).connect().unwrap()
    }

    /// The same rows, packed and exported.
    fn both(connection: &Arc<Connection>, sql: &str) -> Option<(Vec<RecordBatch>, RecordBatch)> {
        let mut result = connection.prepare(sql).unwrap().run().unwrap();
        let columns = result.columns();
        let types = ColumnTypes::new(connection, &columns).unwrap();
        let schema = Arc::clone(&types.schema);
        let logical: Vec<_> = columns.into_iter().map(|(_, logical)| logical).collect();
        let mut packer = Packer::new(&schema, &logical)?;
        let mut exporter = Exporter::new(types);
        let (mut packed, mut exported) = (Vec::new(), Vec::new());
        while let Some(chunk) = result.next_chunk().unwrap() {
            packer.add(&chunk).unwrap();
            if packer.is_full() {
                packed.extend(packer.finish().unwrap());
            }
            exporter.add(&chunk).unwrap();
            exported.extend(exporter.finish().unwrap());
        }
        packed.extend(packer.finish().unwrap());
        Some((packed, concat_batches(&schema, &exported).unwrap()))
    }

    fn assert_equal(connection: &Arc<Connection>, sql: &str) {
        let (packed, exported) = both(connection, sql).unwrap_or_else(|| panic!("not plain: {sql}"));
        for batch in &packed {
            for column in batch.columns() {
                column.to_data().validate_full().unwrap();
            }
        }
        let packed = concat_batches(&exported.schema(), &packed).unwrap();
        assert_eq!(packed, exported, "{sql}");
    }

    #[test]
    fn every_plain_type_is_packed_as_duckdb_exports_it() {
        let connection = connection();
        for column in [
            "bool",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "hugeint",
            "utinyint",
            "usmallint",
            "uint",
            "ubigint",
            "date",
            "time",
            "timestamp",
            "timestamp_s",
            "timestamp_ms",
            "timestamp_ns",
            "timestamp_tz",
            "float",
            "double",
            "dec_4_1",
            "dec_9_4",
            "dec_18_6",
            "dec38_10",
            "uuid",
            "varchar",
            "blob",
        ] {
            assert_equal(&connection, &format!("select {column} from test_all_types()"));
            // Many chunks, some without a NULL, and unequal numbers of rows in them.
            let many = format!("select t.{column} from test_all_types() t, range(5000) r where hash(r.range) % 3 > 0");
            assert_equal(&connection, &many);
        }
    }

    #[test]
    fn batches_hold_the_rows_of_many_chunks_in_their_order() {
        let connection = connection();
        let sql =
            "select range as id, if(range % 7 = 0, null, 'text ' || range) as text, if(range > 200000, null, 1) as n
            from range(300000)";
        assert_equal(&connection, sql);
        let (packed, _) = both(&connection, sql).unwrap();
        assert_eq!(packed.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [122_880, 122_880, 54_240]);
    }

    #[test]
    fn long_texts_end_a_batch_early() {
        let connection = connection();
        let (packed, _) = both(&connection, "select repeat('x', 20000) as text from range(8192)").unwrap();
        assert_eq!(packed.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [4096, 4096]);
    }

    #[test]
    fn other_types_are_left_to_the_export() {
        let connection = connection();
        for column in ["int_array", "struct", "map", "small_enum", "interval", "time_tz", "bit", "union"] {
            assert!(both(&connection, &format!("select \"{column}\" from test_all_types()")).is_none(), "{column}");
        }
    }
}
