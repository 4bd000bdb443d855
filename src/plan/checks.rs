//! Where checks are asked: in the transaction that publishes the last of what they read, or of what stands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::judgement::{Judgement, State};
use super::{Plan, Reason, Step, ordered_as, persists, set_heights};
use crate::engine::{CheckRecord, CheckStatus, Inputs};
use crate::graph::checks::CheckId;
use crate::graph::select::Selected;
use crate::graph::{AssetGraph, Materialized, NodeId};

/// The plan of `build`: everything selected that persists, with these checks. What reads nothing that is built is asked of
/// what stands, before anything is made of that.
pub fn plan_build(graph: &AssetGraph, selection: &BTreeSet<NodeId>, checks: &BTreeSet<CheckId>) -> Plan {
    let is_built = |id: NodeId| selection.contains(&id) && persists(graph, id);
    with_checks(graph, checks, &|id| is_built(id).then_some(Reason::Selected))
}

/// The plan of `test`: these checks, of what stands. None waits for another.
pub fn plan_test(graph: &AssetGraph, checks: &BTreeSet<CheckId>) -> Plan {
    let mut plan = with_checks(graph, checks, &|_| None);
    for step in &mut plan.steps {
        step.waits_for.clear();
        step.follows.clear();
        step.height = 1;
    }
    plan
}

/// The nodes that have a reason, upstreams first, and the checks with them.
pub(super) fn with_checks(
    graph: &AssetGraph,
    checks: &BTreeSet<CheckId>,
    reason: &dyn Fn(NodeId) -> Option<Reason>,
) -> Plan {
    let order = order(graph, checks, reason);
    let rank: HashMap<NodeId, usize> = order.iter().enumerate().map(|(rank, id)| (*id, rank)).collect();
    let last = |ids: &mut dyn Iterator<Item = NodeId>| ids.max_by_key(|id| rank.get(id).copied().unwrap_or_default());
    let mut hosts: BTreeMap<NodeId, Vec<CheckId>> = BTreeMap::new();
    let mut guarded: BTreeMap<NodeId, Vec<CheckId>> = BTreeMap::new();
    for id in checks {
        let check = graph.check(*id);
        let is_built = |read: &NodeId| reason(*read).is_some();
        let built = last(&mut check.reads.iter().copied().filter(is_built));
        let shown = || check.shown.iter().copied().filter(is_built);
        let host = built.or_else(|| last(&mut shown())).or_else(|| last(&mut check.reads.iter().copied()));
        // Readers of a view see at once what is published below it: its tables, and other views. What comes before the last
        // table of all that the check reads is not asked about: it is compared with what is not there yet.
        let is_view = |read: &NodeId| graph.node(*read).materialized == Materialized::View;
        let table =
            last(&mut shown().chain(check.reads.iter().copied().filter(is_built)).filter(|read| !is_view(read)));
        let rank_of = |id: NodeId| rank.get(&id).copied().unwrap_or_default();
        let is_after = |read: &NodeId| table.is_none_or(|table| rank_of(*read) >= rank_of(table));
        for below in shown().filter(is_after).filter(|below| host != Some(*below)) {
            guarded.entry(below).or_default().push(*id);
        }
        hosts.entry(host.unwrap_or(check.asset)).or_default().push(*id);
    }
    let asked = |id: NodeId| hosts.contains_key(&id).then_some(Reason::Asked);
    let mut steps = ordered_as(graph, order, |id| reason(id).or_else(|| asked(id)));
    let numbers: HashMap<NodeId, usize> = steps.iter().enumerate().map(|(number, step)| (step.asset, number)).collect();
    for (number, step) in steps.iter_mut().enumerate() {
        step.checks = hosts.remove(&step.asset).unwrap_or_default();
        step.guards = guarded.remove(&step.asset).unwrap_or_default();
        let asked = step.checks.iter().chain(&step.guards).map(|id| graph.check(*id));
        let read = asked.flat_map(|check| check.reads.iter().chain(&check.shown));
        let read: BTreeSet<usize> = read.filter_map(|id| numbers.get(id).copied()).collect();
        // Whatever a check reads beside its own asset is there before, or stays as it was.
        step.follows = read.into_iter().filter(|other| *other < number && !step.waits_for.contains(other)).collect();
    }
    set_heights(&mut steps);
    Plan { steps, waiting: Vec::new() }
}

/// An order in which upstreams come first and, as far as that allows, what a check reads comes before what it is about: so
/// that what is about to break it is what does not become visible.
fn order(graph: &AssetGraph, checks: &BTreeSet<CheckId>, reason: &dyn Fn(NodeId) -> Option<Reason>) -> Vec<NodeId> {
    let mut after: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    let mut wishes: HashMap<NodeId, usize> = HashMap::new();
    for check in checks.iter().map(|id| graph.check(*id)).filter(|check| check.reads.len() > 1) {
        for other in check.reads.iter().filter(|id| **id != check.asset && reason(**id).is_some()) {
            after.entry(*other).or_default().push(check.asset);
            *wishes.entry(check.asset).or_default() += 1;
        }
    }
    let mut above: HashMap<NodeId, usize> = graph.ids().map(|id| (id, graph.upstream(id).count())).collect();
    // Of what has all its upstreams: first what waits for no wish, then the first by its number.
    let mut ready: BinaryHeap<Reverse<(usize, NodeId)>> = BinaryHeap::new();
    let wished = |wishes: &HashMap<NodeId, usize>, id: NodeId| wishes.get(&id).copied().unwrap_or_default();
    ready.extend(graph.ids().filter(|id| above[id] == 0).map(|id| Reverse((wished(&wishes, id), id))));
    let mut done: BTreeSet<NodeId> = BTreeSet::new();
    let mut order = Vec::with_capacity(above.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        if !done.insert(id) {
            continue;
        }
        order.push(id);
        for other in after.remove(&id).unwrap_or_default() {
            if let Some(count) = wishes.get_mut(&other) {
                *count = count.saturating_sub(1);
            }
            // It is found again under its new count; the old entry is passed over.
            if above[&other] == 0 && !done.contains(&other) {
                ready.push(Reverse((wished(&wishes, other), other)));
            }
        }
        for below in graph.downstream(id) {
            if let Some(count) = above.get_mut(&below) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse((wished(&wishes, below), below)));
                }
            }
        }
    }
    order
}

