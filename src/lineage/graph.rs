//! `AssetGraph -> ColumnGraph`: from the statements of a project to the columns of all of its assets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use petgraph::algo::toposort;
use rayon::prelude::*;

use super::ephemeral::{Direct, above};
use super::{Derivation, Lineage, ReadRelation, Source, trace_as};
use crate::engine::Column;
use crate::graph::{AssetGraph, Body, CompiledPython, CompiledSql, Materialized, NodeId, RelationName, folded};
use crate::parse::SourceLocation;

/// A column of an asset or of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId {
    pub asset: NodeId,
    /// In lower case, which tells columns apart as the engine does.
    pub name: String,
}

/// How a column comes to its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The values are those of what it comes from, under the same name.
    Copied,
    /// The values are those of what it comes from, under another name.
    Renamed,
    Computed,
    /// It is made by Python, which may make every column of all that it reads.
    Assumed,
    /// It cannot be told: it may come from every column of all that its asset reads.
    Unknown,
}

impl How {
    pub fn as_str(self) -> &'static str {
        match self {
            How::Copied => "copied",
            How::Renamed => "renamed",
            How::Computed => "computed",
            How::Assumed => "assumed",
            How::Unknown => "unknown",
        }
    }
}

/// What is known of the columns of one asset.
#[derive(Debug, Clone, Default)]
pub struct AssetColumns {
    pub columns: Vec<AssetColumn>,
    /// What decides which rows the asset has.
    pub rows: BTreeSet<ColumnId>,
    /// What the asset's own query names or needs: without these columns it is no query. Others it has by a star.
    pub named: BTreeSet<ColumnId>,
    /// Why there may be more than this says.
    pub doubt: Option<String>,
}

impl AssetColumns {
    /// What the asset reads for all of its columns alike.
    fn deciding(&self) -> impl Iterator<Item = &ColumnId> {
        self.rows.iter().chain(&self.named)
    }
}

/// A column and what it comes from.
#[derive(Debug, Clone)]
pub struct AssetColumn {
    pub id: ColumnId,
    /// As the engine writes it.
    pub name: String,
    /// What it would be called if no column before it had that name, in lower case.
    pub numbered: Option<String>,
    pub values: BTreeSet<ColumnId>,
    /// What decides which rows go into this column alone.
    pub rows: BTreeSet<ColumnId>,
    pub how: How,
}

/// The columns of all assets and sources, and where they come from.
#[derive(Debug)]
pub struct ColumnGraph<'a> {
    pub graph: &'a AssetGraph,
    pub assets: HashMap<NodeId, AssetColumns>,
    /// The columns that a column's values go into, and those whose rows it decides.
    pub(super) into: HashMap<ColumnId, Vec<ColumnId>>,
    pub(super) decides: HashMap<ColumnId, Vec<ColumnId>>,
    /// The assets whose rows a column decides.
    pub(super) filters: HashMap<ColumnId, BTreeSet<NodeId>>,
}

impl<'a> ColumnGraph<'a> {
    /// Traces every statement of the project. `columns` are those of assets and sources, as far as anybody knows them.
    pub fn of(graph: &'a AssetGraph, columns: HashMap<NodeId, Vec<Column>>) -> Self {
        let mut maker = Maker { graph, columns };
        maker.learn();
        let ids: Vec<NodeId> = graph.ids().collect();
        let assets = ids.par_iter().map(|id| (*id, maker.columns_of(*id))).collect();
        let mut made =
            ColumnGraph { graph, assets, into: HashMap::new(), decides: HashMap::new(), filters: HashMap::new() };
        for id in ids {
            made.index(id);
        }
        made
    }

    fn index(&mut self, id: NodeId) {
        let Some(asset) = self.assets.get(&id) else { return };
        for column in &asset.columns {
            for source in &column.values {
                self.into.entry(source.clone()).or_default().push(column.id.clone());
            }
            for source in column.rows.difference(&column.values) {
                self.decides.entry(source.clone()).or_default().push(column.id.clone());
            }
        }
        for source in &asset.rows {
            self.filters.entry(source.clone()).or_default().insert(id);
        }
    }

