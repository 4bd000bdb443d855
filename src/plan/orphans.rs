//! What dovetail made and nothing declares any more. Pure.

use std::cell::LazyCell;
use std::collections::HashSet;

use crate::engine::{Made, StoredAs};
use crate::graph::{AssetGraph, Materialized, Node, folded};
use crate::record::Found;

/// Something that stands, that dovetail made, and that is no asset's any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    pub made: Made,
    /// Why nobody needs it, for people.
    pub why: String,
}

/// What of all that a project made still stands, undeclared: of assets that are gone, and of assets that moved elsewhere.
pub fn orphans(graph: &AssetGraph, project: &str, found: &Found) -> Vec<Orphan> {
    let nodes = || graph.ids().map(|id| graph.node(id)).filter(|node| stands(node));
    let declared = LazyCell::new(|| nodes().map(|node| node.relation.key()).collect::<HashSet<String>>());
    let own = || found.relations.iter().filter(|found| found.relation.database.is_none());
    let standing = LazyCell::new(|| own().map(|found| found.relation.key()).collect::<HashSet<String>>());
    let taken = taken_over(graph, found);
    let is_needed = |made: &&Made| !taken.contains(made.asset.as_str()) || graph.find(&made.asset).is_some();
    let is_orphan = |made: &Made| match made.relation.as_deref().map(folded) {
        Some(relation) => standing.contains(&relation) && !declared.contains(&relation),
        None => found.objects.contains_key(&made.asset) && !is_object(graph, &made.asset),
    };
    // Most of what was made stands where its asset says: that is seen without gathering all places.
    let is_declared = |made: &&Made| {
        let node = graph.find(&made.asset).map(|id| graph.node(id)).filter(|node| stands(node));
        node.zip(made.relation.as_deref()).is_some_and(|(node, relation)| node.relation.is_written(relation))
    };
    // What another project made in the same database, that one declares or not.
    let is_own = |made: &&Made| made.project.as_deref().is_none_or(|name| name == project);
    let orphans = found.made.iter().filter(|made| !is_declared(made) && is_own(made));
    let orphans = orphans.filter(is_needed).filter(|made| is_orphan(made));
    orphans.map(|made| Orphan { made: made.clone(), why: why(graph, made) }).collect()
}

/// What has another name now, and goes when it is built under that. An asset that was built under its own name before it
/// said what it was called takes nothing over.
fn taken_over<'f>(graph: &AssetGraph, found: &'f Found) -> HashSet<&'f str> {
    let renamed = graph.ids().map(|id| graph.node(id)).filter(|node| !node.renamed_from.is_empty());
    let mut renamed = renamed.peekable();
    if renamed.peek().is_none() {
        return HashSet::new();
    }
    let made: HashSet<&str> = found.made.iter().map(|made| made.asset.as_str()).collect();
    let nodes = renamed.filter(|node| !made.contains(node.name.as_str()));
    nodes.filter_map(|node| node.renamed_from.iter().find_map(|name| made.get(name.as_str()).copied())).collect()
}

/// Whether a relation holds what an asset is.
fn stands(node: &Node) -> bool {
    !matches!(node.materialized, Materialized::Ephemeral | Materialized::Object)
}

fn is_object(graph: &AssetGraph, asset: &str) -> bool {
    graph.find(asset).is_some_and(|id| graph.node(id).materialized == Materialized::Object)
}

fn why(graph: &AssetGraph, made: &Made) -> String {
    match graph.find(&made.asset).map(|id| graph.node(id)).filter(|node| !node.is_source()) {
        None => "nothing declares it any more".to_owned(),
        Some(node) => match node.materialized {
            Materialized::Ephemeral => format!("left behind: `{}` is ephemeral now", node.name),
            Materialized::Object => format!("left behind: `{}` is an object now", node.name),
            _ if made.stored_as == StoredAs::Object => format!("left behind: `{}` is no object now", node.name),
            _ => format!("left behind: `{}` belongs at {} now", node.name, node.relation),
        },
    }
}
