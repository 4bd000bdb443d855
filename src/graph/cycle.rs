//! Cycles: each knot of assets that need each other is reported once, by a shortest cycle through its first name.

use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::declare::Declared;
use super::link::{Links, place_of};
use super::resolve::Texts;
use super::{EdgeKind, NodeId};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Place;

/// Reports every strongly connected component of more than one node. `skeleton` has the declared nodes in order of
/// their names, so what is found first does not depend on the order of files.
pub(super) fn report_cycles(
    skeleton: &DiGraph<usize, EdgeKind>,
    nodes: &[Declared],
    links: &[Links],
    texts: &Texts<'_>,
    problems: &mut Diagnostics,
) {
    // Not `tarjan_scc`, which recurses: a chain of ten thousand models would overflow the stack.
    for component in kosaraju_scc(skeleton).into_iter().filter(|component| component.len() > 1) {
        let cycle = shortest_cycle(skeleton, &component);
        let declared: Vec<usize> = cycle.iter().map(|id| skeleton[*id]).collect();
        problems.push(describe(&declared, nodes, links, texts));
    }
}

/// A shortest way from the component's first node back to it, upstream before downstream; the first node once.
fn shortest_cycle(skeleton: &DiGraph<usize, EdgeKind>, component: &[NodeId]) -> Vec<NodeId> {
    let members: HashSet<NodeId> = component.iter().copied().collect();
    let Some(start) = component.iter().min().copied() else { return Vec::new() };
    let mut came_from: HashMap<NodeId, NodeId> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        let mut next: Vec<NodeId> = skeleton.neighbors(id).filter(|id| members.contains(id)).collect();
        next.sort();
        for neighbour in next {
            if neighbour == start {
                return way_back(&came_from, start, id);
            }
            came_from.entry(neighbour).or_insert_with(|| {
                queue.push_back(neighbour);
                id
            });
        }
    }
    vec![start]
}

fn way_back(came_from: &HashMap<NodeId, NodeId>, start: NodeId, end: NodeId) -> Vec<NodeId> {
    let mut way = vec![end];
    let mut id = end;
    while id != start {
        let Some(before) = came_from.get(&id) else { break };
        id = *before;
        way.push(id);
    }
    way.reverse();
    way
}

fn describe(cycle: &[usize], nodes: &[Declared], links: &[Links], texts: &Texts<'_>) -> Diagnostic {
    let name = |index: usize| nodes[index].name.as_str();
    let closed: Vec<usize> = cycle.iter().chain(cycle.first()).copied().collect();
    let path: Vec<&str> = closed.iter().map(|index| name(*index)).collect();
    let mut problem = Diagnostic::error(Code::Cycle, format!("the graph has a cycle: `{}`", path.join(" -> ")));
    let steps = closed.windows(2).filter_map(|pair| match pair {
        [upstream, downstream] => {
            let place = edge_place(*upstream, *downstream, nodes, links, texts);
            Some((place, format!("`{}` reads `{}`", name(*downstream), name(*upstream))))
        }
        _ => None,
    });
    for (index, (place, words)) in steps.enumerate() {
        problem = if index == 0 { problem.at(place).label(words) } else { problem.related(place, words) };
    }
    problem
}

/// Where the downstream names the upstream.
fn edge_place(upstream: usize, downstream: usize, nodes: &[Declared], links: &[Links], texts: &Texts<'_>) -> Place {
    let node = &nodes[downstream];
    let link = links[downstream].upstreams.iter().find(|(_, index)| *index == upstream);
    link.map_or_else(|| node.place.clone(), |(name, _)| place_of(texts, node, name))
}
