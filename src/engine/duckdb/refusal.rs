//! What DuckDB says when a query does not bind, taken apart: what would be wrong in a real run too, and what only shows
//! that the binder does not have what a run has.

use crate::engine::{Bound, EngineError, Reason, Refusal};

/// The kinds of errors that say something about the query alone.
const ABOUT_QUERY: [&str; 8] =
    ["Binder", "Catalog", "Parser", "Syntax", "Conversion", "Invalid Input", "Out of Range", "Mismatch Type"];

/// What the binder cannot know of: it has the relations of the graph and no others, and no sequences.
const NOT_HERE: [&str; 5] =
    ["Table with name", "View with name", "Sequence with name", "Schema with name", "Catalog \""];

/// Of the forms of a function that DuckDB knows, so many are told.
const MOST_FORMS: usize = 3;

/// What an error of binding `query` tells.
pub(super) fn bound(query: &str, error: &EngineError) -> Bound {
    match refusal(query, error) {
        Some(refusal) => Bound::Refused(refusal),
        None => {
            let (_, text) = parts(error);
            Bound::Unknown(format!("DuckDB says: {}", first_line(text)))
        }
    }
}

/// What is wrong with `query`; `None` where the error tells of what the binder does not have.
pub(in crate::engine) fn refusal(query: &str, error: &EngineError) -> Option<Refusal> {
    let (kind, text) = parts(error);
    let first = first_line(text);
    let is_elsewhere = NOT_HERE.iter().any(|words| first.starts_with(words));
    let is_about_query = ABOUT_QUERY.contains(&kind) || first.starts_with("Cannot combine types");
    if is_elsewhere || !is_about_query || first.contains("extension") {
        return None;
    }
    // The parser counts characters, the binder bytes.
    let letters = |count: usize| query.char_indices().nth(count).map_or(query.len(), |(offset, _)| offset);
    let offset = if kind == "Parser" { error.offset.map(letters) } else { error.offset };
    let reason = reason(kind, first, text);
    // What stands below is advice, or lists what `reason` and `details` hold.
    let message = if reason == Reason::Other { in_one_line(text) } else { first.to_owned() };
    Some(Refusal { reason, message, details: forms(text), offset })
}

/// An error's kind and what it says.
fn parts(error: &EngineError) -> (&str, &str) {
    error.message.split_once(" Error: ").unwrap_or(("", &error.message))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn reason(kind: &str, first: &str, text: &str) -> Reason {
    let near = || near(text);
    let name = |number: usize| quoted_part(first, number);
    let is_column = first.starts_with("Referenced column ")
        || first.contains("in EXCLUDE list not found")
        || first.contains("in REPLACE list not found")
        || first.contains("in RENAME list not found")
        || first.contains("does not exist on left side of join")
        || first.contains("does not exist on right side of join");
    match kind {
        "Binder" if is_column => {
            Reason::UnknownColumn { name: bare_name(first).unwrap_or_else(|| name(0)), near: near() }
        }
        "Binder" if first.contains("does not have a column named") => {
            Reason::UnknownColumn { name: name(1), near: near() }
        }
        "Binder" if first.starts_with("Could not find key") => Reason::UnknownField { name: name(0), near: near() },
        "Binder" if first.starts_with("Referenced table") => Reason::UnknownTable { name: name(0), near: near() },
        "Binder" if first.starts_with("Ambiguous reference to") => {
            let choices = first.split_once("(use: ").map(|(_, rest)| quoted_parts(rest)).unwrap_or_default();
            Reason::Ambiguous { name: name(0), choices }
        }
        "Binder" if is_about_types(first) => Reason::Types,
        "Parser" | "Syntax" => Reason::Syntax,
        "Conversion" | "Mismatch Type" | "Out of Range" | "Not implemented" => Reason::Types,
        "Catalog" if first.contains("with name ") => {
            let name = first.split("with name ").nth(1).and_then(|rest| rest.split_whitespace().next());
            Reason::UnknownFunction { name: name.unwrap_or_default().trim_matches('"').to_owned(), near: near() }
        }
        _ => Reason::Other,
    }
}

/// The name in what DuckDB says of `qualify`, where it stands without quotes.
fn bare_name(first: &str) -> Option<String> {
    let (name, _) = first.strip_prefix("Referenced column ")?.split_once(" not found")?;
    (!name.starts_with('"')).then(|| name.to_owned())
}

fn is_about_types(first: &str) -> bool {
    [
        "No function matches the given name and argument types",
        "Could not choose a best candidate function",
        "an explicit cast is required",
        "Cannot compare values of type",
        "Cannot combine types of",
        "Cannot deduce",
        "Cannot extract field",
    ]
    .iter()
    .any(|words| first.contains(words))
}

/// Names that DuckDB offers instead.
fn near(text: &str) -> Vec<String> {
    let offers = |line: &&str| line.starts_with("Candidate ") || line.starts_with("Did you mean");
    text.lines().map(str::trim).filter(offers).flat_map(quoted_parts).collect()
}

/// The forms of a function that are nearest to how it is called, without the indentation.
fn forms(text: &str) -> Vec<String> {
    let (called, listed) = text.split_once("Candidate functions:").unwrap_or_default();
    let called = arguments(called.split('\'').nth(1).unwrap_or_default());
    let mut forms: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let distance = |form: &&str| {
        let own = arguments(form);
        let same = own.iter().zip(&called).filter(|(own, called)| own == called).count();
        (own.len() != called.len(), std::cmp::Reverse(same))
    };
    forms.sort_by_cached_key(distance);
    forms.into_iter().take(MOST_FORMS).map(str::to_owned).collect()
}

/// The types between the parentheses of `name(A, B)`; those of structs and decimals may come in several pieces.
fn arguments(form: &str) -> Vec<&str> {
    let inside = form.split_once('(').and_then(|(_, rest)| rest.split(") ->").next()).unwrap_or_default();
    inside.trim_end_matches(')').split(", ").filter(|kind| !kind.is_empty()).collect()
}

/// What stands in double quotes.
fn quoted_parts(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn quoted_part(text: &str, number: usize) -> String {
    quoted_parts(text).into_iter().nth(number).unwrap_or_default()
}
