//! Errors across the border: the engine's become Python exceptions, Python's become `PythonError`.

use dovetail::engine::{EngineError, EngineErrorKind};
use dovetail::execute::{PythonError, PythonErrorKind};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// An exception of `dovetail.errors`, by the name of its class.
pub(crate) fn exception(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let made = py.import("dovetail.errors").and_then(|module| module.getattr(class)?.call1((message,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(_) => PyRuntimeError::new_err(message.to_owned()),
    }
}

pub(crate) fn engine_error(py: Python<'_>, error: &EngineError) -> PyErr {
    match error.kind {
        EngineErrorKind::Cancelled => PyKeyboardInterrupt::new_err("the run was cancelled"),
        EngineErrorKind::ColumnType => exception(py, "ColumnTypeError", &error.message),
        _ => exception(py, "QueryError", &error.message),
    }
}

/// A `PythonError` from the dictionary that `dovetail._errors.describe` makes.
pub(crate) fn from_description(description: &Bound<'_, PyDict>) -> PyResult<PythonError> {
    let text = |key: &str| -> PyResult<Option<String>> {
        description.get_item(key)?.map_or(Ok(None), |value| value.extract())
    };
    let line: Option<usize> = description.get_item("line")?.map_or(Ok(None), |value| value.extract())?;
    Ok(PythonError {
        kind: kind(text("kind")?.as_deref().unwrap_or_default()),
        message: text("message")?.unwrap_or_default(),
        traceback: text("traceback")?.unwrap_or_default(),
        line,
        hint: text("hint")?,
    })
}

fn kind(name: &str) -> PythonErrorKind {
    match name {
        "import" => PythonErrorKind::Import,
        "input" => PythonErrorKind::Input,
        "output" => PythonErrorKind::Output,
        "column_type" => PythonErrorKind::ColumnType,
        "object_store" => PythonErrorKind::ObjectStore,
        "cancelled" => PythonErrorKind::Cancelled,
        _ => PythonErrorKind::Raised,
    }
}

/// An exception that dovetail's own Python code let through; its traceback is all that can help.
pub(crate) fn unexpected(py: Python<'_>, error: &PyErr) -> PythonError {
    let described = py
        .import("dovetail._errors")
        .and_then(|module| module.call_method1("describe_unexpected", (error.value(py),)))
        .and_then(|description| from_description(description.cast::<PyDict>()?));
    described.unwrap_or_else(|_| plain(PythonErrorKind::Raised, error.to_string()))
}

pub(crate) fn plain(kind: PythonErrorKind, message: String) -> PythonError {
    PythonError { kind, message, traceback: String::new(), line: None, hint: None }
}
