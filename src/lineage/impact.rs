//! What the loss of a column, or another name for it, does to what is below it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::graph::{AssetColumn, ColumnGraph, ColumnId, How};
use crate::graph::{Materialized, NodeId};

/// What happens to an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Its query names the column, or one that goes with it: it cannot be computed any more.
    Breaks,
    /// Nobody knows whether it names the column.
    MayBreak,
    /// It has the column by a star, or reads what is computed from it: it is computed anew and comes out otherwise.
    Recomputes,
}

impl Effect {
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Breaks => "breaks",
            Effect::MayBreak => "may break",
            Effect::Recomputes => "recomputes",
        }
    }
}

/// One asset that is affected, and by which columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    pub asset: NodeId,
    pub effect: Effect,
    /// The columns that it names or receives: the lost one, or those that are lost with it.
    pub by: BTreeSet<ColumnId>,
}

impl ColumnGraph<'_> {
    /// All that is affected when a column is removed or has another name: what breaks first, then by name.
    pub fn impact(&self, start: &ColumnId) -> Vec<Affected> {
        let lost = self.lost_with(start);
        let mut affected: BTreeMap<NodeId, (Effect, BTreeSet<ColumnId>)> = BTreeMap::new();
        for (id, asset) in &self.assets {
            let named: BTreeSet<ColumnId> = asset.named.intersection(&lost).cloned().collect();
            let received = |column: &&AssetColumn| {
                matches!(column.how, How::Assumed | How::Unknown) && !column.values.is_disjoint(&lost)
            };
            let unclear = asset.doubt.is_some() && !asset.rows.is_disjoint(&lost);
            if !named.is_empty() {
                affected.insert(*id, (Effect::Breaks, named));
            } else if unclear || asset.columns.iter().any(|column| received(&column)) {
                let values = asset.columns.iter().flat_map(|column| &column.values).chain(&asset.rows);
                let by = values.filter(|column| lost.contains(*column)).cloned().collect();
                affected.insert(*id, (Effect::MayBreak, by));
            }
        }
        self.inlined_again(&mut affected);
        self.recomputed(start, &lost, &mut affected);
        let mut list: Vec<Affected> =
            affected.into_iter().map(|(asset, (effect, by))| Affected { asset, effect, by }).collect();
        let name = |asset: NodeId| self.graph.node(asset).name.as_str().to_owned();
        list.sort_by_key(|one| (one.effect, name(one.asset)));
        list
    }

    /// The query of an ephemeral asset is part of those that read it: they break with it.
    fn inlined_again(&self, affected: &mut BTreeMap<NodeId, (Effect, BTreeSet<ColumnId>)>) {
        let is_inlined = |id: &NodeId| self.graph.node(*id).materialized == Materialized::Ephemeral;
        let mut open: Vec<NodeId> = affected.keys().copied().filter(is_inlined).collect();
        while let Some(asset) = open.pop() {
            let Some((effect, by)) = affected.get(&asset).cloned() else { continue };
            for reader in self.graph.downstream(asset) {
                let known = affected.get(&reader).map(|(known, _)| *known);
                if known.is_none_or(|known| effect < known) {
                    affected.insert(reader, (effect, by.clone()));
                    open.extend(Some(reader).filter(is_inlined));
                }
            }
        }
    }

    /// The column, and those of other assets that have it only because a star takes all there are.
    fn lost_with(&self, start: &ColumnId) -> BTreeSet<ColumnId> {
        let mut lost = BTreeSet::from([start.clone()]);
        let mut open = vec![start.clone()];
        while let Some(column) = open.pop() {
            for id in self.into.get(&column).into_iter().flatten() {
                let by_star = self.assets.get(&id.asset).is_some_and(|asset| !asset.named.contains(&column));
                // Where several have its name, it has got another.
                let is_copy =
                    |made: &AssetColumn| matches!(made.how, How::Copied | How::Renamed) && made.values.len() == 1;
                if by_star && self.column(id).is_some_and(is_copy) {
                    let name = self.last_of_its_name(id);
                    if lost.insert(name.clone()) {
                        open.push(name);
                    }
                }
            }
        }
        lost
    }

    /// Without one of `id`, `id_1` and `id_2`, whose names are all `id`, the last of these names is gone.
    fn last_of_its_name(&self, id: &ColumnId) -> ColumnId {
        let columns = self.assets.get(&id.asset).map(|asset| asset.columns.as_slice()).unwrap_or_default();
        let written = |column: &AssetColumn| column.numbered.clone().unwrap_or_else(|| column.id.name.clone());
        let Some(name) = columns.iter().find(|column| column.id == *id).map(written) else { return id.clone() };
        columns.iter().rfind(|column| written(column) == name).map_or_else(|| id.clone(), |last| last.id.clone())
    }

    /// What depends on any of it and does not break itself.
    fn recomputed(
        &self,
        start: &ColumnId,
        lost: &BTreeSet<ColumnId>,
        affected: &mut BTreeMap<NodeId, (Effect, BTreeSet<ColumnId>)>,
    ) {
        let downstream = self.downstream(start);
        let columns = downstream.values.iter().map(|step| (step.column.asset, Some(step.from.clone())));
        let rows = downstream.rows.iter().map(|asset| (*asset, None));
        let mut seen = HashSet::new();
        for (asset, from) in columns.chain(rows) {
            let entry = affected.entry(asset).or_insert_with(|| (Effect::Recomputes, BTreeSet::new()));
            if entry.0 == Effect::Recomputes && seen.insert((asset, from.clone())) {
                entry.1.extend(from);
            }
        }
        affected.retain(|asset, _| {
            *asset != start.asset || lost.iter().any(|column| column.asset != start.asset && column.asset == *asset)
        });
    }
}
