//! Where in a query an error stands for which the engine tells no place: the names that the error quotes are tried, one
//! after the other.

use crate::engine::{BinderSession, Bound, Reason, Refusal};
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
    let names = quoted(&refusal.message);
    let words = words(query);
    let named: Vec<Span> =
        words.into_iter().filter(|(word, _)| names.contains(&word.to_lowercase())).map(|(_, span)| span).collect();
    if let [only] = named.as_slice() {
        return Some(only.start);
    }
    named.into_iter().take(MOST_TRIED).find(|span| is_to_blame(session, query, refusal, *span)).map(|span| span.start)
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
fn with_qualifiers(query: &str, name: Span) -> Span {
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
