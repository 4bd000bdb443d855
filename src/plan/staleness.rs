//! The one function that decides what is up to date: `status`, `plan` and whatever comes later ask it. Pure.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::age::{rule, too_old};
use super::causes::{code_causes, failed_cause, input_causes, package_causes};
use super::drift;
use super::judgement::{Cause, CauseKind, Judgement, State};
use super::sight::{Seen, seen};
use crate::engine::{Column, Content, ExistingRelation, Failure, Inputs, KeptFile, Made, Recorded};
use crate::fingerprint::CodeVersion;
use crate::graph::algebra::topological_order;
use crate::graph::{AssetGraph, Materialized, Node, NodeId, folded};
use crate::record::{Damage, ReadingMacros, Records};

/// How the world is, as far as it matters for the graph's assets.
pub struct World<'w> {
    /// The project's name.
    pub project: &'w str,
    pub code_versions: &'w HashMap<NodeId, CodeVersion>,
    /// The versions of third-party packages that are installed, where they count as code.
    pub packages: Option<&'w BTreeMap<String, String>>,
    pub records: &'w Records,
    /// The versions of what an asset reads, as they are now.
    pub inputs: &'w dyn Fn(NodeId) -> Inputs,
    pub relations: &'w [ExistingRelation],
    /// What dovetail made last at each place, whether or not it still stands.
    pub made: &'w [Made],
    /// Assets of which an object is stored.
    pub objects: &'w BTreeMap<String, Option<KeptFile>>,
    /// What is wrong with the files of objects, by the asset's name.
    pub damaged: &'w HashMap<String, Damage>,
    /// The newest failures of assets that were not materialized since, by the asset's name.
    pub failures: &'w HashMap<String, Failure>,
    /// The declared columns of assets whose declaration is another one than it was, in the engine's words.
    pub declared: &'w HashMap<NodeId, Vec<Column>>,
    /// What was read to see whether it is what was written, and by which method it was hashed.
    pub contents: &'w HashMap<NodeId, Content>,
    pub hash_method: &'w str,
    /// Macros of the database that read what nobody sees; none where nobody asks what is unobserved.
    pub macros: &'w ReadingMacros,
    /// In microseconds since 1970 UTC.
    pub now: i64,
}

/// What stands under the names of the project's own database. Attached ones hold nothing of ours.
struct Places<'w> {
    standing: HashMap<String, &'w ExistingRelation>,
    /// Where dovetail made something at some time; few ask.
    made: LazyCell<HashSet<String>, Box<dyn FnOnce() -> HashSet<String> + 'w>>,
}

impl<'w> Places<'w> {
    fn of(world: &World<'w>) -> Self {
        let own = world.relations.iter().filter(|found| found.relation.database.is_none());
        let made = world.made;
        let made = move || made.iter().filter_map(|made| made.relation.as_deref()).map(folded).collect();
        Places {
            standing: own.map(|found| (found.relation.key(), found)).collect(),
            made: LazyCell::new(Box::new(made)),
        }
    }

    /// That building an asset replaces what others have made, where that is so.
    fn replaced(&self, node: &Node) -> Option<String> {
        let key = node.relation.key();
        let found = self.standing.get(&key).filter(|_| node.materialized != Materialized::Object)?;
        let kind = if found.is_view { "view" } else { "table" };
        let detail = format!("a {kind} stands there that dovetail did not make, and building it replaces that");
        (!self.made.contains(&key)).then_some(detail)
    }
}

/// Judges every asset that persists.
pub fn judge(graph: &AssetGraph, world: &World<'_>) -> HashMap<NodeId, Judgement> {
    let places = Places::of(world);
    let mut judged: HashMap<NodeId, Judgement> = HashMap::new();
    for id in topological_order(&graph.nodes) {
        if !matches!(graph.node(id).materialized, Materialized::Ephemeral | Materialized::External) {
            let judgement = judge_one(graph, world, &places, &judged, id);
            judged.insert(id, judgement);
        }
    }
    judged
}

/// Whether a record speaks of the relation that is the asset's now; `None` where it speaks of none.
fn stood_there(record: &Recorded, node: &Node) -> Option<bool> {
    record.relation.as_deref().map(|relation| node.relation.is_written(relation))
}

fn judge_one(
    graph: &AssetGraph,
    world: &World<'_>,
    places: &Places<'_>,
    judged: &HashMap<NodeId, Judgement>,
    id: NodeId,
) -> Judgement {
    let node = graph.node(id);
    let inputs = (world.inputs)(id);
    let Seen { unobserved, counted } = seen(graph, world, (id, &inputs));
    let record = world.records.get(node.name.as_str()).map(Arc::as_ref);
    let rule = rule(graph, id, record);
    let recorded_as = record.and_then(|record| record.renamed_from.as_deref()).unwrap_or(node.name.as_str());
    let failed = world.failures.get(node.name.as_str()).or_else(|| world.failures.get(recorded_as)).map(failed_cause);
    let judgement = |state, mut causes: Vec<Cause>| {
        causes.extend(failed.clone());
        Judgement { state, causes, unobserved: unobserved.clone(), counted: counted.clone(), rule }
    };
    let Some(record) = record else {
        let detail = match places.replaced(node) {
            Some(replaced) => format!("it was never built: {replaced}"),
            None => "it was never built".to_owned(),
        };
        return judgement(State::Missing, vec![Cause::new(CauseKind::Missing, detail)]);
    };
    if let Some((state, causes)) = amiss(world, places, (id, node), (record, recorded_as)) {
        return judgement(state, causes);
    }
    let causes = differences(graph, world, places, (id, record, &inputs));
    if !causes.is_empty() || failed.is_some() {
        return judgement(State::Stale, causes);
    }
    let pending = pending(graph, judged, id);
    judgement(if pending.is_empty() { State::Fresh } else { State::Pending }, pending)
}

