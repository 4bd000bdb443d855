//! A model as its author wrote it: with names of ephemeral models, where the compiled statement has their queries.

use std::borrow::Cow;

use super::graph::is_named;
use crate::graph::{AssetGraph, CompiledSql, Materialized, NodeId};
use crate::source::Span;

/// What an ephemeral model is called by in the place of its query: no schema of a database is called so.
const SCHEMA: &str = "\u{1}ephemeral";

/// A model's statement, in which ephemeral models are relations.
pub(super) struct Direct<'g> {
    graph: &'g AssetGraph,
    pub statement: Cow<'g, str>,
    named: Vec<Named>,
    /// What the statement can name: what the model reads itself, and what the queries read that still stand in it.
    pub upstreams: Vec<NodeId>,
}

/// A query that gave way to a name.
struct Named {
    node: NodeId,
    query: Span,
    name: Span,
}

impl<'g> Direct<'g> {
    /// Ephemeral models whose columns nobody knows are left as they are: through their queries, more is known.
    pub fn of(graph: &'g AssetGraph, id: NodeId, sql: &'g CompiledSql, is_known: &dyn Fn(NodeId) -> bool) -> Self {
        let mut direct = Direct {
            graph,
            statement: Cow::Borrowed(sql.statement()),
            named: Vec::new(),
            upstreams: above(graph, id, is_known),
        };
        direct.name(sql, is_known);
        direct
    }

    fn name(&mut self, sql: &CompiledSql, is_known: &dyn Fn(NodeId) -> bool) {
        let inlined = sql.edits.iter().filter_map(|edit| edit.inlined).filter(|(node, _)| is_known(*node));
        let mut queries = inlined.filter_map(|(node, query)| Some((node, in_parentheses(sql, query)?))).peekable();
        if queries.peek().is_none() {
            return;
        }
        let (mut text, mut done) = (String::new(), 0);
        for (node, query) in queries {
            text.push_str(sql.statement().get(done..query.start).unwrap_or_default());
            let start = text.len();
            text.push_str(&format!("\"{SCHEMA}\".\"{}\"", node.index()));
            self.named.push(Named { node, query, name: Span::new(start, text.len()) });
            done = query.end;
        }
        text.push_str(sql.statement().get(done..).unwrap_or_default());
        self.statement = Cow::Owned(text);
    }

    /// The upstream that the statement means by a name.
    pub fn find(&self, name: &[String]) -> Option<NodeId> {
        if let [schema, index] = name
            && schema == SCHEMA
        {
            let is_it = |named: &&Named| named.node.index().to_string() == *index;
            return self.named.iter().find(is_it).map(|named| named.node);
        }
        let upstreams = self.upstreams.iter().copied();
        let mut built = upstreams.filter(|id| self.graph.node(*id).materialized != Materialized::Ephemeral);
        built.find(|upstream| is_named(self.graph, *upstream, name))
    }

    /// Where a stretch of this statement stands in the compiled one; `None` for what stands in the place of a query.
    pub fn compiled(&self, span: Span) -> Option<Span> {
        let before = self.named.partition_point(|named| named.name.end <= span.start);
        if self.named.get(before).is_some_and(|named| named.name.start < span.end) {
            return None;
        }
        let (from, to) = match before.checked_sub(1).and_then(|last| self.named.get(last)) {
            Some(last) => (last.name.end, last.query.end),
            None => (0, 0),
        };
        Some(Span::new(span.start - from + to, span.end - from + to))
    }
}

/// The upstreams of an asset, ephemeral ones among them as far as their columns are known; in the place of others, what
/// these read.
pub(super) fn above(graph: &AssetGraph, id: NodeId, is_known: &dyn Fn(NodeId) -> bool) -> Vec<NodeId> {
    let is_whole = |id: &NodeId| graph.node(*id).materialized != Materialized::Ephemeral || is_known(*id);
    let (mut found, unknown): (Vec<NodeId>, Vec<NodeId>) = graph.upstream(id).partition(is_whole);
    for beneath in unknown.into_iter().flat_map(|id| graph.reads(id)) {
        if !found.contains(&beneath) {
            found.push(beneath);
        }
    }
    found
}

/// An inlined query with its parentheses, by its place in the statement.
fn in_parentheses(sql: &CompiledSql, query: Span) -> Option<Span> {
    let start = query.start.checked_sub(1).filter(|start| sql.text.as_bytes().get(*start) == Some(&b'('))?;
    let rest = sql.text.get(query.end..)?;
    let end = query.end + rest.find(')').filter(|close| rest[..*close].trim().is_empty())? + 1;
    let offset = sql.statement.start;
    (offset <= start && end <= sql.statement.end).then(|| Span::new(start - offset, end - offset))
}
