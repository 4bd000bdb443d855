//! Where a statement names columns of what it reads: the same lookup that tells where its columns come from.

use super::graph::{column_id, is_named};
use super::scope::Scope;
use super::tracer::Tracer;
use super::{ColumnId, on_own_stack};
use crate::engine::Column;
use crate::graph::{AssetGraph, CompiledSql, NodeId};
use crate::parse::sql::syntax_tree;
use crate::source::Span;

/// A name in a statement that stands for columns of what the statement reads, be it by way of its own subqueries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedColumn {
    /// In the statement; the column's name without what qualifies it.
    pub span: Span,
    /// What its values come from; nothing where they come from no column.
    pub columns: Vec<ColumnId>,
    /// Whether it has the values of a column as they are: it is another name of that column, or the same.
    pub is_copy: bool,
}

/// The names of columns in a model's statement, in order. `columns` are those of its upstreams, as far as they are known.
///
/// Nothing where the statement is written in a way that is not followed: what is not certain is left out.
pub fn named_columns(
    graph: &AssetGraph,
    reader: NodeId,
    sql: &CompiledSql,
    columns: &dyn Fn(NodeId) -> Option<Vec<Column>>,
) -> Vec<NamedColumn> {
    let upstreams = graph.reads(reader);
    let find = |name: &[String]| upstreams.iter().copied().find(|upstream| is_named(graph, *upstream, name));
    let lookup = |name: &[String]| columns(find(name)?).filter(|known| !known.is_empty());
    let statement = sql.statement();
    let named = || {
        let Some(tree) = syntax_tree(statement) else { return Vec::new() };
        let Some(places) = &tree.places else { return Vec::new() };
        let mut tracer = Tracer::new(&lookup);
        tracer.places = Some(Vec::new());
        tracer.query(&tree.query, &Scope::default(), true);
        let ids: Vec<Option<NodeId>> = tracer.read.iter().map(|read| find(&read.name)).collect();
        let id = |source: super::Source| {
            let read = tracer.read.get(source.relation as usize)?;
            let (name, _) = read.columns.get(source.column as usize)?;
            Some(column_id((*ids.get(source.relation as usize)?)?, name))
        };
        let mut named: Vec<NamedColumn> = Vec::new();
        for placed in tracer.places.iter().flatten() {
            let Some(span) = places.place(placed.span) else { continue };
            let columns = placed.values.iter().filter_map(id).collect();
            named.push(NamedColumn { span, columns, is_copy: placed.is_copy });
        }
        named.sort_by_key(|named| (named.span, std::cmp::Reverse(named.columns.len())));
        named.dedup_by_key(|named| named.span);
        named
    };
    on_own_stack(statement, named).unwrap_or_default()
}
