//! The engine's lossless Arrow in forms that Python's libraries can compute with.
//!
//! Without loss, the engine gives booleans as `arrow.bool8`, which hardly any library takes for booleans: here they
//! become Arrow's own. For frames, intervals become durations and unsigned 128-bit integers decimals; whatever does
//! not fit is an error that names column and type, never another value.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DurationMicrosecondArray, FixedSizeBinaryArray,
    FixedSizeListArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Int8Type, IntervalMonthDayNanoType, IntervalUnit, Schema, TimeUnit};
use arrow::error::ArrowError;

use dovetail::engine::TYPE_METADATA;

use crate::limits::{DIGITS_LIMIT, Limit};
use crate::types::Library;

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// How one column (or a part of a nested one) changes.
enum Change {
    None,
    Boolean,
    Unsigned,
    Duration,
    /// The array stays, if all its values have a counterpart.
    Checked(Limit),
    Children(Vec<Change>),
}

/// The changes that a result's columns need for a library.
pub(crate) struct Shape {
    pub(crate) schema: Arc<Schema>,
    changes: Vec<Change>,
}

impl Shape {
    /// `origins` has the engine's type for each column that was cast on the way out. Errors name column and type.
    pub(crate) fn new(schema: &Schema, library: Library, origins: &[Option<String>]) -> Result<Shape, String> {
        let mut fields = Vec::new();
        let mut changes = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            let (mut field, change) = shape_field(field, library).map_err(|kind| {
                let library = if library == Library::Polars { "polars" } else { "pandas" };
                format!("column `{}` has a {kind}, which {library} has no type for", schema.field(index).name())
            })?;
            if let Some(Some(origin)) = origins.get(index) {
                let mut metadata = field.metadata().clone();
                metadata.insert(TYPE_METADATA.to_owned(), origin.clone());
                field = Arc::new(field.as_ref().clone().with_metadata(metadata));
            }
            fields.push(field);
            changes.push(change);
        }
        Ok(Shape { schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), changes })
    }

    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut columns = Vec::with_capacity(self.changes.len());
        for (index, change) in self.changes.iter().enumerate() {
            let field = self.schema.field(index);
            let column = change_array(batch.column(index), field, change)
                .map_err(|problem| ArrowError::InvalidArgumentError(format!("column `{}`: {problem}", field.name())))?;
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

fn shape_field(field: &FieldRef, library: Library) -> Result<(FieldRef, Change), &'static str> {
    let extension = field.metadata().get(EXTENSION_NAME).map(String::as_str);
    let opaque = field.metadata().get(EXTENSION_METADATA).map_or("", String::as_str);
    let frames = library != Library::Arrow;
    let plain = |data_type: DataType, change: Change, origin: Option<&str>| {
        let origin = origin.map(|origin| (TYPE_METADATA.to_owned(), origin.to_owned()));
        let metadata: HashMap<_, _> = origin.into_iter().collect();
        let field = Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata);
        Ok((Arc::new(field), change))
    };
    match (field.data_type(), extension) {
        (DataType::Int8, Some("arrow.bool8")) => plain(DataType::Boolean, Change::Boolean, None),
        (DataType::FixedSizeBinary(16), Some("arrow.opaque")) if frames && opaque.contains("\"uhugeint\"") => {
            plain(DataType::Decimal128(38, 0), Change::Unsigned, Some("UHUGEINT"))
        }
        (DataType::Interval(IntervalUnit::MonthDayNano), _) if frames => {
            plain(DataType::Duration(TimeUnit::Microsecond), Change::Duration, None)
        }
        (DataType::Union(..), _) if frames => Err("UNION"),
        (data_type, _) if Limit::of(data_type, library).is_some() => {
            let change = Limit::of(data_type, library).map_or(Change::None, Change::Checked);
            Ok((Arc::clone(field), change))
        }
        // The same zone, by the name that other data has it under.
        (DataType::Timestamp(unit, Some(zone)), _) if zone.as_ref() == "Etc/UTC" => {
            let data_type = DataType::Timestamp(*unit, Some("UTC".into()));
            Ok((Arc::new(field.as_ref().clone().with_data_type(data_type)), Change::None))
        }
        (nested, _) => {
            let (data_type, change) = shape_nested(nested, library)?;
            let mut metadata = field.metadata().clone();
            if frames {
                metadata.remove(EXTENSION_NAME);
                metadata.remove(EXTENSION_METADATA);
            }
            let shaped = field.as_ref().clone().with_data_type(data_type).with_metadata(metadata);
            Ok((Arc::new(shaped), change))
        }
    }
}

