//! What a project is: where its files are, which database it writes, which defaults its folders have.
//!
//! Two front doors (`native` now, dbt later) load into the same `Project`; nothing after this folder knows which
//! door was used.

mod native;
mod target;

pub use native::{LoadOptions, find_root, load};
pub use target::{
    Attachment, Extension, Publish, STATE_SCHEMA, Secret, TRASH_SCHEMA, Target, is_reserved_alias, is_reserved_schema,
};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::source::{Place, SourceFile, Span};

/// Values by name, in the order of the file: configs, variables, metadata.
pub type Values = BTreeMap<String, Value>;

/// A project, as loaded from `dovetail.toml` or from nothing at all.
#[derive(Debug, Clone)]
pub struct Project {
    pub name: String,
    /// Absolute path of the project's folder.
    pub root: PathBuf,
    pub paths: Paths,
    pub target: Target,
    pub vars: Values,
    /// Defaults by folder, least specific first.
    pub folder_defaults: Vec<FolderDefaults>,
    /// Whether the versions of third-party packages are part of the code that uses them.
    pub counts_packages: bool,
    /// Environment variables, as `env_var` sees them.
    pub environment: Arc<BTreeMap<String, String>>,
    /// The file that all this comes from, for messages; `None` when the project has no config.
    pub file: Option<Arc<SourceFile>>,
    /// What a unit test has otherwise than the project; `None` outside of one.
    pub overrides: Option<Overrides>,
}

/// What a unit test has otherwise, beside variables and the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// What calls of macros and functions give, by their names.
    pub macros: Values,
    /// What every clock says.
    pub now: Option<jiff::Timestamp>,
}

/// Folders of a project, relative to its root.
#[derive(Debug, Clone)]
pub struct Paths {
    pub models: Vec<PathBuf>,
    pub seeds: Vec<PathBuf>,
    pub macros: Vec<PathBuf>,
    /// Checks in SQL files of their own, tests that property files name (`generic/`), and rows for unit tests (`fixtures/`).
    pub tests: Vec<PathBuf>,
    /// Where compiled SQL and reports go.
    pub target: PathBuf,
}

/// Config values for all assets below a folder.
#[derive(Debug, Clone)]
pub struct FolderDefaults {
    /// Relative to the project's root, such as `models/staging`.
    pub folder: PathBuf,
    pub config: Values,
    /// Where the keys of `config` stand in the project's file.
    pub places: BTreeMap<String, Span>,
}

impl Project {
    /// A project that holds nothing, whatever is in its folder.
    pub fn in_memory(root: &Path) -> Self {
        let (name, path) = ("memory".to_owned(), PathBuf::from("target"));
        Project {
            name: name.clone(),
            root: root.to_owned(),
            paths: Paths { models: Vec::new(), seeds: Vec::new(), macros: Vec::new(), tests: Vec::new(), target: path },
            target: Target {
                name,
                is_one_of_several: false,
                database: None,
                schema: "main".to_owned(),
                threads: 1,
                publish: Publish::default(),
                settings: Values::new(),
                extensions: Vec::new(),
                attach: Vec::new(),
                secrets: Vec::new(),
            },
            vars: Values::new(),
            folder_defaults: Vec::new(),
            counts_packages: false,
            environment: Arc::default(),
            file: None,
            overrides: None,
        }
    }

    /// Defaults for a file, merged: deeper folders win, tags add up.
    pub fn defaults_for(&self, path: &Path) -> Values {
        let mut merged = Values::new();
        for defaults in self.folder_defaults.iter().filter(|defaults| path.starts_with(&defaults.folder)) {
            merge_config(&mut merged, &defaults.config);
        }
        merged
    }

    /// Where the default that a file has for a key is written: that of the deepest folder.
    pub fn default_place(&self, path: &Path, key: &str) -> Option<Place> {
        let fits = |defaults: &&FolderDefaults| path.starts_with(&defaults.folder) && defaults.config.contains_key(key);
        let span = self.folder_defaults.iter().rev().find(fits)?.places.get(key)?;
        Some(Place::new(self.file.as_ref()?, *span))
    }

    /// Absolute path of the target folder.
    pub fn target_dir(&self) -> PathBuf {
        self.root.join(&self.paths.target)
    }
}

/// Lays `over` on `under`, by dbt's rules: `tags` add up, `meta` merges by key, everything else is replaced.
pub fn merge_config(under: &mut Values, over: &Values) {
    for (key, value) in over {
        let merged = match (key.as_str(), under.remove(key)) {
            ("tags", Some(before)) => Value::Array(union(as_list(before), as_list(value.clone()))),
            ("meta", Some(Value::Object(mut before))) => match value {
                Value::Object(after) => {
                    before.extend(after.clone());
                    Value::Object(before)
                }
                other => other.clone(),
            },
            _ => value.clone(),
        };
        under.insert(key.clone(), merged);
    }
}

fn as_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        single => vec![single],
    }
}

fn union(mut before: Vec<Value>, after: Vec<Value>) -> Vec<Value> {
    for value in after {
        if !before.contains(&value) {
            before.push(value);
        }
    }
    before
}
