//! Which part of a table an asset reads, and what is in it: who reads no other columns is not concerned by theirs.

use super::{Records, columns_version};
use crate::engine::{Column, ColumnSet, InputVersion, Inputs, Part, Recorded};
use crate::graph::{AssetGraph, Materialized, NodeId, folded};
use crate::lineage::{ReadColumns, ignores_others, read_columns, read_columns_that_moved};

/// Adds the parts that an asset reads as its code is now.
pub(super) fn as_read(graph: &AssetGraph, records: &Records, asset: NodeId, inputs: &mut Inputs) {
    let is_view = graph.node(asset).materialized == Materialized::View;
    for (upstream, columns) in read(graph, records, asset) {
        let name = graph.node(upstream).name.as_str();
        if let (Some(input), Some(record)) = (inputs.get_mut(name).filter(is_known), records.get(name)) {
            input.part = part(record, &columns, is_view);
        }
    }
}

/// Adds the parts that the asset's record names, of what is not as it was, where these are what the asset reads still: with
/// other columns to choose from, the same code may read others.
pub(super) fn as_before(graph: &AssetGraph, records: &Records, asset: NodeId, inputs: &mut Inputs) {
    let Some(record) = records.get(graph.node(asset).name.as_str()) else { return };
    let before = |name: &str| record.inputs.get(name);
    let is_other = |name: &str, now: &InputVersion| {
        let before = before(name).filter(|before| before.part.is_some());
        before.is_some_and(|before| before.data != now.data || before.columns != now.columns)
    };
    let others: Vec<String> =
        inputs.iter().filter(|(name, now)| is_other(name, now)).map(|(name, _)| name.clone()).collect();
    if others.is_empty() {
        return;
    }
    let moved = inputs.iter().filter(|(name, now)| before(name).is_none_or(|before| before.columns != now.columns));
    let moved: Vec<&str> = moved.map(|(name, _)| name.as_str()).collect();
    if !moved.is_empty() && !reads_the_same(graph, records, (asset, record), &moved) {
        return;
    }
    for name in others {
        let (Some(input), Some(upstream)) = (inputs.get_mut(&name).filter(is_known), records.get(&name)) else {
            continue;
        };
        let columns = before(&name).and_then(|before| before.part.as_ref()).map(Part::set);
        input.part = columns.and_then(|columns| part(upstream, &columns, record.is_view));
    }
}

/// Whether an asset reads the same columns of each of its inputs as its record says, now that some of them have others or
/// have them in another order. A new column of one may take a name that was another's, and who takes all columns as they
/// come takes them in their order.
fn reads_the_same(graph: &AssetGraph, records: &Records, (asset, record): (NodeId, &Recorded), moved: &[&str]) -> bool {
    let columns = columns_of(graph, records);
    let read = read_columns_that_moved(graph, asset, &columns);
    let is_read = |name: &str, part: &Part| {
        let Some(id) = graph.find(name) else { return false };
        let takes_all = || columns(id).is_none_or(|columns| columns.len() <= part.columns.len());
        read.get(&id).is_some_and(|set| part.is_of(set))
            && (!moved.contains(&name) || !takes_all() || ignores_others(graph, asset, (id, &read), &columns))
    };
    let mut parts = record.inputs.iter().filter_map(|(name, before)| Some((name, before.part.as_ref()?)));
    parts.all(|(name, part)| is_read(name, part))
}

fn read(graph: &AssetGraph, records: &Records, asset: NodeId) -> ReadColumns {
    read_columns(graph, asset, &columns_of(graph, records))
}

fn columns_of<'r>(graph: &'r AssetGraph, records: &'r Records) -> impl Fn(NodeId) -> Option<Vec<Column>> + 'r {
    |id| records.get(graph.node(id).name.as_str()).map(|record| record.columns.clone())
}

/// Whether anything stands where the input is read from.
fn is_known(input: &&mut InputVersion) -> bool {
    input.columns.is_some()
}

/// What is in some columns of a table. A view shows what is in them as it is: to it only their names and types matter.
fn part(upstream: &Recorded, columns: &ColumnSet, for_view: bool) -> Option<Part> {
    if !for_view {
        // What a view holds is what it reads, and nobody sums that by columns.
        return upstream.parts.iter().find(|part| part.is_of(columns)).cloned().filter(|_| !upstream.is_view);
    }
    let typed: Vec<Column> =
        upstream.columns.iter().filter(|column| columns.contains(&folded(&column.name))).cloned().collect();
    (typed.len() == columns.len())
        .then(|| Part { columns: columns.iter().cloned().collect(), hash: columns_version(&typed) })
}
