//! Whole projects, before and after an edit: which assets are another code version.

mod differential;
mod properties;
mod python;
mod sql;

use std::collections::BTreeMap;
use std::path::Path;

use super::{CodeVersion, code_versions};
use crate::compile::compile;
use crate::project::LoadOptions;

/// A project's files.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
    Files(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into())
}

impl Files {
    /// With another text of one file, or one more file.
    fn with(&self, path: &str, text: &str) -> Files {
        let mut files = self.clone();
        files.0.insert(path.to_owned(), text.to_owned());
        files
    }

    /// With every occurrence of a text in one file replaced.
    fn edit(&self, path: &str, old: &str, new: &str) -> Files {
        let text = &self.0[path];
        assert!(text.contains(old), "{path} does not hold `{old}`");
        self.with(path, &text.replace(old, new))
    }

    fn versions(&self) -> BTreeMap<String, CodeVersion> {
        self.versions_with(&LoadOptions::default())
    }

    fn versions_with(&self, options: &LoadOptions) -> BTreeMap<String, CodeVersion> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        for (path, text) in &self.0 {
            write(&root.join(path), text);
        }
        let compiled = compile(&root, options, None, None).unwrap_or_else(|problems| {
            panic!("{}", problems.0.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("\n"))
        });
        let versions = code_versions(&compiled.graph, &compiled.modules, &compiled.project.root);
        versions.into_iter().map(|(id, version)| (compiled.graph.node(id).name.to_string(), version)).collect()
    }

    /// The assets that the edit makes another version of, joined by spaces.
    fn changed(&self, after: &Files) -> String {
        let (before, after) = (self.versions(), after.versions());
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        let is_changed = |(name, version): &(&String, &CodeVersion)| after[*name].hash != version.hash;
        before.iter().filter(is_changed).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn part_names(version: &CodeVersion) -> Vec<&str> {
    version.parts.iter().map(|part| part.name.as_str()).collect()
}
