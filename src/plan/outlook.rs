//! What becomes of pending assets in a `reconcile` of a part: some wait for what is not selected.

use std::collections::{BTreeSet, HashMap};

use super::judgement::{Judgement, State};
use crate::graph::algebra::topological_order;
use crate::graph::{AssetGraph, Materialized, NodeId};

/// A pending asset of the selection that stays pending, since something that it reads is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub asset: NodeId,
    /// What is not up to date and not selected.
    pub upstream: NodeId,
}

/// What a plan holds for an asset that is not fresh.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outlook {
    /// It is built, or may be, or shows what may be.
    pub may_change: bool,
    /// It waits for this one.
    held_by: Option<NodeId>,
}

/// The outlook of everything that is not fresh.
pub(super) fn outlooks(
    graph: &AssetGraph,
    selection: &BTreeSet<NodeId>,
    judged: &HashMap<NodeId, Judgement>,
) -> HashMap<NodeId, Outlook> {
    let mut found: HashMap<NodeId, Outlook> = HashMap::new();
    for id in topological_order(&graph.nodes) {
        let outlook = match judged.get(&id).map(|judgement| judgement.state) {
            None | Some(State::Fresh | State::Orphaned) => continue,
            Some(State::Pending) if selection.contains(&id) || is_view(graph, id) => {
                let above: Vec<Outlook> = graph.reads(id).iter().filter_map(|id| found.get(id)).copied().collect();
                Outlook {
                    may_change: above.iter().any(|above| above.may_change),
                    held_by: above.iter().find_map(|above| above.held_by),
                }
            }
            Some(_) if selection.contains(&id) => Outlook { may_change: true, held_by: None },
            Some(_) => Outlook { may_change: false, held_by: Some(id) },
        };
        found.insert(id, outlook);
    }
    found
}

/// A view shows what is built under it, selected or not.
fn is_view(graph: &AssetGraph, id: NodeId) -> bool {
    graph.node(id).materialized == Materialized::View
}

/// What of the selection waits for what is not selected, in the order of the graph.
pub(super) fn waiting(selection: &BTreeSet<NodeId>, outlooks: &HashMap<NodeId, Outlook>) -> Vec<Waiting> {
    let held_by = |id: &NodeId| outlooks.get(id).and_then(|outlook| outlook.held_by);
    selection.iter().filter_map(|id| Some(Waiting { asset: *id, upstream: held_by(id)? })).collect()
}