impl Step {
    /// Whether its asset is built, or at least may be.
    pub fn builds(&self) -> bool {
        self.reason != Reason::Asked
    }
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// It was asked of what stands, and let that pass.
    Fresh,
    /// The same, with a warning.
    Warned,
    /// It was never asked.
    Missing,
    /// It, or what it reads, is not what it was.
    Stale,
    Failed,
    /// What it reads is not built.
    Pending,
}

impl CheckState {
    pub fn as_str(self) -> &'static str {
        match self {
            CheckState::Fresh => "fresh",
            CheckState::Warned => "warned",
            CheckState::Missing => "missing",
            CheckState::Stale => "stale",
            CheckState::Failed => "failed",
            CheckState::Pending => "pending",
        }
    }

    pub fn is_fresh(self) -> bool {
        matches!(self, CheckState::Fresh | CheckState::Warned)
    }
}

/// How a check stands, and why, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckJudgement {
    pub state: CheckState,
    pub why: String,
}

/// What is known of a project's checks.
pub struct CheckWorld<'w> {
    /// The versions of what they ask, by their names.
    pub versions: &'w HashMap<String, String>,
    /// How they came out last, by their names.
    pub checked: &'w HashMap<String, CheckRecord>,
    /// The versions of what they read, as they are now.
    pub inputs: &'w dyn Fn(CheckId) -> Inputs,
    pub judged: &'w HashMap<NodeId, Judgement>,
}

/// Judges every check.
pub fn judge_checks(graph: &AssetGraph, world: &CheckWorld<'_>) -> HashMap<CheckId, CheckJudgement> {
    graph.check_ids().map(|id| (id, judge_check(graph, world, id))).collect()
}

fn judge_check(graph: &AssetGraph, world: &CheckWorld<'_>, id: CheckId) -> CheckJudgement {
    let check = graph.check(id);
    let judgement = |state, why: String| CheckJudgement { state, why };
    let is_missing = |read: &&NodeId| world.judged.get(read).is_some_and(|judged| judged.state == State::Missing);
    if let Some(missing) = check.reads.iter().find(is_missing) {
        return judgement(CheckState::Pending, format!("`{}` is not built", graph.node(*missing).name));
    }
    let Some(record) = world.checked.get(check.name.as_str()) else {
        return judgement(CheckState::Missing, "it was never asked of what stands".to_owned());
    };
    if world.versions.get(check.name.as_str()) != Some(&record.code_version) {
        return judgement(CheckState::Stale, "it asks something else than it did".to_owned());
    }
    let inputs = (world.inputs)(id);
    let changed = inputs.iter().find(|(name, now)| record.inputs.get(*name) != Some(now));
    if let Some((name, _)) = changed {
        return judgement(CheckState::Stale, format!("`{name}` changed since it was asked"));
    }
    match record.status {
        CheckStatus::Passed => judgement(CheckState::Fresh, String::new()),
        CheckStatus::Warned => judgement(CheckState::Warned, String::new()),
        CheckStatus::Failed => judgement(CheckState::Failed, "what stands breaks it".to_owned()),
        CheckStatus::Broken => {
            let why = record.message.clone().unwrap_or_else(|| "it could not be answered".to_owned());
            judgement(CheckState::Failed, why)
        }
    }
}

/// Those of these checks that `reconcile` asks: of what it builds, and those whose answers do not hold.
pub(super) fn to_ask(
    graph: &AssetGraph,
    selected: &Selected,
    judged: &HashMap<CheckId, CheckJudgement>,
    reason: &dyn Fn(NodeId) -> Option<Reason>,
) -> BTreeSet<CheckId> {
    let is_asked = |id: &CheckId| {
        let check = graph.check(*id);
        let mut reads = check.reads.iter().chain(&check.shown);
        let is_open = selected.checks.contains(id) && judged.get(id).is_none_or(|judged| !judged.state.is_fresh());
        let is_built = reads.any(|read| reason(*read).is_some());
        // What is neither there nor built cannot be asked about.
        let waits = judged.get(id).is_some_and(|judged| judged.state == CheckState::Pending) && !is_built;
        (is_built || is_open) && !waits
    };
    selected.guarding().into_iter().filter(is_asked).collect()
}

/// Whether an answer still holds: the same was asked of data that is the same, and it let that pass.
pub fn is_answered(before: &CheckRecord, version: Option<&str>, inputs: &Inputs) -> bool {
    !before.status.blocks() && version == Some(before.code_version.as_str()) && before.inputs == *inputs
}
