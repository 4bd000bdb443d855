//! A table in text: aligned, cut to the terminal where it must be, and honest about that.

use std::ops::Range;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) struct Table {
    pub columns: Vec<Column>,
}

pub(crate) struct Column {
    pub name: String,
    pub is_number: bool,
    pub fit: Fit,
    /// `None` is NULL.
    pub cells: Vec<Option<String>>,
}

/// What becomes of a column where the table is wider than the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is never cut, since half of it says nothing or something wrong, as of a time.
    Whole,
    /// It is cut before all others.
    First,
    #[default]
    AsUsual,
}

/// A table as it is printed.
pub(crate) struct Drawn {
    pub text: String,
    cut: usize,
    dropped: Vec<String>,
}

/// Between two columns.
const GAP: usize = 2;
/// No column is cut to less (a date fits): before that, columns are left out.
const NARROWEST: usize = 10;
/// Stands for the columns that are left out, and at the end of a cell that is cut.
const ELLIPSIS: &str = "…";
/// So many columns that are left out are named one by one.
const NAMED: usize = 3;

impl Drawn {
    /// What does not show, in words; `None` when all does.
    pub fn note(&self) -> Option<String> {
        let cut = match self.cut {
            0 => None,
            1 => Some("1 column is cut".to_owned()),
            many => Some(format!("{many} columns are cut")),
        };
        let parts: Vec<String> = [cut, self.dropped_in_words()].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{}; `--output json` shows everything", parts.join(", ")))
    }

    fn dropped_in_words(&self) -> Option<String> {
        let (first, last) = (self.dropped.first()?, self.dropped.last()?);
        let count = self.dropped.len();
        let verb = if count == 1 { "does" } else { "do" };
        let names = if count > NAMED {
            format!("`{first}` to `{last}`")
        } else {
            self.dropped.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        Some(format!("{count} more {verb} not fit: {names}"))
    }
}

impl Table {
    /// Leaves out the columns that say nothing.
    pub fn without_empty(mut self) -> Self {
        self.columns.retain(|column| column.cells.iter().any(|cell| cell.as_deref() != Some("")));
        self
    }

    /// Fits the table to `width` terminal cells; with `None` nothing is cut.
    pub fn draw(&self, width: Option<usize>) -> Drawn {
        let shown: Vec<ShownColumn> = self.columns.iter().map(ShownColumn::of).collect();
        let natural: Vec<Width> = shown.iter().map(|column| Width { cells: column.width, fit: column.fit }).collect();
        let layout = width.map_or_else(|| Layout::whole(&natural), |width| Layout::fit(&natural, width));
        let rows = shown.first().map_or(0, |column| column.cells.len());
        let mut text = String::new();
        layout.draw_line(&mut text, &shown, |column| &column.name);
        layout.draw_rule(&mut text);
        for row in 0..rows {
            layout.draw_line(&mut text, &shown, |column| column.cells.get(row).map_or("", String::as_str));
        }
        let dropped = shown[layout.dropped.clone()].iter().map(|column| column.name.clone()).collect();
        Drawn { text, cut: layout.cut(&natural), dropped }
    }
}

/// A column whose texts fit on a line.
struct ShownColumn {
    name: String,
    is_number: bool,
    fit: Fit,
    cells: Vec<String>,
    width: usize,
}

impl ShownColumn {
    fn of(column: &Column) -> Self {
        let name = one_line(&column.name);
        let cells: Vec<String> =
            column.cells.iter().map(|cell| cell.as_deref().map_or_else(|| "NULL".to_owned(), one_line)).collect();
        let width = cells.iter().map(|cell| cell.width()).chain([name.width()]).max().unwrap_or_default();
        ShownColumn { name, is_number: column.is_number, fit: column.fit, cells, width }
    }
}

/// Control characters as escapes: a line end would break the table, an escape sequence the terminal.
fn one_line(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| match letter.is_control() {
            true => letter.escape_default().collect::<Vec<char>>(),
            false => vec![letter],
        })
        .collect()
}

/// How wide a column would be.
#[derive(Clone, Copy)]
struct Width {
    cells: usize,
    fit: Fit,
}

impl Width {
    /// What it may be cut to.
    fn least(self) -> usize {
        if self.fit == Fit::Whole { self.cells } else { self.cells.min(NARROWEST) }
    }
}

/// Which columns are drawn, and how wide.
struct Layout {
    /// The columns in the middle that are left out.
    dropped: Range<usize>,
    /// Of the others, in their order.
    widths: Vec<usize>,
}

