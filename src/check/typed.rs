//! Which columns have the types that do not go together, and where they are made.

use super::inquiry::Inquiry;
use super::lost::made_at;
use super::schema::{Schemas, find};
use crate::diagnostic::Diagnostic;
use crate::engine::Refusal;
use crate::graph::{CompiledSql, NodeId};
use crate::lineage::{NamedColumn, named_columns};
use crate::parse::sql::words;
use crate::source::Span;

/// Bytes around an operator within which its operands begin and end.
const NEAR: usize = 40;

/// Says of the columns that a wrong call or operation is about which types they have, with the place of the first.
pub(super) fn with_types(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    (reader, sql): (NodeId, &CompiledSql),
    refusal: &Refusal,
    mut problem: Diagnostic,
) -> Diagnostic {
    let Some(offset) = refusal.offset else { return problem };
    let columns = |id: NodeId| schemas.get(&id)?.columns().map(<[_]>::to_vec);
    let named = named_columns(inquiry.graph, reader, sql, &columns);
    let mut told: Vec<(NodeId, String)> = Vec::new();
    for column in concerned(sql.statement(), &named, offset) {
        let [source] = column.columns.as_slice() else { continue };
        let known = schemas.get(&source.asset).and_then(|schema| schema.columns());
        let Some(known) = known.and_then(|known| find(known, &source.name)) else { continue };
        let is_told = told.contains(&(source.asset, known.name.clone()));
        if is_told || !column.is_copy || !refusal.message.contains(&known.engine_type) {
            continue;
        }
        let upstream = &inquiry.graph.node(source.asset).name;
        let what = format!("`{}` of `{upstream}` is {}", known.name, known.engine_type);
        problem = match made_at(inquiry, source.asset, &known.name).filter(|_| told.is_empty()) {
            Some(place) => problem.related(place, what),
            None => problem.hint(what),
        };
        told.push((source.asset, known.name.clone()));
    }
    problem
}

/// The names of columns among the arguments of the call that stands at an offset, or else next to the operator there.
fn concerned<'n>(statement: &str, named: &'n [NamedColumn], offset: usize) -> Vec<&'n NamedColumn> {
    if let Some(call) = call_at(statement, offset) {
        return named.iter().filter(|column| call.start <= column.span.start && column.span.end <= call.end).collect();
    }
    let before = named.iter().rev().find(|column| column.span.end <= offset && offset - column.span.end < NEAR);
    let behind = named.iter().find(|column| column.span.start >= offset && column.span.start - offset < NEAR);
    before.into_iter().chain(behind).collect()
}

/// From the name of a function to where its arguments end.
fn call_at(statement: &str, offset: usize) -> Option<Span> {
    let (_, name) = words(statement).into_iter().find(|(_, span)| span.start == offset)?;
    let mut depth = 0_usize;
    for (at, letter) in statement.get(name.end..)?.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth <= 1 => return Some(Span::new(offset, name.end + at)),
            ')' => depth -= 1,
            letter if depth == 0 && !letter.is_whitespace() => return None,
            _ => {}
        }
    }
    None
}
