//! The outline of SQL that is half written: its brackets, its queries and their clauses, told by words alone.
//!
//! Nothing here needs the text to parse. Where a bracket has no end, the next clause of the query around it ends it.

use crate::parse::sql::{Token, TokenKind, tokens};

/// Brackets deeper than this are taken for nothing.
const DEEPEST: usize = 200;

/// Words that a query starts with.
const QUERY_STARTS: [&str; 11] = [
    "select",
    "from",
    "with",
    "values",
    "pivot",
    "pivot_wider",
    "unpivot",
    "pivot_longer",
    "summarize",
    "describe",
    "table",
];

/// Words that cannot stand in an expression, and so end one whose bracket is open still.
const CLAUSE_WORDS: [&str; 8] = ["select", "from", "where", "group", "having", "qualify", "union", "intersect"];

/// Words in front of queries in brackets, which are no functions.
const BEFORE_SUBQUERIES: [&str; 21] = [
    "as",
    "materialized",
    "in",
    "exists",
    "any",
    "all",
    "some",
    "array",
    "from",
    "join",
    "lateral",
    "union",
    "except",
    "intersect",
    "name",
    "filter",
    "not",
    "and",
    "or",
    "select",
    "where",
];

/// Functions whose arguments have a `from` among them.
const WITH_FROM: [&str; 5] = ["extract", "substring", "trim", "overlay", "position"];

const SET_OPERATIONS: [&str; 3] = ["union", "except", "intersect"];

/// Words that may stand between a set operation and the query behind it.
const BEHIND_SET_OPERATION: [&str; 4] = ["all", "distinct", "by", "name"];

/// A statement's tokens, without comments.
pub(in crate::lsp) struct Text<'t> {
    pub sql: &'t str,
    pub tokens: Vec<Token>,
}

/// Tokens by their numbers, the end left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lsp) struct Range {
    pub start: usize,
    pub end: usize,
}

impl Range {
    pub fn new(start: usize, end: usize) -> Self {
        Range { start, end: end.max(start) }
    }

    pub fn holds(self, index: usize) -> bool {
        self.start <= index && index < self.end
    }

    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// What stands between two brackets, or all of the statement.
#[derive(Debug)]
pub(in crate::lsp) struct Bracket {
    /// The number of the opening bracket.
    pub opener: Option<usize>,
    /// Without the brackets.
    pub inside: Range,
    /// Behind the closing bracket, or where one is missing.
    pub after: usize,
    pub is_query: bool,
    pub inner: Vec<Bracket>,
}

/// Which part of a query something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lsp) enum Clause {
    With,
    Select,
    From,
    Where,
    Group,
    Having,
    Qualify,
    Window,
    Order,
    /// `limit` and whatever else names no columns.
    Other,
}

/// A clause, behind its keyword.
#[derive(Debug, Clone, Copy)]
pub(in crate::lsp) struct Part {
    pub clause: Clause,
    pub range: Range,
}

/// A query: its common table expressions, and one branch for each side of a set operation.
#[derive(Debug, Default)]
pub(in crate::lsp) struct Query {
    pub with: Option<Range>,
    pub branches: Vec<Vec<Part>>,
    /// Whether a set operation unites columns by their names.
    pub is_by_name: bool,
}

impl<'t> Text<'t> {
    pub fn new(sql: &'t str) -> Self {
        let mut tokens = tokens(sql);
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Text { sql, tokens }
    }

    /// The tokens of the one statement that holds a token.
    pub fn around(mut self, index: usize) -> (Self, usize) {
        let is_end = |token: &Token| token.is_symbol(';');
        let start = self.tokens[..index].iter().rposition(is_end).map_or(0, |end| end + 1);
        let end = self.tokens[index..].iter().position(is_end).map_or(self.tokens.len(), |length| index + length);
        self.tokens.truncate(end);
        self.tokens.drain(..start);
        (self, index - start)
    }

    pub fn is(&self, index: usize, words: &[&str]) -> bool {
        self.tokens.get(index).is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
    }

    /// Whether the token in front of one is such a word.
    pub fn follows(&self, index: usize, words: &[&str]) -> bool {
        index.checked_sub(1).is_some_and(|before| self.is(before, words))
    }

