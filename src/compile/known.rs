//! Graphs that were compiled before, by the content of all files and by everything else that compiling looks at.
//!
//! Left out are projects whose answer may be another one for the same files: templates that look at `run_started_at` or
//! `invocation_id`, modules that must be imported. So are those whose templates read secrets, which belong in no file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TemplateMessage;
use crate::cache::{Cache, Key, files};
use crate::diagnostic::Diagnostics;
use crate::graph::AssetGraph;
use crate::hash::of_pieces;
use crate::parse::ParsedProperties;
use crate::parse::sql::NamesMemory;
use crate::project::Project;
use crate::scan::Scanned;
use crate::source::SourceFile;
use crate::template::TemplateEnvironment;

/// What compiling gave.
#[derive(Deserialize)]
pub(super) struct Known {
    pub graph: AssetGraph,
    /// Of all stages after `scan`.
    pub warnings: Diagnostics,
    pub messages: Vec<TemplateMessage>,
    /// The environment variables that templates read, with the hashes of their values.
    variables: BTreeMap<String, Option<String>>,
}

/// `Known` as it is written.
#[derive(Serialize)]
struct Written<'a> {
    graph: &'a AssetGraph,
    warnings: &'a Diagnostics,
    messages: &'a [TemplateMessage],
    variables: BTreeMap<String, Option<String>>,
}

/// Where the graph of these files is kept.
pub(super) struct Place {
    cache: Cache,
    key: Key,
    files: Vec<Arc<SourceFile>>,
}

impl Place {
    pub fn of(project: &Project, scanned: &Scanned) -> Self {
        let Scanned { models, python, macros, tests, properties, seeds } = scanned;
        let kinds = [models, python, macros, tests, properties, seeds];
        let mut pieces: Vec<&[u8]> = Vec::new();
        let counts = kinds.map(|files| files.len().to_le_bytes());
        for (files, count) in kinds.into_iter().zip(&counts) {
            pieces.push(count);
            // A seed's text is data, which the graph does not hold; it is empty here.
            pieces.extend(files.iter().flat_map(pathed_text));
        }
        let cache = Cache::of(project);
        let key = cache.key("graph", pieces);
        Place { cache, key, files: project.file.iter().chain(kinds.into_iter().flatten()).cloned().collect() }
    }

    /// What compiling these files gave, where that is known and the environment is what it was.
    pub fn read(&self, project: &Project) -> Option<Known> {
        let known: Known = files::during(self.files.clone(), || self.cache.read(&self.key))?;
        let is_same = |(name, value): (&String, &Option<String>)| value_hash(project, name) == *value;
        known.variables.iter().all(is_same).then_some(known)
    }

    /// Keeps what compiling gave, where it would give the same again.
    pub fn write(
        self,
        project: &Project,
        templates: &TemplateEnvironment,
        graph: &AssetGraph,
        warnings: &Diagnostics,
        messages: &[TemplateMessage],
    ) {
        let Some(variables) = templates.variables_read() else { return };
        let variables = variables.into_iter().map(|name| (value_hash(project, &name), name));
        let variables = variables.map(|(value, name)| (name, value)).collect();
        let written = Written { graph, warnings, messages, variables };
        files::during(self.files, || self.cache.write(&self.key, &written));
    }
}

fn pathed_text(file: &Arc<SourceFile>) -> [&[u8]; 2] {
    [file.path().as_os_str().as_encoded_bytes(), file.text().as_bytes()]
}

/// What property files say and the warnings that they earn.
type Said = (ParsedProperties, Diagnostics);

/// What the property files of a project said before: reading them takes longer than anything else that an edit of a query
/// leaves as it was.
pub(super) struct KnownProperties<'a> {
    cache: Cache,
    key: Key,
    files: &'a [Arc<SourceFile>],
}

impl<'a> KnownProperties<'a> {
    pub fn of(project: &Project, files: &'a [Arc<SourceFile>]) -> Self {
        let cache = Cache::of(project);
        let key = cache.key("properties", files.iter().flat_map(pathed_text));
        KnownProperties { cache, key, files }
    }

    pub fn read(&self) -> Option<Said> {
        files::during(self.files.to_vec(), || self.cache.read(&self.key))
    }

    /// Keeps what all of them say together.
    pub fn keep(&self, said: (&ParsedProperties, &Diagnostics)) {
        files::during(self.files.to_vec(), || self.cache.write(&self.key, &said));
    }
}

/// What the statements of a project named before, whatever has changed since.
pub(super) struct KnownNames {
    pub memory: NamesMemory,
    cache: Cache,
    key: Key,
}

impl KnownNames {
    pub fn of(project: &Project) -> Self {
        let cache = Cache::of(project);
        let key = cache.key("names", []);
        KnownNames { memory: NamesMemory::read(&cache, &key), cache, key }
    }

    /// Keeps what was asked for, unless a secret may be in it.
    pub fn keep(self, templates: &TemplateEnvironment) {
        if templates.variables_read().is_some() {
            self.memory.write(&self.cache, &self.key);
        }
    }
}

fn value_hash(project: &Project, name: &str) -> Option<String> {
    let value = project.environment.get(name)?;
    Some(of_pieces([name.as_bytes(), value.as_bytes()]).to_hex().to_string())
}
