//! Why a query does not bind, at the place in the user's own file.

use rayon::prelude::*;

use super::inquiry::Inquiry;
use super::lost;
use super::refused::{offset_of, refused};
use super::schema::Schemas;
use super::typed::with_types;
use super::view;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Reason, Refusal};
use crate::graph::{AssetGraph, Body, NodeId, at_statement};
use crate::parse::sql::words;

const LIMIT_HAS_NO_COLUMNS: &str = "`limit` and `offset` take a number or a subquery in parentheses, and no column";

/// What is wrong with these models.
pub(super) fn explain(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    refusals: Vec<(NodeId, Refusal)>,
) -> Vec<(NodeId, Diagnostic)> {
    let explained = refusals.into_par_iter().filter_map(|(id, refusal)| {
        let problem = problem(inquiry, schemas, id, &refusal)?;
        Some((id, inquiry.templates.secrets().redact_diagnostic(problem)))
    });
    explained.collect()
}

fn problem(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId, refusal: &Refusal) -> Option<Diagnostic> {
    let node = inquiry.graph.node(id);
    let Body::Sql(sql) = &node.body else { return None };
    let reads = inquiry.graph.reads(id);
    let columns = reads.iter().filter_map(|upstream| schemas.get(upstream)?.columns()).flatten();
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    let seen = view::seen(inquiry, schemas, &reads, sql, &columns, refusal);
    // Where nobody knows what is in view, it may be all that is read.
    let is_known = seen.is_some() || has_subqueries(sql.statement());
    let (refusal, columns) = (seen.as_ref().unwrap_or(refusal), if is_known { Vec::new() } else { columns });
    let problem = refused(&format!("`{}`", node.name), refusal, columns.into_iter(), (Code::DoesNotBind, "would fail"));
    let problem = match offset_of(sql, refusal) {
        Some(offset) if is_limited_by(sql.statement(), offset) => {
            let message = format!("`{}` names a column behind `limit` or `offset`", node.name);
            let problem = Diagnostic::error(Code::DoesNotBind, message).hint(LIMIT_HAS_NO_COLUMNS);
            return Some(at_statement(problem, inquiry.graph, inquiry.templates, node, sql, offset));
        }
        Some(offset) => at_statement(problem, inquiry.graph, inquiry.templates, node, sql, offset),
        None => problem.somewhere_in(&node.file),
    };
    let problem = problem.hint_if(older(inquiry.graph, id, &refusal.reason, &|id| inquiry.stands_as_it_is(id)));
    let trace = match &refusal.reason {
        Reason::UnknownColumn { name, .. } => lost::column(inquiry, schemas, &reads, name),
        Reason::Types => lost::changed_type(inquiry, schemas, id, sql),
        _ => None,
    };
    Some(match trace {
        Some((place, message)) => problem.related(place, message),
        None if refusal.reason == Reason::Types => with_types(inquiry, schemas, (id, sql), refusal, problem),
        None => problem,
    })
}

/// Whether names may be looked up in other things than the tables that the query reads.
fn has_subqueries(statement: &str) -> bool {
    words(statement).iter().filter(|(word, _)| word.eq_ignore_ascii_case("select")).count() > 1
}

/// Whether what stands here says how many rows there are.
fn is_limited_by(statement: &str, offset: usize) -> bool {
    let before = statement.get(..offset).unwrap_or_default().trim_end();
    let last = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    ["limit", "offset"].iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// What to build first, where the query reads a column of something that stands without it and would have it.
pub(crate) fn older(
    graph: &AssetGraph,
    reader: NodeId,
    reason: &Reason,
    stands_as_it_is: &dyn Fn(NodeId) -> bool,
) -> Option<String> {
    let Reason::UnknownColumn { name, .. } = reason else { return None };
    let makes_it = |id: &NodeId| match &graph.node(*id).body {
        Body::Sql(sql) if stands_as_it_is(*id) => {
            words(sql.statement()).iter().any(|(word, _)| word.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    let upstream = graph.reads(reader).into_iter().find(makes_it)?;
    let (upstream, reader) = (&graph.node(upstream).name, &graph.node(reader).name);
    Some(format!("`{upstream}` is read as it stands, and its query names `{name}` now: `-s +{reader}` builds it first"))
}
