//! Walks the project and reads its files: the only reader of the project tree.

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::source::SourceFile;

/// Every file of a project, by what it is. Sorted by path.
#[derive(Debug, Default)]
pub struct Scanned {
    pub models: Vec<Arc<SourceFile>>,
    pub python: Vec<Arc<SourceFile>>,
    pub macros: Vec<Arc<SourceFile>>,
    pub properties: Vec<Arc<SourceFile>>,
    /// Seeds can be large, so their text is left to the engine: these files have a path and no text.
    pub seeds: Vec<Arc<SourceFile>>,
}

pub fn scan(_project: &Project) -> Result<Scanned, Diagnostics> {
    unimplemented!()
}
