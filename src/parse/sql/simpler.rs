//! Puts more of DuckDB's syntax into words that our parser knows, for finding where columns come from: other than with
//! `rewrite`, neither places nor every name outlive it.
//!
//! - what excludes rows from a window's frame, `ignore nulls`, samples and the `%` of a limit name no columns, and go
//! - `filter (a)` becomes `filter (where a)`, and the list `[a for x in l if b]` a call with lambdas
//! - `pivot t on a in (1, 2) using sum(b)` becomes `from t pivot (sum(b) for a in (1, 2))`; with `group by`, it becomes a
//!   select of aggregates, each with a filter
//! - `unpivot t on a, b into name n value v` becomes `from t unpivot (v for n in (a, b))`
//! - operators and types that only DuckDB has become ones that our parser knows

use super::lexer::{Token, TokenKind, closing, level};
use crate::source::Span;

/// The statement in other words. `tokens` are its own, without comments.
pub(super) fn simpler(sql: &str, tokens: &[Token]) -> String {
    let mut simplifier = Simplifier { sql, tokens, edits: Vec::new() };
    (0..tokens.len()).for_each(|index| simplifier.visit(index));
    simplifier.apply()
}

pub(super) struct Simplifier<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: &'a [Token],
    edits: Vec<(Span, String)>,
}

