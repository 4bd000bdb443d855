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

/// The schema with `dovetail:type` on the named columns; `None` when nothing changes. Says which column is missing.
pub(crate) fn relabel(schema: &Schema, types: &[(String, String)]) -> Result<Option<SchemaRef>, String> {
    let mut fields: Vec<_> = schema.fields().to_vec();
    for (name, engine_type) in types {
        let found = fields.iter_mut().find(|field| field.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            format!("the result has no column `{name}`, which `columns` declares; it has {}", names.join(", "))
        })?;
        let mut metadata = found.metadata().clone();
        metadata.insert(TYPE_METADATA.to_owned(), engine_type.clone());
        *found = Arc::new(found.as_ref().clone().with_metadata(metadata));
    }
    Ok((!types.is_empty()).then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))))
}
