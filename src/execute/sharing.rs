//! Which assets may be built in one transaction with others.

use super::materialize::Materializer;
use crate::graph::{Body, Materialized, Node, NodeId};

/// An asset that took less, in seconds, or reads fewer rows where it was never built, is taken for quick.
const QUICK: f64 = 0.01;
const FEW_ROWS: u64 = 10_000;

impl Materializer {
    /// Whether an asset may share a transaction.
    pub(super) fn shares(&self, node: &Node) -> bool {
        self.staging.is_none() && matches!(node.body, Body::Sql(_))
    }

    /// Whether building an asset will hold up nobody, as far as one can know. Sources may be seen only as they are now.
    pub(super) fn is_quick(&self, asset: NodeId) -> bool {
        let graph = &self.context.graph;
        let (node, reads) = (graph.node(asset), graph.reads(asset));
        if !self.shares(node) || reads.iter().any(|id| graph.node(*id).is_source()) {
            return false;
        }
        if node.materialized == Materialized::View {
            return true;
        }
        if let Some(before) = self.standing.record(node.name.as_str()) {
            return before.seconds < QUICK;
        }
        let rows = |id: &NodeId| self.standing.record(graph.node(*id).name.as_str()).and_then(|record| record.rows);
        !reads.is_empty() && reads.iter().map(rows).sum::<Option<u64>>().is_some_and(|rows| rows < FEW_ROWS)
    }
}
