//! The binder, opened when somebody needs it: sessions for the workers, and the empty twins that queries are bound against.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::engine::{Binder, BinderSession, Column, EngineError, SchemaName, binder};
use crate::graph::{AssetGraph, Body, NodeId, RelationName};
use crate::parse::SourceLocation;
use crate::project::Project;

/// The schema of the twins of files that are not there.
const FILES: &str = "__dovetail_files";

pub(super) struct Binding<'a> {
    project: &'a Project,
    graph: &'a AssetGraph,
    schemas: BTreeSet<SchemaName>,
    binder: OnceLock<Result<Box<dyn Binder>, EngineError>>,
    idle: Mutex<Vec<Box<dyn BinderSession>>>,
    twins: HashMap<NodeId, OnceLock<Result<(), String>>>,
}

/// A binder that a check opened, for the next one in the same process. The twins in it are made anew.
pub(super) struct KeptBinder {
    /// Of the project.
    settings: String,
    schemas: BTreeSet<SchemaName>,
    binder: Box<dyn Binder>,
    idle: Vec<Box<dyn BinderSession>>,
}

impl<'a> Binding<'a> {
    /// For the queries of these nodes.
    pub fn new(project: &'a Project, graph: &'a AssetGraph, nodes: &[NodeId], kept: Option<KeptBinder>) -> Self {
        let relations = nodes.iter().map(|id| twin(graph, *id));
        let schemas: BTreeSet<SchemaName> = relations.map(|relation| (relation.database, relation.schema)).collect();
        let fits = |kept: &KeptBinder| kept.settings == settings(project) && kept.schemas.is_superset(&schemas);
        let (binder, idle, schemas) = match kept.filter(fits) {
            Some(kept) => (OnceLock::from(Ok(kept.binder)), kept.idle, kept.schemas),
            None => (OnceLock::new(), Vec::new(), schemas),
        };
        let twins = nodes.iter().map(|id| (*id, OnceLock::new())).collect();
        Binding { project, graph, schemas, binder, idle: Mutex::new(idle), twins }
    }

    /// What was opened, if anything was.
    pub fn keep(self) -> Option<KeptBinder> {
        let binder = self.binder.into_inner()?.ok()?;
        let idle = self.idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(KeptBinder { settings: settings(self.project), schemas: self.schemas, binder, idle })
    }

    /// Lends a session to some work.
    pub fn with_session<T>(&self, work: impl FnOnce(&mut dyn BinderSession) -> T) -> Result<T, EngineError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match idle {
            Some(session) => session,
            None => self.binder()?.session()?,
        };
        let result = work(session.as_mut());
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        Ok(result)
    }

    fn binder(&self) -> Result<&dyn Binder, EngineError> {
        let opened = self.binder.get_or_init(|| binder(self.project, &self.schemas));
        opened.as_deref().map_err(Clone::clone)
    }

    /// Sees to it that a node's twin stands; the error says, in words, why it cannot.
    pub fn make_twin(&self, session: &mut dyn BinderSession, id: NodeId, columns: &[Column]) -> Result<(), String> {
        let Some(made) = self.twins.get(&id) else { return Ok(()) };
        let make = || {
            let made = session.make_twin(&twin(self.graph, id), columns);
            made.map_err(|error| error.message.lines().next().unwrap_or_default().to_owned())
        };
        made.get_or_init(make).clone()
    }
}

/// All that a binder is made of.
fn settings(project: &Project) -> String {
    format!("{:?} {:?}", project.root, project.target)
}

/// Where the twin of a node stands: under the node's own name, but for files, which have none.
pub(super) fn twin(graph: &AssetGraph, id: NodeId) -> RelationName {
    let node = graph.node(id);
    match &node.body {
        Body::Source(SourceLocation::Files { .. }) => {
            RelationName { database: None, schema: FILES.to_owned(), identifier: node.name.to_string() }
        }
        _ => node.relation.clone(),
    }
}
