//! Arrow's C structures in and out of Python, as the capsules of the Arrow PyCapsule interface.

use std::ffi::CStr;

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// A capsule that owns the stream until a consumer moves it out.
pub(crate) fn stream_capsule(py: Python<'_>, stream: FFI_ArrowArrayStream) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, stream, STREAM)
}

/// The stream of an object that has `__arrow_c_stream__`.
pub(crate) fn stream_of(object: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArrayStream> {
    let capsule = object.call_method0("__arrow_c_stream__")?;
    let stream = pointer::<FFI_ArrowArrayStream>(&capsule, STREAM)?;
    // SAFETY: a capsule of this name holds a valid stream by the interface; moving it out marks it as released.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
    if stream.release.is_none() {
        return Err(PyValueError::new_err("the Arrow stream was read before: it can be read only once"));
    }
    Ok(stream)
}

/// Schema and array of an object that has `__arrow_c_array__`.
pub(crate) fn array_of(object: &Bound<'_, PyAny>) -> PyResult<(FFI_ArrowSchema, FFI_ArrowArray)> {
    let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) = object.call_method0("__arrow_c_array__")?.extract()?;
    let schema = pointer::<FFI_ArrowSchema>(&schema, SCHEMA)?;
    let array = pointer::<FFI_ArrowArray>(&array, ARRAY)?;
    // SAFETY: capsules of these names hold valid structures by the interface; moving them out marks them as released.
    unsafe { Ok((FFI_ArrowSchema::from_raw(schema), FFI_ArrowArray::from_raw(array))) }
}

fn pointer<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut T> {
    let capsule = capsule.cast::<PyCapsule>()?;
    Ok(capsule.pointer_checked(Some(name))?.cast::<T>().as_ptr())
}

/// Asks a stream for its schema. A stream may be asked more than once.
pub(crate) fn stream_schema(stream: &mut FFI_ArrowArrayStream) -> Result<Schema, String> {
    let Some(get_schema) = stream.get_schema else { return Err("the Arrow stream was released".to_owned()) };
    let mut schema = FFI_ArrowSchema::empty();
    // SAFETY: both pointers are valid, and the callback belongs to this stream.
    let status = unsafe { get_schema(stream, &raw mut schema) };
    if status != 0 {
        return Err(last_error(stream));
    }
    Schema::try_from(&schema).map_err(|error| arrow_text(&error))
}

/// The next array of a stream; `None` at its end.
pub(crate) fn stream_next(stream: &mut FFI_ArrowArrayStream) -> Result<Option<FFI_ArrowArray>, String> {
    let Some(get_next) = stream.get_next else { return Err("the Arrow stream was released".to_owned()) };
    let mut array = FFI_ArrowArray::empty();
    // SAFETY: both pointers are valid, and the callback belongs to this stream.
    let status = unsafe { get_next(stream, &raw mut array) };
    if status != 0 {
        return Err(last_error(stream));
    }
    Ok((!array.is_released()).then_some(array))
}

fn last_error(stream: &mut FFI_ArrowArrayStream) -> String {
    let Some(get_last_error) = stream.get_last_error else { return "the Arrow stream failed".to_owned() };
    // SAFETY: the callback belongs to this stream; its text is valid until the next call.
    let text = unsafe { get_last_error(stream) };
    if text.is_null() {
        return "the Arrow stream failed".to_owned();
    }
    // SAFETY: not null, and ends with a zero byte by the interface.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// An Arrow error in its producer's own words, without the name of the kind before them.
pub(crate) fn arrow_text(error: &ArrowError) -> String {
    match error {
        ArrowError::ExternalError(error) => error.to_string(),
        ArrowError::CDataInterface(text) | ArrowError::InvalidArgumentError(text) => text.clone(),
        other => other.to_string(),
    }
}
