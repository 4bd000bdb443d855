//! What could stand where a query names something wrongly: the engine offers names of tables that are not in view there, and
//! blames the table where a column of a subquery is wrong.

use super::inquiry::Inquiry;
use super::schema::Schemas;
use crate::engine::{Column, Reason, Refusal};
use crate::graph::{CompiledSql, NodeId, folded};
use crate::lineage::{VisibleColumn, is_named, visible_columns};
use crate::parse::sql::words;
use crate::source::Span;

/// Stands where the wrong name is while the query is read; nothing else is called so.
const PROBE: &str = "dovetail_probe_of_a_wrong_name";

/// What DuckDB says of a name that is no column, in `having`.
const NOT_GROUPED: &str = "must appear in the GROUP BY clause";

/// A dotted name in a query.
struct Name {
    /// Of the parts.
    spans: Vec<Span>,
    parts: Vec<String>,
}

/// The refusal as it is from where the wrong name stands; `None` where nobody knows what is in view there. `columns` are all
/// that the query reads.
pub(super) fn seen(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    reads: &[NodeId],
    sql: &CompiledSql,
    columns: &[String],
    refusal: &Refusal,
) -> Option<Refusal> {
    let view = View { inquiry, schemas, reads, statement: sql.statement() };
    let reason = match &refusal.reason {
        Reason::UnknownTable { name, .. } => view.of_table(refusal.offset?, name),
        Reason::UnknownColumn { name, near } => {
            let written = view.name_at(refusal.offset?, name)?;
            // What the engine offers beside columns are names that the query gives itself.
            let own = near.iter().filter(|near| !columns.iter().any(|column| folded(column) == folded(near)));
            view.unknown(name.clone(), &view.columns(&written, written.parts.len() - 1), own)
        }
        Reason::Other if refusal.message.contains(NOT_GROUPED) => view.not_grouped(refusal.offset?),
        _ => None,
    };
    Some(Refusal { reason: reason?, ..refusal.clone() })
}

struct View<'v> {
    inquiry: &'v Inquiry<'v>,
    schemas: &'v Schemas,
    reads: &'v [NodeId],
    statement: &'v str,
}

impl View<'_> {
    /// A column of a table that the engine blames, or else the tables that are there.
    fn of_table(&self, offset: usize, name: &str) -> Option<Reason> {
        let written = self.name_at(offset, name)?;
        let of_table = self.columns(&written, written.parts.len() - 1);
        if let Some(column) = written.parts.last().filter(|_| !of_table.is_empty()) {
            return self.unknown(column.clone(), &of_table, [].iter());
        }
        let near = unique(self.columns(&written, 0).into_iter().map(|column| column.table));
        (!near.is_empty()).then(|| Reason::UnknownTable { name: name.to_owned(), near })
    }

    /// What is said to be no group, and is no column either.
    fn not_grouped(&self, offset: usize) -> Option<Reason> {
        let name = words(self.statement).into_iter().find(|(_, span)| span.start == offset)?.0;
        let written = self.name_at(offset, &name).filter(|written| written.parts.len() == 1)?;
        let in_view = self.columns(&written, 0);
        let is_column = in_view.iter().any(|column| folded(&column.name) == folded(&name));
        if is_column { None } else { self.unknown(name, &in_view, self.aliases().iter()) }
    }

    /// Names that the query gives to expressions.
    fn aliases(&self) -> Vec<String> {
        let words = words(self.statement);
        let names = words.windows(2).filter(|pair| pair[0].0.eq_ignore_ascii_case("as"));
        names.map(|pair| pair[1].0.clone()).collect()
    }

    fn unknown<'n>(
        &self,
        name: String,
        in_view: &[VisibleColumn],
        others: impl Iterator<Item = &'n String>,
    ) -> Option<Reason> {
        let near = unique(in_view.iter().map(|column| column.name.clone()).chain(others.cloned()));
        (!in_view.is_empty()).then_some(Reason::UnknownColumn { name, near })
    }

    /// The dotted name at or shortly behind an offset that has this part.
    fn name_at(&self, offset: usize, part: &str) -> Option<Name> {
        let part = folded(part.rsplit('.').next().unwrap_or(part));
        let words = words(self.statement);
        let first = words.iter().position(|(word, span)| span.end > offset && folded(word) == part)?;
        let is_joined = |one: Span, other: Span| self.statement.get(one.end..other.start) == Some(".");
        let (mut start, mut end) = (first, first);
        while start > 0 && is_joined(words[start - 1].1, words[start].1) {
            start -= 1;
        }
        while end + 1 < words.len() && is_joined(words[end].1, words[end + 1].1) {
            end += 1;
        }
        let name = &words[start..=end];
        Some(Name {
            spans: name.iter().map(|(_, span)| *span).collect(),
            parts: name.iter().map(|(word, _)| word.clone()).collect(),
        })
    }

    /// The columns that could stand in the place of a name behind its first `qualifiers` parts.
    fn columns(&self, name: &Name, qualifiers: usize) -> Vec<VisibleColumn> {
        let (Some(start), Some(end)) = (name.spans.get(qualifiers), name.spans.last()) else { return Vec::new() };
        let statement = format!("{}{PROBE}{}", &self.statement[..start.start], &self.statement[end.end..]);
        let relations = |relation: &[String]| self.columns_of(relation);
        visible_columns(&statement, PROBE, &relations)
    }

    fn columns_of(&self, relation: &[String]) -> Option<Vec<Column>> {
        let found = self.reads.iter().find(|id| is_named(self.inquiry.graph, **id, relation))?;
        self.schemas.get(found)?.columns().map(<[Column]>::to_vec)
    }
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}