/// What stands, or is stored, where it is not what was made.
fn amiss(
    world: &World<'_>,
    places: &Places<'_>,
    (id, node): (NodeId, &Node),
    (record, recorded_as): (&Recorded, &str),
) -> Option<(State, Vec<Cause>)> {
    if node.materialized != Materialized::Object {
        match places.standing.get(&node.relation.key()) {
            None if stood_there(record, node) == Some(true) => {
                let detail = format!("{} is gone", node.relation);
                return Some((State::Missing, vec![Cause::new(CauseKind::Missing, detail)]));
            }
            Some(found) if stood_there(record, node) == Some(true) => {
                let content = world.contents.get(&id).map(|content| (content, world.hash_method));
                let drifted = drift::causes(record, found, content);
                if !drifted.is_empty() {
                    return Some((State::Drifted, drifted));
                }
            }
            _ => {}
        }
    }
    if let Some(other) = record.replaced_by.as_ref().filter(|_| stood_there(record, node) == Some(true)) {
        return Some((State::Drifted, vec![Cause::new(CauseKind::Drift, format!("`{other}` was built there since"))]));
    }
    if node.materialized == Materialized::Object && record.relation.is_none() {
        if !world.objects.contains_key(recorded_as) {
            return Some((State::Missing, vec![Cause::new(CauseKind::Missing, "what was stored of it is gone")]));
        }
        match world.damaged.get(recorded_as) {
            Some(Damage::Gone(path)) => {
                let detail = format!("its file {} is gone", path.display());
                return Some((State::Missing, vec![Cause::new(CauseKind::Missing, detail)]));
            }
            Some(Damage::Altered(path)) => {
                let detail = format!("its file {} is not what was written", path.display());
                return Some((State::Drifted, vec![Cause::new(CauseKind::Drift, detail)]));
            }
            None => {}
        }
    }
    None
}

/// Why the asset would come out differently by itself.
fn differences(
    graph: &AssetGraph,
    world: &World<'_>,
    places: &Places<'_>,
    (id, record, inputs): (NodeId, &Recorded, &Inputs),
) -> Vec<Cause> {
    let node = graph.node(id);
    let declared = world.declared.get(&id).map(Vec::as_slice).unwrap_or_default();
    let mut causes = code_causes(world.code_versions.get(&id), record, declared);
    let other_project = record.project.as_deref().filter(|name| *name != world.project);
    if let Some(other) = other_project.filter(|_| !causes.is_empty()) {
        causes.insert(0, Cause::new(CauseKind::Code, format!("the project `{other}` built it last")));
    }
    causes.extend(package_causes(world, id, record));
    if let Some(before) = &record.renamed_from {
        causes.insert(0, Cause::new(CauseKind::Config, format!("renamed from `{before}`")));
    }
    if stood_there(record, node) == Some(false) {
        causes.extend(places.replaced(node).map(|detail| Cause::new(CauseKind::Config, detail)));
    }
    causes.extend(input_causes(graph, inputs, record));
    causes.extend(too_old(graph, id, record, world.now).map(|detail| Cause::new(CauseKind::Age, detail)));
    causes
}

/// What the asset reads and is not fresh.
fn pending(graph: &AssetGraph, judged: &HashMap<NodeId, Judgement>, asset: NodeId) -> Vec<Cause> {
    let is_unfresh = |id: &NodeId| judged.get(id).is_some_and(|judgement| judgement.state != State::Fresh);
    let cause = |id: NodeId| {
        let state = judged.get(&id).map_or(State::Fresh, |judgement| judgement.state);
        let name = graph.node(id).name.as_str();
        Cause::new(CauseKind::Upstream, format!("`{name}` is {}", state.as_str())).about(name)
    };
    graph.reads(asset).into_iter().filter(is_unfresh).map(cause).collect()
}

/// Whether what stands under an asset's name is what its record speaks of, as far as can be told without reading it.
pub fn is_as_recorded(record: &Recorded, found: Option<&ExistingRelation>) -> bool {
    found.is_some_and(|found| drift::causes(record, found, None).is_empty())
}

/// The same for a relation of which the content was read, by that method.
pub fn is_as_written(record: &Recorded, found: &ExistingRelation, content: &Content, hash_method: &str) -> bool {
    drift::causes(record, found, Some((content, hash_method))).is_empty()
}

/// Whether an asset whose code is what it was would read something else than it did.
pub fn reads_anew(graph: &AssetGraph, record: &Recorded, inputs: &Inputs) -> bool {
    !input_causes(graph, inputs, record).is_empty()
}
