//! Texts that lie over the files of a project: what somebody has written and not saved yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::SourceFile;

/// Files by their paths, which are relative to the project's root, with `/` between their parts. Each is read in the place
/// of the file of its path, and where there is none, as if there were one.
#[derive(Debug, Clone, Default)]
pub struct Overlay(BTreeMap<PathBuf, Arc<SourceFile>>);

impl Overlay {
    pub fn insert(&mut self, file: Arc<SourceFile>) {
        self.0.insert(file.path().to_path_buf(), file);
    }

    pub fn remove(&mut self, path: &Path) {
        self.0.remove(path);
    }

    pub fn get(&self, path: &Path) -> Option<&Arc<SourceFile>> {
        self.0.get(path)
    }

    pub fn files(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.0.values()
    }

    /// The paths below a folder, without those that a walk through it leaves out.
    pub(super) fn below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a Path> {
        let inside = self.0.keys().filter_map(move |path| Some((path.as_path(), path.strip_prefix(folder).ok()?)));
        let is_hidden = |inside: &Path| inside.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
        inside.filter(move |(_, inside)| !is_hidden(inside)).map(|(path, _)| path)
    }
}
