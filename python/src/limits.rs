//! Values that have no counterpart on the other side, though their types have: found and refused, never changed.

use std::sync::Arc;

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StructArray};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Decimal128Type, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, IntervalMonthDayNanoType, IntervalUnit, Schema, SchemaRef, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::ffi::from_ffi_and_data_type;
use dovetail::execute::PythonErrorKind;

use crate::capsule::arrow_text;
use crate::error::plain;
use crate::runtime::Failure;
use crate::stream::ArraySource;
use crate::types::Library;

/// One more than the greatest number of 38 digits, which is what an Arrow decimal promises to hold.
pub(crate) const DIGITS_LIMIT: u128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// What a library cannot hold of a type that it has.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// polars' times end before 24:00:00.
    Day,
    /// polars keeps seconds as milliseconds, in which infinity (and far years) have no room.
    Milliseconds,
    /// HUGEINTs of 39 digits under a decimal type of 38.
    Digits,
}

impl Limit {
    pub(crate) fn of(data_type: &DataType, library: Library) -> Option<Limit> {
        match (library, data_type) {
            (Library::Polars, DataType::Time64(_)) => Some(Limit::Day),
            (Library::Polars, DataType::Timestamp(TimeUnit::Second, None)) => Some(Limit::Milliseconds),
            (Library::Pandas, DataType::Decimal128(38, 0)) => Some(Limit::Digits),
            _ => None,
        }
    }

    pub(crate) fn check(self, array: &ArrayRef) -> Result<(), String> {
        match (self, array.data_type()) {
            (Limit::Day, DataType::Time64(TimeUnit::Microsecond)) => {
                before_midnight::<Time64MicrosecondType>(array, DAY_SECONDS * 1_000_000, "TIME")
            }
            (Limit::Day, _) => before_midnight::<Time64NanosecondType>(array, DAY_SECONDS * 1_000_000_000, "TIME_NS"),
            (Limit::Milliseconds, _) => all::<TimestampSecondType>(array, |value| {
                let fits = value.checked_mul(1000).is_some();
                (!fits).then(|| {
                    "a TIMESTAMP_S value is infinite or too far away for the milliseconds that polars keeps; \
                     cast it to TIMESTAMP in SQL"
                        .to_owned()
                })
            }),
            (Limit::Digits, _) => all::<Decimal128Type>(array, |value| {
                (value.unsigned_abs() >= DIGITS_LIMIT).then(|| {
                    format!(
                        "the HUGEINT value {value} has more than the 38 digits that an Arrow decimal can hold; \
                         cast it to VARCHAR or DOUBLE in SQL"
                    )
                })
            }),
        }
    }
}

fn before_midnight<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, end: i64, name: &str) -> Result<(), String> {
    all::<T>(array, |value| {
        (value >= end)
            .then(|| format!("the {name} value 24:00:00 has no counterpart in polars; cast it to VARCHAR in SQL"))
    })
}

/// Fails with what `problem` says of the first value that has one.
fn all<T: ArrowPrimitiveType>(array: &dyn Array, problem: impl Fn(T::Native) -> Option<String>) -> Result<(), String> {
    let values = array.as_any().downcast_ref::<PrimitiveArray<T>>().ok_or("has another type than its schema says")?;
    values.iter().flatten().find_map(problem).map_or(Ok(()), Err)
}

/// Whether a producer's columns may hold values that the engine would change.
pub(crate) fn needs_guard(schema: &Schema) -> bool {
    schema.fields().iter().any(|field| is_limited(field.data_type()))
}

fn is_limited(data_type: &DataType) -> bool {
    match data_type {
        DataType::Duration(unit) => *unit != TimeUnit::Microsecond,
        DataType::Timestamp(unit, Some(_)) => *unit != TimeUnit::Microsecond,
        DataType::Interval(IntervalUnit::MonthDayNano) | DataType::Time32(_) | DataType::Time64(_) => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => is_limited(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| is_limited(field.data_type())),
        _ => false,
    }
}

