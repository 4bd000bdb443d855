//! HUGEINT leaves DuckDB as sixteen opaque bytes, which no library can compute with; and `sum()` of integers is a
//! HUGEINT. The bytes are those of a 128-bit decimal, so the arrays are handed on as `decimal128(38, 0)`, uncopied.
//!
//! Values of 39 digits are beyond what that type promises, but keep their bits on the way through.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayData;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, UnionFields};
use arrow::error::ArrowError;

const DECIMAL: DataType = DataType::Decimal128(38, 0);
const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// The schema with decimals in the place of opaque HUGEINTs; `None` when it has none.
pub(super) fn readable_schema(schema: &Schema) -> Option<Schema> {
    let fields: Fields = schema.fields().iter().map(readable_field).collect();
    (&fields != schema.fields()).then(|| Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn readable_field(field: &FieldRef) -> FieldRef {
    if is_hugeint(field.metadata()) {
        let mut metadata = field.metadata().clone();
        metadata.retain(|key, _| key != EXTENSION_NAME && key != EXTENSION_METADATA);
        return Arc::new(Field::new(field.name(), DECIMAL, field.is_nullable()).with_metadata(metadata));
    }
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(readable_field(item)),
        DataType::LargeList(item) => DataType::LargeList(readable_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(readable_field(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(readable_field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(readable_field).collect()),
        DataType::Union(fields, mode) => {
            let fields: UnionFields = fields.iter().map(|(id, field)| (id, readable_field(field))).collect();
            DataType::Union(fields, *mode)
        }
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn is_hugeint(metadata: &HashMap<String, String>) -> bool {
    metadata.get(EXTENSION_NAME).is_some_and(|name| name == "arrow.opaque")
        && metadata.get(EXTENSION_METADATA).is_some_and(|text| text.contains("\"hugeint\""))
}

/// The same buffers under another type, which differs from the array's own only where `readable_schema` changed it.
pub(super) fn readable_data(data: ArrayData, to: &DataType) -> Result<ArrayData, ArrowError> {
    if data.data_type() == to {
        return Ok(data);
    }
    let children = data.child_data().iter().cloned().zip(child_types(to));
    let children = children.map(|(child, to)| readable_data(child, to)).collect::<Result<Vec<_>, _>>()?;
    let builder = data.into_builder().data_type(to.clone()).child_data(children).align_buffers(true);
    // SAFETY: the layout of buffers and children is the same; DuckDB wrote both.
    unsafe { builder.skip_validation(true) }.build()
}

fn child_types(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => vec![field.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.data_type()).collect(),
        _ => Vec::new(),
    }
}
