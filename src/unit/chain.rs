//! What is run so that an asset comes out of what it is given, and what is read instead.

use std::collections::{BTreeSet, HashSet};

use crate::graph::algebra::descendants;
use crate::graph::{AssetGraph, Body, EdgeKind, Materialized, NodeId};

/// A part of the graph between what is given and what is asked for.
#[derive(Debug)]
pub(super) struct Chain {
    /// What is run, each after what it reads; ephemeral assets among them.
    pub steps: Vec<NodeId>,
    /// Seeds whose files are read.
    pub seeds: Vec<NodeId>,
    /// What is given and read.
    pub read: BTreeSet<NodeId>,
    /// What is neither given nor run, with who reads it.
    pub missing: Vec<(NodeId, NodeId)>,
}

impl Chain {
    /// Of these assets, which are run whatever is given: of them rows may be what they held before.
    pub fn of(graph: &AssetGraph, targets: &[NodeId], given: &HashSet<NodeId>) -> Self {
        let starts: BTreeSet<NodeId> = given.iter().copied().filter(|id| !targets.contains(id)).collect();
        let mut walk = Walk {
            graph,
            given,
            below: descendants(graph, &starts, None),
            run: HashSet::new(),
            seeds: BTreeSet::new(),
            read: given.iter().copied().filter(|id| targets.contains(id)).collect(),
            missing: Vec::new(),
        };
        let mut steps = Vec::new();
        for target in targets {
            if walk.run.insert(*target) {
                walk.run_after_upstreams(*target, &mut steps);
            }
        }
        let Walk { seeds, read, mut missing, .. } = walk;
        missing.sort_by(|(_, one), (_, other)| graph.node(*one).name.cmp(&graph.node(*other).name));
        Chain { steps, seeds: seeds.into_iter().collect(), read, missing }
    }
}

struct Walk<'a> {
    graph: &'a AssetGraph,
    given: &'a HashSet<NodeId>,
    /// What reads something that is given, directly or by way of others.
    below: BTreeSet<NodeId>,
    run: HashSet<NodeId>,
    seeds: BTreeSet<NodeId>,
    read: BTreeSet<NodeId>,
    missing: Vec<(NodeId, NodeId)>,
}

impl Walk<'_> {
    /// Adds what a node reads and is run as well, each after what it reads itself, then the node.
    fn run_after_upstreams(&mut self, start: NodeId, steps: &mut Vec<NodeId>) {
        let mut stack = vec![(start, self.upstreams(start))];
        while let Some((node, upstreams)) = stack.last_mut() {
            let node = *node;
            match upstreams.pop() {
                Some(upstream) if self.is_to_be_run(node, upstream) => {
                    let above = self.upstreams(upstream);
                    stack.push((upstream, above));
                }
                Some(_) => {}
                None => {
                    steps.push(node);
                    stack.pop();
                }
            }
        }
    }

    fn upstreams(&self, id: NodeId) -> Vec<NodeId> {
        self.graph.upstream(id).collect()
    }

    fn is_to_be_run(&mut self, reader: NodeId, id: NodeId) -> bool {
        if self.run.contains(&id) {
            return false;
        }
        if self.given.contains(&id) {
            self.read.insert(id);
            return false;
        }
        let node = self.graph.node(id);
        match (&node.body, node.materialized) {
            (Body::Seed, _) => {
                self.seeds.insert(id);
                false
            }
            // No rows stand for an object, and the query of an ephemeral asset is part of its readers'.
            (Body::Sql(_) | Body::Python(_), Materialized::Object | Materialized::Ephemeral) => self.run.insert(id),
            (Body::Sql(_) | Body::Python(_), _) if self.below.contains(&id) => self.run.insert(id),
            _ if self.is_only_named(reader, id) => false,
            _ => {
                if !self.missing.iter().any(|(_, missing)| *missing == id) {
                    self.missing.push((reader, id));
                }
                false
            }
        }
    }

    /// Whether `deps=` names it, and no data of it arrives.
    fn is_only_named(&self, reader: NodeId, id: NodeId) -> bool {
        let mut edges = self.graph.nodes.edges_connecting(id, reader);
        edges.all(|edge| *edge.weight() == EdgeKind::Order)
    }
}
