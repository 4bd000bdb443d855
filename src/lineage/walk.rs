//! What a column comes from and what it goes into, at any distance.

use std::collections::{BTreeSet, HashSet};

use super::graph::{ColumnGraph, ColumnId, How};
use crate::graph::NodeId;

/// A column that was reached, and from which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub column: ColumnId,
    /// The column nearer to the start.
    pub from: ColumnId,
    /// How the one of the two that is further down came to its values.
    pub how: How,
    /// Whether only the rows that go into it come from there.
    pub only_rows: bool,
    /// 1 is next to the start.
    pub distance: usize,
}

/// What a column comes from.
#[derive(Debug, Clone, Default)]
pub struct Upstream {
    /// Each column once, by the shortest way; nearest first.
    pub values: Vec<Step>,
    /// What decides which rows there are, at any distance, and is none of the above.
    pub rows: BTreeSet<ColumnId>,
}

/// What a column goes into.
#[derive(Debug, Clone, Default)]
pub struct Downstream {
    /// Each column once, by the shortest way; nearest first.
    pub values: Vec<Step>,
    /// The assets whose rows it decides, at any distance.
    pub rows: BTreeSet<NodeId>,
}

/// A column beside another, how the lower one came to its values, and whether only rows come from there.
type Neighbour = (ColumnId, How, bool);

impl ColumnGraph<'_> {
    pub fn upstream(&self, start: &ColumnId) -> Upstream {
        let values = self.walk(start, &|column| {
            let Some(made) = self.column(column) else { return Vec::new() };
            made.values.iter().map(|source| (source.clone(), made.how, false)).collect()
        });
        let reached = values.iter().map(|step| &step.column);
        let all: BTreeSet<ColumnId> = std::iter::once(start).chain(reached).cloned().collect();
        let deciding = self.deciding(&all);
        Upstream { rows: deciding.difference(&all).cloned().collect(), values }
    }

    /// What decides which rows go into these columns: filters and joins of their assets and of those above them, and what
    /// these are made of.
    fn deciding(&self, columns: &BTreeSet<ColumnId>) -> BTreeSet<ColumnId> {
        let mut found = BTreeSet::new();
        let mut assets: Vec<NodeId> = columns.iter().map(|column| column.asset).collect();
        let mut seen = HashSet::new();
        let mut open: Vec<ColumnId> = Vec::new();
        while let Some(asset) = assets.pop() {
            if seen.insert(asset) {
                open.extend(self.assets.get(&asset).into_iter().flat_map(|asset| asset.rows.iter().cloned()));
                assets.extend(self.graph.upstream(asset));
            }
        }
        for column in columns.iter().filter_map(|column| self.column(column)) {
            open.extend(column.rows.iter().cloned());
        }
        while let Some(column) = open.pop() {
            if found.insert(column.clone())
                && let Some(made) = self.column(&column)
            {
                open.extend(made.values.iter().chain(&made.rows).cloned());
            }
        }
        found
    }

    pub fn downstream(&self, start: &ColumnId) -> Downstream {
        let values = self.walk(start, &|column| {
            let how = |id: &ColumnId| self.column(id).map_or(How::Unknown, |column| column.how);
            let into = self.into.get(column).into_iter().flatten().map(|id| (id.clone(), how(id), false));
            let decides = self.decides.get(column).into_iter().flatten().map(|id| (id.clone(), how(id), true));
            into.chain(decides).collect()
        });
        let reached = std::iter::once(start).chain(values.iter().map(|step| &step.column));
        let mut open: Vec<NodeId> = reached.filter_map(|column| self.filters.get(column)).flatten().copied().collect();
        let mut rows = BTreeSet::new();
        while let Some(asset) = open.pop() {
            if rows.insert(asset) {
                open.extend(self.graph.downstream(asset));
            }
        }
        Downstream { values, rows }
    }

    fn walk(&self, start: &ColumnId, next: &dyn Fn(&ColumnId) -> Vec<Neighbour>) -> Vec<Step> {
        let mut seen: HashSet<ColumnId> = HashSet::from([start.clone()]);
        let mut steps: Vec<Step> = Vec::new();
        let mut level = vec![start.clone()];
        let mut distance = 0;
        while !level.is_empty() {
            distance += 1;
            let mut below = Vec::new();
            for from in level {
                for (column, how, only_rows) in next(&from) {
                    if seen.insert(column.clone()) {
                        below.push(column.clone());
                        steps.push(Step { column, from: from.clone(), how, only_rows, distance });
                    }
                }
            }
            level = below;
        }
        steps
    }
}