fn shape_nested(data_type: &DataType, library: Library) -> Result<(DataType, Change), &'static str> {
    Ok(match data_type {
        DataType::List(item) => {
            let (item, change) = shape_field(item, library)?;
            (DataType::List(item), children(vec![change]))
        }
        DataType::FixedSizeList(item, size) => {
            let (item, change) = shape_field(item, library)?;
            (DataType::FixedSizeList(item, *size), children(vec![change]))
        }
        DataType::Map(entries, sorted) => {
            let (entries, change) = shape_field(entries, library)?;
            (DataType::Map(entries, *sorted), children(vec![change]))
        }
        DataType::Struct(fields) => {
            let shaped: Vec<_> = fields.iter().map(|field| shape_field(field, library)).collect::<Result<_, _>>()?;
            let (fields, changes): (Vec<_>, Vec<_>) = shaped.into_iter().unzip();
            (DataType::Struct(fields.into()), children(changes))
        }
        other => (other.clone(), Change::None),
    })
}

fn children(changes: Vec<Change>) -> Change {
    if changes.iter().all(|change| matches!(change, Change::None)) { Change::None } else { Change::Children(changes) }
}

fn change_array(array: &ArrayRef, field: &Field, change: &Change) -> Result<ArrayRef, String> {
    match change {
        // Only names or metadata of nested fields may differ, which the array must agree with.
        Change::None if array.data_type() == field.data_type() => Ok(Arc::clone(array)),
        Change::None => relabel(array, field.data_type()),
        Change::Boolean => {
            let values = array.as_primitive_opt::<Int8Type>().ok_or("is not bool8")?;
            Ok(Arc::new(BooleanArray::new(values.values().iter().map(|value| *value != 0).collect(), nulls(array))))
        }
        Change::Unsigned => unsigned(array),
        Change::Duration => duration(array),
        Change::Checked(limit) => limit.check(array).map(|()| Arc::clone(array)),
        Change::Children(changes) => change_children(array, field, changes),
    }
}

fn nulls(array: &ArrayRef) -> Option<arrow::buffer::NullBuffer> {
    array.nulls().cloned()
}

