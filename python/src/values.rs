//! Arrow values as plain Python objects, for `fetchall` and its siblings: no library is needed.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::temporal_conversions as temporal;
use dovetail::engine::TYPE_METADATA;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::error::exception;

/// What tells values of one Arrow type apart: `integer` for a decimal that stands for a 128-bit integer, `uhugeint`
/// for opaque bytes that do, else the name of the Arrow extension.
pub(crate) fn extension(field: &Field) -> Option<&str> {
    let metadata = field.metadata();
    match (field.data_type(), metadata.get(TYPE_METADATA).map(String::as_str)) {
        (DataType::Decimal128(_, 0), Some("HUGEINT" | "UHUGEINT")) => return Some("integer"),
        (DataType::FixedSizeBinary(16), _)
            if metadata.get("ARROW:extension:metadata").is_some_and(|text| text.contains("\"uhugeint\"")) =>
        {
            return Some("uhugeint");
        }
        _ => {}
    }
    metadata.get("ARROW:extension:name").map(String::as_str)
}

/// Constructors that are looked up once per result.
pub(crate) struct Constructors<'py> {
    py: Python<'py>,
    helper: Bound<'py, PyModule>,
}

type Object<'py> = PyResult<Bound<'py, PyAny>>;

impl<'py> Constructors<'py> {
    pub(crate) fn new(py: Python<'py>) -> PyResult<Self> {
        Ok(Constructors { py, helper: py.import("dovetail._values")? })
    }

