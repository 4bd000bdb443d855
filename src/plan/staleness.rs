//! The one function that decides what is up to date: `status`, `plan` and whatever comes later ask it. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::engine::{ExistingRelation, Failure, InputVersion, Inputs, Recorded};
use crate::fingerprint::{CodeVersion, Part};
use crate::graph::algebra::topological_order;
use crate::graph::{AssetGraph, Kind, Materialized, NodeId};

/// How an asset stands next to its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Fresh,
    /// Never built, or gone.
    Missing,
    /// It would come out differently, or may.
    Stale,
    /// Fresh by itself; something that it reads is not, and may come out differently.
    Pending,
    /// Something else stands in its place than what dovetail made.
    Drifted,
    /// dovetail made it, and nothing declares it any more.
    Orphaned,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Fresh => "fresh",
            State::Missing => "missing",
            State::Stale => "stale",
            State::Pending => "pending",
            State::Drifted => "drifted",
            State::Orphaned => "orphaned",
        }
    }
}

/// Why an asset is not fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// For people.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseKind {
    Missing,
    Code,
    Config,
    Upstream,
    Source,
    Drift,
    Failed,
}

impl CauseKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CauseKind::Missing => "missing",
            CauseKind::Code => "code",
            CauseKind::Config => "config",
            CauseKind::Upstream => "upstream",
            CauseKind::Source => "source",
            CauseKind::Drift => "drift",
            CauseKind::Failed => "failed",
        }
    }
}

/// What is judged: an asset's state, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub state: State,
    pub causes: Vec<Cause>,
    /// What it reads and nobody can see change, such as an address or an attached table.
    pub unobserved: Vec<String>,
}

/// How the world is, as far as it matters for the graph's assets.
pub struct World<'w> {
    pub code_versions: &'w HashMap<NodeId, CodeVersion>,
    pub records: &'w HashMap<String, Recorded>,
    /// The versions of what each asset reads, as they are now.
    pub inputs: &'w HashMap<NodeId, Inputs>,
    pub relations: &'w [ExistingRelation],
    /// Assets of which an object is stored.
    pub objects: &'w BTreeSet<String>,
    /// The newest failures of assets that were not materialized since, by the asset's name.
    pub failures: &'w HashMap<String, Failure>,
}

impl World<'_> {
    /// Whether a view stands under each name of the project's own database. Attached ones hold nothing of ours.
    fn standing(&self) -> HashMap<String, bool> {
        let own = self.relations.iter().filter(|found| found.relation.database.is_none());
        own.map(|found| (found.relation.key(), found.is_view)).collect()
    }
}

/// Judges every asset that persists.
pub fn judge(graph: &AssetGraph, world: &World<'_>) -> HashMap<NodeId, Judgement> {
    let standing = world.standing();
    let mut judged: HashMap<NodeId, Judgement> = HashMap::new();
    for id in topological_order(&graph.nodes) {
        if !matches!(graph.node(id).materialized, Materialized::Ephemeral | Materialized::External) {
            let judgement = judge_one(graph, world, &standing, &judged, id);
            judged.insert(id, judgement);
        }
    }
    judged
}

/// The key of the relation that a record speaks of.
fn stood_at(record: &Recorded) -> Option<String> {
    record.relation.as_deref().map(str::to_lowercase)
}

fn judge_one(
    graph: &AssetGraph,
    world: &World<'_>,
    standing: &HashMap<String, bool>,
    judged: &HashMap<NodeId, Judgement>,
    id: NodeId,
) -> Judgement {
    let node = graph.node(id);
    let unobserved = unobserved(graph, world, id);
    let failed = world.failures.get(node.name.as_str()).map(failed_cause);
    let judgement = |state, mut causes: Vec<Cause>| {
        causes.extend(failed.clone());
        Judgement { state, causes, unobserved: unobserved.clone() }
    };
    let Some(record) = world.records.get(node.name.as_str()) else {
        return judgement(State::Missing, vec![cause(CauseKind::Missing, "it was never built")]);
    };
    if node.materialized != Materialized::Object {
        match standing.get(&node.relation.key()) {
            None if stood_at(record) == Some(node.relation.key()) => {
                let detail = format!("{} is gone", node.relation);
                return judgement(State::Missing, vec![cause(CauseKind::Missing, detail)]);
            }
            Some(is_view) if *is_view != record.is_view => {
                let kind = if *is_view { "view" } else { "table" };
                return judgement(State::Drifted, vec![cause(CauseKind::Drift, format!("a {kind} stands there"))]);
            }
            _ => {}
        }
    }
    if let Some(other) = record.replaced_by.as_ref().filter(|_| stood_at(record) == Some(node.relation.key())) {
        return judgement(State::Drifted, vec![cause(CauseKind::Drift, format!("`{other}` was built there since"))]);
    }
    if node.materialized == Materialized::Object
        && record.relation.is_none()
        && !world.objects.contains(node.name.as_str())
    {
        return judgement(State::Missing, vec![cause(CauseKind::Missing, "what was stored of it is gone")]);
    }
    let mut causes = code_causes(world.code_versions.get(&id), record);
    causes.extend(world.inputs.get(&id).into_iter().flat_map(|inputs| input_causes(graph, inputs, record)));
    if !causes.is_empty() || failed.is_some() {
        return judgement(State::Stale, causes);
    }
    let is_unfresh = |id: &NodeId| judged.get(id).is_some_and(|judgement| judgement.state != State::Fresh);
    let above = graph.reads(id).into_iter().filter(is_unfresh);
    let pending: Vec<Cause> = above
        .map(|id| {
            let state = judged.get(&id).map_or(State::Fresh, |judgement| judgement.state);
            cause(CauseKind::Upstream, format!("`{}` is {}", graph.node(id).name, state.as_str()))
        })
        .collect();
    judgement(if pending.is_empty() { State::Fresh } else { State::Pending }, pending)
}

