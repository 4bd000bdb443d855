//! How well is seen what an asset reads.

use std::collections::{BTreeSet, HashSet};

use super::age::reads_from_outside;
use super::staleness::World;
use crate::engine::Closeness;
use crate::graph::{AssetGraph, Body, Materialized, NodeId};

/// What of it changes unseen, or nearly so.
pub(super) struct Seen {
    pub unobserved: Vec<String>,
    pub counted: Vec<String>,
}

/// What an asset reads and nobody can see change, and what is only counted; also by way of views.
pub(super) fn seen(graph: &AssetGraph, world: &World<'_>, id: NodeId) -> Seen {
    let (mut unobserved, mut counted) = (BTreeSet::new(), BTreeSet::new());
    let by_count = Closeness::Count.in_words();
    let mut readers = vec![id];
    let mut seen = HashSet::new();
    while let Some(reader) = readers.pop() {
        unobserved.extend(graph.unseen(reader));
        if let Body::Sql(sql) = &graph.node(reader).body {
            unobserved.extend(world.macros.called(sql.statement()));
        }
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
