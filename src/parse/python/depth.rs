//! How deep a module's syntax tree can be, told from its tokens before anybody walks the tree.
//!
//! CPython refuses such modules too (200 open brackets, 100 indentations, about 1000 nested operators).

use ruff_python_ast::token::{TokenKind, Tokens};

/// Trees up to here are walked on the caller's stack.
pub const SHALLOW: usize = 150;
/// Deeper trees are refused.
pub const MOST: usize = 5_000;
/// Stack in bytes for what lies between; pages that are not touched cost nothing.
pub const STACK: usize = 256 << 20;

/// At least the depth of the tree: open brackets, open blocks, and operators since the last comma of each bracket.
pub fn bound(tokens: &Tokens) -> usize {
    let mut deepest = 0;
    let mut blocks = 0usize;
    // What each open bracket has let in since its last comma; the first is the statement itself.
    let mut open: Vec<usize> = vec![0];
    let mut total = 0usize;
    // A comma may stand between a lambda's parameters, so it ends no lambda.
    let mut lambdas = 0usize;
    for token in tokens.iter() {
        match token.kind() {
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                total += add(&mut open, 1);
                open.push(0);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                // The statement's own run stays, however many brackets are closed.
                let run = if open.len() > 1 { open.pop() } else { None };
                total -= run.unwrap_or_default();
            }
            TokenKind::Newline => {
                open.clear();
                open.push(0);
                (total, lambdas) = (0, 0);
            }
            TokenKind::Lambda => lambdas += 1,
            TokenKind::Dot => total += add(&mut open, 1),
            TokenKind::Comma | TokenKind::Semi => {
                if let Some(run) = open.last_mut() {
                    total -= std::mem::take(run);
                }
            }
            TokenKind::Indent => blocks += 2,
            TokenKind::Dedent => blocks = blocks.saturating_sub(2),
            kind if kind.is_operator() || kind.is_keyword() || kind.is_soft_keyword() => {
                total += add(&mut open, 1);
            }
            _ => {}
        }
        deepest = deepest.max(blocks + total + lambdas);
    }
    deepest
}

fn add(open: &mut [usize], amount: usize) -> usize {
    if let Some(run) = open.last_mut() {
        *run += amount;
        return amount;
    }
    0
}
