//! The one function that decides what is up to date: `status`, `plan` and whatever comes later ask it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::age::{Rule, reads_from_outside, rule, too_old};
use super::{drift, schema};
use crate::engine::{
    Closeness, Column, Content, ExistingRelation, Failure, InputVersion, Inputs, KeptFile, Made, Recorded,
};
use crate::fingerprint::{CodeVersion, Part};
use crate::graph::algebra::topological_order;
use crate::graph::{AssetGraph, Materialized, Node, NodeId};
use crate::record::Damage;

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
    /// The asset or source that it is about, where it is about another one.
    pub about: Option<String>,
}

impl Cause {
    fn about(self, name: &str) -> Self {
        Cause { about: Some(name.to_owned()), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseKind {
    Missing,
    Code,
    /// The declared columns are not those that stand.
    Schema,
    Config,
    Upstream,
    Source,
    Drift,
    Failed,
    /// Older than `max_age`.
    Age,
}

impl CauseKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CauseKind::Missing => "missing",
            CauseKind::Code => "code",
            CauseKind::Schema => "schema",
            CauseKind::Config => "config",
            CauseKind::Upstream => "upstream",
            CauseKind::Source => "source",
            CauseKind::Drift => "drift",
            CauseKind::Failed => "failed",
            CauseKind::Age => "age",
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
    /// The sources among what it reads of which only the number of rows is seen.
    pub counted: Vec<String>,
    /// What decides when it is built anew, beside its code and what it reads.
    pub rule: Option<Rule>,
}

impl Judgement {
    /// Of what nothing declares any more.
    pub fn orphaned() -> Self {
        let (causes, unobserved, counted) = (Vec::new(), Vec::new(), Vec::new());
        Judgement { state: State::Orphaned, causes, unobserved, counted, rule: None }
    }
}

/// How the world is, as far as it matters for the graph's assets.
pub struct World<'w> {
    pub code_versions: &'w HashMap<NodeId, CodeVersion>,
    /// The versions of third-party packages that are installed, where they count as code.
    pub packages: Option<&'w BTreeMap<String, String>>,
    pub records: &'w HashMap<String, Recorded>,
    /// The versions of what each asset reads, as they are now.
    pub inputs: &'w HashMap<NodeId, Inputs>,
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
    /// In microseconds since 1970 UTC.
    pub now: i64,
}

/// What stands under the names of the project's own database. Attached ones hold nothing of ours.
struct Places<'w> {
    standing: HashMap<String, &'w ExistingRelation>,
    /// Where dovetail made something at some time.
    made: HashSet<String>,
}

