//! Which assets may be built in one transaction with others.

use super::materialize::Materializer;
use crate::graph::{Body, Materialized, Node, NodeId};

/// An asset whose code took less the last time, in seconds, is taken for quick, while what it reads stays small.
const QUICK: f64 = 0.01;

/// So few rows, and so few of them next to each other, are read quickly whatever becomes of them.
const FEW_ROWS: u64 = 10_000;
const FEW_PAIRS: u64 = 10_000_000;

/// What makes many rows of few, or of none.
const MULTIPLIERS: [&str; 5] = ["range", "generate_series", "recursive", "repeat", "unnest"];

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
        let rows = |id: &NodeId| self.standing.record(graph.node(*id).name.as_str()).and_then(|record| record.rows);
        let Some(rows) = reads.iter().map(rows).collect::<Option<Vec<u64>>>() else { return false };
        let are_few = rows.iter().sum::<u64>() < FEW_ROWS
            && rows.iter().fold(1, |pairs: u64, rows| pairs.saturating_mul(*rows)) < FEW_PAIRS;
        let before = self.standing.record(node.name.as_str()).filter(|_| self.is_as_built(asset));
        are_few && before.map_or_else(|| !reads.is_empty() && !multiplies(node), |before| before.seconds < QUICK)
    }
}

/// Whether the text of a model may make many rows of few.
fn multiplies(node: &Node) -> bool {
    let Body::Sql(compiled) = &node.body else { return true };
    let text = compiled.statement().to_ascii_lowercase();
    MULTIPLIERS.iter().any(|word| text.contains(word))
}
