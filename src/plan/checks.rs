//! Where checks are asked: in the transaction that publishes the last of what they read, or of what stands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::{Plan, Reason, Step, ordered_as, persists, set_heights};
use crate::engine::{CheckRecord, Inputs};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, NodeId};

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
    for id in checks {
        let check = graph.check(*id);
        let built = last(&mut check.reads.iter().copied().filter(|read| reason(*read).is_some()));
        let host = built.or_else(|| last(&mut check.reads.iter().copied()));
        hosts.entry(host.unwrap_or(check.asset)).or_default().push(*id);
    }
    let asked = |id: NodeId| hosts.contains_key(&id).then_some(Reason::Asked);
    let mut steps = ordered_as(graph, order, |id| reason(id).or_else(|| asked(id)));
    let numbers: HashMap<NodeId, usize> = steps.iter().enumerate().map(|(number, step)| (step.asset, number)).collect();
    for (number, step) in steps.iter_mut().enumerate() {
        step.checks = hosts.remove(&step.asset).unwrap_or_default();
        let read = step.checks.iter().flat_map(|id| &graph.check(*id).reads);
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

/// Whether an answer still holds: the same was asked of data that is the same, and it let that pass.
pub fn is_answered(before: &CheckRecord, version: Option<&str>, inputs: &Inputs) -> bool {
    !before.status.blocks() && version == Some(before.code_version.as_str()) && before.inputs == *inputs
}
