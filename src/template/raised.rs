//! Errors and values that travel through minijinja's own error type: diagnostics of our functions, and `return()`.

use std::fmt;

use minijinja::{Error, ErrorKind, Value};

use crate::diagnostic::Diagnostic;

/// A diagnostic on its way out of a template function; its place is where minijinja says that the call stands.
#[derive(Debug)]
pub(super) struct Raised(pub Diagnostic);

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Raised {}

/// A diagnostic as the error of a template function.
pub(super) fn raise(diagnostic: Diagnostic) -> Error {
    Error::new(ErrorKind::InvalidOperation, diagnostic.message.clone()).with_source(Raised(diagnostic))
}

/// The value of `return(value)` on its way to the macro call that it ends.
#[derive(Debug)]
struct Returned(Value);

impl fmt::Display for Returned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`return()` outside of a macro")
    }
}

impl std::error::Error for Returned {}

pub(super) fn return_value(value: Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, "`return()` works only in a macro of the macros folder")
        .with_source(Returned(value))
}

/// The value, when the error is a `return(value)`.
pub(super) fn returned(error: &Error) -> Option<Value> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<Returned>().map(|returned| returned.0.clone())
}
