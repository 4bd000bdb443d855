//! Copies of seeds that are not saved: the engine reads files alone.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cache;
use crate::hash::of_pieces;
use crate::project::Project;
use crate::scan::Overlay;
use crate::source::SourceFile;

/// The copies of one server, which go when it ends.
#[derive(Default)]
pub(super) struct SeedCopies(HashMap<PathBuf, PathBuf>);

impl SeedCopies {
    /// Where each seed that is not saved can be read as its text says.
    pub fn of(&mut self, project: &Project, overlay: &Overlay) -> HashMap<PathBuf, PathBuf> {
        let seeds = overlay.files().filter(|file| file.extension().eq_ignore_ascii_case("csv"));
        let copies = seeds.filter_map(|seed| Some((seed.path().to_path_buf(), copy(project, seed)?)));
        let before = std::mem::replace(&mut self.0, copies.collect());
        let is_used = |path: &PathBuf| self.0.values().any(|used| used == path);
        before.into_values().filter(|path| !is_used(path)).for_each(remove);
        self.0.clone()
    }
}

impl Drop for SeedCopies {
    fn drop(&mut self) {
        self.0.drain().for_each(|(_, copy)| remove(copy));
    }
}

/// Under the hash of its path and text; `None` where nothing can be written.
fn copy(project: &Project, seed: &Arc<SourceFile>) -> Option<PathBuf> {
    let hash = of_pieces([seed.path().as_os_str().as_encoded_bytes(), seed.text().as_bytes()]);
    let folder = cache::folder(project).join("unsaved");
    let path = folder.join(format!("{}-{}.csv", std::process::id(), hash.to_hex()));
    if !path.exists() {
        fs::create_dir_all(&folder).ok()?;
        fs::write(&path, seed.text()).ok()?;
    }
    Some(path)
}

fn remove(copy: PathBuf) {
    // What stays behind goes with the cache.
    let _ = fs::remove_file(copy);
}
