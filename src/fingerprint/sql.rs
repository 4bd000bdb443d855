//! What a SQL model computes: its compiled statement without what means nothing.

use std::path::Path;

use super::hash::{Digest, digest};
use crate::graph::CompiledSql;
use crate::parse::sql::{CanonicalKind, CanonicalToken, canonical_tokens};

/// Functions that give another value each time although the code is the same.
const VOLATILE: [&str; 20] = [
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "get_current_time",
    "get_current_timestamp",
    "getvariable",
    "nextval",
    "now",
    "pg_postmaster_start_time",
    "rand",
    "random",
    "setseed",
    "statement_timestamp",
    "today",
    "transaction_timestamp",
    "txid_current",
    "uuid",
    "uuidv4",
    "uuidv7",
    "version",
];

/// The same without parentheses.
const VOLATILE_WORDS: [&str; 8] = [
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
];

pub(super) struct Statement {
    pub digest: Digest,
    pub notes: Vec<String>,
}

/// `root` is the project's folder: it may move, and its files with it.
pub(super) fn statement(sql: &CompiledSql, root: &Path) -> Statement {
    let text = sql.repeatable.as_ref().map_or(sql.statement(), |repeatable| &repeatable.statement);
    let tokens = canonical_tokens(text);
    let mut notes: Vec<String> =
        sql.repeatable.iter().flat_map(|repeatable| &repeatable.without).map(left_out).collect();
    notes.extend(volatile(&tokens));
    Statement { digest: token_digest(&tokens, root), notes }
}

/// What a text of SQL computes that no template has made.
pub(super) fn text(text: &str, root: &Path) -> Statement {
    let tokens = canonical_tokens(text);
    Statement { digest: token_digest(&tokens, root), notes: volatile(&tokens).into_iter().collect() }
}

fn left_out(name: &&'static str) -> String {
    format!("`{name}` differs at each invocation and was left out")
}

fn token_digest(tokens: &[CanonicalToken<'_>], root: &Path) -> Digest {
    let root = root.to_str().map(|root| format!("'{}/", root.replace('\'', "''")));
    let pieces = tokens.iter().flat_map(|token| {
        let text = token.text.as_ref();
        match root.as_ref().and_then(|root| text.strip_prefix(root.as_str())) {
            Some(below) if token.kind == CanonicalKind::Literal => [&b"file of the project"[..], below.as_bytes()],
            _ => [kind(token.kind), text.as_bytes()],
        }
    });
    digest(pieces)
}

fn kind(kind: CanonicalKind) -> &'static [u8] {
    match kind {
        CanonicalKind::Word => b"word",
        CanonicalKind::QuotedName => b"name",
        CanonicalKind::Literal => b"literal",
        CanonicalKind::Number => b"number",
        CanonicalKind::Symbol => b"symbol",
    }
}

/// What makes the statement's result depend on more than its code and its inputs, each once.
fn volatile(tokens: &[CanonicalToken<'_>]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = "";
    for (index, token) in tokens.iter().enumerate() {
        let is_name = matches!(token.kind, CanonicalKind::Word | CanonicalKind::QuotedName);
        if is_name && !matches!(before, "." | "as") {
            let word = token.text.trim_matches('"').to_ascii_lowercase();
            let is_call = tokens.get(index + 1).is_some_and(|next| next.text == "(");
            if is_call && VOLATILE.contains(&word.as_str()) {
                found.push(format!("{word}()"));
            } else if token.kind == CanonicalKind::Word && VOLATILE_WORDS.contains(&word.as_str()) {
                found.push(word);
            }
        }
        before = &token.text;
    }
    found.sort_unstable();
    found.dedup();
    found.iter().map(|name| format!("`{name}` gives another value each time; the code is the same")).collect()
}
