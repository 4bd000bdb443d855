//! An Arrow C stream over anything of ours that yields arrays.
//!
//! arrow-rs has one too, but it decodes and encodes every batch, and panics on an error text with a zero byte.

use std::ffi::{CString, c_char, c_int};

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::FFI_ArrowArrayStream;

const EIO: c_int = 5;

/// Yields the arrays of a C stream. Errors are texts for the consumer; who needs more keeps it on the side.
pub(crate) trait ArraySource: Send {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String>;
    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String>;
}

struct Exported {
    source: Box<dyn ArraySource>,
    error: Option<CString>,
}

/// Makes a C stream of a source; dropping the stream drops the source.
pub(crate) fn export(source: Box<dyn ArraySource>) -> FFI_ArrowArrayStream {
    let exported = Box::new(Exported { source, error: None });
    FFI_ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(exported).cast(),
    }
}

impl Exported {
    fn fail(&mut self, text: &str) -> c_int {
        self.error = CString::new(text.replace('\0', " ")).ok();
        EIO
    }
}

/// # Safety
/// `stream` came from `export` and is not released.
unsafe fn exported<'a>(stream: *mut FFI_ArrowArrayStream) -> &'a mut Exported {
    // SAFETY: by the contract, the private data is the box that `export` made.
    unsafe { &mut *(*stream).private_data.cast::<Exported>() }
}

unsafe extern "C" fn get_schema(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    // SAFETY: the consumer passes the stream that this callback belongs to, and a place for the result.
    let exported = unsafe { exported(stream) };
    match exported.source.schema() {
        Ok(schema) => {
            // SAFETY: `out` is valid for writes and holds nothing that must be released.
            unsafe { out.write(schema) };
            0
        }
        Err(text) => exported.fail(&text),
    }
}

unsafe extern "C" fn get_next(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    // SAFETY: as above.
    let exported = unsafe { exported(stream) };
    match exported.source.next() {
        Ok(array) => {
            // SAFETY: as above; an empty (released) array marks the end.
            unsafe { out.write(array.unwrap_or_else(FFI_ArrowArray::empty)) };
            0
        }
        Err(text) => exported.fail(&text),
    }
}

unsafe extern "C" fn get_last_error(stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    // SAFETY: as above.
    let exported = unsafe { exported(stream) };
    exported.error.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: the consumer releases a stream once; the box is the one that `export` made.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<Exported>()));
        (*stream).private_data = std::ptr::null_mut();
        (*stream).release = None;
    }
}
