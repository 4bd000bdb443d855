//! Why a query does not bind, at the place in the user's own file.

use std::collections::HashSet;

use rayon::prelude::*;

use super::inquiry::Inquiry;
use super::lost;
use super::schema::Schemas;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::{Reason, Refusal};
use crate::graph::{Body, CompiledSql, Node, NodeId, at_statement};
use crate::parse::sql::words;

/// Names that are offered where none is near.
const MOST_OFFERED: usize = 12;

/// So many words behind a place belong to what stands there: a table's name in three parts and the column.
const NEAR: usize = 4;

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

/// Problems by file and position. What stands in an ephemeral asset's query is told once, however many read it.
pub(super) fn sorted(mut explained: Vec<(NodeId, Diagnostic)>) -> Vec<(NodeId, Diagnostic)> {
    let place = |problem: &Diagnostic| {
        let place = problem.place.as_ref()?;
        Some((place.file.path().to_owned(), place.span.start, place.span.end))
    };
    explained.sort_by(|(_, one), (_, other)| {
        (place(one), one.related.len(), &one.message).cmp(&(place(other), other.related.len(), &other.message))
    });
    let mut told = HashSet::new();
    explained.retain(|(_, problem)| {
        problem.is_somewhere || told.insert((place(problem), problem.code)) || problem.code == Code::ContractBroken
    });
    explained
}

fn problem(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId, refusal: &Refusal) -> Option<Diagnostic> {
    let node = inquiry.graph.node(id);
    let Body::Sql(sql) = &node.body else { return None };
    let reader = Reader { inquiry, schemas, id, node };
    let problem = reader.named(&refusal.reason).unwrap_or_else(|| {
        let code = match refusal.reason {
            Reason::Types => Code::TypeMismatch,
            _ => Code::DoesNotBind,
        };
        Diagnostic::error(code, format!("`{}` would fail: {}", node.name, refusal.message))
    });
    let problem = refusal.details.iter().fold(problem, |problem, form| problem.hint(format!("DuckDB knows `{form}`")));
    let problem = reader.placed(problem, sql, refusal);
    let trace = match &refusal.reason {
        Reason::UnknownColumn { name, .. } => lost::column(inquiry, schemas, &inquiry.graph.reads(id), name),
        Reason::Types => lost::changed_type(inquiry, schemas, id, sql),
        _ => None,
    };
    Some(match trace {
        Some((place, message)) => problem.related(place, message),
        None => problem,
    })
}

struct Reader<'a> {
    inquiry: &'a Inquiry<'a>,
    schemas: &'a Schemas,
    id: NodeId,
    node: &'a Node,
}

impl Reader<'_> {
    /// A problem with one name.
    fn named(&self, reason: &Reason) -> Option<Diagnostic> {
        let asset = &self.node.name;
        Some(match reason {
            Reason::UnknownColumn { name, near } => {
                let message = format!("`{asset}` reads the column `{name}`, which does not exist");
                let mut known = near.clone();
                known.extend(self.upstream_columns());
                known.sort_unstable();
                known.dedup();
                Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(name, &known))
            }
            Reason::UnknownField { name, near } => {
                let message = format!("`{asset}` reads the field `{name}` of a struct that does not have it");
                Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(name, near))
            }
            Reason::UnknownTable { name, near } => {
                let message = format!("`{asset}` names a column of `{name}`, which is no table of the query");
                Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(name, near))
            }
            Reason::Ambiguous { name, choices } => {
                let message = format!("`{asset}` reads `{name}`, which is the name of several things");
                let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                let hint = (!choices.is_empty()).then(|| format!("write {}", choices.join(" or ")));
                Diagnostic::error(Code::AmbiguousName, message).hint_if(hint)
            }
            Reason::UnknownFunction { name, near } => {
                let message = format!("`{asset}` uses `{name}`, which DuckDB does not know");
                Diagnostic::error(Code::UnknownFunction, message).hint_if(offer(name, near))
            }
            Reason::Types | Reason::Syntax | Reason::Other => return None,
        })
    }

    fn upstream_columns(&self) -> impl Iterator<Item = String> {
        let reads = self.inquiry.graph.reads(self.id).into_iter();
        let columns = reads.filter_map(|upstream| self.schemas.get(&upstream)?.columns());
        columns.flatten().map(|column| column.name.clone())
    }

    /// At the name that the problem is about, else at the offset that the engine tells.
    fn placed(&self, problem: Diagnostic, sql: &CompiledSql, refusal: &Refusal) -> Diagnostic {
        match offset_of_name(sql, refusal).or(refusal.offset) {
            Some(offset) => {
                let Inquiry { graph, templates, .. } = self.inquiry;
                at_statement(problem, graph, templates, self.node, sql, offset)
            }
            None => problem.somewhere_in(&self.node.file),
        }
    }
}

/// Where the name stands that a problem is about: behind the offset that the engine tells, which may be that of a
/// qualifier or of an operator, or, without one, where it stands once only.
fn offset_of_name(sql: &CompiledSql, refusal: &Refusal) -> Option<usize> {
    let name = match &refusal.reason {
        Reason::UnknownColumn { name, .. } | Reason::UnknownField { name, .. } | Reason::Ambiguous { name, .. } => name,
        // Without an offset, the first name that the engine quotes.
        _ if refusal.offset.is_none() => refusal.message.split('"').nth(1)?,
        _ => return None,
    };
    let name = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let words = words(sql.statement());
    let mut found = words.iter().filter(|(word, _)| word.to_lowercase() == name);
    match refusal.offset {
        Some(offset) => {
            let behind = words.iter().filter(|(_, span)| span.end > offset).take(NEAR);
            behind.into_iter().find(|(word, _)| word.to_lowercase() == name).map(|(_, span)| span.start)
        }
        None => found.next().map(|(_, first)| first.start).filter(|_| found.next().is_none()),
    }
}

/// What may have been meant: the nearest name, else all, where they are few.
pub(super) fn offer(name: &str, known: &[String]) -> Option<String> {
    if let Some(meant) = did_you_mean(name, known.iter().map(String::as_str)) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let names: Vec<String> =
        known.iter().filter(|known| !known.eq_ignore_ascii_case(name)).map(|name| format!("`{name}`")).collect();
    let is_few = (1..=MOST_OFFERED).contains(&names.len());
    is_few.then(|| format!("there {} {}", if names.len() == 1 { "is" } else { "are" }, names.join(", ")))
}
