//! What else is wrong with a query than the first thing that the engine tells: further names that stand for nothing.

use crate::diagnostic::did_you_mean;
use crate::engine::{BinderSession, Bound, Reason, Refusal};
use crate::parse::sql::words;
use crate::source::Span;

use super::locate::with_qualifiers;

/// So many times a query is asked about again.
const MOST_TRIES: usize = 12;

/// The refusal of a query, and those that follow when NULL stands where its name stood, and so on.
///
/// Only names are believed: other errors may come from the NULL. So may a name that is wrong already or is meant by one, when a
/// subquery no longer gives it.
pub(super) fn with_further(session: &mut dyn BinderSession, query: &str, first: Refusal) -> Vec<Refusal> {
    let mut told: Vec<Refusal> = vec![first];
    let mut holes = Holes { query, spans: Vec::new() };
    let mut wrong: Vec<String> = Vec::new();
    let mut newest = told.first().and_then(|first| name_of(query, first));
    for _ in 0..MOST_TRIES {
        let Some((name, span)) = newest else { break };
        if !holes.add(span) {
            break;
        }
        wrong.push(name);
        let Bound::Refused(refusal) = session.bind(&holes.filled()) else { break };
        let mut refusal = Refusal { offset: refusal.offset.and_then(|offset| holes.original(offset)), ..refusal };
        leave_out_holes(&mut refusal.reason);
        newest = name_of(query, &refusal);
        if newest.as_ref().is_some_and(|(name, _)| !wrong.iter().any(|wrong| may_be_the_same(name, wrong))) {
            told.push(refusal);
        }
    }
    told
}

/// Whether a name may be gone since a wrong one is: the same, what it is meant to be, or what the engine makes of it
/// (`count(wrong)`, `wrong_1`).
fn may_be_the_same(one: &str, other: &str) -> bool {
    one.contains(other) || did_you_mean(one, [other]).is_some() || did_you_mean(other, [one]).is_some()
}

/// What the engine offers may be called after a NULL that stands in a hole.
fn leave_out_holes(reason: &mut Reason) {
    if let Reason::UnknownColumn { near, .. } | Reason::UnknownTable { near, .. } = reason {
        near.retain(|near| !near.to_lowercase().contains(FILLING));
    }
}

/// The column that a refusal is about, in lower case, and where it stands with its qualifiers.
fn name_of(query: &str, refusal: &Refusal) -> Option<(String, Span)> {
    let offset = refusal.offset?;
    let said = match &refusal.reason {
        Reason::UnknownColumn { name, .. } | Reason::UnknownTable { name, .. } => name,
        _ => return None,
    };
    let said = said.rsplit('.').next().unwrap_or(said);
    let (_, span) = words(query)
        .into_iter()
        .find(|(word, span)| span.end > offset && word.eq_ignore_ascii_case(said))
        .filter(|(_, span)| span.start <= offset.saturating_add(said.len().max(MOST_QUALIFIED)))?;
    let span = with_qualifiers(query, span);
    let column = query.get(span.start..span.end)?.rsplit('.').next()?.trim_matches('"').to_lowercase();
    Some((column, span))
}

/// Bytes of what may qualify a name between the offset that the engine tells and the name.
const MOST_QUALIFIED: usize = 128;

/// A query with NULL in some places.
struct Holes<'q> {
    query: &'q str,
    /// In order.
    spans: Vec<Span>,
}

const FILLING: &str = "null";

impl Holes<'_> {
    /// Makes another one, unless there is one already.
    fn add(&mut self, span: Span) -> bool {
        let is_there = self.spans.iter().any(|hole| span.start < hole.end && hole.start < span.end);
        if !is_there {
            self.spans.push(span);
            self.spans.sort_unstable_by_key(|hole| hole.start);
        }
        !is_there
    }

    fn filled(&self) -> String {
        let mut filled = String::with_capacity(self.query.len());
        let mut end = 0;
        for hole in &self.spans {
            filled.push_str(&self.query[end..hole.start]);
            filled.push_str(FILLING);
            end = hole.end;
        }
        filled.push_str(&self.query[end..]);
        filled
    }

    /// Where in the query stands what stands here when it is filled; `None` in a hole.
    fn original(&self, offset: usize) -> Option<usize> {
        let mut shift = 0_usize;
        let mut original = offset;
        for hole in &self.spans {
            let start = (hole.start + shift).checked_sub(self.before(hole))?;
            if offset < start {
                break;
            }
            if offset < start + FILLING.len() {
                return None;
            }
            shift += FILLING.len();
            original = offset - start - FILLING.len() + hole.end;
        }
        Some(original)
    }

    /// Bytes that holes before this one take in the query.
    fn before(&self, hole: &Span) -> usize {
        self.spans.iter().filter(|other| other.start < hole.start).map(|other| other.end - other.start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_query() {
        let query = "select x, longer.name, y from t";
        let mut holes = Holes { query, spans: Vec::new() };
        assert!(holes.add(Span::new(10, 21)) && holes.add(Span::new(7, 8)) && !holes.add(Span::new(12, 14)));
        let filled = holes.filled();
        assert_eq!(filled, "select null, null, y from t");
        for (text, at) in [("select", 0), (", null, y", 8), ("y from", 23), ("from t", 25)] {
            assert_eq!(holes.original(filled.find(text).unwrap()), Some(at), "{text}");
        }
        assert_eq!(holes.original(8), None);
    }
}
