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
}
