//! `_dovetail`: the command line inside the user's interpreter, and the crossing between the engine and Python.
//!
//! The only crate that names pyo3. What needs Python's own libraries is written in Python, in `python/dovetail/`; what
//! touches rows is written here.

mod batches;
mod call;
mod capsule;
mod cli;
mod connection;
mod cursor;
mod declarations;
mod error;
mod failing;
mod files;
mod json;
mod limits;
mod observe;
mod relabelled;
mod relation;
mod rows;
mod runtime;
mod shape;
mod sources;
mod sql;
mod stream;
mod testing;
mod types;
mod unpacked;
mod values;
mod verdict;

use pyo3::prelude::*;

/// Compiling makes and drops many small texts in many threads: glibc's allocator takes a seventh of the time of `ls`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
fn _dovetail(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    relation::add_to(module)?;
    module.add_class::<rows::RowStream>()?;
    module.add_class::<connection::Connection>()?;
    module.add_class::<runtime::Turns>()?;
    module.add_class::<sources::Sources>()?;
    module.add_class::<runtime::Turn>()?;
    module.add_function(wrap_pyfunction!(files::file_hash, module)?)?;
    module.add_function(wrap_pyfunction!(sql::sql_text, module)?)?;
    module.add_function(wrap_pyfunction!(sql::sql_cast, module)?)?;
    module.add_function(wrap_pyfunction!(sql::sql_name, module)?)?;
    module.add_function(wrap_pyfunction!(sql::type_tree, module)?)?;
    module.add_function(wrap_pyfunction!(cli::run_cli, module)?)?;
    module.add_function(wrap_pyfunction!(testing::run_in_memory, module)?)?;
    module.add_function(wrap_pyfunction!(testing::compare_rows, module)?)?;
    module.add_function(wrap_pyfunction!(runtime::is_stuck, module)?)?;
    Ok(())
}
