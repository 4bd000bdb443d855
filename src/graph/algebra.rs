//! Walks over the graph that selection and planning share.

use std::collections::BTreeSet;

use super::{AssetGraph, NodeId};

/// All nodes that `from` can reach upstream within `depth` steps (all of them when `None`), without `from` itself
/// unless it is reached.
pub fn ancestors(_graph: &AssetGraph, _from: &BTreeSet<NodeId>, _depth: Option<usize>) -> BTreeSet<NodeId> {
    unimplemented!()
}

pub fn descendants(_graph: &AssetGraph, _from: &BTreeSet<NodeId>, _depth: Option<usize>) -> BTreeSet<NodeId> {
    unimplemented!()
}
