//! Small helpers for SQL that Python code builds.

use dovetail::graph::faithful_cast;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::types::{EngineType, quote_name, quote_text};

/// A type text as nested tuples: `('list', ('enum', ['a', 'b']))`; `None` for a form that is not known.
#[pyfunction]
pub(crate) fn type_tree<'py>(py: Python<'py>, text: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    EngineType::parse(text).map(|parsed| tree(py, &parsed)).transpose()
}

fn tree<'py>(py: Python<'py>, parsed: &EngineType) -> PyResult<Bound<'py, PyAny>> {
    let fields = |fields: &[(String, EngineType)]| -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        fields.iter().map(|(name, field)| Ok((name.clone(), tree(py, field)?))).collect()
    };
    match parsed {
        EngineType::Plain(name) => ("plain", name).into_bound_py_any(py),
        EngineType::Enum(values) => ("enum", values).into_bound_py_any(py),
        EngineType::List(item) => ("list", tree(py, item)?).into_bound_py_any(py),
        EngineType::Array(item, size) => ("array", tree(py, item)?, size).into_bound_py_any(py),
        EngineType::Struct(parts) => ("struct", fields(parts)?).into_bound_py_any(py),
        EngineType::Union(parts) => ("union", fields(parts)?).into_bound_py_any(py),
        EngineType::Map(key, value) => ("map", tree(py, key)?, tree(py, value)?).into_bound_py_any(py),
    }
}

/// An SQL literal of a text, for predicates that Python code builds.
#[pyfunction]
pub(crate) fn sql_text(text: &str) -> String {
    quote_text(text)
}

/// A name as an SQL identifier.
#[pyfunction]
pub(crate) fn sql_name(name: &str) -> String {
    quote_name(name)
}

/// A column cast to a declared type, under its own name, as `dovetail::graph::faithful_cast` does it.
#[pyfunction]
pub(crate) fn sql_cast(name: &str, declared: &str) -> String {
    faithful_cast(name, declared)
}
