//! Why a query does not bind, at the place in the user's own file.

use rayon::prelude::*;

use super::inquiry::Inquiry;
use super::lost;
use super::refused::{offset_of, refused};
use super::schema::Schemas;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Reason, Refusal};
use crate::graph::{Body, NodeId, at_statement};

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
    let columns = columns.map(|column| column.name.clone());
    let problem = refused(&format!("`{}`", node.name), refusal, columns, (Code::DoesNotBind, "would fail"));
    let problem = match offset_of(sql, refusal) {
        Some(offset) => at_statement(problem, inquiry.graph, inquiry.templates, node, sql, offset),
        None => problem.somewhere_in(&node.file),
    };
    let trace = match &refusal.reason {
        Reason::UnknownColumn { name, .. } => lost::column(inquiry, schemas, &reads, name),
        Reason::Types => lost::changed_type(inquiry, schemas, id, sql),
        _ => None,
    };
    Some(match trace {
        Some((place, message)) => problem.related(place, message),
        None => problem,
    })
}
