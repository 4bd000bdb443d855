//! Walks the project and reads its files: the only reader of the project tree.

mod modules;
mod overlay;
mod past;
mod read;
mod repository;
#[cfg(test)]
mod tests;
mod walk;

pub use modules::{FoundModule, ModuleFile, Modules, module_name};
pub use overlay::Overlay;
pub use past::{PastFiles, PastProblem};
pub use read::read_file;
pub use repository::Repository;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::source::SourceFile;
use walk::Walk;

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

/// Reads every file below the project's paths, in parallel.
///
/// Hidden files, `__pycache__`, virtual environments, the target folder and loops of symbolic links are left out; a
/// folder that does not exist holds nothing. The error names every file that cannot be read (`DT0004`) or is not UTF-8
/// (`DT0005`).
pub fn scan(project: &Project) -> Result<Scanned, Diagnostics> {
    scan_under(project, &Overlay::default())
}

/// As `scan`, with texts that lie over the files.
///
/// # Errors
/// As `scan`.
pub fn scan_under(project: &Project, overlay: &Overlay) -> Result<Scanned, Diagnostics> {
    let mut walk = Walk::new(project, overlay);
    let mut found = Found::default();
    // Macros and seeds may live below a models folder, so they are known before the models are looked at.
    walk.folders(&project.paths.macros, &["sql"], |path, _| {
        found.macros.insert(path);
    });
    walk.folders(&project.paths.seeds, &["csv", "yml", "yaml"], |path, extension| {
        if extension == "csv" {
            found.seeds.insert(path)
        } else {
            found.properties.insert(path)
        };
    });
    walk.folders(&project.paths.models, &["sql", "py", "yml", "yaml"], |path, extension| {
        match extension {
            "sql" if found.macros.contains(&path) => false,
            "sql" => found.models.insert(path),
            "py" => found.python.insert(path),
            _ => found.properties.insert(path),
        };
    });
    let mut problems = walk.problems;
    let mut read = |paths: BTreeSet<PathBuf>| read_all(project, overlay, paths, &mut problems);
    let scanned = Scanned {
        models: read(found.models),
        python: read(found.python),
        macros: read(found.macros),
        properties: read(found.properties),
        seeds: found.seeds.into_iter().map(|path| SourceFile::new(path, String::new())).collect(),
    };
    problems.with(scanned).map(|scanned| scanned.value)
}

/// Paths as messages show them, by what they hold. Each stands once, however the project's paths overlap.
#[derive(Default)]
struct Found {
    models: BTreeSet<PathBuf>,
    python: BTreeSet<PathBuf>,
    macros: BTreeSet<PathBuf>,
    properties: BTreeSet<PathBuf>,
    seeds: BTreeSet<PathBuf>,
}

fn read_all(
    project: &Project,
    overlay: &Overlay,
    paths: BTreeSet<PathBuf>,
    problems: &mut Diagnostics,
) -> Vec<Arc<SourceFile>> {
    let read_one = |path: PathBuf| match overlay.get(&path) {
        Some(file) => Ok(Arc::clone(file)),
        None => read_file(&project.root, path),
    };
    let read: Vec<Result<Arc<SourceFile>, Diagnostic>> = paths.into_par_iter().map(read_one).collect();
    let mut files = Vec::with_capacity(read.len());
    for outcome in read {
        match outcome {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    files
}
