//! The project's Python modules by their dotted names, those outside of the models folders too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::read_file;
use crate::source::SourceFile;

/// What an import finds at a dotted name.
#[derive(Debug, Clone)]
pub enum FoundModule {
    /// A module's or a package's file.
    File(ModuleFile),
    /// A folder without `__init__.py`.
    Folder,
    /// The file is there and its text cannot be read; its path.
    Unreadable(PathBuf),
    /// Nothing of the project's: a package of somebody else's, or of Python's own.
    Nothing,
}

#[derive(Debug, Clone)]
pub struct ModuleFile {
    pub file: Arc<SourceFile>,
    /// An `__init__.py`: relative imports in it start at itself.
    pub is_package: bool,
}

/// Reads modules when they are asked for, each at most once.
#[derive(Debug)]
pub struct Modules {
    root: PathBuf,
    /// The files that are read already, by the names of their modules.
    scanned: HashMap<String, Arc<SourceFile>>,
    /// The names of those, sorted.
    names: Vec<String>,
    found: Mutex<HashMap<String, FoundModule>>,
}

impl Modules {
    pub fn new(root: &Path, scanned: &[Arc<SourceFile>]) -> Self {
        let named = |file: &Arc<SourceFile>| (module_name(file.path()), Arc::clone(file));
        // As in Python, a package wins over a module of its name: it comes last.
        let (packages, modules): (Vec<_>, Vec<_>) = scanned.iter().partition(|file| is_initial(file.path()));
        let scanned: HashMap<_, _> = modules.into_iter().chain(packages).map(named).collect();
        let mut names: Vec<String> = scanned.keys().cloned().collect();
        names.sort_unstable();
        Modules { root: root.to_path_buf(), scanned, names, found: Mutex::default() }
    }

    /// Every module below the models folders, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The files that were read so far, in no order.
    pub fn files(&self) -> Vec<Arc<SourceFile>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.values().filter_map(|found| match found {
            FoundModule::File(found) => Some(&found.file),
            FoundModule::Folder | FoundModule::Unreadable(_) | FoundModule::Nothing => None,
        });
        self.scanned.values().chain(found).cloned().collect()
    }

    /// Whether a top-level name is that of a module or a folder below which there are models.
    pub fn is_top_level(&self, name: &str) -> bool {
        let first = self.names.partition_point(|known| known.as_str() < name);
        let inside =
            |known: &String| known.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.names.get(first..).unwrap_or_default().iter().take_while(|known| known.starts_with(name)).any(inside)
    }

    /// What `import name` finds below the project's root.
    pub fn find(&self, name: &str) -> FoundModule {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(name) {
            return known.clone();
        }
        let fresh = self.look(name);
        found.insert(name.to_owned(), fresh.clone());
        fresh
    }

    fn look(&self, name: &str) -> FoundModule {
        if let Some(file) = self.scanned.get(name) {
            return FoundModule::File(ModuleFile { is_package: is_initial(file.path()), file: Arc::clone(file) });
        }
        let is_identifier = |part: &str| !part.is_empty() && !part.contains(['/', '\\', '\0']);
        if !name.split('.').all(is_identifier) {
            return FoundModule::Nothing;
        }
        let place: PathBuf = name.split('.').collect();
        // As in Python, a package wins over a module of its name.
        for (path, is_package) in [(place.join("__init__.py"), true), (place.with_added_extension("py"), false)] {
            if self.root.join(&path).is_file() {
                return match read_file(&self.root, path.as_path()) {
                    Ok(file) => FoundModule::File(ModuleFile { file, is_package }),
                    Err(_) => FoundModule::Unreadable(path),
                };
            }
        }
        if self.root.join(&place).is_dir() { FoundModule::Folder } else { FoundModule::Nothing }
    }
}

/// The dotted name of a file that is relative to the project's root: `models/ml/delays.py` is `models.ml.delays`.
/// The same rule as in `_modules.py` of the Python package.
pub fn module_name(path: &Path) -> String {
    let path = path.with_extension("");
    let mut parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().replace('.', "_")).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| last == "__init__") {
        parts.pop();
    }
    parts.join(".")
}

fn is_initial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "__init__.py")
}
