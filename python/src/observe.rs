//! Sources that Python functions declare: which version their data has now.

use dovetail::execute::{PythonError, PythonSource};
use dovetail::project::Project;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::from_description;
use crate::runtime::Interpreter;

/// Imports the source's module and asks its observing function.
pub(crate) fn version(
    py: Python<'_>,
    interpreter: &Interpreter,
    project: &Project,
    source: &PythonSource<'_>,
) -> PyResult<Result<Option<String>, PythonError>> {
    let facts = crate::call::project(py, project)?;
    let arguments = (facts, source.path, source.name, interpreter.turns());
    let version = py.import("dovetail._observe")?.call_method1("observe", arguments)?;
    match version.cast::<PyDict>() {
        Ok(description) => from_description(description).map(Err),
        Err(_) => version.extract().map(Ok),
    }
}
