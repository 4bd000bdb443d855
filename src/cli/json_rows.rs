//! Rows as JSON, one object per line: what JSON has a form for keeps it, the rest is the engine's own text.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::LineDelimited;

use crate::engine::TYPE_METADATA;

/// The extension type of booleans that take a byte each.
const BYTE_BOOLEAN: &str = "arrow.bool8";

/// Whether JSON has a form for a column's values that says as much as the engine's own text.
pub(crate) fn has_form(field: &Field) -> bool {
    json_field(field).is_some()
}

/// How the columns of a result are written. Keys are unique: a name that comes again gets a number.
pub(crate) fn json_schema(schema: &Schema) -> SchemaRef {
    let mut names = HashSet::new();
    let fields = schema.fields().iter().map(|field| {
        let form = json_field(field).unwrap_or_else(|| Arc::clone(field));
        let mut name = field.name().clone();
        let mut number = 1;
        while !names.insert(name.clone()) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        Arc::new(form.as_ref().clone().with_name(name))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// One line for each row; nulls are written.
pub(crate) fn json_lines(batch: &RecordBatch, schema: &SchemaRef) -> Result<String, ArrowError> {
    let forms = schema.fields().iter().zip(batch.columns());
    let columns = forms.map(|(form, column)| arrow::compute::cast(column, form.data_type()));
    let batch = RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)?;
    let mut bytes = Vec::new();
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(&mut bytes);
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The type that is written as JSON; `None` where text says more.
fn json_field(field: &Field) -> Option<FieldRef> {
    let data_type = match (field.data_type(), field.extension_type_name()) {
        (_, Some(BYTE_BOOLEAN)) => DataType::Boolean,
        (_, Some(_)) => return None,
        // A wide integer is a decimal here, and its digits are a JSON number.
        (DataType::Decimal128(..), None) => field.data_type().clone(),
        _ if field.metadata().contains_key(TYPE_METADATA) => return None,
        (DataType::List(item), None) => DataType::List(json_field(item)?),
        (DataType::LargeList(item), None) => DataType::LargeList(json_field(item)?),
        (DataType::FixedSizeList(item, size), None) => DataType::FixedSizeList(json_field(item)?, *size),
        (DataType::Struct(fields), None) => {
            DataType::Struct(fields.iter().map(|field| json_field(field)).collect::<Option<_>>()?)
        }
        (DataType::Map(entries, sorted), None) if has_text_keys(entries) => {
            DataType::Map(json_field(entries)?, *sorted)
        }
        (other, None) => is_plain(other).then(|| other.clone())?,
    };
    Some(Arc::new(Field::new(field.name(), data_type, field.is_nullable())))
}

fn is_plain(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || matches!(data_type, DataType::Boolean | DataType::Null)
        || matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

fn has_text_keys(entries: &Field) -> bool {
    let DataType::Struct(fields) = entries.data_type() else { return false };
    fields.first().is_some_and(|key| matches!(key.data_type(), DataType::Utf8 | DataType::LargeUtf8))
}