    /// A column, where the asset is known to have it or something reads it.
    pub fn find(&self, asset: NodeId, name: &str) -> Option<ColumnId> {
        let id = ColumnId { asset, name: folded(name) };
        let is_own = self.assets.get(&asset).is_some_and(|asset| asset.columns.iter().any(|column| column.id == id));
        let is_read = self.into.contains_key(&id) || self.decides.contains_key(&id) || self.filters.contains_key(&id);
        (is_own || is_read).then_some(id)
    }

    pub fn column(&self, id: &ColumnId) -> Option<&AssetColumn> {
        self.assets.get(&id.asset)?.columns.iter().find(|column| column.id == *id)
    }

    /// The names of an asset's columns, in lower case.
    pub fn names_of(&self, id: NodeId) -> HashSet<String> {
        let columns = self.assets.get(&id).map(|asset| asset.columns.as_slice()).unwrap_or_default();
        columns.iter().map(|column| column.id.name.clone()).collect()
    }

    /// What an asset reads of others, for values and for rows, as `asset.column`, the column in lower case; the queries of
    /// ephemeral assets are part of its own.
    pub fn read_by(&self, id: NodeId) -> HashSet<String> {
        let Some(asset) = self.assets.get(&id) else { return HashSet::new() };
        let values = asset.columns.iter().flat_map(|column| column.values.iter().chain(&column.rows));
        let read = self.inlined(id, values.chain(asset.deciding()).collect());
        read.into_iter().map(|column| format!("{}.{}", self.graph.node(column.asset).name, column.name)).collect()
    }

    /// What an asset reads, and what the ephemeral assets above it read for that.
    fn inlined<'c>(&'c self, id: NodeId, read: Vec<&'c ColumnId>) -> BTreeSet<&'c ColumnId> {
        let is_inlined = |id: &NodeId| self.graph.node(*id).materialized == Materialized::Ephemeral;
        let mut assets: Vec<NodeId> = self.graph.upstream(id).filter(is_inlined).collect();
        let mut seen = HashSet::new();
        let mut open = read;
        while let Some(asset) = assets.pop() {
            if seen.insert(asset) {
                open.extend(self.assets.get(&asset).into_iter().flat_map(AssetColumns::deciding));
                assets.extend(self.graph.upstream(asset).filter(is_inlined));
            }
        }
        let mut found = BTreeSet::new();
        while let Some(column) = open.pop() {
            if found.insert(column)
                && is_inlined(&column.asset)
                && let Some(made) = self.column(column)
            {
                open.extend(made.values.iter().chain(&made.rows));
            }
        }
        found
    }

    /// `asset.column`
    pub fn written(&self, id: &ColumnId) -> String {
        let name = self.column(id).map_or(id.name.as_str(), |column| column.name.as_str());
        format!("{}.{name}", self.graph.node(id.asset).name)
    }
}

/// The columns of one asset and what they come from; `columns` are those of what it reads and its own, as far as anybody
/// knows them.
pub fn columns_of(graph: &AssetGraph, id: NodeId, columns: HashMap<NodeId, Vec<Column>>) -> AssetColumns {
    Maker { graph, columns }.columns_of(id)
}

struct Maker<'a> {
    graph: &'a AssetGraph,
    columns: HashMap<NodeId, Vec<Column>>,
}

