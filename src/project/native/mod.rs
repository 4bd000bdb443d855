//! The native front door: `dovetail.toml`, or no config at all.

mod alias;
mod connections;
mod defaults;
mod paths;
mod render;
mod root;
mod target;
#[cfg(test)]
mod tests;

pub use root::find_root;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Project, Values};
use crate::diagnostic::{Code, Diagnostics, Warned};
use crate::document::{Node, Reader, Words, toml};
use crate::scan::read_file;
use crate::source::SourceFile;
use root::CONFIG_FILE;

/// What the command line says about the project.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub target: Option<String>,
    pub threads: Option<usize>,
    /// `--vars`, over those of the file.
    pub vars: Values,
    /// The process's environment variables.
    pub environment: Arc<BTreeMap<String, String>>,
}

const WORDS: Words =
    Words { unknown_key: Code::ProjectFile, wrong_value: Code::ProjectFile, key: "key", plain_text: false };

const KEYS: &[&str] = &["name", "target", "paths", "targets", "vars", "models", "seeds", "publish", "fingerprint"];

/// The project in `root`, from its `dovetail.toml` or from nothing at all.
///
/// The error holds everything that is wrong with the file: `DT0002` for keys and values, `DT0003` for the target,
/// `DT0104` for environment variables that are not set.
pub fn load(root: &Path, options: &LoadOptions) -> Result<Warned<Project>, Diagnostics> {
    let root = root::absolute(root)?;
    let has_file = root.join(CONFIG_FILE).exists();
    let file = if has_file { read_file(&root, CONFIG_FILE)? } else { SourceFile::new(CONFIG_FILE, "") };
    let mut document = toml::parse(&file)?;
    let mut reader = Reader::new(&file, WORDS);
    let templates = render::Templates::new(&options.environment);
    let target = target::choose(&mut reader, &mut document, options.target.as_deref(), &templates);
    templates.render_document(&mut reader, &mut document, &target);
    let mut project = read(&mut reader, &document, &root, options, &target);
    project.file = has_file.then(|| Arc::clone(&file));
    reader.problems.with(project)
}

fn read(reader: &mut Reader<'_>, document: &Node<'_>, root: &Path, options: &LoadOptions, target: &str) -> Project {
    for entry in document.as_table().unwrap_or_default() {
        if !KEYS.contains(&entry.key.as_ref()) {
            reader.unknown_key(entry, "`dovetail.toml`", KEYS);
        }
    }
    let name = document.get("name").and_then(|node| reader.name("name", node));
    let name = name.unwrap_or_else(|| root::folder_name(root));
    let paths = paths::read(reader, document.get("paths"), root);
    let mut vars = document.get("vars").map(|node| reader.values("vars", node)).unwrap_or_default();
    vars.extend(options.vars.clone());
    let folder_defaults = defaults::read(reader, document, &paths, root);
    let schemas = folder_defaults.iter().filter_map(|defaults| defaults.config.get("schema")?.as_str());
    let schemas: Vec<&str> = schemas.collect();
    let publish = document.get("publish").and_then(|node| target::publish(reader, node)).unwrap_or_default();
    let context = target::Context { root, project: &name, threads: options.threads, publish, schemas };
    let target = target::read(reader, document.get("targets"), target, &context);
    let counts_packages = document.get("fingerprint").is_some_and(|node| counts_packages(reader, node));
    Project {
        name,
        root: root.to_path_buf(),
        paths,
        target,
        vars,
        folder_defaults,
        counts_packages,
        environment: Arc::clone(&options.environment),
        file: None,
        overrides: None,
    }
}

/// `[fingerprint]`: what else counts as code.
fn counts_packages(reader: &mut Reader<'_>, node: &Node<'_>) -> bool {
    let mut counts = false;
    for entry in reader.table("fingerprint", node) {
        match entry.key.as_ref() {
            "packages" => counts = reader.truth("fingerprint.packages", &entry.value).unwrap_or_default(),
            _ => reader.unknown_key(entry, "`[fingerprint]`", &["packages"]),
        }
    }
    counts
}
