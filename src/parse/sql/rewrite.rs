//! Puts DuckDB's own syntax into words that our parser knows, for finding names only: what reaches the database is the
//! user's text. Tables keep their places, through a map of offsets.
//!
//! - `asof join` loses `asof`, `positional join` becomes `cross join`
//! - `pivot t on a using sum(b)` becomes `from t select a , sum(b)`
//! - `unpivot t on a, b into name n value v` becomes `from t select a, b , n , v`
//! - `t pivot (... for ... group by z)` loses its `group by`
//! - `(summarize t)`, `(describe t)` and `table t` become `from t`
//! - `from t where a` becomes `from t select * where a`
//! - `with a as materialized (...)` loses its hint
//! - the type `enum('a', 'b')` becomes `varchar`

use super::lexer::{Token, TokenKind, closing, level};
use super::statement::WRAPPED_WORDS;
use crate::source::Span;

const TRIGGERS: [&str; 13] = [
    "from",
    "asof",
    "positional",
    "pivot",
    "pivot_wider",
    "pivot_longer",
    "unpivot",
    "table",
    "summarize",
    "describe",
    "desc",
    "materialized",
    "enum",
];

/// Whether a word may be one that is rewritten.
pub(super) fn is_trigger(word: &str) -> bool {
    TRIGGERS.iter().any(|trigger| word.eq_ignore_ascii_case(trigger))
}

/// Clauses that may follow `from t` where no `select` is written.
const CLAUSES: [&str; 5] = ["where", "group", "having", "window", "qualify"];

const SET_OPERATIONS: [&str; 3] = ["union", "except", "intersect"];

/// A statement in other words, and where its bytes came from.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub text: String,
    /// Whether its columns come from where those of the original come from.
    pub keeps_columns: bool,
    /// Replaced stretches (empty ones where something is added): in the original, and their replacements in `text`.
    edits: Vec<(Span, Span)>,
}

impl Rewritten {
    /// The offset in the original of an offset in `text` that stands outside of a replacement.
    pub fn original(&self, offset: usize) -> usize {
        let after = self.edits.partition_point(|(_, replacement)| replacement.end <= offset);
        match after.checked_sub(1).and_then(|index| self.edits.get(index)) {
            Some((span, replacement)) => span.end + (offset - replacement.end),
            None => offset,
        }
    }

    /// The stretches of the original that hold more than the one word which was replaced.
    pub fn dropped(&self, original: &str) -> Vec<Span> {
        let is_long = |span: &Span| original[span.start..span.end].contains(|letter: char| !letter.is_alphanumeric());
        self.edits.iter().map(|(span, _)| *span).filter(is_long).collect()
    }

    /// Whether something of a stretch of `text` is a replacement, and so nothing that the user wrote.
    pub fn is_added(&self, stretch: Span) -> bool {
        self.edits.iter().any(|(_, replacement)| replacement.start < stretch.end && stretch.start < replacement.end)
    }
}

/// The statement rewritten, or `None` when it needs no rewriting. `tokens` are the statement's, without comments.
pub(super) fn rewrite(sql: &str, tokens: &[Token]) -> Option<Rewritten> {
    if !tokens.iter().any(|token| token.kind == TokenKind::Word && is_trigger(token.text(sql))) {
        return None;
    }
    let mut rewriter = Rewriter { sql, tokens, replacements: Vec::new(), keeps_columns: true };
    (0..tokens.len()).for_each(|index| rewriter.visit(index));
    (!rewriter.replacements.is_empty()).then(|| rewriter.apply())
}

struct Rewriter<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    replacements: Vec<(Span, &'static str)>,
    keeps_columns: bool,
}