impl Maker<'_> {
    /// Finds the columns of models of which nobody knows any from their own queries, as far as these tell all names.
    fn learn(&mut self) {
        // A graph with a cycle is refused before it gets here.
        for id in toposort(&self.graph.nodes, None).unwrap_or_default() {
            let is_model = matches!(self.graph.node(id).body, Body::Sql(_));
            if !is_model || self.columns.contains_key(&id) {
                continue;
            }
            let made = self.columns_of(id);
            let column = |column: &AssetColumn| Column { name: column.name.clone(), engine_type: String::new() };
            if !made.columns.is_empty() && !made.columns.iter().any(|column| column.name.starts_with('#')) {
                self.columns.insert(id, made.columns.iter().map(column).collect());
            }
        }
    }

    fn columns_of(&self, id: NodeId) -> AssetColumns {
        match &self.graph.node(id).body {
            Body::Sql(sql) => self.model(id, sql),
            Body::Python(python) => self.function(id, python),
            Body::Seed | Body::Source(_) => self.leaf(id),
        }
    }

    fn known(&self, id: NodeId) -> &[Column] {
        self.columns.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    fn above(&self, id: NodeId) -> Vec<NodeId> {
        above(self.graph, id, &|upstream| !self.known(upstream).is_empty())
    }

    /// What has columns and comes from nothing of the project.
    fn leaf(&self, id: NodeId) -> AssetColumns {
        let nothing = BTreeSet::new;
        let columns = self.known(id).iter().map(|column| made(id, &column.name, nothing(), nothing(), How::Copied));
        AssetColumns { columns: columns.collect(), ..AssetColumns::default() }
    }

    /// A function may make each column of everything that it receives: the columns of `reads=`, else all.
    fn function(&self, id: NodeId, python: &CompiledPython) -> AssetColumns {
        let mut all = BTreeSet::new();
        let mut named = BTreeSet::new();
        for (parameter, upstream) in &python.inputs {
            let reads = python.body.parameters.get(*parameter).and_then(|parameter| parameter.reads.as_ref());
            if let Some(columns) = reads {
                named.extend(columns.iter().map(|column| column_id(*upstream, &column.name)));
            } else {
                all.extend(self.known(*upstream).iter().map(|column| column_id(*upstream, &column.name)));
            }
        }
        let handed = |upstream: &NodeId| python.inputs.iter().any(|(_, input)| input == upstream);
        for upstream in self.above(id).into_iter().filter(|upstream| !handed(upstream)) {
            all.extend(self.known(upstream).iter().map(|column| column_id(upstream, &column.name)));
        }
        all.extend(named.iter().cloned());
        let own = self.known(id).iter();
        let columns = own.map(|column| made(id, &column.name, all.clone(), BTreeSet::new(), How::Assumed));
        let doubt = self.known(id).is_empty().then(|| "nobody knows which columns it gives".to_owned());
        let columns: Vec<AssetColumn> = columns.collect();
        // Whatever it will give, it is made of these.
        let rows = if columns.is_empty() { all } else { BTreeSet::new() };
        AssetColumns { columns, named, doubt, rows }
    }

    fn model(&self, id: NodeId, sql: &CompiledSql) -> AssetColumns {
        let direct = Direct::of(self.graph, id, sql, &|upstream| !self.known(upstream).is_empty());
        let lookup = |name: &[String]| {
            let known = self.known(direct.find(name)?);
            (!known.is_empty()).then(|| known.to_vec())
        };
        let is_last = self.graph.node(id).materialized != Materialized::Ephemeral;
        match trace_as(&direct.statement, &lookup, is_last) {
            Ok(lineage) => {
                let traced = self.traced(id, &lineage, &|name| direct.find(name));
                self.with_unnamed(traced, &lineage, &direct)
            }
            Err(unknown) => self.untraced(id, &direct.upstreams, unknown.reason),
        }
    }

    fn traced(&self, id: NodeId, lineage: &Lineage, find: &dyn Fn(&[String]) -> Option<NodeId>) -> AssetColumns {
        let nodes: Vec<Option<NodeId>> = lineage.relations.iter().map(|relation| find(&relation.name)).collect();
        let ids = |sources: &BTreeSet<Source>| {
            let id = |source: &Source| {
                let relation: &ReadRelation = lineage.relations.get(source.relation as usize)?;
                let node = (*nodes.get(source.relation as usize)?)?;
                Some(column_id(node, relation.columns.get(source.column as usize)?))
            };
            sources.iter().filter_map(id).collect::<BTreeSet<ColumnId>>()
        };
        let known = self.known(id);
        let strangers = lineage.relations.iter().zip(&nodes).filter(|(_, node)| node.is_none());
        let strangers = strangers.map(|(relation, _)| {
            format!("`{}`, which it reads, is neither an asset nor a source", relation.name.join("."))
        });
        let mut doubts: Vec<String> = lineage.rows_unknown.iter().cloned().chain(strangers).collect();
        let mut columns = Vec::with_capacity(lineage.columns.len());
        for (index, column) in lineage.columns.iter().enumerate() {
            let how = match &column.derivation {
                Derivation::Copied => How::Copied,
                Derivation::Renamed => How::Renamed,
                Derivation::Computed => How::Computed,
                Derivation::Unknown(reason) => {
                    doubts.push(reason.clone());
                    How::Unknown
                }
            };
            // What stands may be older than the text, and then its columns say nothing about it.
            let stands = known.get(index).filter(|_| known.len() == lineage.columns.len());
            let own = column.name.as_ref();
            // The engine may write it as it is declared above.
            let known = stands.filter(|known| own.is_none_or(|own| own.eq_ignore_ascii_case(&known.name)));
            let name = known.map(|known| &known.name).or(own).cloned();
            let name = name.unwrap_or_else(|| format!("#{}", index + 1));
            let numbered = column.numbered.as_deref().map(folded);
            columns.push(AssetColumn { numbered, ..made(id, &name, ids(&column.values), ids(&column.rows), how) });
        }
        let doubt = doubts.into_iter().next();
        let named = ids(&lineage.named.union(&lineage.needed).copied().collect());
        AssetColumns { columns, rows: ids(&lineage.rows), named, doubt }
    }

    /// What is not followed may come from upstreams that the statement names in another way too: `query_table(['a'])`.
    fn with_unnamed(&self, mut asset: AssetColumns, lineage: &Lineage, direct: &Direct<'_>) -> AssetColumns {
        let named: Vec<NodeId> = lineage.relations.iter().filter_map(|relation| direct.find(&relation.name)).collect();
        let unnamed = direct.upstreams.iter().filter(|upstream| !named.contains(upstream));
        let columns = |upstream: &NodeId| {
            let upstream = *upstream;
            self.known(upstream).iter().map(move |column| column_id(upstream, &column.name))
        };
        let unnamed: BTreeSet<ColumnId> = unnamed.flat_map(columns).collect();
        for column in asset.columns.iter_mut().filter(|column| column.how == How::Unknown) {
            column.values.extend(unnamed.iter().cloned());
        }
        if lineage.rows_unknown.is_some() {
            asset.rows.extend(unnamed);
        }
        asset
    }

    /// Where nothing is certain, everything may come from everything.
    fn untraced(&self, id: NodeId, upstreams: &[NodeId], reason: String) -> AssetColumns {
        let columns = |upstream: &NodeId| {
            let upstream = *upstream;
            self.known(upstream).iter().map(move |column| column_id(upstream, &column.name))
        };
        let all: BTreeSet<ColumnId> = upstreams.iter().flat_map(columns).collect();
        let own = self.known(id).iter();
        let columns = own.map(|column| made(id, &column.name, all.clone(), BTreeSet::new(), How::Unknown)).collect();
        AssetColumns { columns, rows: all, named: BTreeSet::new(), doubt: Some(reason) }
    }
}

