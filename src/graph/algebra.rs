//! Walks over the graph that selection and planning share.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use petgraph::Direction;
use petgraph::graph::DiGraph;

use super::{AssetGraph, EdgeKind, NodeId};

/// All nodes that `from` can reach upstream within `depth` steps (all of them when `None`), without `from` itself
/// unless it is reached.
pub fn ancestors(graph: &AssetGraph, from: &BTreeSet<NodeId>, depth: Option<usize>) -> BTreeSet<NodeId> {
    reach(&graph.nodes, from, Direction::Incoming, depth)
}

/// All nodes that `from` can reach downstream within `depth` steps (all of them when `None`), without `from` itself
/// unless it is reached.
pub fn descendants(graph: &AssetGraph, from: &BTreeSet<NodeId>, depth: Option<usize>) -> BTreeSet<NodeId> {
    reach(&graph.nodes, from, Direction::Outgoing, depth)
}

/// Every node after all of its upstreams; among those that are free to come next, the first by name.
///
/// Nodes on a cycle, and those below one, are left out; the graph that `resolve` gives has none.
pub fn topological_order<N>(nodes: &DiGraph<N, EdgeKind>) -> Vec<NodeId> {
    let mut waiting: Vec<usize> =
        nodes.node_indices().map(|id| nodes.neighbors_directed(id, Direction::Incoming).count()).collect();
    let mut free: BinaryHeap<Reverse<NodeId>> =
        nodes.node_indices().filter(|id| waiting[id.index()] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.node_count());
    while let Some(Reverse(id)) = free.pop() {
        order.push(id);
        for downstream in nodes.neighbors_directed(id, Direction::Outgoing) {
            waiting[downstream.index()] -= 1;
            if waiting[downstream.index()] == 0 {
                free.push(Reverse(downstream));
            }
        }
    }
    order
}

/// Breadth first from all of `from` at once, so that each node is met at its least distance and expanded only once.
fn reach<N>(
    nodes: &DiGraph<N, EdgeKind>,
    from: &BTreeSet<NodeId>,
    direction: Direction,
    depth: Option<usize>,
) -> BTreeSet<NodeId> {
    let mut expanded = vec![false; nodes.node_count()];
    let mut reached = vec![false; nodes.node_count()];
    let mut frontier: Vec<NodeId> = from.iter().copied().filter(|id| id.index() < expanded.len()).collect();
    for id in &frontier {
        expanded[id.index()] = true;
    }
    let mut steps = 0;
    while !frontier.is_empty() && depth.is_none_or(|depth| steps < depth) {
        let mut next = Vec::new();
        for id in frontier {
            for neighbour in nodes.neighbors_directed(id, direction) {
                reached[neighbour.index()] = true;
                if !std::mem::replace(&mut expanded[neighbour.index()], true) {
                    next.push(neighbour);
                }
            }
        }
        frontier = next;
        steps += 1;
    }
    nodes.node_indices().filter(|id| reached[id.index()]).collect()
}

#[cfg(test)]
mod tests {
    use petgraph::visit::EdgeRef;
    use proptest::prelude::*;

    use super::*;
    use crate::graph::testing::random_graph;

    /// `closure[a][b]`: the length of the shortest path from `a` to `b` by repeated relaxation; the slow, sure way.
    fn distances(graph: &AssetGraph) -> Vec<Vec<Option<usize>>> {
        let count = graph.nodes.node_count();
        let mut matrix = vec![vec![None; count]; count];
        for edge in graph.nodes.edge_references() {
            matrix[edge.source().index()][edge.target().index()] = Some(1);
        }
        for middle in 0..count {
            for start in 0..count {
                for end in 0..count {
                    let by_way: Option<usize> =
                        matrix[start][middle].zip(matrix[middle][end]).map(|(one, two): (usize, usize)| one + two);
                    matrix[start][end] = match (matrix[start][end], by_way) {
                        (Some(one), Some(two)) => Some(one.min(two)),
                        (one, two) => one.or(two),
                    };
                }
            }
        }
        matrix
    }

    fn subset(graph: &AssetGraph, mask: u64) -> BTreeSet<NodeId> {
        graph.ids().filter(|id| mask >> (id.index() % 64) & 1 == 1).collect()
    }

    proptest! {
        #[test]
        fn walks_agree_with_the_matrix(graph in random_graph(12), mask: u64, depth in proptest::option::of(0usize..5)) {
            let from = subset(&graph, mask);
            let matrix = distances(&graph);
            let near = |distance: Option<usize>| distance.is_some_and(|steps| depth.is_none_or(|depth| steps <= depth));
            let up: BTreeSet<NodeId> = graph.ids()
                .filter(|id| from.iter().any(|start| near(matrix[id.index()][start.index()]))).collect();
            let down: BTreeSet<NodeId> = graph.ids()
                .filter(|id| from.iter().any(|start| near(matrix[start.index()][id.index()]))).collect();
            prop_assert_eq!(ancestors(&graph, &from, depth), up);
            prop_assert_eq!(descendants(&graph, &from, depth), down);
        }

        #[test]
        fn reversing_the_graph_swaps_the_directions(graph in random_graph(16), mask: u64) {
            let from = subset(&graph, mask);
            let mut reversed = AssetGraph { nodes: graph.nodes.clone(), ..AssetGraph::default() };
            reversed.nodes.reverse();
            prop_assert_eq!(ancestors(&graph, &from, None), descendants(&reversed, &from, None));
        }

        #[test]
        fn topological_order_has_every_node_after_its_upstreams(graph in random_graph(16)) {
            let order = topological_order(&graph.nodes);
            prop_assert_eq!(order.len(), graph.nodes.node_count());
            let rank = |id: NodeId| order.iter().position(|other| *other == id);
            for edge in graph.nodes.edge_references() {
                prop_assert!(rank(edge.source()) < rank(edge.target()));
            }
        }
    }
}
