//! What methods are asked about: a node, a check or a unit test, by what all have.

use std::path::Path;

use super::{Facts, Item};
use crate::graph::checks::Check;
use crate::graph::{AssetGraph, Node, UnitTest};
use crate::project::Values;
use crate::source::Place;

/// What a matcher is asked about. Methods that need more than the graph (what is stale, what changed) find it here.
pub(super) struct Candidate<'a> {
    pub graph: &'a AssetGraph,
    pub item: Item,
    pub facts: &'a Facts,
}

impl<'a> Candidate<'a> {
    /// `None` for others.
    pub fn node(&self) -> Option<&'a Node> {
        match self.item {
            Item::Node(id) => Some(self.graph.node(id)),
            _ => None,
        }
    }

    /// `None` for others.
    pub fn check(&self) -> Option<&'a Check> {
        match self.item {
            Item::Check(id) => Some(self.graph.check(id)),
            _ => None,
        }
    }

    /// `None` for others.
    pub fn unit_test(&self) -> Option<&'a UnitTest> {
        match self.item {
            Item::UnitTest(id) => Some(self.graph.unit_test(id)),
            _ => None,
        }
    }

    fn either<T>(
        &self,
        of_node: impl FnOnce(&'a Node) -> T,
        of_check: impl FnOnce(&'a Check) -> T,
        of_unit_test: impl FnOnce(&'a UnitTest) -> T,
    ) -> T {
        match self.item {
            Item::Node(id) => of_node(self.graph.node(id)),
            Item::Check(id) => of_check(self.graph.check(id)),
            Item::UnitTest(id) => of_unit_test(self.graph.unit_test(id)),
        }
    }

    pub fn name(&self) -> &'a str {
        self.either(|node| node.name.as_str(), |check| check.name.as_str(), |test| &test.name)
    }

    pub fn fqn(&self) -> &'a [String] {
        self.either(|node| node.fqn.as_slice(), |check| check.fqn.as_slice(), |test| &test.fqn)
    }

    pub fn package(&self) -> &'a str {
        self.either(|node| node.package.as_str(), |_| self.graph.package.as_str(), |_| &self.graph.package)
    }

    pub fn path(&self) -> &'a Path {
        self.either(|node| node.file.path(), |check| check.file.path(), |test| test.place.file.path())
    }

    pub fn described_at(&self) -> Option<&'a Place> {
        self.node()?.described_at.as_ref()
    }

    pub fn tags(&self) -> &'a [String] {
        self.either(|node| node.tags.as_slice(), |check| check.tags.as_slice(), |test| &test.tags)
    }

    pub fn owner(&self) -> Option<&'a str> {
        self.either(|node| node.owner.as_deref(), |check| check.owner.as_deref(), |_| None)
    }

    pub fn group(&self) -> Option<&'a str> {
        self.node()?.group.as_deref()
    }

    pub fn config(&self) -> Option<&'a Values> {
        self.either(|node| Some(&node.config), |check| Some(&check.config), |_| None)
    }

    pub fn kind(&self) -> &'static str {
        self.either(|node| node.kind.as_str(), |_| "check", |_| "unit_test")
    }

    /// dbt's word for it.
    pub fn resource_type(&self) -> &'static str {
        self.either(|node| node.kind.resource_type(), |_| "test", |_| "unit_test")
    }
}
