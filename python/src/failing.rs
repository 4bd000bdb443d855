//! Failing rows that come as Arrow: counted batch by batch, of which the first are kept.

use arrow::array::ffi::FFI_ArrowArray;
use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ffi::from_ffi_and_data_type;
use dovetail::engine::FailingRows;

use crate::capsule::arrow_text;
use crate::stream::ArraySource;

/// Reads all rows of a source with this schema and keeps some. `types` has engine types that Arrow cannot say, by column.
pub(crate) fn read(
    source: &mut dyn ArraySource,
    schema: &Schema,
    types: &[(String, String)],
    keeps: usize,
) -> Result<FailingRows, String> {
    let mut failing = FailingRows::of_schema(schema);
    for column in &mut failing.columns {
        if let Some((_, stated)) = types.iter().find(|(name, _)| *name == column.name) {
            column.engine_type.clone_from(stated);
        }
    }
    while let Some(array) = source.next()? {
        let rows = array.len();
        let kept = if failing.rows.len() < keeps { columns(array, schema) } else { Ok(Vec::new()) };
        kept.and_then(|columns| failing.add(rows, &columns, keeps)).map_err(|error| arrow_text(&error))?;
    }
    Ok(failing)
}

fn columns(array: FFI_ArrowArray, schema: &Schema) -> Result<Vec<ArrayRef>, ArrowError> {
    // SAFETY: the array came with this schema from one producer, which the interface makes answerable for it.
    let data = unsafe { from_ffi_and_data_type(array, DataType::Struct(schema.fields().clone())) }?;
    Ok(StructArray::from(data).columns().to_vec())
}
