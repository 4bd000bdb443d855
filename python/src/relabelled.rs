//! A producer's stream under a schema whose fields say which engine type they stand for; the arrays pass untouched.

use std::sync::Arc;

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ffi_stream::FFI_ArrowArrayStream;
use dovetail::engine::TYPE_METADATA;

use crate::capsule::{arrow_text, stream_next};

use crate::stream::ArraySource;

pub(crate) struct Relabelled {
    pub(crate) inner: FFI_ArrowArrayStream,
    pub(crate) schema: SchemaRef,
}

impl ArraySource for Relabelled {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|error| arrow_text(&error))
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        stream_next(&mut self.inner)
    }
}

/// The schema with `dovetail:type` on the named columns; `None` when nothing changes.
pub(crate) fn relabel(schema: &Schema, types: &[(String, String)]) -> Option<SchemaRef> {
    let mut changed = false;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            let Some((_, engine_type)) = types.iter().find(|(name, _)| name == field.name()) else {
                return Arc::clone(field);
            };
            changed = true;
            let mut metadata = field.metadata().clone();
            metadata.insert(TYPE_METADATA.to_owned(), engine_type.clone());
            Arc::new(field.as_ref().clone().with_metadata(metadata))
        })
        .collect();
    changed.then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}
