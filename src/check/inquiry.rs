//! One look at a project's columns: which nodes, in which order, and what is known beside them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::binding::{Binding, KeptBinder};
use super::memory::{KeptMemory, Memory};
use super::schema::Schemas;
use super::stands::Stands;
use crate::graph::algebra::{descendants, topological_order};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, Body, Kind, Materialized, NodeId};
use crate::project::Project;
use crate::template::TemplateEnvironment;

/// What is asked.
pub enum Mode<'a> {
    /// Whether the project fits together: everything is as its code says.
    Project {
        /// The code version of an asset, as `fingerprint` takes it.
        code_version: Box<dyn Fn(NodeId) -> Option<String> + Send + Sync + 'a>,
    },
    /// Whether a run of these assets can come out: what it does not build stands as it is in the database. Only what is
    /// certain is called wrong.
    Run { built: HashSet<NodeId> },
}

impl Mode<'_> {
    pub(super) fn is_run(&self) -> bool {
        matches!(self, Mode::Run { .. })
    }
}

/// What a check leaves to the next one in the same process.
#[derive(Default)]
pub struct Kept {
    pub(super) memory: KeptMemory,
    pub(super) binder: Option<KeptBinder>,
    pub(super) assumed: Schemas,
    pub(super) copies: HashMap<PathBuf, PathBuf>,
}

impl Kept {
    /// Has readers of an asset whose query does not bind checked against these columns of it.
    #[must_use]
    pub fn assuming(self, assumed: Schemas) -> Self {
        Kept { assumed, ..self }
    }

    /// Has seeds of these paths read from copies.
    #[must_use]
    pub fn reading(self, copies: HashMap<PathBuf, PathBuf>) -> Self {
        Kept { copies, ..self }
    }
}

/// What a check works with.
pub struct Inquiry<'a> {
    pub(super) project: &'a Project,
    pub(super) graph: &'a AssetGraph,
    pub(super) templates: &'a TemplateEnvironment,
    pub(super) mode: Mode<'a>,
    pub(super) stands: Stands<'a>,
    pub(super) binding: Binding<'a>,
    pub(super) memory: Memory<'a>,
    /// Those that are asked about.
    pub(super) assets: &'a BTreeSet<NodeId>,
    pub(super) checks: &'a BTreeSet<CheckId>,
    /// Every node that is looked at, by how many others stand above it at most.
    pub(super) levels: Vec<Vec<NodeId>>,
    /// What stands in the place of schemas that are wrong.
    pub(super) assumed: Schemas,
    /// Where seeds are read instead, by their paths in the project.
    pub(super) copies: HashMap<PathBuf, PathBuf>,
    below_python: BTreeSet<NodeId>,
    below_built: BTreeSet<NodeId>,
}

impl<'a> Inquiry<'a> {
    /// About these assets and checks, and whatever they are made of. `kept` is what the check before left, if there was one.
    pub fn new(
        (project, graph, templates): (&'a Project, &'a AssetGraph, &'a TemplateEnvironment),
        (assets, checks): (&'a BTreeSet<NodeId>, &'a BTreeSet<CheckId>),
        mode: Mode<'a>,
        stands: Stands<'a>,
        kept: Kept,
    ) -> Self {
        let is_built = |id: &NodeId| match &mode {
            Mode::Project { .. } => true,
            Mode::Run { built } => built.contains(id),
        };
        let python: BTreeSet<NodeId> =
            graph.ids().filter(|id| graph.node(*id).kind == Kind::Python && is_built(id)).collect();
        let below_built = match &mode {
            Mode::Project { .. } => BTreeSet::new(),
            Mode::Run { built } => descendants(graph, &built.iter().copied().collect(), None),
        };
        let read = checks.iter().flat_map(|id| &graph.check(*id).reads).copied();
        let needed = assets.iter().copied().chain(read).collect();
        let levels = levels(graph, needed, &|id| ends_here(graph, &mode, id) || asks_nothing(graph, &mode, id));
        let nodes: Vec<NodeId> = levels.iter().flatten().copied().collect();
        Inquiry {
            project,
            graph,
            templates,
            mode,
            stands,
            binding: Binding::new(project, graph, &nodes, kept.binder),
            memory: Memory::of(project, templates, kept.memory),
            assets,
            checks,
            levels,
            assumed: kept.assumed,
            copies: kept.copies,
            below_python: descendants(graph, &python, None),
            below_built,
        }
    }

    /// Whether a node is not built by the run that is asked about.
    pub(super) fn stands_as_it_is(&self, id: NodeId) -> bool {
        ends_here(self.graph, &self.mode, id)
    }

    pub(super) fn is_below_python(&self, id: NodeId) -> bool {
        self.below_python.contains(&id)
    }

    pub(super) fn is_below_built(&self, id: NodeId) -> bool {
        self.below_built.contains(&id)
    }
}

/// Whether nothing above a node matters for its columns: a run leaves it as it is. Ephemeral assets are never built, and
/// their queries are part of those that read them.
fn ends_here(graph: &AssetGraph, mode: &Mode<'_>, id: NodeId) -> bool {
    let is_ephemeral = graph.node(id).materialized == Materialized::Ephemeral;
    match mode {
        Mode::Project { .. } => false,
        Mode::Run { built } => !built.contains(&id) && !is_ephemeral && !matches!(graph.node(id).body, Body::Source(_)),
    }
}

/// Whether what an asset function reads says nothing of its columns and cannot be wrong.
fn asks_nothing(graph: &AssetGraph, mode: &Mode<'_>, id: NodeId) -> bool {
    match &graph.node(id).body {
        Body::Python(python) => {
            mode.is_run() && python.body.parameters.iter().all(|parameter| parameter.reads.is_none())
        }
        _ => false,
    }
}

/// These assets and all above them that matter, each in the level after the last of what it reads.
fn levels(graph: &AssetGraph, mut needed: BTreeSet<NodeId>, ends: &dyn Fn(NodeId) -> bool) -> Vec<Vec<NodeId>> {
    let mut stack: Vec<NodeId> = needed.iter().copied().collect();
    while let Some(id) = stack.pop() {
        if !ends(id) {
            stack.extend(graph.upstream(id).filter(|upstream| needed.insert(*upstream)));
        }
    }
    let mut heights: HashMap<NodeId, usize> = HashMap::with_capacity(needed.len());
    let mut levels: Vec<Vec<NodeId>> = Vec::new();
    for id in topological_order(&graph.nodes).into_iter().filter(|id| needed.contains(id)) {
        let above = graph.upstream(id).filter_map(|upstream| heights.get(&upstream)).max();
        let height = if ends(id) { 0 } else { above.map_or(0, |height| height + 1) };
        heights.insert(id, height);
        if levels.len() <= height {
            levels.push(Vec::new());
        }
        levels[height].push(id);
    }
    levels
}
