//! JSON values across the border, by Python's own `json`.

use dovetail::project::Values;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A dictionary with text keys; values without a JSON form become their `str`.
pub(crate) fn values(dictionary: &Bound<'_, PyAny>) -> PyResult<Values> {
    let text: String = dictionary.py().import("dovetail._json")?.call_method1("dump", (dictionary,))?.extract()?;
    serde_json::from_str(&text).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(crate) fn to_python<'py>(py: Python<'py>, values: &Values) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(values).map_err(|error| PyValueError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
