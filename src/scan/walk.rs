//! Finds the files below the project's paths.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::overlay::Overlay;
use super::read::{not_regular, unreadable};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::project::Project;

pub struct Walk<'p> {
    root: &'p Path,
    target: PathBuf,
    overlay: &'p Overlay,
    pub problems: Diagnostics,
}

impl<'p> Walk<'p> {
    pub fn new(project: &'p Project, overlay: &'p Overlay) -> Self {
        Walk { root: &project.root, target: project.target_dir(), overlay, problems: Diagnostics::default() }
    }

    /// Gives each file below `folders` that has one of the endings (in lower case), with its ending.
    pub fn folders(&mut self, folders: &[PathBuf], endings: &[&str], mut found: impl FnMut(PathBuf, &str)) {
        for folder in folders {
            // Without `.` in it; neither have the paths below.
            let folder: PathBuf = self.root.join(folder).components().collect();
            self.folder(&folder, endings, &mut found);
            for path in self.overlay.below(&self.shown(&folder)) {
                if let Some(ending) = ending(path, endings) {
                    found(path.components().collect(), ending);
                }
            }
        }
    }

    fn folder(&mut self, folder: &Path, endings: &[&str], found: &mut impl FnMut(PathBuf, &str)) {
        if !folder.exists() {
            return;
        }
        let target = self.target.clone();
        let entries = WalkDir::new(folder).follow_links(true).into_iter();
        for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry, &target)) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.file(entry.path(), endings, found),
                Ok(entry) if entry.file_type().is_dir() || ending(entry.path(), endings).is_none() => {}
                Ok(entry) => self.problems.push(not_regular(&self.shown(entry.path()))),
                Err(error) => self.failed(&error, endings),
            }
        }
    }

    fn file(&mut self, path: &Path, endings: &[&str], found: &mut impl FnMut(PathBuf, &str)) {
        let Some(ending) = ending(path, endings) else { return };
        let shown = self.shown(path);
        if shown.to_str().is_some() {
            return found(shown, ending);
        }
        let message = format!("the name of `{}` is not UTF-8", shown.display());
        self.problems.push(Diagnostic::error(Code::Unreadable, message).hint("rename the file"));
    }

    /// Loops of links end where they begin; a broken link matters when a file of ours should stand there.
    fn failed(&mut self, error: &walkdir::Error, endings: &[&str]) {
        if error.loop_ancestor().is_some() {
            return;
        }
        let path = error.path().unwrap_or(self.root);
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_broken_link = path.is_symlink() && !path.exists();
        if is_hidden || (is_broken_link && ending(path, endings).is_none()) {
            return;
        }
        let shown = self.shown(path);
        let problem = match error.io_error() {
            Some(error) => unreadable(&shown, error),
            None => Diagnostic::error(Code::Unreadable, format!("`{}` cannot be read", shown.display())),
        };
        self.problems.push(problem);
    }

    /// The path as messages show it: relative to the root, with `/` between its parts.
    fn shown(&self, path: &Path) -> PathBuf {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        if std::path::MAIN_SEPARATOR == '/' {
            return relative.to_path_buf();
        }
        PathBuf::from(relative.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
    }
}

fn ending<'e>(path: &Path, endings: &[&'e str]) -> Option<&'e str> {
    let ending = path.extension()?.to_str()?;
    endings.iter().copied().find(|known| known.eq_ignore_ascii_case(ending))
}

fn is_left_out(entry: &DirEntry, target: &Path) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    if name.starts_with(b".") {
        return true;
    }
    entry.file_type().is_dir()
        && (name == b"__pycache__" || entry.path() == target || entry.path().join("pyvenv.cfg").is_file())
}
