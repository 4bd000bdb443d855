//! Which parts of a table are versioned when it is written: the columns that others take of it by their names.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{Column, ColumnSet, PartsAsked};
use crate::graph::{AssetGraph, DataVersioning, Materialized, NodeId, folded};
use crate::lineage::{ReadColumns, read_columns, reads_by_name};
use crate::record::Standing;

/// A set in the order of the expected columns; what is not expected comes last.
fn in_order(set: ColumnSet, expected: &[String]) -> Vec<String> {
    let place = |name: &String| expected.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut columns: Vec<String> = set.into_iter().collect();
    columns.sort_by_key(place);
    columns
}

/// So many sets, and so many times the columns of a table, are hashed beside the whole: what is read beyond that counts as
/// read whole.
const MOST_SETS: usize = 16;
const MOST_HASHED: usize = 4;

/// What the assets of a project read of each other.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The columns of assets as a check before the run found them.
    columns: HashMap<NodeId, Vec<Column>>,
    read: Mutex<HashMap<NodeId, Arc<ReadColumns>>>,
}

impl Parts {
    pub(super) fn of(columns: HashMap<NodeId, Vec<Column>>) -> Self {
        Parts { columns, read: Mutex::default() }
    }

    /// What of an asset is versioned by itself.
    pub(super) fn asked(&self, graph: &AssetGraph, asset: NodeId, standing: &Standing) -> PartsAsked {
        let node = graph.node(asset);
        if node.materialized != Materialized::Table || node.data_versioning != DataVersioning::Content {
            return PartsAsked::default();
        }
        let Some(all) = self.columns(graph, asset, standing) else { return PartsAsked::default() };
        let expected: Vec<String> = all.iter().map(|column| folded(&column.name)).collect();
        let before = standing.record(node.name.as_str());
        let ordered = |set: ColumnSet| {
            // Columns that trade places are the same columns: they are hashed in the order that their readers know.
            let known = before.iter().flat_map(|record| &record.parts).find(|part| part.is_of(&set));
            known.map(|part| part.columns.clone()).unwrap_or_else(|| in_order(set, &expected))
        };
        let sets = self.sets(graph, asset, &all, standing);
        let parts: Vec<Vec<String>> = sets.into_iter().map(ordered).collect();
        // The same columns in the same order are the whole, which is hashed anyway.
        let (whole, mut parts): (Vec<_>, Vec<_>) = parts.into_iter().partition(|columns| *columns == expected);
        parts.truncate(MOST_SETS);
        let mut left = MOST_HASHED * expected.len();
        parts.retain(|columns| left.checked_sub(columns.len()).map(|rest| left = rest).is_some());
        parts.extend(whole);
        PartsAsked { expected, parts }
    }

    /// The sets of columns that the readers of an asset take of it, small ones first. `all` are its columns.
    fn sets(&self, graph: &AssetGraph, asset: NodeId, all: &[Column], standing: &Standing) -> Vec<ColumnSet> {
        let holds = |id: &NodeId| matches!(graph.node(*id).materialized, Materialized::Table | Materialized::Object);
        let readers = graph.readers(asset).into_iter().filter(holds);
        let known = |id: NodeId| self.columns(graph, id, standing);
        let read = readers.filter_map(|reader| {
            let read = self.read(graph, reader, standing);
            let set = read.get(&asset).cloned()?;
            // Who takes all columns that there are is concerned by each other one, unless it takes them by their names.
            (set.len() < all.len() || reads_by_name(graph, reader, (asset, &read), &known)).then_some(set)
        });
        let sets: BTreeSet<ColumnSet> = read.collect();
        let mut sets: Vec<ColumnSet> = sets.into_iter().collect();
        sets.sort_by_key(ColumnSet::len);
        sets
    }

    fn read(&self, graph: &AssetGraph, asset: NodeId, standing: &Standing) -> Arc<ReadColumns> {
        let known = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known().get(&asset) {
            return Arc::clone(read);
        }
        let read = Arc::new(read_columns(graph, asset, &|id| self.columns(graph, id, standing)));
        known().insert(asset, Arc::clone(&read));
        read
    }

    /// The columns that an asset will have, as far as they are known: else those that it had.
    fn columns(&self, graph: &AssetGraph, asset: NodeId, standing: &Standing) -> Option<Vec<Column>> {
        if let Some(columns) = self.columns.get(&asset) {
            return Some(columns.clone());
        }
        let node = graph.node(asset);
        let declared = node.declared_types().map(|(name, kind)| Column { name: name.into(), engine_type: kind.into() });
        let declared: Vec<Column> = declared.collect();
        match declared.is_empty() {
            true => standing.record(node.name.as_str()).map(|record| record.columns.clone()),
            false => Some(declared),
        }
    }
}
