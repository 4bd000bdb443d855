//! stub
use pyo3::prelude::*;
#[pyfunction]
fn run_cli(_args: Vec<String>) -> i32 {
    dovetail::stub().len() as i32
}
#[pymodule]
fn _dovetail(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_function(wrap_pyfunction!(run_cli, m)?)
}
