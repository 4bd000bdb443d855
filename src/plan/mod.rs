//! `graph + selection -> Plan`: the ordered steps, each with its reason. Pure.

mod age;
mod causes;
pub mod checks;
mod drift;
pub mod judgement;
pub mod orphans;
mod outlook;
mod schema;
mod sight;
pub mod staleness;

pub use age::Rule;
pub use causes::DECLARED_COLUMNS;
pub use checks::{CheckJudgement, CheckState, plan_build, plan_test};
pub use outlook::Waiting;

use std::collections::{BTreeSet, HashMap};

use crate::graph::algebra::topological_order;
use crate::graph::checks::CheckId;
use crate::graph::select::Selected;
use crate::graph::{AssetGraph, Materialized, NodeId};
use judgement::{Judgement, State};
use outlook::{outlooks, waiting};

/// What will be executed: steps in an order in which upstreams come first.
#[derive(Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What stays pending, since the selection leaves out something that is not up to date. It is a step as well where
    /// it also reads what is built.
    pub waiting: Vec<Waiting>,
}

impl Plan {
    /// The assets that are built, or at least may be.
    pub fn built(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.steps.iter().filter(|step| step.builds()).map(|step| step.asset)
    }

    /// Everything that is asked.
    pub fn checks(&self) -> impl Iterator<Item = CheckId> + '_ {
        self.steps.iter().flat_map(|step| &step.checks).copied()
    }
}

/// One asset to materialize, or to ask checks of.
#[derive(Debug)]
pub struct Step {
    pub asset: NodeId,
    pub reason: Reason,
    /// Indexes of the steps that must be done before; when one fails, so does this.
    pub waits_for: Vec<usize>,
    /// Indexes of further steps that must be over before, however they end: its checks read what they build.
    pub follows: Vec<usize>,
    /// What is asked before it is published.
    pub checks: Vec<CheckId>,
    /// What is asked before it is published, and asked again in the step of a view by which this is seen.
    pub guards: Vec<CheckId>,
    /// Length of the longest chain of steps that wait for this one: longer chains start first.
    pub height: usize,
}

/// Why a step is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The user selected it: `run` executes all that is selected.
    Selected,
    /// It is missing, drifted or stale.
    Stale,
    /// It reads what is built before it: it is built if that came out differently, and left alone if not.
    Pending,
    /// It is not built: its checks are asked of what stands.
    Asked,
}

/// The plan of `run`: everything selected that persists. Order holds through assets that are not selected, too.
pub fn plan_run(graph: &AssetGraph, selection: &BTreeSet<NodeId>) -> Plan {
    ordered(graph, |id| (selection.contains(&id) && persists(graph, id)).then_some(Reason::Selected))
}

/// The plan of `reconcile`: what of the selection is not fresh, with its checks and those whose answers do not hold.
pub fn plan_reconcile(
    graph: &AssetGraph,
    selected: &Selected,
    judged: &HashMap<NodeId, Judgement>,
    checks: &HashMap<CheckId, CheckJudgement>,
) -> Plan {
    let selection = &selected.nodes;
    let outlooks = outlooks(graph, selection, judged);
    let may_change = |id: NodeId| outlooks.get(&id).is_some_and(|outlook| outlook.may_change);
    let reason = |id: NodeId| match judged.get(&id)?.state {
        State::Missing | State::Stale | State::Drifted => Some(Reason::Stale),
        State::Pending => may_change(id).then_some(Reason::Pending),
        State::Fresh | State::Orphaned => None,
    };
    let reason = |id: NodeId| reason(id).filter(|_| selection.contains(&id));
    let asked = checks::to_ask(graph, selected, checks, &reason);
    let plan = match asked.is_empty() {
        true => ordered(graph, reason),
        false => checks::with_checks(graph, &asked, &reason),
    };
    Plan { waiting: waiting(selection, &outlooks), ..plan }
}

/// The nodes that have a reason, upstreams first.
fn ordered(graph: &AssetGraph, reason: impl Fn(NodeId) -> Option<Reason>) -> Plan {
    let mut steps = ordered_as(graph, topological_order(&graph.nodes), reason);
    set_heights(&mut steps);
    Plan { steps, waiting: Vec::new() }
}

/// The same in an order in which upstreams come first; without heights.
fn ordered_as(graph: &AssetGraph, order: Vec<NodeId>, reason: impl Fn(NodeId) -> Option<Reason>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Steps that a node stands for: itself, or (when it is no step) those right above it.
    let mut nearest: HashMap<NodeId, BTreeSet<usize>> = HashMap::new();
    for id in order {
        let above: BTreeSet<usize> =
            graph.upstream(id).filter_map(|upstream| nearest.get(&upstream)).flatten().copied().collect();
        if let Some(reason) = reason(id) {
            nearest.insert(id, BTreeSet::from([steps.len()]));
            let waits_for = above.into_iter().collect();
            let (follows, checks, guards) = (Vec::new(), Vec::new(), Vec::new());
            steps.push(Step { asset: id, reason, waits_for, follows, checks, guards, height: 0 });
        } else if !above.is_empty() {
            nearest.insert(id, above);
        }
    }
    steps
}

fn persists(graph: &AssetGraph, id: NodeId) -> bool {
    !matches!(graph.node(id).materialized, Materialized::Ephemeral | Materialized::External)
}

fn set_heights(steps: &mut [Step]) {
    for index in (0..steps.len()).rev() {
        let height = steps[index].height + 1;
        for upstream in [&steps[index].waits_for[..], &steps[index].follows[..]].concat() {
            steps[upstream].height = steps[upstream].height.max(height);
        }
    }
}
