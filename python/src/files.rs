//! What is told of files in the words that Rust compares them by.

use std::path::PathBuf;

use pyo3::prelude::*;

/// The size of a file, and the hash of all that is in it, in hexadecimal.
#[pyfunction]
pub(crate) fn file_hash(py: Python<'_>, path: PathBuf) -> PyResult<(u64, String)> {
    py.detach(|| {
        let hash = dovetail::hash::of_file(&path)?;
        Ok((std::fs::metadata(&path)?.len(), hash.to_hex().to_string()))
    })
}
