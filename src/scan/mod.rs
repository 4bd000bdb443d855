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

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::source::SourceFile;
use read::read_regular;
use walk::Walk;

/// Every file of a project, by what it is. Sorted by path.
#[derive(Debug, Default)]
pub struct Scanned {
    pub models: Vec<Arc<SourceFile>>,
    pub python: Vec<Arc<SourceFile>>,
    /// Those in which property files find tests (`tests/generic`) are among them.
    pub macros: Vec<Arc<SourceFile>>,
    /// Checks that are files of their own.
    pub tests: Vec<Arc<SourceFile>>,
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
    walk.folders(&project.paths.macros, &["sql"], |path, _| found.macros.push(path));
    walk.folders(&project.paths.tests, &["sql", "yml", "yaml"], |path, extension| {
        match folder_below(&path, &project.paths.tests) {
            Some("fixtures") => {}
            _ if extension != "sql" => found.properties.push(path),
            Some("generic") => found.macros.push(path),
            _ => found.tests.push(path),
        }
    });
    sort(&mut found.macros);
    walk.folders(&project.paths.seeds, &["csv", "yml", "yaml"], |path, extension| {
        let kind = if extension == "csv" { &mut found.seeds } else { &mut found.properties };
        kind.push(path);
    });
    walk.folders(&project.paths.models, &["sql", "py", "yml", "yaml"], |path, extension| {
        let kind = match extension {
            "sql" if found.macros.binary_search_by(|known| by_text(known, &path)).is_ok() => return,
            "sql" => &mut found.models,
            "py" => &mut found.python,
            _ => &mut found.properties,
        };
        kind.push(path);
    });
    for paths in [&mut found.models, &mut found.tests, &mut found.python, &mut found.properties, &mut found.seeds] {
        sort(paths);
    }
    let mut problems = walk.problems;
    let mut read = |paths: Vec<PathBuf>| read_all(project, overlay, paths, &mut problems);
    let scanned = Scanned {
        models: read(found.models),
        python: read(found.python),
        macros: read(found.macros),
        tests: read(found.tests),
        properties: read(found.properties),
        seeds: found.seeds.into_iter().map(|path| SourceFile::new(path, String::new())).collect(),
    };
    problems.with(scanned).map(|scanned| scanned.value)
}

/// The folder right below one of `roots` in which a file is, if it is in one.
fn folder_below<'p>(path: &'p Path, roots: &[PathBuf]) -> Option<&'p str> {
    let below = roots.iter().find_map(|root| path.strip_prefix(root).ok())?;
    let mut parts = below.iter();
    let first = parts.next()?.to_str()?;
    parts.next().map(|_| first)
}

/// Paths as messages show them, by what they hold. Each stands once, however the project's paths overlap.
#[derive(Default)]
struct Found {
    models: Vec<PathBuf>,
    python: Vec<PathBuf>,
    macros: Vec<PathBuf>,
    tests: Vec<PathBuf>,
    properties: Vec<PathBuf>,
    seeds: Vec<PathBuf>,
}

/// Each once, by the text of the path: `Path` itself compares part by part, which takes longer than finding the files.
fn sort(paths: &mut Vec<PathBuf>) {
    paths.sort_unstable_by(|a, b| by_text(a, b));
    paths.dedup();
}

fn by_text(a: &Path, b: &Path) -> Ordering {
    a.as_os_str().cmp(b.as_os_str())
}

fn read_all(
    project: &Project,
    overlay: &Overlay,
    paths: Vec<PathBuf>,
    problems: &mut Diagnostics,
) -> Vec<Arc<SourceFile>> {
    let read_one = |path: PathBuf| match overlay.get(&path) {
        Some(file) => Ok(Arc::clone(file)),
        None => read_regular(&project.root, path),
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