impl Layout {
    fn whole(natural: &[Width]) -> Self {
        Layout { dropped: 0..0, widths: natural.iter().map(|width| width.cells).collect() }
    }

    /// The widest columns give first; then those in the middle go, since keys stand first and what was added last.
    fn fit(natural: &[Width], width: usize) -> Self {
        let dropped = dropped(natural, width);
        let kept = natural[..dropped.start].iter().chain(&natural[dropped.end..]);
        let mut kept: Vec<Width> = kept.copied().collect();
        let room = width.saturating_sub(GAP * kept.len().saturating_sub(1) + marker(&dropped));
        for fit in [Fit::First, Fit::AsUsual] {
            let others = kept.iter().filter(|width| width.fit != fit).map(|width| width.cells).sum();
            let those = kept.iter_mut().filter(|width| width.fit == fit).map(|width| &mut width.cells);
            narrow(those.collect(), room.saturating_sub(others));
        }
        Layout { dropped, widths: kept.iter().map(|width| width.cells).collect() }
    }

    /// The index of each drawn column; `None` stands where some are left out.
    fn places(&self) -> impl Iterator<Item = Option<usize>> {
        let end = self.widths.len() + self.dropped.len();
        let marker = (!self.dropped.is_empty()).then_some(None);
        (0..self.dropped.start).map(Some).chain(marker).chain((self.dropped.end..end).map(Some))
    }

    /// How many columns are narrower than their texts.
    fn cut(&self, natural: &[Width]) -> usize {
        let indexes = self.places().flatten();
        indexes.zip(&self.widths).filter(|(index, width)| **width < natural[*index].cells).count()
    }

    fn draw_line<'a>(&self, text: &mut String, columns: &'a [ShownColumn], cell: impl Fn(&'a ShownColumn) -> &'a str) {
        let mut widths = self.widths.iter();
        let cells = self.places().map(|place| match place {
            Some(index) => aligned(cell(&columns[index]), *widths.next().unwrap_or(&0), columns[index].is_number),
            None => ELLIPSIS.to_owned(),
        });
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        text.push_str(line.trim_end());
        text.push('\n');
    }

    fn draw_rule(&self, text: &mut String) {
        let mut widths = self.widths.iter();
        let rules = self.places().map(|place| place.and_then(|_| widths.next()).map_or(1, |width| *width));
        let rules: Vec<String> = rules.map(|width| "─".repeat(width)).collect();
        text.push_str(&rules.join(&" ".repeat(GAP)));
        text.push('\n');
    }
}

/// What the mark for columns that are left out takes, with its gap.
fn marker(dropped: &Range<usize>) -> usize {
    if dropped.is_empty() { 0 } else { ELLIPSIS.width() + GAP }
}

/// The columns that have no room even when all are as narrow as they may be. The first one always stays.
fn dropped(natural: &[Width], width: usize) -> Range<usize> {
    let smallest = |index: usize| natural[index].least();
    let total = (0..natural.len()).map(smallest).sum::<usize>() + GAP * natural.len().saturating_sub(1);
    if total <= width || natural.len() < 2 {
        return 0..0;
    }
    let (mut start, mut end) = (1, natural.len());
    let mut used = smallest(0) + GAP + ELLIPSIS.width();
    // By turns from the left and from the right, until one does not fit.
    while start < end {
        let takes_last = natural.len() - end < start;
        let next = if takes_last { end - 1 } else { start };
        used += smallest(next) + GAP;
        if used > width {
            break;
        }
        if takes_last { end -= 1 } else { start += 1 }
    }
    start..end
}

/// Makes the widest columns as narrow as it takes for all of these to fit into `room`.
fn narrow(widths: Vec<&mut usize>, room: usize) {
    // The largest limit under which all columns fit. Widths are small, so trying each is quick enough.
    let widest = widths.iter().map(|width| **width).max().unwrap_or_default().min(room.max(NARROWEST));
    let sum = |limit: usize| widths.iter().map(|width| (**width).min(limit)).sum::<usize>();
    let limit = (NARROWEST..=widest).rev().find(|limit| sum(*limit) <= room).unwrap_or(NARROWEST);
    let mut left = room.saturating_sub(sum(limit));
    for width in widths {
        // What the limit leaves over goes to the first column that wants it.
        let more = width.saturating_sub(limit).min(left);
        *width = (*width).min(limit) + more;
        left -= more;
    }
}