/// The source itself, or one that looks at each value on the way to the engine.
pub(crate) fn guarded(source: Box<dyn ArraySource>, schema: SchemaRef, failure: &Failure) -> Box<dyn ArraySource> {
    if needs_guard(&schema) { Box::new(Guarded { source, schema, failure: failure.clone() }) } else { source }
}

struct Guarded {
    source: Box<dyn ArraySource>,
    schema: SchemaRef,
    failure: Failure,
}

impl ArraySource for Guarded {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        self.source.schema()
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        let Some(array) = self.source.next()? else { return Ok(None) };
        let data_type = DataType::Struct(self.schema.fields().clone());
        // SAFETY: the array came with this schema from its producer, which the interface makes answerable for it.
        let data = unsafe { from_ffi_and_data_type(array, data_type) }.map_err(|error| arrow_text(&error))?;
        let rows = StructArray::from(data);
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            if is_limited(field.data_type())
                && let Err(problem) = storable(column)
            {
                let text = format!("column `{}` with type {}: {problem}", field.name(), field.data_type());
                self.failure.set(plain(PythonErrorKind::ColumnType, text.clone()));
                return Err(text);
            }
        }
        Ok(Some(FFI_ArrowArray::new(&rows.into())))
    }
}

fn storable(array: &ArrayRef) -> Result<(), String> {
    match array.data_type() {
        DataType::Duration(TimeUnit::Second) => all::<DurationSecondType>(array, |value| too_far(value, 1_000_000)),
        DataType::Duration(TimeUnit::Millisecond) => {
            all::<DurationMillisecondType>(array, |value| too_far(value, 1000))
        }
        DataType::Duration(TimeUnit::Nanosecond) => all::<DurationNanosecondType>(array, too_fine),
        DataType::Timestamp(TimeUnit::Second, _) => {
            all::<TimestampSecondType>(array, |value| too_far(value, 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            all::<TimestampMillisecondType>(array, |value| too_far(value, 1000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => all::<TimestampNanosecondType>(array, too_fine),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            all::<IntervalMonthDayNanoType>(array, |value| too_fine(value.nanoseconds))
        }
        DataType::Time32(TimeUnit::Second) => all::<Time32SecondType>(array, |value| no_time(value, 1)),
        DataType::Time32(_) => all::<Time32MillisecondType>(array, |value| no_time(value, 1000)),
        DataType::Time64(TimeUnit::Microsecond) => {
            all::<Time64MicrosecondType>(array, |value| no_time(value, 1_000_000))
        }
        DataType::Time64(_) => all::<Time64NanosecondType>(array, |value| no_time(value, 1_000_000_000)),
        DataType::List(_) => array.as_list::<i32>().iter().flatten().try_for_each(|items| storable(&items)),
        DataType::LargeList(_) => array.as_list::<i64>().iter().flatten().try_for_each(|items| storable(&items)),
        DataType::FixedSizeList(..) => {
            array.as_fixed_size_list().iter().flatten().try_for_each(|items| storable(&items))
        }
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().entries().clone());
            storable(&entries)
        }
        DataType::Struct(_) => array.as_struct().columns().iter().try_for_each(storable),
        _ => Ok(()),
    }
}

fn too_far(value: i64, factor: i64) -> Option<String> {
    let fits = value.checked_mul(factor).is_some();
    (!fits).then(|| format!("the value {value} is beyond the microseconds that the database keeps"))
}

fn too_fine(value: i64) -> Option<String> {
    let parts = value % 1000;
    (parts != 0).then(|| {
        format!("a value has {parts} nanoseconds beside its microseconds, which the database keeps; round it to microseconds")
    })
}

fn no_time(value: impl ArrowNativeType, second: i64) -> Option<String> {
    let value = value.to_i64().unwrap_or(-1);
    (!(0..=DAY_SECONDS * second).contains(&value)).then(|| format!("the value {value} is no time of a day"))
}
