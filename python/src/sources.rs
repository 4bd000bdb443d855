//! The project's modules as they were compiled, for whoever imports them.

use std::collections::HashMap;
use std::sync::Arc;

use dovetail::source::SourceFile;
use pyo3::prelude::*;

/// What was read of the project's Python files, by path.
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct Sources(HashMap<String, Arc<SourceFile>>);

impl Sources {
    pub(crate) fn of(files: Vec<Arc<SourceFile>>) -> Self {
        let path = |file: &Arc<SourceFile>| file.path().to_string_lossy().replace('\\', "/");
        Sources(files.into_iter().map(|file| (path(&file), file)).collect())
    }
}

#[pymethods]
impl Sources {
    /// Whether this is what was read of the file at a path; `None` for a file that nobody has read.
    fn check(&self, path: &str, data: &[u8]) -> Option<bool> {
        let text = self.0.get(path)?.text().as_bytes();
        Some(data == text || data.strip_prefix(b"\xef\xbb\xbf") == Some(text))
    }
}
