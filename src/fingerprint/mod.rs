//! What an asset computes, as a hash of meaning and not of text: the code version.
//!
//! Pure: the texts come from the graph and from `scan::Modules`. What counts and what does not is written down for users
//! in `docs/fingerprints.md`.

mod check;
mod config;
mod hash;
mod python;
mod sql;
#[cfg(test)]
mod tests;

pub use check::check_versions;
pub use hash::Part;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use crate::graph::{AssetGraph, Body, Node, NodeId};
use crate::project::Project;
use crate::scan::Modules;
use crate::source::SourceFile;
use python::Library;

/// What an asset computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeVersion {
    /// Hexadecimal, of all parts.
    pub hash: String,
    /// Sorted by name. Two versions differ exactly in these.
    pub parts: Vec<Part>,
    /// What a person reads in the difference of two versions: the compiled statement, or the Python definitions that
    /// are reached, those of each file under its path. Empty for seeds. A rendered statement may hold secrets that its
    /// template has read: redact it before it leaves the process.
    pub code: String,
    /// Third-party packages that the reached Python code uses, by the name of their top-level module; sorted.
    pub packages: Vec<String>,
    /// Why more counts than the eye sees, or less: modules that count as a whole, values that were left out.
    pub notes: Vec<String>,
}

/// The code versions of these assets; sources have none.
pub fn code_versions(
    graph: &AssetGraph,
    modules: &Modules,
    project: &Project,
    assets: impl IntoIterator<Item = NodeId>,
) -> HashMap<NodeId, CodeVersion> {
    let library = Library::new(modules);
    let ids: Vec<NodeId> = assets.into_iter().filter(|id| !graph.node(*id).is_source()).collect();
    ids.into_par_iter().map(|id| (id, code_version(graph, graph.node(id), &library, project))).collect()
}

fn code_version(graph: &AssetGraph, node: &Node, library: &Library<'_>, project: &Project) -> CodeVersion {
    let root = &project.root;
    let mut asks_rows = false;
    let mut version = match &node.body {
        Body::Sql(compiled) => {
            let statement = sql::statement(compiled, root);
            CodeVersion {
                parts: vec![Part::new("sql", statement.digest)],
                code: compiled.statement().to_owned(),
                notes: statement.notes,
                ..CodeVersion::empty()
            }
        }
        Body::Python(compiled) => {
            let reached = python::reached_function(library, graph, &node.file, compiled, project);
            let (parts, code) = (reached.parts, reached.code);
            asks_rows = reached.asks_rows;
            CodeVersion { hash: String::new(), parts, code, packages: reached.packages, notes: reached.notes }
        }
        Body::Seed | Body::Source(_) => CodeVersion::empty(),
    };
    if let Some(stated) = config::version(node) {
        version.parts = vec![stated];
    }
    version.parts.extend(config::parts(graph, node, project));
    version.parts.extend(config::settings(project).filter(|_| asks_rows));
    if let Body::Python(compiled) = &node.body {
        for (part, notes) in config::readings(graph, compiled, root) {
            version.parts.push(part);
            version.notes.extend(notes);
        }
    }
    version.parts.sort();
    version.parts.dedup();
    version.hash = hash::whole(&version.parts);
    version
}

/// The texts of the project's modules that importing these files runs, or that what they define could: sorted by path.
pub fn imported_files<'f>(modules: &Modules, files: impl IntoIterator<Item = &'f SourceFile>) -> Vec<Arc<SourceFile>> {
    python::imported_files(&Library::new(modules), files)
}

/// The packages that any of these uses.
pub fn packages<'v>(versions: impl IntoIterator<Item = &'v CodeVersion>) -> BTreeSet<&'v str> {
    versions.into_iter().flat_map(|version| &version.packages).map(String::as_str).collect()
}

impl CodeVersion {
    /// The packages whose versions may count: none where a `version` of its own stands for the code.
    pub fn counted_packages(&self) -> &[String] {
        let is_stated = self.parts.iter().any(|part| part.name == "config version");
        if is_stated { &[] } else { &self.packages }
    }

    fn empty() -> Self {
        CodeVersion {
            hash: String::new(),
            parts: Vec::new(),
            code: String::new(),
            packages: Vec::new(),
            notes: Vec::new(),
        }
    }
}