    /// One value as Python's own type for it.
    pub(crate) fn value(&self, array: &ArrayRef, index: usize, extension: Option<&str>) -> Object<'py> {
        let py = self.py;
        if array.is_null(index) {
            return Ok(py.None().into_bound(py));
        }
        macro_rules! number {
            ($type:ty) => {
                array.as_primitive::<$type>().value(index).into_bound_py_any(py)
            };
        }
        match array.data_type() {
            DataType::Null => Ok(py.None().into_bound(py)),
            DataType::Boolean => array.as_boolean().value(index).into_bound_py_any(py),
            DataType::Int8 => number!(Int8Type),
            DataType::Int16 => number!(Int16Type),
            DataType::Int32 => number!(Int32Type),
            DataType::Int64 => number!(Int64Type),
            DataType::UInt8 => number!(UInt8Type),
            DataType::UInt16 => number!(UInt16Type),
            DataType::UInt32 => number!(UInt32Type),
            DataType::UInt64 => number!(UInt64Type),
            DataType::Float16 => array.as_primitive::<Float16Type>().value(index).to_f32().into_bound_py_any(py),
            DataType::Float32 => number!(Float32Type),
            DataType::Float64 => number!(Float64Type),
            DataType::Utf8 => array.as_string::<i32>().value(index).into_bound_py_any(py),
            DataType::LargeUtf8 => array.as_string::<i64>().value(index).into_bound_py_any(py),
            DataType::Utf8View => array.as_string_view().value(index).into_bound_py_any(py),
            DataType::Binary => Ok(PyBytes::new(py, array.as_binary::<i32>().value(index)).into_any()),
            DataType::LargeBinary => Ok(PyBytes::new(py, array.as_binary::<i64>().value(index)).into_any()),
            DataType::BinaryView => Ok(PyBytes::new(py, array.as_binary_view().value(index)).into_any()),
            DataType::FixedSizeBinary(_) => self.fixed(array, index, extension),
            DataType::Decimal128(_, scale) => self.decimal(array, index, *scale, extension),
            DataType::Date32 => self.call("date", (array.as_primitive::<Date32Type>().value(index),)),
            DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) | DataType::Timestamp(..) => {
                self.temporal(array, index)
            }
            DataType::Interval(_) => {
                let value = array.as_primitive::<IntervalMonthDayNanoType>().value(index);
                self.call("interval", (value.months, value.days, value.nanoseconds))
            }
            DataType::Dictionary(..) => {
                let keys = array.as_any_dictionary();
                let key = keys.normalized_keys().get(index).copied().unwrap_or_default();
                self.value(keys.values(), key, None)
            }
            nested => self.nested(array, index, nested),
        }
    }

    fn nested(&self, array: &ArrayRef, index: usize, data_type: &DataType) -> Object<'py> {
        let py = self.py;
        match data_type {
            DataType::List(field) => self.items(&array.as_list::<i32>().value(index), extension(field)),
            DataType::LargeList(field) => self.items(&array.as_list::<i64>().value(index), extension(field)),
            DataType::FixedSizeList(field, _) => {
                let values = self.items(&array.as_fixed_size_list().value(index), extension(field))?;
                Ok(PyTuple::new(py, values.try_iter()?.collect::<PyResult<Vec<_>>>()?)?.into_any())
            }
            DataType::Struct(fields) => {
                let dictionary = PyDict::new(py);
                for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                    dictionary.set_item(field.name(), self.value(column, index, extension(field))?)?;
                }
                Ok(dictionary.into_any())
            }
            DataType::Map(..) => {
                let entries = array.as_map().value(index);
                let dictionary = PyDict::new(py);
                for entry in 0..entries.len() {
                    let key = self.value(entries.column(0), entry, None)?;
                    let key = if key.hash().is_ok() { key } else { key.repr()?.into_any() };
                    dictionary.set_item(key, self.value(entries.column(1), entry, None)?)?;
                }
                Ok(dictionary.into_any())
            }
            DataType::Union(..) => {
                let union = array.as_union();
                let value = union.value(index);
                self.value(&value, 0, None)
            }
            other => Err(exception(py, "ColumnTypeError", &format!("values of type `{other}` cannot be fetched"))),
        }
    }

    fn items(&self, values: &ArrayRef, extension: Option<&str>) -> Object<'py> {
        let items: PyResult<Vec<_>> = (0..values.len()).map(|index| self.value(values, index, extension)).collect();
        Ok(PyList::new(self.py, items?)?.into_any())
    }

    fn fixed(&self, array: &ArrayRef, index: usize, extension: Option<&str>) -> Object<'py> {
        let value = array.as_fixed_size_binary().value(index);
        match (extension, <[u8; 16]>::try_from(value)) {
            (Some("uhugeint"), Ok(wide)) => u128::from_le_bytes(wide).into_bound_py_any(self.py),
            (Some("arrow.uuid"), _) => self.call("uuid", (PyBytes::new(self.py, value),)),
            _ => Ok(PyBytes::new(self.py, value).into_any()),
        }
    }

    /// `extension` is `integer` for a decimal that stands for a 128-bit integer.
    fn decimal(&self, array: &ArrayRef, index: usize, scale: i8, extension: Option<&str>) -> Object<'py> {
        let value = array.as_primitive::<Decimal128Type>().value(index);
        if extension == Some("integer") {
            value.into_bound_py_any(self.py)
        } else {
            self.call("decimal_value", (value, scale))
        }
    }

    fn temporal(&self, array: &ArrayRef, index: usize) -> Object<'py> {
        use arrow::datatypes as types;
        macro_rules! raw {
            ($type:ty) => {
                i128::from(array.as_primitive::<$type>().value(index))
            };
        }
        let (name, unit, raw, zone) = match array.data_type() {
            DataType::Time32(TimeUnit::Second) => ("time", TimeUnit::Second, raw!(types::Time32SecondType), None),
            DataType::Time32(_) => ("time", TimeUnit::Millisecond, raw!(types::Time32MillisecondType), None),
            DataType::Time64(TimeUnit::Microsecond) => {
                ("time", TimeUnit::Microsecond, raw!(types::Time64MicrosecondType), None)
            }
            DataType::Time64(_) => ("time", TimeUnit::Nanosecond, raw!(types::Time64NanosecondType), None),
            DataType::Duration(TimeUnit::Second) => ("delta", TimeUnit::Second, raw!(types::DurationSecondType), None),
            DataType::Duration(TimeUnit::Millisecond) => {
                ("delta", TimeUnit::Millisecond, raw!(types::DurationMillisecondType), None)
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                ("delta", TimeUnit::Microsecond, raw!(types::DurationMicrosecondType), None)
            }
            DataType::Duration(_) => ("delta", TimeUnit::Nanosecond, raw!(types::DurationNanosecondType), None),
            DataType::Timestamp(unit, zone) => {
                let raw = match unit {
                    TimeUnit::Second => raw!(types::TimestampSecondType),
                    TimeUnit::Millisecond => raw!(types::TimestampMillisecondType),
                    TimeUnit::Microsecond => raw!(types::TimestampMicrosecondType),
                    TimeUnit::Nanosecond => raw!(types::TimestampNanosecondType),
                };
                ("timestamp", *unit, raw, zone.as_deref())
            }
            _ => ("time", TimeUnit::Microsecond, 0, None),
        };
        let micros = match unit {
            TimeUnit::Second => raw * i128::from(temporal::MICROSECONDS),
            TimeUnit::Millisecond => raw * i128::from(temporal::MICROSECONDS / temporal::MILLISECONDS),
            TimeUnit::Microsecond => raw,
            TimeUnit::Nanosecond => raw.div_euclid(1000),
        };
        self.call(name, (micros, zone))
    }

    fn call(&self, name: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> Object<'py> {
        self.helper.getattr(name)?.call1(arguments)
    }
}
