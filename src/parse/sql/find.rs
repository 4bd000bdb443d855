//! The plain table names of one statement: our parser first, DuckDB's where ours does not know the syntax.

use serde::{Deserialize, Serialize};

use super::lexer::{Token, TokenKind, unquoted};
use super::names::{FoundName, Outcome, find};
use super::readings::{Readings, readings};
use super::rewrite::{Rewritten, rewrite};
use crate::engine::{FoundNames, FoundTable, table_names};
use crate::source::Span;
use crate::template::holds_placeholder;

/// A plain name where a table stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableName {
    /// One to three identifiers without their quotes.
    pub parts: Vec<String>,
    pub span: Span,
    /// An alias follows, or none may.
    pub has_alias: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// DuckDB's words, and the offset in the statement that they are about.
    Syntax { message: String, offset: Option<usize> },
    /// It reads nothing: `with ... insert ...`.
    NotAQuery,
    /// DuckDB reads a name whose place nobody tells.
    Unplaced(String),
}

/// What a statement reads by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// Every occurrence of a plain table name, in the order of the text.
    pub tables: Vec<TableName>,
    pub readings: Readings,
}

/// What a statement names. `tokens` are its own, without comments.
pub(super) fn named_in(sql: &str, tokens: &[Token]) -> Result<Named, Failure> {
    let rewritten = rewrite(sql, tokens);
    let outcome = find(rewritten.as_ref().map_or(sql, |rewritten| &rewritten.text));
    // A word of ours that was taken for a table, as in `pivot unpivot t`, makes no sense of what the user wrote.
    let is_added = |name: &FoundName| rewritten.as_ref().is_some_and(|rewritten| rewritten.is_added(name.span));
    let (found, functions) = match outcome {
        Outcome::Names { tables, functions } if !tables.iter().any(is_added) => {
            (back(tables, rewritten.as_ref()), functions)
        }
        Outcome::NotAQuery => return Err(Failure::NotAQuery),
        Outcome::Names { .. } | Outcome::Unknown => by_engine(sql, tokens, rewritten.as_ref())?,
    };
    let mut names: Vec<TableName> = found.into_iter().filter_map(|name| named(sql, tokens, &name)).collect();
    names.sort_by_key(|name| name.span.start);
    names.dedup_by_key(|name| name.span.start);
    Ok(Named { tables: names, readings: readings(sql, tokens, &functions) })
}

/// The same names in the original text.
fn back(names: Vec<FoundName>, rewritten: Option<&Rewritten>) -> Vec<FoundName> {
    let Some(rewritten) = rewritten else { return names };
    let original = |span: Span| Span::new(rewritten.original(span.start), rewritten.original(span.end - 1) + 1);
    names.into_iter().map(|name| FoundName { span: original(name.span), ..name }).collect()
}

fn by_engine(
    sql: &str,
    tokens: &[Token],
    rewritten: Option<&Rewritten>,
) -> Result<(Vec<FoundName>, Vec<String>), Failure> {
    let (FoundNames { tables, functions }, rewritten) = match (table_names(sql), rewritten) {
        (Ok(names), _) => (names, None),
        (Err(error), Some(rewritten)) if error.offset.is_none() => match table_names(&rewritten.text) {
            Ok(names) => (names, Some(rewritten)),
            Err(_) => return Err(Failure::Syntax { message: error.message, offset: None }),
        },
        (Err(error), _) => return Err(Failure::Syntax { message: error.message, offset: error.offset }),
    };
    let placed = tables.into_iter().map(|table| placed(sql, tokens, &table, rewritten));
    Ok((placed.collect::<Result<_, _>>()?, functions))
}

/// The name's whole span from the offset that DuckDB tells.
fn placed(
    sql: &str,
    tokens: &[Token],
    table: &FoundTable,
    rewritten: Option<&Rewritten>,
) -> Result<FoundName, Failure> {
    let unplaced = || Failure::Unplaced(table.parts.join("."));
    let start = table.start.ok_or_else(unplaced)?;
    let start = rewritten.map_or(start, |rewritten| rewritten.original(start));
    let index = tokens.binary_search_by_key(&start, |token| token.span.start).map_err(|_| unplaced())?;
    let last = index + 2 * (table.parts.len() - 1);
    let dotted = tokens.get(index..=last).ok_or_else(unplaced)?;
    let same = dotted.iter().step_by(2).zip(&table.parts).all(|(token, part)| unquoted(token.text(sql)) == *part);
    match (same, dotted.last()) {
        (true, Some(end)) => Ok(FoundName { span: Span::new(start, end.span.end), has_alias: table.alias.is_some() }),
        _ => Err(unplaced()),
    }
}

/// The parts of a name, unless a placeholder is one of them: that is a call, not a plain name.
fn named(sql: &str, tokens: &[Token], name: &FoundName) -> Option<TableName> {
    let text = sql.get(name.span.start..name.span.end)?;
    if text.is_empty() || holds_placeholder(text) {
        return None;
    }
    let first = tokens.partition_point(|token| token.span.start < name.span.start);
    let inside = tokens.iter().skip(first).take_while(|token| token.span.end <= name.span.end);
    let parts =
        inside.filter(|token| !matches!(token.kind, TokenKind::Symbol(_))).map(|token| unquoted(token.text(sql)));
    let before = first.checked_sub(1).and_then(|index| tokens.get(index));
    let is_bare = |word: &str| before.is_some_and(|token| token.is_word(sql, word));
    let takes_no_alias = ["table", "summarize", "describe", "desc", "show"].iter().any(|word| is_bare(word));
    Some(TableName { parts: parts.collect(), span: name.span, has_alias: name.has_alias || takes_no_alias })
}
