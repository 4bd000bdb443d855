//! Dictionaries inside of nested columns, unpacked on the way to the engine.
//!
//! DuckDB 1.5 writes beyond its buffers when it reads a list of dictionary-encoded values that takes more than one of its
//! vectors. A column that is a dictionary itself it reads well.

use std::sync::Arc;

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::array::{Array, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::ffi::from_ffi_and_data_type;

use crate::capsule::arrow_text;
use crate::stream::ArraySource;

/// The source and its schema, as the engine can read them.
pub(crate) fn unpacked(source: Box<dyn ArraySource>, schema: SchemaRef) -> (Box<dyn ArraySource>, SchemaRef) {
    if !needs_unpacking(&schema) {
        return (source, schema);
    }
    let fields: Vec<FieldRef> =
        schema.fields().iter().map(|field| with_type(field, nested(field.data_type()))).collect();
    let plain = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    (Box::new(Unpacked { source, packed: schema, plain: Arc::clone(&plain) }), plain)
}

pub(crate) fn needs_unpacking(schema: &Schema) -> bool {
    schema.fields().iter().any(|field| nested(field.data_type()).is_some())
}

/// The type without dictionaries in it; `None` where it is as it was. The type itself may be one.
fn nested(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::List(item) => DataType::List(inner(item)?),
        DataType::LargeList(item) => DataType::LargeList(inner(item)?),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item)?, *size),
        DataType::Map(entries, is_sorted) => DataType::Map(inner(entries)?, *is_sorted),
        DataType::Struct(fields) => {
            let plain: Vec<FieldRef> =
                fields.iter().map(|field| inner(field).unwrap_or_else(|| Arc::clone(field))).collect();
            let is_same = plain.iter().zip(fields).all(|(one, other)| Arc::ptr_eq(one, other));
            if is_same {
                return None;
            }
            DataType::Struct(plain.into())
        }
        _ => return None,
    })
}

fn inner(field: &FieldRef) -> Option<FieldRef> {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => nested(other)?,
    };
    Some(with_type(field, Some(data_type)))
}

fn with_type(field: &FieldRef, data_type: Option<DataType>) -> FieldRef {
    match data_type {
        Some(data_type) => Arc::new(Field::clone(field).with_data_type(data_type)),
        None => Arc::clone(field),
    }
}

struct Unpacked {
    source: Box<dyn ArraySource>,
    packed: SchemaRef,
    plain: SchemaRef,
}

impl ArraySource for Unpacked {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(self.plain.as_ref()).map_err(|error| arrow_text(&error))
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        let Some(array) = self.source.next()? else { return Ok(None) };
        let data_type = DataType::Struct(self.packed.fields().clone());
        // SAFETY: the array came with this schema from its producer, which the interface makes answerable for it.
        let data = unsafe { from_ffi_and_data_type(array, data_type) }.map_err(|error| arrow_text(&error))?;
        let rows = StructArray::from(data);
        let columns = rows.columns().iter().zip(self.plain.fields()).map(|(column, field)| {
            let is_same = column.data_type() == field.data_type();
            if is_same { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| arrow_text(&error))?;
        let plain = StructArray::try_new_with_length(self.plain.fields().clone(), columns, None, rows.len());
        Ok(Some(FFI_ArrowArray::new(&plain.map_err(|error| arrow_text(&error))?.into())))
    }
}
