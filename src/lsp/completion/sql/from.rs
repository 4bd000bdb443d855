//! The tables behind `from`, one by one, and what their joins compare.

use crate::lsp::sql::{Bracket, Range, Text};

/// Words between two tables.
const JOIN_WORDS: [&str; 13] = [
    "join",
    "left",
    "right",
    "full",
    "inner",
    "outer",
    "cross",
    "natural",
    "asof",
    "positional",
    "semi",
    "anti",
    "straight_join",
];

/// Something behind `from`, without its condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromItem {
    pub range: Range,
    /// Behind `on` or `using`.
    pub condition: Option<Range>,
    /// Whether it only decides which rows there are, as what stands behind `semi join` does.
    pub filters: bool,
}

/// What stands behind a `from`; `bracket` is the one around it.
pub(super) fn from_items(text: &Text<'_>, bracket: &Bracket, range: Range) -> Vec<FromItem> {
    let mut items: Vec<FromItem> = Vec::new();
    let mut reader = Reader { start: range.start, condition: None, filters: false };
    for index in bracket.top(range) {
        if text.is_symbol(index, ',') {
            reader.close(&mut items, index, range.start);
            reader = Reader { start: index + 1, condition: None, filters: false };
        } else if is_join_word(text, bracket, index) {
            if reader.start < index || reader.condition.is_some() {
                reader.close(&mut items, index, range.start);
                reader = Reader { start: index, condition: None, filters: false };
            }
            reader.filters |= text.is(index, &["semi", "anti"]);
            reader.start = index + 1;
        } else if text.is(index, &["on", "using"]) && reader.condition.is_none() && !text.is_behind_dot(index) {
            reader.condition = Some((index, index + 1));
        }
    }
    reader.close(&mut items, range.end, range.start);
    items.into_iter().flat_map(|item| flattened(text, bracket, item)).collect()
}

/// An item that is being read.
struct Reader {
    start: usize,
    /// Its keyword, and what stands behind it.
    condition: Option<(usize, usize)>,
    filters: bool,
}

impl Reader {
    fn close(&self, items: &mut Vec<FromItem>, end: usize, first: usize) {
        let range = Range::new(self.start, self.condition.map_or(end, |(keyword, _)| keyword));
        let condition = self.condition.map(|(_, start)| Range::new(start, end));
        // `from |` has a place for a table, though none stands there.
        if !range.is_empty() || condition.is_some() || self.start == end && self.start > first {
            items.push(FromItem { range, condition, filters: self.filters });
        }
    }
}

fn is_join_word(text: &Text<'_>, bracket: &Bracket, index: usize) -> bool {
    // `left(name, 1)` is a function.
    text.is(index, &JOIN_WORDS)
        && !text.is_behind_dot(index)
        && (text.is(index, &["join"]) || bracket.opened_at(index + 1).is_none())
}

/// Whether what stands in parentheses has other columns than its tables.
fn makes_others(text: &Text<'_>, bracket: &Bracket) -> bool {
    text.is(bracket.inside.start, &["describe", "summarize", "show", "pivot", "unpivot", "call"])
}

/// `(a join b on ...)` is what stands in it.
fn flattened(text: &Text<'_>, bracket: &Bracket, item: FromItem) -> Vec<FromItem> {
    match bracket.opened_at(item.range.start) {
        Some(nested) if !nested.is_query && !makes_others(text, nested) && nested.after >= item.range.end => {
            let mut items = from_items(text, nested, nested.inside);
            items.push(FromItem { range: Range::new(item.range.end, item.range.end), ..item });
            items
        }
        _ => vec![item],
    }
}
