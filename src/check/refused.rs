//! What the engine refuses, in words that name what is in the user's own text.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::{EngineError, Reason, Refusal};
use crate::graph::{CompiledSql, literal};
use crate::parse::sql::words;
use crate::source::Span;

/// Names that are offered where none is near.
const MOST_OFFERED: usize = 12;

/// So many words behind a place belong to what stands there: a table's name in three parts and the column.
const NEAR: usize = 4;

/// What is wrong with the query of `subject`, without its place; `columns` are those that it can read.
///
/// Where the engine's own words are all that there is to say, they follow `otherwise`: a code, and what the subject does.
pub(crate) fn refused(
    subject: &str,
    refusal: &Refusal,
    columns: impl Iterator<Item = String>,
    otherwise: (Code, &str),
) -> Diagnostic {
    let (code, fails) = otherwise;
    let problem = match &refusal.reason {
        Reason::UnknownColumn { name, .. } if lacking_side(refusal).is_some() => {
            let side = lacking_side(refusal).unwrap_or_default();
            let message = format!("{subject} joins by the column `{name}`, which the {side} side does not have");
            Diagnostic::error(Code::UnknownColumn, message).hint("write `on` and both names, where they differ")
        }
        Reason::UnknownColumn { name, near } => {
            let message = format!("{subject} reads the column `{name}`, which does not exist");
            let mut known: Vec<String> = near.iter().cloned().chain(columns).collect();
            known.sort_unstable();
            known.dedup();
            Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(name, &known))
        }
        Reason::UnknownField { name, near } => {
            let message = format!("{subject} reads the field `{name}` of a struct that does not have it");
            // DuckDB offers the nearest fields only.
            let meant = did_you_mean(name, near.iter().map(String::as_str));
            let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            Diagnostic::error(Code::UnknownColumn, message).hint_if(hint)
        }
        Reason::UnknownTable { name, near } => {
            let message = format!("{subject} names a column of `{name}`, which is no table of the query");
            Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(name, near))
        }
        Reason::Ambiguous { name, choices } => {
            let message = format!("{subject} reads `{name}`, which is the name of several things");
            let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            // Then it is the name of several tables.
            let aliases = || "give each of them an alias: `from a as one join a as other`".to_owned();
            let hint = if choices.is_empty() { aliases() } else { format!("write {}", choices.join(" or ")) };
            Diagnostic::error(Code::AmbiguousName, message).hint(hint)
        }
        Reason::UnknownFunction { name, .. } if is_of_windows(name) => {
            let message = format!("{subject} uses the window function `{name}` without `over`");
            let hint = format!("write `{name}(...) over (order by ...)`");
            Diagnostic::error(Code::UnknownFunction, message).hint(hint)
        }
        Reason::UnknownFunction { name, near } => {
            let message = format!("{subject} uses `{name}`, which DuckDB does not know");
            Diagnostic::error(Code::UnknownFunction, message).hint_if(offer(name, near))
        }
        Reason::Types | Reason::Syntax | Reason::Other => {
            let code = if refusal.reason == Reason::Types { Code::TypeMismatch } else { code };
            Diagnostic::error(code, format!("{subject} {fails}: {}", refusal.message))
        }
    };
    refusal.details.iter().fold(problem, |problem, form| problem.hint(format!("DuckDB knows `{form}`")))
}

/// Functions that DuckDB knows before `over` alone.
const WINDOW_FUNCTIONS: [&str; 12] = [
    "row_number",
    "rank",
    "dense_rank",
    "rank_dense",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
];

fn is_of_windows(name: &str) -> bool {
    WINDOW_FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The side of a join that lacks a column of `using`.
fn lacking_side(refusal: &Refusal) -> Option<&'static str> {
    ["left", "right"]
        .into_iter()
        .find(|side| refusal.message.contains(&format!("does not exist on {side} side of join")))
}

/// What an error of running `sql` says, and where in the statement that is. `subject` is whose query it is.
pub fn failed(subject: &str, sql: &CompiledSql, error: &EngineError) -> (Diagnostic, Option<usize>) {
    match error.refusal(sql.statement()) {
        Some(refusal) => {
            let problem = refused(subject, &refusal, std::iter::empty(), (Code::SqlFailed, "failed"));
            (problem, offset_of(sql, &refusal))
        }
        None => {
            let message = format!("{subject} failed: {}", error.message);
            (Diagnostic::error(Code::SqlFailed, message).hint_if(error.hint()), error.offset)
        }
    }
}

/// Where in the statement the problem stands: at the name that it is about, else where the engine says.
pub(super) fn offset_of(sql: &CompiledSql, refusal: &Refusal) -> Option<usize> {
    offset_of_name(sql, refusal).or(refusal.offset)
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
    let name = name.rsplit('.').next().unwrap_or(name);
    let words = words(sql.statement());
    match refusal.offset {
        Some(offset) => {
            let behind = words.iter().filter(|(_, span)| span.end > offset).take(NEAR);
            behind.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, span)| span.start)
        }
        None => unplaced(sql.statement(), &words, &refusal.reason, name),
    }
}

/// Where a name stands of which the engine does not say it.
fn unplaced(statement: &str, words: &[(String, Span)], reason: &Reason, name: &str) -> Option<usize> {
    let is_it = |(word, _): &&(String, Span)| word.eq_ignore_ascii_case(name);
    let is_qualifier =
        |(_, span): &&(String, Span)| statement.get(span.end..).is_some_and(|rest| rest.starts_with('.'));
    let likely = match reason {
        Reason::UnknownTable { .. } => words.iter().filter(is_it).find(is_qualifier).map(|(_, span)| span.start),
        // `s['field']`
        Reason::UnknownField { .. } => only_literal(statement, name),
        // Of two tables, the second is one too many.
        Reason::Ambiguous { choices, .. } if choices.is_empty() => {
            words.iter().filter(is_it).filter(|word| !is_qualifier(word)).nth(1).map(|(_, span)| span.start)
        }
        _ => None,
    };
    let mut found = words.iter().filter(is_it);
    likely.or_else(|| found.next().map(|(_, first)| first.start).filter(|_| found.next().is_none()))
}

/// Where a text stands as a literal, if it does so once.
fn only_literal(statement: &str, text: &str) -> Option<usize> {
    let literal = literal(text);
    let mut found = statement.match_indices(literal.as_str()).map(|(offset, _)| offset);
    found.next().filter(|_| found.next().is_none())
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
