//! Where in a query an error stands for which the engine tells no place: the names that the error quotes are tried, one
//! after the other.

use crate::engine::{BinderSession, Bound, Reason, Refusal};
use crate::graph::literal;
use crate::parse::sql::words;
use crate::source::Span;

/// So many places are tried.
const MOST_TRIED: usize = 32;

/// The refusal with its place, where that can be found.
pub(super) fn located(session: &mut dyn BinderSession, query: &str, refusal: Refusal) -> Refusal {
    if refusal.offset.is_some() {
        return refusal;
    }
    let offset = place(session, query, &refusal);
    Refusal { offset, ..refusal }
}

fn place(session: &mut dyn BinderSession, query: &str, refusal: &Refusal) -> Option<usize> {
    let words = words(query);
    if let Some(offset) = of_clause(session, query, refusal, &words) {
        return Some(offset);
    }
    let names = quoted(&refusal.message);
    let named: Vec<Span> =
        words.into_iter().filter(|(word, _)| names.contains(&word.to_lowercase())).map(|(_, span)| span).collect();
    if let [only] = named.as_slice() {
        return Some(only.start);
    }
    named.into_iter().take(MOST_TRIED).find(|span| is_to_blame(session, query, refusal, *span)).map(|span| span.start)
}

/// What DuckDB says of clauses, calls and types without a place, and the words that they begin with.
const CLAUSES: [(&str, &[&str]); 5] = [
    ("Set operations can only apply", &["union", "except", "intersect"]),
    ("GROUP BY term out of range", &["group"]),
    ("VALUES lists must", &["values"]),
    ("in COALESCE operator", &["coalesce"]),
    ("DECIMAL type width", &["decimal", "numeric"]),
];

/// The clause that an error is about: the only one of its kind, or that of several set operations at which it begins.
fn of_clause(
    session: &mut dyn BinderSession,
    query: &str,
    refusal: &Refusal,
    words: &[(String, Span)],
) -> Option<usize> {
    let message = refusal.message.as_str();
    if let Some(name) = message.strip_prefix("Duplicate CTE name ") {
        return second_definition(words, name.trim_matches('"'));
    }
    let begins = CLAUSES.iter().find(|(said, _)| message.contains(said)).map(|(_, begins)| begins);
    let Some(begins) = begins else { return of_literal(query, message) };
    let is_one = |(word, _): &&(String, Span)| begins.iter().any(|begin| word.eq_ignore_ascii_case(begin));
    let found: Vec<usize> = words.iter().filter(is_one).map(|(_, span)| span.start).collect();
    match found.as_slice() {
        [only] => Some(*only),
        // As long as it stands with those before it alone.
        several if begins.contains(&"union") => several.iter().enumerate().find_map(|(index, operator)| {
            let end = several.get(index + 1).copied().unwrap_or(query.len());
            let told = session.bind(&query[..end]);
            matches!(told, Bound::Refused(refused) if refused.message == message).then_some(*operator)
        }),
        _ => None,
    }
}

/// Where the second of two common table expressions of a name is defined.
fn second_definition(words: &[(String, Span)], name: &str) -> Option<usize> {
    let is_defined =
        |pair: &&[(String, Span)]| pair[0].0.eq_ignore_ascii_case(name) && pair[1].0.eq_ignore_ascii_case("as");
    words.windows(2).filter(is_defined).nth(1).map(|pair| pair[0].1.start)
}

/// The text that an error ends with, where it stands once as a literal: a pattern that is none.
fn of_literal(query: &str, message: &str) -> Option<usize> {
    let literal = literal(message.rsplit(": ").next()?);
    let mut found = query.match_indices(literal.as_str()).map(|(offset, _)| offset);
    found.next().filter(|_| found.next().is_none())
}

/// Whether the query has another error, or none, without the name.
fn is_to_blame(session: &mut dyn BinderSession, query: &str, refusal: &Refusal, name: Span) -> bool {
    let span = with_qualifiers(query, name);
    match session.bind(&format!("{}null{}", &query[..span.start], &query[span.end..])) {
        Bound::Columns(_) => true,
        Bound::Refused(other) => other.reason != Reason::Syntax && other.message != refusal.message,
        Bound::Unknown(_) => false,
    }
}

/// A name in a query with what stands around it between dots: `table.column.field`.
pub(super) fn with_qualifiers(query: &str, name: Span) -> Span {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '"');
    let before = query[..name.start].trim_end_matches(is_part).len();
    let after = query[name.end..].find(|letter: char| !is_part(letter)).map_or(query.len(), |length| name.end + length);
    Span::new(before, after)
}

/// What an error quotes, and the name behind `column`, in lower case and without qualifiers.
fn quoted(message: &str) -> Vec<String> {
    let between = |quote: char| message.split(quote).skip(1).step_by(2);
    let bare = message.split_once("column ").and_then(|(_, rest)| rest.split_whitespace().next());
    let names = between('"').chain(between('\'')).chain(bare);
    names.map(|name| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_lowercase()).collect()
}
