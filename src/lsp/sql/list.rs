//! Lists: of a select, of common table expressions.

use super::outline::{Bracket, Clause, Range, Text};
use crate::parse::sql::unquoted;
use crate::source::Span;

/// What stands between the commas of a stretch; nothing behind the last one.
pub(in crate::lsp) fn separated(text: &Text<'_>, bracket: &Bracket, range: Range) -> Vec<Range> {
    let (mut ranges, mut start) = (Vec::new(), range.start);
    for index in bracket.top(range).into_iter().filter(|index| text.is_symbol(*index, ',')) {
        ranges.push(Range::new(start, index));
        start = index + 1;
    }
    ranges.extend((start < range.end).then_some(Range::new(start, range.end)));
    ranges
}

/// The items of a select's list, behind `distinct on (...)`.
pub(in crate::lsp) fn list_items(text: &Text<'_>, bracket: &Bracket, list: Range) -> Vec<Range> {
    let mut start = list.start + usize::from(text.is(list.start, &["distinct", "all"]));
    if start > list.start && text.is(start, &["on"]) {
        start = bracket.opened_at(start + 1).map_or(start, |keys| keys.after);
    }
    separated(text, bracket, Range::new(start, list.end))
}

/// The names that a select's list gives to its items.
pub(in crate::lsp) fn aliases(text: &Text<'_>, bracket: &Bracket, list: Range) -> Vec<String> {
    let items = list_items(text, bracket, list).into_iter();
    let named = items.filter(|item| item.end > item.start + 2 && text.is_name(item.end - 1));
    let named = named.filter(|item| text.is(item.end - 2, &["as"]));
    named.map(|item| text.slice(Range::new(item.end - 1, item.end)).to_owned()).collect()
}

/// The names that end items of lists, as names of columns do, with their places: those of the statement's own select first,
/// then those of the queries inside of it, the last ones first.
pub(in crate::lsp) fn made_names(sql: &str) -> Vec<(String, Span)> {
    let text = Text::new(sql);
    let whole = text.brackets();
    let mut names = Vec::new();
    made_in(&text, &whole, &mut names);
    names
}

fn made_in(text: &Text<'_>, bracket: &Bracket, names: &mut Vec<(String, Span)>) {
    if bracket.is_query {
        let query = text.query(bracket);
        let lists = query.branches.iter().flatten().filter(|part| part.clause == Clause::Select);
        for item in lists.flat_map(|list| list_items(text, bracket, list.range)) {
            let last = item.end.checked_sub(1).filter(|last| !item.is_empty() && text.is_name(*last));
            names.extend(last.map(|last| {
                let token = text.tokens[last];
                (unquoted(token.text(text.sql)), token.span)
            }));
        }
    }
    bracket.inner.iter().rev().for_each(|inner| made_in(text, inner, names));
}

/// A common table expression or a column, where its name stands.
#[derive(Debug)]
pub(in crate::lsp) struct Symbol {
    pub name: String,
    pub word: Span,
    /// All that it is made of.
    pub whole: Span,
    pub is_column: bool,
    pub columns: Vec<Symbol>,
}

/// What a statement defines: its common table expressions with their columns, and its own columns.
pub(in crate::lsp) fn outline(sql: &str) -> Vec<Symbol> {
    let text = Text::new(sql);
    symbols(&text, &text.brackets())
}

fn symbols(text: &Text<'_>, bracket: &Bracket) -> Vec<Symbol> {
    let query = text.query(bracket);
    let with =
        query.with.map(|with| Range::new(with.start + usize::from(text.is(with.start, &["recursive"])), with.end));
    let definitions = with.map(|with| separated(text, bracket, with)).unwrap_or_default();
    let definitions = definitions.into_iter().filter(|range| !range.is_empty() && text.is_name(range.start));
    let mut found: Vec<Symbol> = definitions
        .map(|range| {
            let inside = |inner: &&Bracket| inner.is_query && inner.opener.is_some_and(|opener| range.holds(opener));
            let columns = bracket.inner.iter().find(inside).map(|inner| symbols(text, inner)).unwrap_or_default();
            symbol(text, range.start, range, columns)
        })
        .collect();
    // The first side of a set operation names the columns.
    let first = query.branches.first().into_iter().flatten();
    for list in first.filter(|part| part.clause == Clause::Select) {
        let items = list_items(text, bracket, list.range).into_iter();
        let named = items.filter(|item| !item.is_empty() && text.is_name(item.end - 1));
        found.extend(named.map(|item| Symbol { is_column: true, ..symbol(text, item.end - 1, item, Vec::new()) }));
    }
    found
}

fn symbol(text: &Text<'_>, name: usize, whole: Range, columns: Vec<Symbol>) -> Symbol {
    let (word, last) = (text.tokens[name], text.tokens[whole.end - 1]);
    Symbol {
        name: unquoted(word.text(text.sql)),
        word: word.span,
        whole: Span::new(text.tokens[whole.start].span.start, last.span.end),
        is_column: false,
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_end_the_items_of_lists() {
        let sql = "with a as (select x as y, z from t where b), c as (select distinct on (k) d \"e f\" from a) \
                   select *, a.g, h + 1 as i, sum(j) from a join c using (y) where y group by z union select u as v";
        let names: Vec<String> = made_names(sql).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["g", "i", "v", "e f", "y", "z"]);
        assert!(made_names(&sql[..sql.len() / 2]).len() > 1);
    }

    #[test]
    fn an_outline_holds_definitions_and_columns() {
        fn shown(symbols: &[Symbol]) -> String {
            let shown = |symbol: &Symbol| match symbol.is_column {
                true => symbol.name.clone(),
                false => format!("{}({})", symbol.name, shown(&symbol.columns)),
            };
            symbols.iter().map(shown).collect::<Vec<_>>().join(" ")
        }
        let sql = "with recursive a as (with b as (select 1 as x) select x as y from b union select z), \"c d\"(e) as \
                   (select f) select g, h.i, * from a union all select j from a";
        assert_eq!(shown(&outline(sql)), "a(b(x) y) c d(f) g i");
        for end in (0..sql.len()).filter(|end| sql.is_char_boundary(*end)) {
            outline(&sql[..end]);
            outline(&sql[end..]);
        }
    }
}
