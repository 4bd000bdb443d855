//! Assets that have another name than the one they are recorded under.

use std::collections::HashMap;

use crate::engine::Recorded;
use crate::graph::{AssetGraph, Node};

/// The names under which an asset may be recorded, newest first.
pub(super) fn names(node: &Node) -> impl Iterator<Item = &str> {
    std::iter::once(node.name.as_str()).chain(node.renamed_from.iter().map(String::as_str))
}

/// The records, with those of assets that were renamed under their new names too.
pub fn renamed(graph: &AssetGraph, mut records: Vec<Recorded>) -> Vec<Recorded> {
    let has_other_names = |node: &&Node| !node.renamed_from.is_empty();
    let nodes: Vec<&Node> = graph.ids().map(|id| graph.node(id)).filter(has_other_names).collect();
    if nodes.is_empty() {
        return records;
    }
    let mut found = Vec::new();
    let known: HashMap<&str, &Recorded> = records.iter().map(|record| (record.asset.as_str(), record)).collect();
    for node in nodes {
        let record = names(node).find_map(|name| known.get(name));
        if let Some(record) = record.filter(|record| record.asset != node.name.as_str()) {
            let (asset, renamed_from) = (node.name.to_string(), Some(record.asset.clone()));
            found.push(Recorded { asset, renamed_from, ..(*record).clone() });
        }
    }
    records.extend(found);
    records
}
