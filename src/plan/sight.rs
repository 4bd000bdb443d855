//! How well is seen what an asset reads.

use std::collections::{BTreeSet, HashSet};

use super::age::reads_from_outside;
use super::staleness::World;
use crate::engine::{Closeness, Inputs};
use crate::graph::{AssetGraph, Body, Materialized, NodeId};

/// What of it changes unseen, or nearly so.
pub(super) struct Seen {
    pub unobserved: Vec<String>,
    pub counted: Vec<String>,
}

/// What an asset reads and nobody can see change, and what is only counted; also by way of views.
pub(super) fn seen(graph: &AssetGraph, world: &World<'_>, (id, inputs): (NodeId, &Inputs)) -> Seen {
    let (mut unobserved, mut counted) = (BTreeSet::new(), BTreeSet::new());
    let by_count = Closeness::Count.in_words();
    let mut readers = vec![id];
    let mut seen = HashSet::new();
    while let Some(reader) = readers.pop() {
        unobserved.extend(graph.unseen(reader));
        if let Body::Sql(sql) = &graph.node(reader).body {
            unobserved.extend(world.macros.called(sql.statement()));
        }
        let upstreams = graph.reads(reader);
        let reads_sources = upstreams.iter().any(|upstream| graph.node(*upstream).is_source());
        let of_view = (reader != id && reads_sources).then(|| (world.inputs)(reader));
        for upstream in upstreams {
            let node = graph.node(upstream);
            if node.is_source() {
                let version = of_view.as_ref().unwrap_or(inputs).get(node.name.as_str());
                if version.is_none_or(|version| version.data.is_none()) {
                    unobserved.insert(node.name.to_string());
                }
                if version.is_some_and(|version| version.looked() == Some(&by_count)) {
                    counted.insert(node.name.to_string());
                }
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