    pub fn is_symbol(&self, index: usize, symbol: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is_symbol(symbol))
    }

    pub fn is_behind_dot(&self, index: usize) -> bool {
        index.checked_sub(1).is_some_and(|before| self.is_symbol(before, '.'))
    }

    pub fn is_name(&self, index: usize) -> bool {
        let kind = self.tokens.get(index).map(|token| token.kind);
        matches!(kind, Some(TokenKind::Word | TokenKind::QuotedName))
    }

    pub fn slice(&self, range: Range) -> &'t str {
        match (self.tokens.get(range.start), range.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if !range.is_empty() => &self.sql[first.span.start..last.span.end],
            _ => "",
        }
    }

    /// The whole text as brackets in brackets.
    pub fn brackets(&self) -> Bracket {
        let mut index = 0;
        let mut whole = self.bracket(&mut index, None, 0);
        whole.is_query = true;
        whole
    }

    fn bracket(&self, index: &mut usize, opener: Option<usize>, depth: usize) -> Bracket {
        let start = *index;
        let is_query = self.is(start, &QUERY_STARTS) && !self.is_cut_off_call(opener, start);
        let mut inner = Vec::new();
        while let Some(token) = self.tokens.get(*index) {
            match token.kind {
                TokenKind::Symbol('(' | '[' | '{') if depth < DEEPEST => {
                    let opener = *index;
                    *index += 1;
                    inner.push(self.bracket(index, Some(opener), depth + 1));
                }
                TokenKind::Symbol(')' | ']' | '}') if opener.is_some() => {
                    *index += 1;
                    let inside = Range::new(start, *index - 1);
                    return Bracket { opener, inside, after: *index, is_query, inner };
                }
                _ if opener.is_some_and(|opener| self.is_outside(opener, start, *index, is_query)) => break,
                _ => *index += 1,
            }
        }
        Bracket { opener, inside: Range::new(start, *index), after: *index, is_query, inner }
    }

    /// Whether a token can only stand behind a bracket that is open still.
    fn is_outside(&self, opener: usize, start: usize, index: usize, is_query: bool) -> bool {
        if index == start {
            return self.is_cut_off_call(Some(opener), start);
        }
        if is_query {
            let is_next_definition = self.follows(opener, &["as", "materialized"])
                && self.is_symbol(index, ',')
                && self.is_name(index + 1)
                && self.is(index + 2, &["as"])
                && self.is_symbol(index + 3, '(');
            let starts_anew = self.is(index, &["select"]) && self.has_selected(start, index);
            return is_next_definition || starts_anew;
        }
        let is_exception = self.follows(opener, &WITH_FROM) && self.is(index, &["from"])
            || self.follows(opener, &["filter"]) && self.is(index, &["where"])
            || self.follows(opener, &["pivot", "pivot_wider", "nulls"]) && self.is(index, &["group"])
            || self.follows(index, &["distinct"]) && self.is(index, &["from"])
            || self.is(index, &["union"]) && self.is_symbol(index + 1, '(')
            || self.is_behind_dot(index);
        self.is(index, &CLAUSE_WORDS) && !is_exception
    }

    /// Whether a bracket is that of a call whose arguments nobody has written yet: `select sum( from orders`.
    fn is_cut_off_call(&self, opener: Option<usize>, start: usize) -> bool {
        let Some(opener) = opener.filter(|_| self.is(start, &["from", "where"])) else { return false };
        let Some(name) = opener.checked_sub(1).filter(|_| !self.follows(opener, &BEFORE_SUBQUERIES)) else {
            return false;
        };
        let (name, bracket) = (self.tokens[name], self.tokens[opener]);
        name.kind == TokenKind::Word && name.span.end == bracket.span.start
    }

    /// Whether a query that starts at `start` has its `select` already, so that another is none of its own.
    fn has_selected(&self, start: usize, index: usize) -> bool {
        let behind_operation = self.follows(index, &SET_OPERATIONS) || self.follows(index, &BEHIND_SET_OPERATION);
        if behind_operation {
            return false;
        }
        let mut depth = 0_usize;
        for before in (start..index).rev() {
            match self.tokens[before].kind {
                TokenKind::Symbol(')' | ']' | '}') => depth += 1,
                TokenKind::Symbol('(' | '[' | '{') => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                _ if self.is(before, &["select"]) => return true,
                _ if self.is(before, &SET_OPERATIONS) => return false,
                _ => {}
            }
        }
        false
    }

    /// The clauses of a query.
    pub fn query(&self, bracket: &Bracket) -> Query {
        let mut query = Query::default();
        let mut parts: Vec<Part> = Vec::new();
        let end = bracket.inside.end;
        let close = |parts: &mut Vec<Part>, at: usize| {
            if let Some(last) = parts.last_mut() {
                last.range = Range::new(last.range.start, at);
            }
        };
        for index in bracket.top(bracket.inside) {
            let in_with = matches!(parts.last(), Some(Part { clause: Clause::With, .. }));
            let has_select = parts.iter().any(|part| part.clause == Clause::Select);
            let Some((clause, behind)) = self.clause(index, parts.is_empty(), in_with) else { continue };
            close(&mut parts, index);
            let is_anew = clause.is_none() || (clause == Some(Clause::Select) && has_select);
            if in_with {
                query.with = parts.pop().map(|part| part.range);
            } else if is_anew {
                query.branches.push(std::mem::take(&mut parts));
            }
            match clause {
                Some(clause) => parts.push(Part { clause, range: Range::new(behind, end) }),
                None => query.is_by_name |= self.is(behind - 1, &["name"]),
            }
        }
        match parts.as_slice() {
            [Part { clause: Clause::With, range }] => query.with = Some(*range),
            _ => query.branches.push(parts),
        }
        query
    }

    /// The clause that a word opens, and where its content starts; no clause but a next branch for set operations.
    fn clause(&self, index: usize, is_first: bool, in_with: bool) -> Option<(Option<Clause>, usize)> {
        let is = |words: &[&str]| self.is(index, words);
        if self.is_behind_dot(index) || self.follows(index, &["as"]) {
            return None;
        }
        let clause = if is(&["with"]) && is_first {
            Clause::With
        } else if is(&["select"]) {
            Clause::Select
        } else if is(&["from"]) && !self.follows(index, &["distinct"]) {
            Clause::From
        } else if (is_first || in_with) && is(&QUERY_STARTS) && (is_first || self.is_symbol(index.wrapping_sub(1), ')'))
        {
            if is(&["values"]) { Clause::Other } else { Clause::From }
        } else if in_with {
            return None;
        } else if is(&SET_OPERATIONS) {
            let mut behind = index + 1;
            while self.is(behind, &BEHIND_SET_OPERATION) {
                behind += 1;
            }
            return Some((None, behind));
        } else if is(&["group", "order"]) {
            let clause = if is(&["group"]) { Clause::Group } else { Clause::Order };
            return Some((Some(clause), index + 1 + usize::from(self.is(index + 1, &["by"]))));
        } else if is(&["where"]) {
            Clause::Where
        } else if is(&["having"]) {
            Clause::Having
        } else if is(&["qualify"]) {
            Clause::Qualify
        } else if is(&["window"]) {
            Clause::Window
        } else if is(&["limit", "offset"]) {
            Clause::Other
        } else {
            return None;
        };
        Some((Some(clause), index + 1))
    }
}

impl Bracket {
    /// The tokens of a stretch that stand in no bracket inside of this one.
    pub fn top(&self, range: Range) -> Vec<usize> {
        let (mut found, mut index) = (Vec::new(), range.start);
        let mut inner = self.inner.iter().peekable();
        while index < range.end {
            while inner.next_if(|bracket| bracket.after <= index).is_some() {}
            match inner.peek() {
                Some(bracket) if bracket.opener.is_some_and(|opener| opener <= index) => index = bracket.after,
                _ => {
                    found.push(index);
                    index += 1;
                }
            }
        }
        found
    }

    /// The bracket inside of this one whose opening bracket is this token.
    pub fn opened_at(&self, index: usize) -> Option<&Bracket> {
        self.inner.iter().find(|bracket| bracket.opener == Some(index))
    }

    /// This bracket and those in it around a token, from the outside.
    pub fn chain(&self, index: usize) -> Vec<&Bracket> {
        let mut chain = vec![self];
        while let Some(next) = chain[chain.len() - 1].inner.iter().find(|bracket| bracket.inside.holds(index)) {
            chain.push(next);
        }
        chain
    }
}