/// A cell as wide as its column: numbers at the right, all else at the left.
fn aligned(cell: &str, width: usize, is_number: bool) -> String {
    let shown = shortened(cell, width);
    let padding = " ".repeat(width.saturating_sub(shown.width()));
    if is_number { format!("{padding}{shown}") } else { format!("{shown}{padding}") }
}

/// A text in so many terminal cells, with a mark where it is cut.
pub(crate) fn shortened(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut used = 0;
    let kept = text.chars().take_while(|letter| {
        used += letter.width().unwrap_or_default();
        used < width
    });
    format!("{}{ELLIPSIS}", kept.collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, is_number: bool, cells: &[Option<&str>]) -> Column {
        let cells = cells.iter().map(|cell| cell.map(str::to_owned)).collect();
        Column { name: name.to_owned(), is_number, fit: Fit::AsUsual, cells }
    }

    #[test]
    fn some_columns_give_first_and_some_never() {
        let fitted = |fit, name: &str, cell: &str| Column { fit, ..column(name, false, &[Some(cell)]) };
        let columns = vec![
            fitted(Fit::First, "run", "a very long identifier"),
            fitted(Fit::Whole, "when", "2026-01-31 12:59:07"),
            fitted(Fit::AsUsual, "nothing", ""),
            fitted(Fit::AsUsual, "what", "a text of some length"),
        ];
        let table = Table { columns }.without_empty();
        let last = |width| table.draw(Some(width)).text.lines().last().unwrap().to_owned();
        assert_eq!(last(66), "a very long identifier  2026-01-31 12:59:07  a text of some length");
        assert_eq!(last(56), "a very long…  2026-01-31 12:59:07  a text of some length");
        assert_eq!(last(50), "a very lo…  2026-01-31 12:59:07  a text of some l…");
        assert_eq!(last(32), "a very lo…  …  a text of some l…");
    }

    #[test]
    fn numbers_stand_right_and_null_is_shown() {
        let columns = vec![
            column("carrier", false, &[Some("UA"), None, Some("東京")]),
            column("n", true, &[Some("1"), Some("1000"), None]),
        ];
        let drawn = Table { columns }.draw(None);
        assert_eq!(drawn.text, "carrier     n\n───────  ────\nUA          1\nNULL     1000\n東京     NULL\n");
        assert_eq!(drawn.note(), None);
    }

    #[test]
    fn wide_tables_fit_and_say_what_is_missing() {
        let long = "a text that is far too long for this terminal";
        let columns = vec![
            column("id", true, &[Some("1")]),
            column("text", false, &[Some(long)]),
            column("other", false, &[Some(long)]),
            column("last", false, &[Some(long)]),
        ];
        let table = Table { columns };
        for width in [1, 8, 12, 20, 31, 32, 33, 40, 79, 80, 200] {
            let drawn = table.draw(Some(width));
            let widest = drawn.text.lines().map(UnicodeWidthStr::width).max().unwrap();
            assert!(widest <= width.max("id  …".width()), "{widest} > {width}\n{}", drawn.text);
            assert_eq!(drawn.note().is_none(), width == 200);
        }
        let drawn = table.draw(Some(30));
        let text = "id  text         …  last\n──  ───────────  ─  ──────────\n 1  a text tha…  …  a text th…\n";
        assert_eq!(drawn.text, text);
        let note = drawn.note().unwrap();
        assert_eq!(note, "2 columns are cut, 1 more does not fit: `other`; `--output json` shows everything");
    }

    #[test]
    fn of_many_columns_the_first_and_the_last_are_shown() {
        let columns = (1..=200).map(|number| column(&format!("measure_{number}"), true, &[Some("123")]));
        let drawn = Table { columns: columns.collect() }.draw(Some(60));
        let header = "measure_1  measure_2  measure_3  …  measure_199  measure_200";
        assert_eq!(drawn.text.lines().next(), Some(header));
        assert!(drawn.text.lines().all(|line| line.width() <= 60), "{}", drawn.text);
        let note = "195 more do not fit: `measure_4` to `measure_198`; `--output json` shows everything";
        assert_eq!(drawn.note().as_deref(), Some(note));
    }

    #[test]
    fn a_cell_cannot_break_the_table_or_the_terminal() {
        let drawn = Table { columns: vec![column("a\tb", false, &[Some("x\ny\u{1b}[31m")])] }.draw(None);
        assert_eq!(drawn.text.lines().nth(2), Some("x\\ny\\u{1b}[31m"));
        assert_eq!(drawn.text.lines().count(), 3);
    }
}
