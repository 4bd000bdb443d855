//! Arrow's types and values in DuckDB's words, as near as Arrow's formatter comes: for rows that are shown and never cross.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

use crate::engine::TYPE_METADATA;
use crate::graph::quoted;

/// Times with a zone are shown in UTC.
const UTC: &str = "+00:00";

const FORMAT: FormatOptions<'static> = FormatOptions::new()
    .with_null("NULL")
    .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f+00"))
    .with_duration_format(DurationFormat::Pretty);

/// The values of a column as texts; `None` for NULL.
pub fn written_values(column: &ArrayRef) -> Result<Vec<Option<String>>, ArrowError> {
    let data_type = in_utc(column.data_type());
    let column = if &data_type == column.data_type() { Arc::clone(column) } else { cast(column, &data_type)? };
    let formatter = ArrayFormatter::try_new(&column, &FORMAT)?;
    let is_value = |row: &usize| column.is_valid(*row) && !data_type.is_null();
    Ok((0..column.len()).map(|row| Some(row).filter(is_value).map(|row| formatter.value(row).to_string())).collect())
}

/// The type with every time zone called UTC, which is what its numbers count from: the formatter knows no names of others.
fn in_utc(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(in_utc(field.data_type())));
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(UTC.into())),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

/// DuckDB's type for a field.
pub fn written_type(field: &Field) -> String {
    let metadata = field.metadata();
    if let Some(stated) = metadata.get(TYPE_METADATA) {
        return stated.clone();
    }
    match metadata.get("ARROW:extension:name").map(String::as_str) {
        Some("arrow.uuid") => "UUID".to_owned(),
        Some("arrow.json") => "JSON".to_owned(),
        _ => type_of(field.data_type()),
    }
}

fn type_of(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Null => "NULL",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float16 | DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S",
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS",
        DataType::Duration(_) | DataType::Interval(_) => "INTERVAL",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "BLOB",
        nested => return type_with_parts(nested),
    };
    name.to_owned()
}

fn type_with_parts(data_type: &DataType) -> String {
    let named = |field: &FieldRef| format!("{} {}", quoted(field.name()), written_type(field));
    match data_type {
        DataType::Decimal32(width, scale)
        | DataType::Decimal64(width, scale)
        | DataType::Decimal128(width, scale)
        | DataType::Decimal256(width, scale) => format!("DECIMAL({width},{scale})"),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            format!("{}[]", written_type(item))
        }
        DataType::FixedSizeList(item, size) => format!("{}[{size}]", written_type(item)),
        DataType::Struct(fields) => {
            format!("STRUCT({})", fields.iter().map(named).collect::<Vec<_>>().join(", "))
        }
        DataType::Union(fields, _) => {
            format!("UNION({})", fields.iter().map(|(_, field)| named(field)).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) => {
                format!("MAP({})", parts.iter().map(|part| written_type(part)).collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        },
        DataType::Dictionary(_, values) => type_of(values),
        DataType::RunEndEncoded(_, values) => written_type(values),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Decimal128Array, DictionaryArray, Int64Array, ListArray, NullArray, StringArray, StructArray,
        TimestampMicrosecondArray, TimestampSecondArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    /// The column's type, and its values with `-` for NULL.
    fn written(column: impl Array + 'static) -> String {
        let column: ArrayRef = Arc::new(column);
        let values = written_values(&column).unwrap().into_iter().map(|value| value.unwrap_or("-".to_owned()));
        let field = Field::new("x", column.data_type().clone(), true);
        format!("{}: {}", written_type(&field), values.collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn values_are_written_as_duckdb_would() {
        assert_eq!(written(Int64Array::from(vec![Some(1), None])), "BIGINT: 1 | -");
        let prices = Decimal128Array::from(vec![150, -5]).with_precision_and_scale(9, 2).unwrap();
        assert_eq!(written(prices), "DECIMAL(9,2): 1.50 | -0.05");
        let times = TimestampMicrosecondArray::from(vec![0, 1_500_000]);
        assert_eq!(written(times), "TIMESTAMP: 1970-01-01 00:00:00 | 1970-01-01 00:00:01.500");
        let lists = [Some(vec![Some(1), None]), Some(vec![]), None];
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
        assert_eq!(written(lists), "INTEGER[]: [1, NULL] | [] | -");
        assert_eq!(written(NullArray::new(2)), "NULL: - | -");
        assert_eq!(written(DictionaryArray::<Int32Type>::from_iter([Some("a"), None])), "VARCHAR: a | -");
    }

    #[test]
    fn times_of_any_zone_are_shown_in_utc() {
        for zone in ["Europe/Berlin", "UTC", "+05:30"] {
            let there = TimestampSecondArray::from(vec![60]).with_timezone(zone);
            let field = Arc::new(Field::new("at", there.data_type().clone(), true));
            assert_eq!(written(there.clone()), "TIMESTAMP WITH TIME ZONE: 1970-01-01 00:01:00+00");
            let nested = StructArray::from(vec![(field, Arc::new(there) as ArrayRef)]);
            let expected = "STRUCT(\"at\" TIMESTAMP WITH TIME ZONE): {at: 1970-01-01 00:01:00+00}";
            assert_eq!(written(nested), expected);
        }
    }

    #[test]
    fn what_a_field_says_of_its_type_counts() {
        let field = Field::new("x", StringArray::from(vec![""]).data_type().clone(), true);
        let with = |key: &str, value: &str| {
            written_type(&field.clone().with_metadata([(key.to_owned(), value.to_owned())].into()))
        };
        assert_eq!(with(TYPE_METADATA, "ENUM('a')"), "ENUM('a')");
        assert_eq!(with("ARROW:extension:name", "arrow.json"), "JSON");
        assert_eq!(with("anything", "else"), "VARCHAR");
    }
}
