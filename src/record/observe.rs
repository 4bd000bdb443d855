//! What can be known of data that dovetail does not make: files, tables of others, and what Python functions watch.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::files::Files;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Closeness, Engine, InputVersion, Observation};
use crate::execute::{PythonError, PythonErrorKind, PythonRuntime, PythonSource};
use crate::graph::{AssetGraph, Body, Kind, Node, NodeId, Observe};
use crate::hash::of_pieces;
use crate::parse::SourceLocation;
use crate::project::Project;
use crate::source::Place;

/// Observes sources and seeds, each once.
#[derive(Debug)]
pub struct Observer {
    files: Files,
    /// Of the sources that are no files, by name.
    looked: HashMap<String, InputVersion>,
    /// Why some of them have no version: the engine's words, by the source's name.
    unreadable: BTreeMap<String, String>,
}

/// Who is asked for a source's version.
enum Asked<'a> {
    Files(&'a str),
    Engine(Closeness),
    Python,
    Nobody,
}

fn asked(node: &Node) -> Asked<'_> {
    let Body::Source(location) = &node.body else { return Asked::Nobody };
    match (location, &node.observe) {
        (SourceLocation::Function { is_observed }, _) => {
            if *is_observed {
                Asked::Python
            } else {
                Asked::Nobody
            }
        }
        (_, Observe::Off) => Asked::Nobody,
        (_, Observe::By(closeness)) => Asked::Engine(closeness.clone()),
        (SourceLocation::Table { .. }, Observe::AsUsual) => Asked::Engine(Closeness::Count),
        (SourceLocation::Files { path, .. }, Observe::AsUsual) => Asked::Files(path),
    }
}

impl Observer {
    /// Knows of files only. `root` is the project's folder.
    pub fn new(root: &Path) -> Self {
        Observer { files: Files::new(root), looked: HashMap::new(), unreadable: BTreeMap::new() }
    }

    /// Looks at what is no file among these nodes. What cannot be observed has no version; the warnings say what user
    /// code did wrong.
    pub fn look(
        &mut self,
        project: &Project,
        graph: &AssetGraph,
        sources: &[NodeId],
        (engine, python): (Option<&dyn Engine>, Option<&dyn PythonRuntime>),
    ) -> Diagnostics {
        if let Some(engine) = engine {
            self.ask_engine(project, graph, sources, engine);
        }
        python.map_or_else(Diagnostics::default, |python| self.ask_python(project, graph, sources, python))
    }

    fn ask_engine(&mut self, project: &Project, graph: &AssetGraph, sources: &[NodeId], engine: &dyn Engine) {
        let observation = |id: &NodeId| match asked(graph.node(*id)) {
            Asked::Engine(closeness) => Some((*id, Observation { from: graph.from_item(*id), closeness })),
            _ => None,
        };
        let (ids, observations): (Vec<NodeId>, Vec<Observation>) = sources.iter().filter_map(observation).unzip();
        let versions = engine.observe(&observations);
        for ((id, observation), version) in ids.into_iter().zip(observations).zip(versions) {
            let node = graph.node(id);
            let name = node.name.to_string();
            match version {
                Ok(version) => {
                    let seen = Some(observation.closeness.in_words());
                    let data = Some(with_place(version, attached_path(project, node)));
                    self.looked.insert(name, InputVersion { data, columns: None, seen, part: None });
                }
                Err(error) => {
                    let words = error.message.lines().next().unwrap_or_default().to_owned();
                    self.unreadable.insert(name, words);
                }
            }
        }
    }

    fn ask_python(
        &mut self,
        project: &Project,
        graph: &AssetGraph,
        sources: &[NodeId],
        python: &dyn PythonRuntime,
    ) -> Diagnostics {
        let nodes = sources.iter().map(|id| graph.node(*id));
        let nodes: Vec<&Node> = nodes.filter(|node| matches!(asked(node), Asked::Python)).collect();
        let source = |node: &&'_ Node| (node.name.to_string(), node.file.path().to_owned());
        let named: Vec<_> = nodes.iter().map(source).collect();
        let sources: Vec<PythonSource<'_>> = named.iter().map(|(name, path)| PythonSource { name, path }).collect();
        if sources.is_empty() {
            return Diagnostics::default();
        }
        let mut problems = Diagnostics::default();
        for (node, version) in nodes.into_iter().zip(python.observe(project, &sources)) {
            match version {
                Ok(data) => {
                    self.looked
                        .insert(node.name.to_string(), InputVersion { data, columns: None, seen: None, part: None });
                }
                Err(error) if error.kind == PythonErrorKind::Cancelled => {}
                Err(error) => {
                    self.unreadable.insert(node.name.to_string(), error.message.clone());
                    problems.push(unobserved(node, &error));
                }
            }
        }
        problems
    }

    /// Why a source that was looked at has no version, where that is known.
    pub fn why_unknown(&self, source: &Node) -> Option<&str> {
        match asked(source) {
            Asked::Files(path) => self.files.why_unknown(path),
            _ => self.unreadable.get(source.name.as_str()).map(String::as_str),
        }
    }

    /// The version of a source or of a seed's file; `None` for other assets. What cannot be observed has a version
    /// without data.
    ///
    /// `known` is how a record saw it last.
    pub fn observe(&self, node: &Node, known: Option<&InputVersion>) -> Option<InputVersion> {
        match asked(node) {
            Asked::Files(path) => Some(self.files.version(path, known)),
            Asked::Engine(_) | Asked::Python => Some(self.looked.get(node.name.as_str()).cloned().unwrap_or_default()),
            Asked::Nobody if node.is_source() => Some(InputVersion::default()),
            Asked::Nobody if node.kind == Kind::Seed => Some(self.files.own(node.file.path(), known)),
            Asked::Nobody => None,
        }
    }
}

/// Where the database is that a source's table stands in, if it is attached.
fn attached_path<'p>(project: &'p Project, node: &Node) -> Option<&'p str> {
    let alias = node.relation.database.as_deref()?;
    let attached = project.target.attach.iter().find(|attached| attached.alias.eq_ignore_ascii_case(alias))?;
    Some(&attached.path)
}

/// A table of the same name and as many rows in another database is another one.
fn with_place(version: String, path: Option<&str>) -> String {
    match path {
        Some(path) => of_pieces([version.as_bytes(), path.as_bytes()]).to_hex().to_string(),
        None => version,
    }
}

/// That the observing function of a source did not work out.
fn unobserved(node: &Node, error: &PythonError) -> Diagnostic {
    let place = match error.line {
        Some(line) => Place::new(&node.file, node.file.line_span(line)),
        None => node.place.clone(),
    };
    let message = format!("the source `{}` could not be observed: {}", node.name, error.message);
    let warning = Diagnostic::warning(Code::SourceUnobserved, message).at(place).hint_if(error.hint.clone());
    if error.traceback.is_empty() { warning } else { warning.details(error.traceback.clone()) }
}