impl Simplifier<'_> {
    fn apply(mut self) -> String {
        self.edits.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut text = String::with_capacity(self.sql.len() + 32);
        let mut from = 0;
        for (span, replacement) in self.edits {
            if span.start < from {
                continue;
            }
            text.push_str(&self.sql[from..span.start]);
            text.push_str(&replacement);
            from = span.end;
        }
        text.push_str(&self.sql[from..]);
        text
    }

    pub(super) fn is(&self, index: usize, words: &[&str]) -> bool {
        self.tokens.get(index).is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
    }

    pub(super) fn is_symbol(&self, index: usize, symbol: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is_symbol(symbol))
    }

    fn is_kind(&self, index: usize, kind: TokenKind) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == kind)
    }

    /// Replaces the tokens from `from` up to `to`.
    pub(super) fn replace(&mut self, from: usize, to: usize, replacement: &str) {
        if let (Some(first), Some(last)) =
            (self.tokens.get(from), to.checked_sub(1).and_then(|last| self.tokens.get(last)))
        {
            self.edits.push((Span::new(first.span.start, last.span.end), format!(" {replacement} ")));
        }
    }

    fn visit(&mut self, index: usize) {
        if self.is(index, &["exclude"])
            && self.is(index + 1, &["current", "no"])
            && self.is(index + 2, &["row", "others"])
        {
            self.replace(index, index + 3, "");
        } else if (self.is(index, &["exclude"]) && self.is(index + 1, &["group", "ties"]))
            || (self.is(index, &["ignore", "respect"]) && self.is(index + 1, &["nulls"]))
        {
            self.replace(index, index + 2, "");
        } else if self.is(index, &["using"]) && self.is(index + 1, &["sample"]) {
            self.sample(index, index + 2);
        } else if self.is(index, &["tablesample"]) {
            self.sample(index, index + 1);
        } else if self.is(index, &["filter"]) && self.is_symbol(index + 1, '(') && !self.is(index + 2, &["where"]) {
            if index > 0 && self.is_symbol(index - 1, ')') {
                self.replace(index + 1, index + 2, "(where");
            }
        } else if self.is(index, &["limit", "offset"]) && self.is_kind(index + 1, TokenKind::Number) {
            if self.is_symbol(index + 2, '%') {
                self.replace(index + 2, index + 3, "");
            }
        } else if self.is(index, &["glob"]) && index > 0 && !self.is_symbol(index + 1, '(') {
            self.replace(index, index + 1, "like");
        } else if self.is(index, &["in"]) {
            if index < 2 || !self.is(index - 2, &["for"]) {
                self.list_after_in(index + 1);
            }
        } else if self.is(index, &["from"]) && self.is(index + 1, &["values"]) {
            self.rows_after_from(index + 1);
        } else if self.is_symbol(index, '[') {
            self.comprehension(index);
        } else if self.is_symbol(index, '(') && self.is(index + 1, &["order"]) && self.is(index + 2, &["by"]) {
            let is_name = index > 0 && self.is_kind(index - 1, TokenKind::Word);
            if is_name && !self.is(index - 1, &["over", "group", "as"]) {
                self.replace(index, index + 1, "(null");
            }
        } else if self.is(index, &["map", "struct", "row", "union", "enum"]) && self.is_symbol(index + 1, '(') {
            self.type_name(index);
        } else if self.is(index, &["pivot", "pivot_wider"]) {
            self.pivot(index);
        } else if self.is(index, &["unpivot", "pivot_longer"]) {
            self.unpivot(index);
        } else {
            self.symbols(index);
        }
    }

    fn symbols(&mut self, index: usize) {
        let glued = self
            .tokens
            .get(index)
            .zip(self.tokens.get(index + 1))
            .is_some_and(|(one, two)| one.span.end == two.span.start);
        let pair =
            |first: char, second: char| glued && self.is_symbol(index, first) && self.is_symbol(index + 1, second);
        if pair('^', '@') || pair('*', '*') || pair('&', '&') {
            self.replace(index, index + 2, "=");
        } else if let Some(token) = self.tokens.get(index).filter(|token| token.kind == TokenKind::Literal)
            && token.text(self.sql).starts_with(['e', 'E', '$'])
        {
            self.replace(index, index + 1, "''");
        }
    }

    /// `10 percent (bernoulli, 3) repeatable (1)`
    fn sample(&mut self, from: usize, mut index: usize) {
        if self.is(index, &["reservoir", "bernoulli", "system"]) {
            index += 1;
        }
        if self.is_kind(index, TokenKind::Number) {
            index += 1;
        }
        if self.is_symbol(index, '%') || self.is(index, &["percent", "rows", "row"]) {
            index += 1;
        }
        if self.is_symbol(index, '(') {
            index = self.closing(index) + 1;
        }
        if self.is(index, &["repeatable"]) {
            index = self.closing(index + 1) + 1;
        }
        self.replace(from, index.min(self.tokens.len()), "");
    }

    /// `[a for x, i in l if b]` becomes `list_transform(lambda x, i: [a], l, lambda x, i: [b])`: arguments in any order
    /// are as good, since only what they name matters.
    fn comprehension(&mut self, open: usize) {
        let close = self.closing(open);
        let level = self.level(open + 1, close);
        let find = |word: &str| level.iter().copied().find(|index| self.is(*index, &[word]));
        let (Some(each), Some(within)) = (find("for"), find("in")) else { return };
        let last = level.iter().copied().rfind(|index| self.is(*index, &["if"]) && *index > within);
        let Some(names) = self.text(each + 1, within).filter(|_| each < within) else { return };
        let lambda = format!("lambda {names}: [");
        self.replace(open, open + 1, &format!("list_transform({lambda}"));
        self.replace(each, within + 1, "],");
        if let Some(condition) = last {
            self.replace(condition, condition + 1, &format!(", {lambda}"));
        }
        self.replace(close, close + 1, if last.is_some() { "])" } else { ")" });
    }

    /// `a in l` and `a in [1, 2]` want parentheses.
    fn list_after_in(&mut self, from: usize) {
        let mut end = from;
        if self.is_kind(from, TokenKind::Word) {
            end += 1;
            while self.is_symbol(end, '.') {
                end += 2;
            }
        }
        while end < self.tokens.len() && self.is_symbol(end, '[') {
            end = self.closing(end) + 1;
        }
        if let (Some(first), Some(last)) = (self.tokens.get(from), self.tokens.get(end.wrapping_sub(1)))
            && end > from
        {
            self.edits.push((Span::new(first.span.start, first.span.start), " (".to_owned()));
            self.edits.push((Span::new(last.span.end, last.span.end), ") ".to_owned()));
        }
    }

    /// `from values (1), (2)` wants parentheses.
    fn rows_after_from(&mut self, values: usize) {
        let mut end = values + 1;
        while self.is_symbol(end, '(') {
            end = self.closing(end) + 1;
            if self.is_symbol(end, ',') && self.is_symbol(end + 1, '(') {
                end += 1;
            }
        }
        if let (Some(first), Some(last)) = (self.tokens.get(values), self.tokens.get(end - 1)) {
            self.edits.push((Span::new(first.span.start, first.span.start), " (".to_owned()));
            self.edits.push((Span::new(last.span.end, last.span.end), ") ".to_owned()));
        }
    }

    /// A nested type, after `::` or in `cast(... as ...)`.
    fn type_name(&mut self, index: usize) {
        let casts = index > 1 && self.is_symbol(index - 1, ':') && self.is_symbol(index - 2, ':');
        if casts || (index > 0 && self.is(index - 1, &["as"])) {
            let mut end = self.closing(index + 1) + 1;
            while self.is_symbol(end, '[') {
                end = self.closing(end) + 1;
            }
            self.replace(index, end.min(self.tokens.len()), "varchar");
        }
    }

    /// Behind the group that the token at `index` opens, if it opens one.
    pub(super) fn group_end(&self, index: usize) -> usize {
        let mut end = index + 1;
        while self.is_symbol(end, '(') || self.is_symbol(end, '[') {
            end = self.closing(end) + 1;
        }
        end
    }

    pub(super) fn text(&self, from: usize, to: usize) -> Option<String> {
        let (first, last) = (self.tokens.get(from)?, self.tokens.get(to.checked_sub(1)?)?);
        (from < to).then(|| self.sql[first.span.start..last.span.end].to_owned())
    }

    /// What stands between commas.
    pub(super) fn parts(&self, from: usize, to: usize) -> Vec<String> {
        let mut starts = vec![from];
        let mut index = from;
        while index < to {
            if self.is_symbol(index, ',') {
                starts.push(index + 1);
            }
            index = self.group_end(index).max(index + 1);
        }
        let ends = starts.iter().skip(1).map(|start| start - 1).chain([to]);
        starts.iter().zip(ends).filter_map(|(from, to)| self.text(*from, to)).collect()
    }

    pub(super) fn closing(&self, open: usize) -> usize {
        closing(self.tokens, open)
    }

    pub(super) fn level(&self, from: usize, to: usize) -> Vec<usize> {
        level(self.tokens, from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    #[test]
    fn syntax_of_duckdbs_own_becomes_simpler() {
        let words = |sql: &str| simpler(sql, &tokens(sql)).split_whitespace().collect::<Vec<_>>().join(" ");
        let cases = [
            (
                "sum(a) over (order by b rows 1 preceding exclude current row)",
                "sum(a) over (order by b rows 1 preceding )",
            ),
            ("first(a ignore nulls) filter (b)", "first(a ) filter (where b)"),
            ("from t using sample 10 percent (bernoulli, 3) where a", "from t where a"),
            ("from t limit 10 %", "from t limit 10"),
            ("[x + 1 for x in l if x > 2]", "list_transform(lambda x: [ x + 1 ], l , lambda x: [ x > 2 ])"),
            ("cast(a as map(int, int)[]) , b::struct(c int)", "cast(a as varchar ) , b:: varchar"),
            ("(pivot t on a in ('x', 'y') using sum(b)) p", "( from t pivot (sum(b) for a in ('x', 'y')) ) p"),
            (
                "pivot t on a in (1) using sum(b) as s, max(c) group by d, e order by d",
                "select d, e, sum(b) filter (where (a) = 1) as \"1_s\", max(c) filter (where (a) = 1) as \"1\" from t group by d, e order by d",
            ),
            ("unpivot (from t) on a, b into name n value v", "from (from t) unpivot (v for n in (a, b))"),
            ("a in l and b in [1] and c in (2)", "a in (l) and b in ([1]) and c in (2)"),
            ("from values (1), (2) as t(a)", "from (values (1), (2)) as t(a)"),
            ("rank(order by a) over (order by b)", "rank (null order by a) over (order by b)"),
            ("unpivot t on a, b", "from t unpivot (value for name in (a, b))"),
            ("pivot t on a using sum(b)", "pivot t on a using sum(b)"),
        ];
        for (sql, expected) in cases {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn open_ends_do_not_panic() {
        for sql in [
            "[a for",
            "[ for x in",
            "pivot",
            "pivot t on a in (",
            "pivot on in using",
            "unpivot on",
            "using sample",
            "tablesample (",
            "::map(",
            "filter (",
            "limit 1 %",
            "[ in for ]",
            "unpivot t on a into name value",
        ] {
            simpler(sql, &tokens(sql));
        }
    }
}