impl Rewriter<'_> {
    fn apply(mut self) -> Rewritten {
        self.replacements.sort_by_key(|(span, _)| span.start);
        self.replacements.dedup_by_key(|(span, _)| span.start);
        let mut text = String::with_capacity(self.sql.len() + 32);
        let mut edits = Vec::with_capacity(self.replacements.len());
        let mut from = 0;
        for (span, replacement) in self.replacements {
            if span.start < from {
                continue;
            }
            text.push_str(&self.sql[from..span.start]);
            let start = text.len();
            text.push_str(replacement);
            from = span.end;
            edits.push((span, Span::new(start, text.len())));
        }
        text.push_str(&self.sql[from..]);
        Rewritten { text, keeps_columns: self.keeps_columns, edits }
    }

    fn is(&self, index: usize, words: &[&str]) -> bool {
        self.tokens.get(index).is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
    }

    fn is_symbol(&self, index: usize, symbol: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is_symbol(symbol))
    }

    fn replace(&mut self, index: usize, replacement: &'static str) {
        if let Some(token) = self.tokens.get(index) {
            self.replacements.push((token.span, replacement));
        }
    }

    fn visit(&mut self, index: usize) {
        if self.is(index, &["asof"]) && self.is(index + 1, &["join", "left", "right", "full", "inner", "semi", "anti"])
        {
            self.replace(index, "");
        } else if self.is(index, &["positional"]) && self.is(index + 1, &["join"]) {
            self.replace(index, "cross");
        } else if self.is(index, &["pivot", "pivot_wider", "unpivot", "pivot_longer"]) {
            match self.table_pivot(index) {
                Some((open, close)) => self.drop_group_by(open, close),
                None => self.pivot_statement(index),
            }
        } else if self.is(index, &WRAPPED_WORDS) && index > 0 && self.is_symbol(index - 1, '(') {
            let is_query = self.is(index + 1, &["select", "with", "from", "values", "pivot", "unpivot", "table"]);
            let names_nothing = self.is(index, &["show"]) || self.is_symbol(index + 1, ')');
            if !names_nothing {
                self.keeps_columns = false;
                self.replace(index, if is_query || self.is_symbol(index + 1, '(') { "" } else { "from" });
            }
        } else if self.is(index, &["materialized"]) && self.is_symbol(index + 1, '(') {
            let negated = index > 0 && self.is(index - 1, &["not"]);
            let first = if negated { index - 1 } else { index };
            if first > 0 && self.is(first - 1, &["as"]) {
                (first..=index).for_each(|hint| self.replace(hint, ""));
            }
        } else if self.is(index, &["enum"]) && self.is_symbol(index + 1, '(') {
            self.enum_type(index);
        } else if self.is(index, &["from"]) && self.starts_query(index) && !self.has_selected(index) {
            self.select_all(index);
        } else if self.is(index, &["table"]) && self.starts_query(index) && !self.is_symbol(index + 1, '(') {
            self.replace(index, "from");
        }
    }

    /// Neither our parser nor the tree that DuckDB shows of its own knows a type with values inside of another.
    fn enum_type(&mut self, index: usize) {
        let close = self.closing(index + 1);
        let is_value = |token: &Token| token.kind == TokenKind::Literal || token.is_symbol(',');
        let values = self.tokens.get(index + 2..close).unwrap_or_default();
        if let (Some(first), Some(last)) = (self.tokens.get(index), self.tokens.get(close))
            && values.iter().all(is_value)
        {
            self.replacements.push((Span::new(first.span.start, last.span.end), "varchar"));
        }
    }

    fn starts_query(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return true };
        self.is_symbol(before, '(')
            || self.is_symbol(before, ')')
            || self.is(
                before,
                &["union", "all", "except", "intersect", "distinct", "name", "describe", "desc", "summarize"],
            )
    }

    /// Whether a `select` of the same query stands before, as in `select f(a) from t`.
    fn has_selected(&self, index: usize) -> bool {
        let mut depth = 0_usize;
        for before in (0..index).rev() {
            match self.tokens.get(before).map(|token| token.kind) {
                Some(TokenKind::Symbol(')' | ']' | '}')) => depth += 1,
                Some(TokenKind::Symbol('(' | '[' | '{')) if depth == 0 => {
                    return !self.is(before + 1, &["with", "from"]);
                }
                Some(TokenKind::Symbol('(' | '[' | '{')) => depth -= 1,
                _ if depth > 0 => {}
                _ if self.is(before, &["select"]) => return true,
                _ if self.is(before, &SET_OPERATIONS) => return false,
                _ => {}
            }
        }
        false
    }

    /// Writes the `select *` that a query without one means, where a clause follows its tables.
    fn select_all(&mut self, index: usize) {
        let next = |inner: &usize| {
            self.is(*inner, &CLAUSES) || self.is(*inner, &["select"]) || self.is(*inner, &SET_OPERATIONS)
        };
        let clause = self.level(index + 1, self.tokens.len()).into_iter().find(next);
        if let Some(clause) = clause.filter(|clause| self.is(*clause, &CLAUSES))
            && let Some(token) = self.tokens.get(clause)
        {
            self.replacements.push((Span::new(token.span.start, token.span.start), "select * "));
        }
    }

    /// The parentheses of `t pivot (sum(x) for y in (...))`, as opposed to the statement.
    fn table_pivot(&self, index: usize) -> Option<(usize, usize)> {
        let nulls = self.is(index + 1, &["include", "exclude"]) && self.is(index + 2, &["nulls"]);
        let open = if nulls { index + 3 } else { index + 1 };
        let close = self.is_symbol(open, '(').then(|| self.closing(open))?;
        let inside = self.level(open + 1, close);
        inside.into_iter().any(|inner| self.is(inner, &["for"])).then_some((open, close))
    }

    /// `group by` may stand in the parentheses of a pivoted table; the rest of them is then all it.
    fn drop_group_by(&mut self, open: usize, close: usize) {
        let group = self.level(open + 1, close).into_iter().find(|index| self.is(*index, &["group"]));
        let (Some(group), Some(end)) = (group.and_then(|index| self.tokens.get(index)), self.tokens.get(close)) else {
            return;
        };
        self.replacements.push((Span::new(group.span.start, end.span.start), ""));
        self.keeps_columns = false;
    }

    fn pivot_statement(&mut self, index: usize) {
        self.keeps_columns = false;
        self.replace(index, "from");
        let (mut selecting, mut joins) = (false, 0_usize);
        for inner in self.level(index + 1, self.tokens.len()) {
            if self.is(inner, &SET_OPERATIONS) {
                return;
            } else if self.is(inner, &["join"]) && !self.is(inner - 1, &["cross", "positional", "natural"]) {
                joins += 1;
            } else if self.is(inner, &["on", "using"]) && joins > 0 {
                joins -= 1;
            } else if self.is(inner, &["on", "using"]) {
                self.replace(inner, if selecting { "," } else { "select" });
                selecting = true;
            } else if self.is(inner, &["include", "exclude"]) && self.is(inner + 1, &["nulls"]) {
                self.replace(inner, "");
                self.replace(inner + 1, "");
            } else if self.is(inner, &["into"]) && self.is(inner + 1, &["name"]) {
                self.replace(inner, ",");
                self.replace(inner + 1, "");
            } else if self.is(inner, &["value"]) && selecting {
                self.replace(inner, ",");
            }
        }
    }

    fn closing(&self, open: usize) -> usize {
        closing(self.tokens, open)
    }

    fn level(&self, from: usize, to: usize) -> Vec<usize> {
        level(self.tokens, from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    #[test]
    fn only_duckdbs_own_syntax_is_rewritten() {
        let cases = [
            ("from a asof left join b on a.x >= b.x", "from a  left join b on a.x >= b.x"),
            ("from a positional join b", "from a cross join b"),
            ("pivot t on a, b using sum(c) group by d", "from t select a, b , sum(c) group by d"),
            ("with x as (pivot t using sum(c)) from x", "with x as (from t select sum(c)) from x"),
            ("pivot a join b using (k) on c using sum(d)", "from a join b using (k) select c , sum(d)"),
            ("unpivot t include nulls on a, b into name n value v", "from t   select a, b ,  n , v"),
            ("from t pivot (sum(x) for y in (1) group by z) p", "from t pivot (sum(x) for y in (1) ) p"),
            ("from (summarize t)", "from (from t)"),
            ("from (describe select 1)", "from ( select 1)"),
            ("table t union all table u", "from t union all from u"),
            ("from t where f(b) > 1", "from t select * where f(b) > 1"),
            (
                "with x as (from t where 1) from u group by 1",
                "with x as (from t select * where 1) from u select * group by 1",
            ),
            (
                "select f(x) from t where a in (from u where 1)",
                "select f(x) from t where a in (from u select * where 1)",
            ),
            ("with x as not materialized (from t) from x", "with x as   (from t) from x"),
            ("select x::map(int, enum('b', 'u')) from d", "select x::map(int, varchar) from d"),
        ];
        for (sql, expected) in cases {
            let rewritten = rewrite(sql, &tokens(sql)).unwrap();
            assert_eq!(rewritten.text, expected);
            for word in ["t", "b", "u", "d"] {
                for (offset, _) in rewritten.text.match_indices(&format!(" {word}")) {
                    assert_eq!(&sql[rewritten.original(offset + 1)..][..1], word, "{sql}");
                }
            }
        }
        for sql in [
            "select f(a) from t where b",
            "select extract(year from d) from t where a",
            "from t select a where b",
            "select 1",
            "select x as pivot_wide from t",
            "create table t",
            "select \"table\"",
        ] {
            assert!(rewrite(sql, &tokens(sql)).is_none(), "{sql}");
        }
    }
}