fn cause(kind: CauseKind, detail: impl Into<String>) -> Cause {
    Cause { kind, detail: detail.into() }
}

/// That the last try did not work out.
fn failed_cause(failure: &Failure) -> Cause {
    let said = failure.message.as_deref().and_then(|message| message.lines().next()).unwrap_or("it failed");
    cause(CauseKind::Failed, format!("last time: {said}"))
}

/// The parts in which two code versions differ.
fn code_causes(version: Option<&CodeVersion>, record: &Recorded) -> Vec<Cause> {
    let Some(version) = version else { return Vec::new() };
    let Some(before) = &record.code_version else {
        return vec![cause(CauseKind::Code, "it was built before code versions were recorded")];
    };
    if *before == version.hash {
        return Vec::new();
    }
    let part_cause = |name: &str, what: &str| {
        let kind = if name.starts_with("config ") { CauseKind::Config } else { CauseKind::Code };
        cause(kind, format!("{name} {what}"))
    };
    let mut causes: Vec<Cause> = Vec::new();
    for Part { name, hash } in &version.parts {
        match record.code_parts.get(name) {
            Some(before) if before == hash => {}
            Some(_) => causes.push(part_cause(name, "changed")),
            None => causes.push(part_cause(name, "is new")),
        }
    }
    let is_gone = |name: &&String| !version.parts.iter().any(|part| part.name == **name);
    causes.extend(record.code_parts.keys().filter(is_gone).map(|name| part_cause(name, "is gone")));
    if causes.is_empty() {
        causes.push(cause(CauseKind::Code, "this dovetail takes code versions in another way"));
    }
    causes
}

/// Whether an asset whose code is what it was would read something else than it did.
pub fn reads_anew(graph: &AssetGraph, record: &Recorded, inputs: &Inputs) -> bool {
    !input_causes(graph, inputs, record).is_empty()
}

/// What is read in another version than it was. A view shows its inputs as they are: only their columns matter to it.
fn input_causes(graph: &AssetGraph, now: &Inputs, record: &Recorded) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (name, version) in now {
        let is_source = graph.find(name).is_none_or(|id| graph.node(id).is_source());
        let kind = if is_source { CauseKind::Source } else { CauseKind::Upstream };
        let Some(before) = record.inputs.get(name) else {
            causes.push(cause(kind, format!("`{name}` was not read before")));
            continue;
        };
        // Nobody keeps the columns of a source: a view over one is made anew when its data changes.
        let aspect = |version: &InputVersion| match record.is_view && !is_source {
            true => version.columns.clone(),
            false => version.data.clone(),
        };
        // An upstream that has no version now is not built: that is its own state.
        if let (Some(was), Some(is)) = (aspect(before), aspect(version))
            && was != is
        {
            causes.push(cause(kind, format!("`{name}` changed")));
        }
        if !is_source && aspect(before).is_none() && aspect(version).is_some() {
            causes.push(cause(kind, format!("`{name}` was read in a version that is not known")));
        }
    }
    causes
}

/// What an asset reads and nobody can see change, also by way of views.
fn unobserved(graph: &AssetGraph, world: &World<'_>, id: NodeId) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut readers = vec![id];
    let mut seen = HashSet::new();
    while let Some(reader) = readers.pop() {
        for upstream in graph.reads(reader) {
            let node = graph.node(upstream);
            let version = world.inputs.get(&reader).and_then(|inputs| inputs.get(node.name.as_str()));
            if node.is_source() && version.is_none_or(|version| version.data.is_none()) {
                names.insert(node.name.to_string());
            }
            if node.materialized == Materialized::View && seen.insert(upstream) {
                readers.push(upstream);
            }
        }
    }
    if graph.node(id).kind == Kind::Python && graph.upstream(id).next().is_none() {
        names.insert("what its function reads from outside".to_owned());
    }
    names.into_iter().collect()
}
