//! What a selection asks beyond the graph: how assets stand, what the newest run gave, what changed since a commit. This
//! room does no IO, so whoever evaluates a selection gathers what it asks for.

use std::collections::{HashMap, HashSet};

use super::{Criterion, Selection, Union};
use crate::graph::NodeId;
use crate::source::Place;

/// The answers to what a selection asks.
#[derive(Debug, Default)]
pub struct Facts {
    /// The states of assets, such as `stale`.
    pub states: HashMap<NodeId, &'static str>,
    /// What the newest run gave, such as `failed`, of those that were in it.
    pub results: HashMap<NodeId, &'static str>,
    /// What is not as it was, by the reference that it is compared with.
    pub changed: HashMap<String, HashSet<NodeId>>,
    /// The columns of assets, as far as they are known.
    pub columns: HashMap<NodeId, HashSet<String>>,
    /// The columns that assets read of others, as `asset.column`, with that in lower case.
    pub reads: HashMap<NodeId, HashSet<String>>,
}

/// What must be known to evaluate a selection.
#[derive(Debug, Default)]
pub struct Asked {
    pub states: bool,
    pub results: bool,
    /// Columns, and which are read.
    pub columns: bool,
    /// References of git, each with the part of the expression that names it.
    pub changed: Vec<(String, Place)>,
}

/// What one part asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Status {
        /// Whether it also asks for what is no longer in the graph.
        orphaned: bool,
    },
    Result,
    Columns,
    Changed(String),
}

impl Asked {
    /// Whether the graph alone has all answers.
    pub fn is_nothing(&self) -> bool {
        !self.asks_state() && self.changed.is_empty()
    }

    /// Whether the answers are beside the data.
    pub fn asks_state(&self) -> bool {
        self.states || self.results || self.columns
    }
}

impl Selection {
    /// What `evaluate` must be told.
    pub fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for criterion in self.criteria() {
            match criterion.matcher.asks() {
                Some(Fact::Status { .. }) => asked.states = true,
                Some(Fact::Result) => asked.results = true,
                Some(Fact::Columns) => asked.columns = true,
                Some(Fact::Changed(reference)) => asked.changed.push((reference.clone(), criterion.place.clone())),
                None => {}
            }
        }
        asked
    }

    /// Whether what is no longer in the graph belongs to the selection: it does without any expression, and where
    /// `status:orphaned` stands alone between spaces. Only commands that look at the state can show it.
    pub fn takes_orphans(&self) -> bool {
        match &self.select {
            None => self.exclude.is_empty(),
            Some(select) => names_orphans(select) && !names_orphans(&self.exclude),
        }
    }

    fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.select.iter().flatten().chain(&self.exclude).flat_map(|intersection| &intersection.parts)
    }
}

fn names_orphans(union: &Union) -> bool {
    let asks = |criterion: &Criterion| criterion.matcher.asks() == Some(&Fact::Status { orphaned: true });
    union.iter().any(|intersection| intersection.parts.iter().all(asks))
}