fn relabel(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, String> {
    let data = array.to_data().into_builder().data_type(data_type.clone());
    let children = match data_type {
        DataType::Dictionary(..) => return Ok(Arc::clone(array)),
        DataType::List(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        _ => Vec::new(),
    };
    let inner = array.to_data();
    let relabelled = inner.child_data().iter().zip(children).map(|(child, data_type)| {
        let child = arrow::array::make_array(child.clone());
        if child.data_type() == data_type { Ok(child) } else { relabel(&child, data_type) }
    });
    let relabelled: Vec<_> = relabelled.collect::<Result<Vec<_>, _>>()?;
    let data = if relabelled.is_empty() {
        data
    } else {
        data.child_data(relabelled.iter().map(|child| child.to_data()).collect())
    };
    // SAFETY: the buffers are the array's own, and the types differ only in names, zones and metadata.
    let data = unsafe { data.skip_validation(true) };
    data.build().map(arrow::array::make_array).map_err(|error| error.to_string())
}

fn unsigned(array: &ArrayRef) -> Result<ArrayRef, String> {
    let bytes = array.as_any().downcast_ref::<FixedSizeBinaryArray>().ok_or("is not 16 bytes wide")?;
    let mut values = Vec::with_capacity(bytes.len());
    for index in 0..bytes.len() {
        let wide: [u8; 16] = bytes.value(index).try_into().map_err(|_| "is not 16 bytes wide")?;
        let value = if bytes.is_null(index) { 0 } else { u128::from_le_bytes(wide) };
        if value >= DIGITS_LIMIT {
            return Err(format!(
                "the UHUGEINT value {value} has more than the 38 digits that an Arrow decimal can hold; \
                 cast it to VARCHAR or DOUBLE in SQL"
            ));
        }
        values.push(i128::try_from(value).unwrap_or_default());
    }
    let decimals = Decimal128Array::new(values.into(), nulls(array));
    decimals.with_precision_and_scale(38, 0).map(|array| Arc::new(array) as ArrayRef).map_err(|error| error.to_string())
}

/// A day counts 24 hours, as in the engine's own comparison of intervals; months have no fixed length.
fn duration(array: &ArrayRef) -> Result<ArrayRef, String> {
    let intervals = array.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or("is not an interval")?;
    let too_long = || "an INTERVAL is longer than a duration of microseconds can hold".to_owned();
    let mut values = Vec::with_capacity(intervals.len());
    for index in 0..intervals.len() {
        if intervals.is_null(index) {
            values.push(0);
            continue;
        }
        let interval = intervals.value(index);
        if interval.months != 0 {
            return Err("an INTERVAL with months or years has no fixed length, so no duration stands for it; \
                        cast it to VARCHAR in SQL, or take `Relation` or `pa.Table`"
                .to_owned());
        }
        let days = i64::from(interval.days).checked_mul(86_400_000_000).ok_or_else(too_long)?;
        values.push(days.checked_add(interval.nanoseconds / 1000).ok_or_else(too_long)?);
    }
    Ok(Arc::new(DurationMicrosecondArray::new(values.into(), nulls(array))))
}

fn change_children(array: &ArrayRef, field: &Field, changes: &[Change]) -> Result<ArrayRef, String> {
    let text = |error: ArrowError| error.to_string();
    let first = changes.first().ok_or("has no parts")?;
    Ok(match field.data_type() {
        DataType::List(item) => {
            let list = array.as_list_opt::<i32>().ok_or("is not a list")?;
            let values = change_array(list.values(), item, first)?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, nulls(array)).map_err(text)?)
        }
        DataType::FixedSizeList(item, size) => {
            let list = array.as_fixed_size_list_opt().ok_or("is not an array")?;
            let values = change_array(list.values(), item, first)?;
            let changed = FixedSizeListArray::try_new(Arc::clone(item), *size, values, nulls(array)).map_err(text)?;
            Arc::new(changed)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map_opt().ok_or("is not a map")?;
            let inner: ArrayRef = Arc::new(map.entries().clone());
            let inner = change_array(&inner, entries, first)?.as_struct().clone();
            let offsets = map.offsets().clone();
            let changed = MapArray::try_new(Arc::clone(entries), offsets, inner, nulls(array), *sorted);
            Arc::new(changed.map_err(text)?)
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct_opt().ok_or("is not a struct")?;
            let parts = parts.columns().iter().zip(fields).zip(changes);
            let columns: Vec<_> =
                parts.map(|((part, field), change)| change_array(part, field, change)).collect::<Result<_, _>>()?;
            let changed =
                StructArray::try_new_with_length(fields.clone(), columns, nulls(array), array.len()).map_err(text)?;
            Arc::new(changed)
        }
        _ => Arc::clone(array),
    })
}

impl Shape {
    /// For batches that have their shape already.
    pub(crate) fn unchanged(schema: Arc<Schema>) -> Shape {
        let changes = schema.fields().iter().map(|_| Change::None).collect();
        Shape { schema, changes }
    }
}
