//! Which part of a rendered model is its one statement.

use super::lexer::{Token, TokenKind};
use crate::source::Span;

/// Why a text is not one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotOneQuery {
    /// No statement at all.
    Empty,
    /// A second statement; where it starts.
    Several(Span),
    /// Something that is not a query; its first word.
    Other(Span),
}

/// Words that make a query of DuckDB's only inside `from (...)`.
pub(super) const WRAPPED_WORDS: [&str; 4] = ["summarize", "describe", "desc", "show"];

/// Words that start the other statements. Any other first word is a query's or a slip, which the parsers report.
const OTHER_WORDS: [&str; 35] = [
    "insert",
    "update",
    "delete",
    "create",
    "drop",
    "alter",
    "copy",
    "attach",
    "detach",
    "merge",
    "truncate",
    "set",
    "reset",
    "pragma",
    "use",
    "begin",
    "commit",
    "rollback",
    "start",
    "abort",
    "explain",
    "call",
    "execute",
    "prepare",
    "deallocate",
    "export",
    "import",
    "install",
    "load",
    "vacuum",
    "analyze",
    "checkpoint",
    "comment",
    "grant",
    "update_extensions",
];

/// The span of the one query, without `;` and comments around it.
pub(super) fn one_query(sql: &str, tokens: &[Token]) -> Result<Span, NotOneQuery> {
    let mut real = tokens.iter().filter(|token| token.kind != TokenKind::Comment);
    let first = real.clone().find(|token| !token.is_symbol(';')).ok_or(NotOneQuery::Empty)?;
    let mut last = first;
    for token in real.by_ref().skip_while(|token| token.span.start < first.span.start) {
        if token.is_symbol(';') {
            break;
        }
        last = token;
    }
    if let Some(second) = real.find(|token| !token.is_symbol(';')) {
        return Err(NotOneQuery::Several(second.span));
    }
    match is_other(first.text(sql)) {
        true => Err(NotOneQuery::Other(first.span)),
        false => Ok(Span::new(first.span.start, last.span.end)),
    }
}

fn is_other(word: &str) -> bool {
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    OTHER_WORDS.iter().any(is) || WRAPPED_WORDS.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn found(sql: &str) -> Result<&str, NotOneQuery> {
        one_query(sql, &tokens(sql)).map(|span| &sql[span.start..span.end])
    }

    #[test]
    fn comments_and_a_trailing_semicolon_are_left_out() {
        assert_eq!(found("-- a;\n select ';' /* ; */ as x -- b\n;;\n-- c"), Ok("select ';' /* ; */ as x"));
        assert_eq!(found("(select 1)"), Ok("(select 1)"));
        assert_eq!(found("selec 1"), Ok("selec 1"));
    }

    #[test]
    fn anything_but_one_query_is_refused() {
        assert_eq!(found(" -- nothing\n;"), Err(NotOneQuery::Empty));
        assert_eq!(found(""), Err(NotOneQuery::Empty));
        assert_eq!(found("select 1; select 2"), Err(NotOneQuery::Several(Span::new(10, 16))));
        for sql in ["insert into t values (1)", "CREATE TABLE x AS SELECT 1", "summarize t", "set x = 1"] {
            assert!(matches!(found(sql), Err(NotOneQuery::Other(_))), "{sql}");
        }
    }
}