impl<'w> Places<'w> {
    fn of(world: &World<'w>) -> Self {
        let own = world.relations.iter().filter(|found| found.relation.database.is_none());
        let made = world.made.iter().filter_map(|made| made.relation.as_ref());
        Places {
            standing: own.map(|found| (found.relation.key(), found)).collect(),
            made: made.map(|relation| relation.to_lowercase()).collect(),
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

/// The key of the relation that a record speaks of.
fn stood_at(record: &Recorded) -> Option<String> {
    record.relation.as_deref().map(str::to_lowercase)
}

fn judge_one(
    graph: &AssetGraph,
    world: &World<'_>,
    places: &Places<'_>,
    judged: &HashMap<NodeId, Judgement>,
    id: NodeId,
) -> Judgement {
    let node = graph.node(id);
    let Seen { unobserved, counted } = seen(graph, world, id);
    let record = world.records.get(node.name.as_str());
    let rule = rule(graph, id, record);
    let recorded_as = record.and_then(|record| record.renamed_from.as_deref()).unwrap_or(node.name.as_str());
    let failed = world.failures.get(recorded_as).map(failed_cause);
    let judgement = |state, mut causes: Vec<Cause>| {
        causes.extend(failed.clone());
        Judgement { state, causes, unobserved: unobserved.clone(), counted: counted.clone(), rule }
    };
    let Some(record) = record else {
        let detail = match places.replaced(node) {
            Some(replaced) => format!("it was never built: {replaced}"),
            None => "it was never built".to_owned(),
        };
        return judgement(State::Missing, vec![cause(CauseKind::Missing, detail)]);
    };
    if node.materialized != Materialized::Object {
        match places.standing.get(&node.relation.key()) {
            None if stood_at(record) == Some(node.relation.key()) => {
                let detail = format!("{} is gone", node.relation);
                return judgement(State::Missing, vec![cause(CauseKind::Missing, detail)]);
            }
            Some(found) if stood_at(record) == Some(node.relation.key()) => {
                let content = world.contents.get(&id).map(|content| (content, world.hash_method));
                let drifted = drift::causes(record, found, content);
                if !drifted.is_empty() {
                    return judgement(State::Drifted, drifted);
                }
            }
            _ => {}
        }
    }
    if let Some(other) = record.replaced_by.as_ref().filter(|_| stood_at(record) == Some(node.relation.key())) {
        return judgement(State::Drifted, vec![cause(CauseKind::Drift, format!("`{other}` was built there since"))]);
    }
    if node.materialized == Materialized::Object && record.relation.is_none() {
        if !world.objects.contains_key(recorded_as) {
            return judgement(State::Missing, vec![cause(CauseKind::Missing, "what was stored of it is gone")]);
        }
        match world.damaged.get(recorded_as) {
            Some(Damage::Gone(path)) => {
                let detail = format!("its file {} is gone", path.display());
                return judgement(State::Missing, vec![cause(CauseKind::Missing, detail)]);
            }
            Some(Damage::Altered(path)) => {
                let detail = format!("its file {} is not what was written", path.display());
                return judgement(State::Drifted, vec![cause(CauseKind::Drift, detail)]);
            }
            None => {}
        }
    }
    let declared = world.declared.get(&id).map(Vec::as_slice).unwrap_or_default();
    let mut causes = code_causes(world.code_versions.get(&id), record, declared);
    causes.extend(package_causes(world, id, record));
    if let Some(before) = &record.renamed_from {
        causes.insert(0, cause(CauseKind::Config, format!("renamed from `{before}`")));
    }
    if stood_at(record).is_some_and(|place| place != node.relation.key()) {
        causes.extend(places.replaced(node).map(|detail| cause(CauseKind::Config, detail)));
    }
    causes.extend(world.inputs.get(&id).into_iter().flat_map(|inputs| input_causes(graph, inputs, record)));
    causes.extend(too_old(graph, id, record, world.now).map(|detail| cause(CauseKind::Age, detail)));
    if !causes.is_empty() || failed.is_some() {
        return judgement(State::Stale, causes);
    }
    let is_unfresh = |id: &NodeId| judged.get(id).is_some_and(|judgement| judgement.state != State::Fresh);
    let above = graph.reads(id).into_iter().filter(is_unfresh);
    let pending: Vec<Cause> = above
        .map(|id| {
            let state = judged.get(&id).map_or(State::Fresh, |judgement| judgement.state);
            let name = graph.node(id).name.as_str();
            cause(CauseKind::Upstream, format!("`{name}` is {}", state.as_str())).about(name)
        })
        .collect();
    judgement(if pending.is_empty() { State::Fresh } else { State::Pending }, pending)
}

fn cause(kind: CauseKind, detail: impl Into<String>) -> Cause {
    Cause { kind, detail: detail.into(), about: None }
}

/// That the last try did not work out.
fn failed_cause(failure: &Failure) -> Cause {
    let said = failure.message.as_deref().and_then(|message| message.lines().next()).unwrap_or("it failed");
    cause(CauseKind::Failed, format!("last time: {said}"))
}

/// The part of a code version that declared columns are.
pub const DECLARED_COLUMNS: &str = "config columns";

/// The parts in which two code versions differ.
fn code_causes(version: Option<&CodeVersion>, record: &Recorded, declared: &[Column]) -> Vec<Cause> {
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
    let schema = schema::causes(declared, &record.columns);
    for Part { name, hash } in &version.parts {
        let is_said = match name.as_str() {
            DECLARED_COLUMNS => !schema.is_empty(),
            // That an asset stands elsewhere goes without saying when it has another name.
            "config relation" => record.renamed_from.is_some(),
            _ => false,
        };
        match record.code_parts.get(name) {
            Some(before) if before == hash => {}
            _ if is_said => {}
            Some(_) => causes.push(part_cause(name, "changed")),
            None => causes.push(part_cause(name, "is new")),
        }
    }
    causes.extend(schema);
    let is_gone = |name: &&String| !version.parts.iter().any(|part| part.name == **name);
    causes.extend(record.code_parts.keys().filter(is_gone).map(|name| part_cause(name, "is gone")));
    if causes.is_empty() && record.renamed_from.is_none() {
        causes.push(cause(CauseKind::Code, "this dovetail takes code versions in another way"));
    }
    causes
}

/// The packages of the code that are installed in another version than was recorded. The versions are no part of the code
/// version: that they begin to count, or no longer do, makes nothing stale.
fn package_causes(world: &World<'_>, id: NodeId, record: &Recorded) -> Vec<Cause> {
    let (Some(installed), Some(version)) = (world.packages, world.code_versions.get(&id)) else { return Vec::new() };
    let is_same_code = record.code_version.as_deref() == Some(version.hash.as_str());
    let package_cause = |name: &String| {
        let detail = match (record.packages.get(name), installed.get(name)) {
            (before, now) if before == now => return None,
            (Some(before), Some(now)) => format!("package {name} is {now}, and was {before}"),
            (Some(before), None) => format!("package {name} is not known, and was {before}"),
            // Code that uses another package than before is other code.
            (None, _) if !is_same_code => return None,
            (None, _) => format!("package {name} was not recorded"),
        };
        Some(cause(CauseKind::Code, detail))
    };
    version.counted_packages().iter().filter_map(package_cause).collect()
}

/// Whether what stands under an asset's name is what its record speaks of, as far as can be told without reading it.
pub fn is_as_recorded(record: &Recorded, found: Option<&ExistingRelation>) -> bool {
    found.is_some_and(|found| drift::causes(record, found, None).is_empty())
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
            causes.push(cause(kind, format!("`{name}` was not read before")).about(name));
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
            let what = if before.looked() == version.looked() { "changed" } else { "is observed in another way" };
            causes.push(cause(kind, format!("`{name}` {what}")).about(name));
        }
        if aspect(before).is_none() && aspect(version).is_some() {
            causes.push(cause(kind, format!("`{name}` was read in a version that is not known")).about(name));
        }
    }
    causes
}

/// How well is seen what an asset reads.
struct Seen {
    unobserved: Vec<String>,
    counted: Vec<String>,
}

/// What an asset reads and nobody can see change, and what is only counted; also by way of views.
fn seen(graph: &AssetGraph, world: &World<'_>, id: NodeId) -> Seen {
    let (mut unobserved, mut counted) = (BTreeSet::new(), BTreeSet::new());
    let by_count = Closeness::Count.in_words();
    let mut readers = vec![id];
    let mut seen = HashSet::new();
    while let Some(reader) = readers.pop() {
        unobserved.extend(graph.unseen(reader));
        for upstream in graph.reads(reader) {
            let node = graph.node(upstream);
            let version = world.inputs.get(&reader).and_then(|inputs| inputs.get(node.name.as_str()));
            if node.is_source() && version.is_none_or(|version| version.data.is_none()) {
                unobserved.insert(node.name.to_string());
            }
            if version.is_some_and(|version| version.looked() == Some(&by_count)) {
                counted.insert(node.name.to_string());
            }
            if node.materialized == Materialized::View && seen.insert(upstream) {
                readers.push(upstream);
            }
        }
    }
    if reads_from_outside(graph, id) {
        unobserved.insert("what its function reads from outside".to_owned());
    }
    Seen { unobserved: unobserved.into_iter().collect(), counted: counted.into_iter().collect() }
}
