//! `[models]` and `[seeds]`: config for all assets below a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::document::config::{config_value, model_folder_keys, seed_folder_keys};
use crate::document::{Content, Entry, Node, Reader};
use crate::project::{FolderDefaults, Paths, Values};

/// Least specific first.
pub fn read(reader: &mut Reader<'_>, document: &Node<'_>, paths: &Paths, root: &Path) -> Vec<FolderDefaults> {
    let mut defaults = Vec::new();
    let sections = [("models", &paths.models, model_folder_keys()), ("seeds", &paths.seeds, seed_folder_keys())];
    for (section, folders, keys) in &sections {
        let Some(node) = document.get(section) else { continue };
        let mut section = Section { reader, root, folders, keys, defaults: &mut defaults };
        section.table(node, Path::new(""));
    }
    defaults.sort_by_key(|defaults| defaults.folder.components().count());
    defaults
}

struct Section<'s, 'f> {
    reader: &'s mut Reader<'f>,
    root: &'s Path,
    /// The folders that the section's own keys are about.
    folders: &'s [PathBuf],
    keys: &'s [&'s str],
    defaults: &'s mut Vec<FolderDefaults>,
}

impl Section<'_, '_> {
    /// `below` is relative to the section's folders.
    fn table(&mut self, node: &Node<'_>, below: &Path) {
        let (mut config, mut places) = (Values::new(), BTreeMap::new());
        let mut subfolders = Vec::new();
        let what = if below.as_os_str().is_empty() { "a section".to_string() } else { below.display().to_string() };
        for entry in self.reader.table(&what, node) {
            let key = entry.key.strip_prefix('+').unwrap_or(&entry.key);
            if self.keys.contains(&key) {
                if let Some(value) = config_value(self.reader, key, key, &entry.value) {
                    config.insert(key.to_string(), value);
                    places.insert(key.to_string(), entry.key_span);
                }
            } else if matches!(entry.value.content, Content::Table(_)) && !entry.key.starts_with('+') {
                subfolders.push(entry);
            } else {
                self.reader.unknown_key(entry, "the config of a folder", self.keys);
            }
        }
        if !config.is_empty() {
            for folder in self.folders {
                let (folder, config, places) = (folder.join(below), config.clone(), places.clone());
                self.defaults.push(FolderDefaults { folder, config, places });
            }
        }
        for entry in subfolders {
            self.subfolder(entry, below);
        }
    }

    fn subfolder(&mut self, entry: &Entry<'_>, below: &Path) {
        let below = below.join(entry.key.as_ref());
        let is_there = self.folders.iter().any(|folder| self.root.join(folder).join(&below).is_dir());
        if !is_there {
            let message = format!("there is no folder `{}` for this config", below.display());
            let nearest = did_you_mean(&entry.key, self.keys.iter().copied());
            let place = self.reader.place(entry.key_span);
            let warning = Diagnostic::warning(Code::ProjectFile, message).at(place);
            self.reader.report(warning.hint_if(nearest.map(|nearest| format!("did you mean `{nearest}`?"))));
        }
        self.table(&entry.value, &below);
    }
}
