//! A light lexer for DuckDB's SQL: enough to find statements, comments and names, with byte offsets.
//!
//! It knows no grammar, so it works on text that no parser accepts, and it is cheap beside parsing.

use crate::source::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An unquoted name or keyword.
    Word,
    /// `"name"`
    QuotedName,
    /// `'text'`, `e'text'`, `$$text$$`
    Literal,
    Number,
    /// Any other character.
    Symbol(char),
    /// `-- ...` or `/* ... */`
    Comment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

impl Token {
    pub fn text(self, sql: &str) -> &str {
        &sql[self.span.start..self.span.end]
    }

    pub fn is_word(self, sql: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(sql).eq_ignore_ascii_case(word)
    }

    pub fn is_symbol(self, symbol: char) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }
}

/// All tokens but whitespace, in order. What does not end reaches to the end of the text.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(sql.len() / 4);
    let mut index = 0;
    while let Some(letter) = sql[index..].chars().next() {
        // A byte order mark is nothing to DuckDB either.
        if letter.is_whitespace() || letter == '\u{feff}' {
            index += letter.len_utf8();
            continue;
        }
        let (kind, end) = token(sql, index, letter);
        tokens.push(Token { kind, span: Span::new(index, end) });
        index = end;
    }
    tokens
}

fn token(sql: &str, start: usize, letter: char) -> (TokenKind, usize) {
    let rest = &sql[start..];
    match letter {
        '-' if rest.starts_with("--") => (TokenKind::Comment, start + rest.find(['\n', '\r']).unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (TokenKind::Comment, block_comment_end(sql, start)),
        '\'' => (TokenKind::Literal, quoted_end(sql, start, b'\'', false)),
        '"' => (TokenKind::QuotedName, quoted_end(sql, start, b'"', false)),
        'e' | 'E' if rest[1..].starts_with('\'') => (TokenKind::Literal, quoted_end(sql, start + 1, b'\'', true)),
        '$' => match dollar_quoted_end(sql, start) {
            Some(end) => (TokenKind::Literal, end),
            None => (TokenKind::Symbol('$'), start + 1),
        },
        '0'..='9' => (TokenKind::Number, number_end(sql, start)),
        letter if is_name_start(letter) => (TokenKind::Word, word_end(sql, start)),
        letter => (TokenKind::Symbol(letter), start + letter.len_utf8()),
    }
}

/// As in PostgreSQL, every character beyond ASCII may stand in a name.
fn is_name_start(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn word_end(sql: &str, start: usize) -> usize {
    let is_part = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || (!letter.is_ascii() && !letter.is_whitespace())
    };
    sql[start..].find(|letter: char| !is_part(letter)).map_or(sql.len(), |length| start + length)
}

fn number_end(sql: &str, start: usize) -> usize {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    sql[start..].find(|letter: char| !is_part(letter)).map_or(sql.len(), |length| start + length)
}

/// Behind the closing quote; a doubled quote is a quote of the text.
fn quoted_end(sql: &str, start: usize, quote: u8, backslashes: bool) -> usize {
    let bytes = sql.as_bytes();
    let mut index = start + 1;
    while let Some(byte) = bytes.get(index) {
        index += 1;
        if backslashes && *byte == b'\\' {
            index += 1;
        } else if *byte == quote {
            match bytes.get(index) {
                Some(next) if *next == quote => index += 1,
                _ => return index,
            }
        }
    }
    sql.len()
}

/// Block comments nest.
fn block_comment_end(sql: &str, start: usize) -> usize {
    let bytes = sql.as_bytes();
    let (mut index, mut depth) = (start, 0_usize);
    while index < bytes.len() {
        match &bytes[index..bytes.len().min(index + 2)] {
            b"/*" => {
                depth += 1;
                index += 2;
            }
            b"*/" => {
                depth -= 1;
                index += 2;
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    sql.len()
}

fn dollar_quoted_end(sql: &str, start: usize) -> Option<usize> {
    let length = sql[start + 1..].find('$')?;
    let tag = &sql[start..start + length + 2];
    let name = &tag[1..tag.len() - 1];
    let is_tag = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    let body = start + tag.len();
    is_tag.then(|| sql[body..].find(tag).map_or(sql.len(), |end| body + end + tag.len()))
}

/// An identifier without its quotes.
pub(crate) fn unquoted(text: &str) -> String {
    let quote = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    match (quote('"'), quote('\'')) {
        (Some(inner), _) => inner.replace("\"\"", "\""),
        (None, Some(inner)) => inner.replace("''", "'"),
        (None, None) => text.to_owned(),
    }
}

/// Index of the parenthesis that closes the one at `open`, or the end.
pub(super) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::Symbol('(' | '[' | '{') => depth += 1,
            TokenKind::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len()
}

/// The tokens from `from` to `to` that stand in no parentheses of their own, up to a closing one.
pub(super) fn level(tokens: &[Token], from: usize, to: usize) -> Vec<usize> {
    let (mut index, mut found) = (from, Vec::new());
    while index < to {
        match tokens.get(index).map(|token| token.kind) {
            Some(TokenKind::Symbol(')' | ']' | '}')) | None => break,
            Some(TokenKind::Symbol('(' | '[' | '{')) => index = closing(tokens, index),
            Some(_) => found.push(index),
        }
        index += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).into_iter().map(|token| token.text(sql)).collect()
    }

    #[test]
    fn literals_names_and_comments_end_where_duckdb_ends_them() {
        assert_eq!(
            texts("a.\"b\"\"c\" 'it''s;' e'\\';' $x$;$x$ $1 /* /* ; */ */ -- ;\n;1e5"),
            ["a", ".", "\"b\"\"c\"", "'it''s;'", "e'\\';'", "$x$;$x$", "$", "1", "/* /* ; */ */", "-- ;", ";", "1e5"]
        );
        assert_eq!(texts("größe\u{a0}日本"), ["größe", "日本"]);
    }

    #[test]
    fn open_ends_do_not_panic() {
        for sql in ["'a", "\"a", "/*", "/* /* */", "$$", "$a$ x", "e'\\", "--", "$ä", "e", "'ä"] {
            assert!(tokens(sql).iter().all(|token| token.span.end <= sql.len()));
        }
    }
}