/// Whether a statement means this upstream by a name.
pub(crate) fn is_named(graph: &AssetGraph, upstream: NodeId, name: &[String]) -> bool {
    let node = graph.node(upstream);
    match (&node.body, name) {
        // A path in a reader's call stands as the user wrote it.
        (Body::Source(SourceLocation::Files { path, .. }), [written]) => {
            Path::new(path).ends_with(written.strip_prefix("./").unwrap_or(written))
        }
        (Body::Source(SourceLocation::Files { .. }), _) => false,
        (_, [identifier]) => node.relation.identifier.eq_ignore_ascii_case(identifier),
        (_, [schema, identifier]) => node.relation.is_same(&relation(None, schema, identifier)),
        (_, [database, schema, identifier]) => {
            node.relation.is_same(&relation(Some(database.clone()), schema, identifier))
        }
        _ => false,
    }
}

fn made(asset: NodeId, name: &str, values: BTreeSet<ColumnId>, rows: BTreeSet<ColumnId>, how: How) -> AssetColumn {
    AssetColumn { id: column_id(asset, name), name: name.to_owned(), numbered: None, values, rows, how }
}

pub(super) fn column_id(asset: NodeId, name: &str) -> ColumnId {
    ColumnId { asset, name: folded(name) }
}

fn relation(database: Option<String>, schema: &str, identifier: &str) -> RelationName {
    RelationName { database, schema: schema.to_owned(), identifier: identifier.to_owned() }
}
