//! Selections: which nodes a `--select` expression names. The grammar is dbt's; `docs/selection.md` describes it.

mod candidate;
mod evaluate;
mod facts;
mod methods;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;

pub use facts::{Asked, Facts};

use std::collections::BTreeSet;

use methods::Matcher;

use super::checks::CheckId;
use super::{NodeId, UnitTestId};
use crate::source::Place;

/// A parsed `--select` with its `--exclude`. The default selects everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `None` without any `--select`: everything.
    select: Option<Union>,
    exclude: Union,
}

/// What a selection names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    pub nodes: BTreeSet<NodeId>,
    /// Those that are named themselves, and those that read one of the nodes: dbt's eager way of selecting tests.
    pub checks: BTreeSet<CheckId>,
    /// Those that see one of the nodes only by way of a view, whose readers see at once what is built below it.
    pub shown: BTreeSet<CheckId>,
    /// Those that are named themselves, and those of the nodes.
    pub unit_tests: BTreeSet<UnitTestId>,
}

impl Selected {
    /// The checks that guard what is built of the nodes.
    pub fn guarding(&self) -> BTreeSet<CheckId> {
        &self.checks | &self.shown
    }

    fn of(items: impl IntoIterator<Item = Item>) -> Self {
        let mut selected = Selected::default();
        for item in items {
            match item {
                Item::Node(id) => drop(selected.nodes.insert(id)),
                Item::Check(id) => drop(selected.checks.insert(id)),
                Item::UnitTest(id) => drop(selected.unit_tests.insert(id)),
            }
        }
        selected
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.checks.is_empty() && self.unit_tests.is_empty()
    }
}

/// What can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Node(NodeId),
    Check(CheckId),
    UnitTest(UnitTestId),
}

/// Parts between spaces, and of several arguments: a node of any of them is in.
type Union = Vec<Intersection>;

/// Parts between commas: a node of all of them is in.
#[derive(Debug, Clone)]
struct Intersection {
    parts: Vec<Criterion>,
    place: Place,
}

/// One part: what it matches by itself, and how far it reaches from there.
#[derive(Debug, Clone)]
struct Criterion {
    matcher: Matcher,
    reach: Reach,
    place: Place,
}

/// The graph operators around a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Reach {
    /// `@x`: also the descendants, and all ancestors of these.
    whole_family: bool,
    /// `+x`, `2+x`.
    ancestors: Option<Steps>,
    /// `x+`, `x+2`.
    descendants: Option<Steps>,
}

/// How many edges a graph operator may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steps {
    All,
    AtMost(usize),
}

impl Steps {
    fn limit(self) -> Option<usize> {
        match self {
            Steps::All => None,
            Steps::AtMost(steps) => Some(steps),
        }
    }
}
