//! What methods are asked about: a node or a check, by what both have.

use std::path::Path;

use super::{Facts, Item};
use crate::graph::checks::Check;
use crate::graph::{AssetGraph, Node};
use crate::project::Values;
use crate::source::Place;

/// What a matcher is asked about. Methods that need more than the graph (what is stale, what changed) find it here.
pub(super) struct Candidate<'a> {
    pub graph: &'a AssetGraph,
    pub item: Item,
    pub facts: &'a Facts,
}

impl<'a> Candidate<'a> {
    /// `None` for a check.
    pub fn node(&self) -> Option<&'a Node> {
        match self.item {
            Item::Node(id) => Some(self.graph.node(id)),
            Item::Check(_) => None,
        }
    }

    /// `None` for a node.
    pub fn check(&self) -> Option<&'a Check> {
        match self.item {
            Item::Node(_) => None,
            Item::Check(id) => Some(self.graph.check(id)),
        }
    }

    fn either<T>(&self, of_node: impl FnOnce(&'a Node) -> T, of_check: impl FnOnce(&'a Check) -> T) -> T {
        match self.item {
            Item::Node(id) => of_node(self.graph.node(id)),
            Item::Check(id) => of_check(self.graph.check(id)),
        }
    }

    pub fn name(&self) -> &'a str {
        self.either(|node| node.name.as_str(), |check| check.name.as_str())
    }

    pub fn fqn(&self) -> &'a [String] {
        self.either(|node| node.fqn.as_slice(), |check| check.fqn.as_slice())
    }

    pub fn package(&self) -> &'a str {
        self.either(|node| node.package.as_str(), |_| self.graph.package.as_str())
    }

    pub fn path(&self) -> &'a Path {
        self.either(|node| node.file.path(), |check| check.file.path())
    }

    pub fn described_at(&self) -> Option<&'a Place> {
        self.node()?.described_at.as_ref()
    }

    pub fn tags(&self) -> &'a [String] {
        self.either(|node| node.tags.as_slice(), |check| check.tags.as_slice())
    }

    pub fn owner(&self) -> Option<&'a str> {
        self.either(|node| node.owner.as_deref(), |check| check.owner.as_deref())
    }

    pub fn group(&self) -> Option<&'a str> {
        self.node()?.group.as_deref()
    }

    pub fn config(&self) -> &'a Values {
        self.either(|node| &node.config, |check| &check.config)
    }

    pub fn kind(&self) -> &'static str {
        self.either(|node| node.kind.as_str(), |_| "check")
    }

    /// dbt's word for it.
    pub fn resource_type(&self) -> &'static str {
        self.either(|node| node.kind.resource_type(), |_| "test")
    }
}
