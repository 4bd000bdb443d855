//! A table in text: aligned, cut to the terminal where it must be, and honest about that.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) struct Table {
    pub columns: Vec<Column>,
}

pub(crate) struct Column {
    pub name: String,
    pub is_number: bool,
    /// `None` is NULL.
    pub cells: Vec<Option<String>>,
}

/// A table as it is printed.
pub(crate) struct Drawn {
    pub text: String,
    cut: usize,
    dropped: Vec<String>,
}

/// Between two columns.
const GAP: usize = 2;
/// No column is cut to less: below this nothing can be read.
const NARROWEST: usize = 8;

impl Drawn {
    /// What does not show, in words; `None` when all does.
    pub fn note(&self) -> Option<String> {
        let cut = match self.cut {
            0 => None,
            1 => Some("1 column is cut".to_owned()),
            many => Some(format!("{many} columns are cut")),
        };
        let dropped = (!self.dropped.is_empty()).then(|| {
            let names: Vec<String> = self.dropped.iter().map(|name| format!("`{name}`")).collect();
            let verb = if names.len() == 1 { "does" } else { "do" };
            format!("{} more {verb} not fit: {}", names.len(), names.join(", "))
        });
        let parts: Vec<String> = [cut, dropped].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{}; `--output json` shows everything", parts.join(", ")))
    }
}

impl Table {
    /// Fits the table to `width` terminal cells; with `None` nothing is cut.
    pub fn draw(&self, width: Option<usize>) -> Drawn {
        let shown: Vec<ShownColumn> = self.columns.iter().map(ShownColumn::of).collect();
        let natural: Vec<usize> = shown.iter().map(|column| column.width).collect();
        let widths = width.map_or_else(|| natural.clone(), |width| fit(&natural, width));
        let cut = widths.iter().zip(&natural).filter(|(width, natural)| width < natural).count();
        let dropped = self.columns.iter().skip(widths.len()).map(|column| column.name.clone()).collect();
        let mut text = String::new();
        draw_line(&mut text, &shown, &widths, |column| &column.name);
        draw_rule(&mut text, &widths);
        let rows = shown.first().map_or(0, |column| column.cells.len());
        for row in 0..rows {
            draw_line(&mut text, &shown, &widths, |column| column.cells.get(row).map_or("", String::as_str));
        }
        Drawn { text, cut, dropped }
    }
}

/// A column whose texts fit on a line.
struct ShownColumn {
    name: String,
    is_number: bool,
    cells: Vec<String>,
    width: usize,
}

impl ShownColumn {
    fn of(column: &Column) -> Self {
        let name = one_line(&column.name);
        let cells: Vec<String> =
            column.cells.iter().map(|cell| cell.as_deref().map_or_else(|| "NULL".to_owned(), one_line)).collect();
        let width = cells.iter().map(|cell| cell.width()).chain([name.width()]).max().unwrap_or_default();
        ShownColumn { name, is_number: column.is_number, cells, width }
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

/// Widths that fit: the widest columns give first, then the last columns go.
fn fit(natural: &[usize], width: usize) -> Vec<usize> {
    let smallest = |natural: &usize| (*natural).min(NARROWEST);
    let mut count = natural.len();
    while count > 1 && total(natural[..count].iter().map(smallest)) > width {
        count -= 1;
    }
    let mut widths = natural[..count].to_vec();
    let room = width.saturating_sub(GAP * count.saturating_sub(1));
    // The largest limit under which all columns fit. Widths are small, so trying each is quick enough.
    let widest = widths.iter().copied().max().unwrap_or_default().min(room.max(NARROWEST));
    let sum = |limit: usize| widths.iter().map(|width| (*width).min(limit)).sum::<usize>();
    let limit = (NARROWEST..=widest).rev().find(|limit| sum(*limit) <= room).unwrap_or(NARROWEST);
    let mut left = room.saturating_sub(sum(limit));
    for width in &mut widths {
        // What the limit leaves over goes to the first column that wants it.
        let more = width.saturating_sub(limit).min(left);
        *width = (*width).min(limit) + more;
        left -= more;
    }
    widths
}

fn total(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP * widths.len().saturating_sub(1);
    widths.sum::<usize>() + gaps
}

fn draw_line<'a>(
    text: &mut String,
    columns: &'a [ShownColumn],
    widths: &[usize],
    cell: impl Fn(&'a ShownColumn) -> &'a str,
) {
    let mut line = String::new();
    for (index, (column, width)) in columns.iter().zip(widths).enumerate() {
        if index > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        let shown = shortened(cell(column), *width);
        let padding = " ".repeat(width.saturating_sub(shown.width()));
        let (before, after) = if column.is_number { (padding, String::new()) } else { (String::new(), padding) };
        line.push_str(&before);
        line.push_str(&shown);
        line.push_str(&after);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn draw_rule(text: &mut String, widths: &[usize]) {
    let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    text.push_str(&rules.join(&" ".repeat(GAP)));
    text.push('\n');
}

fn shortened(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut used = 0;
    let kept = text.chars().take_while(|letter| {
        used += letter.width().unwrap_or_default();
        used < width
    });
    format!("{}…", kept.collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, is_number: bool, cells: &[Option<&str>]) -> Column {
        let cells = cells.iter().map(|cell| cell.map(str::to_owned)).collect();
        Column { name: name.to_owned(), is_number, cells }
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
            assert!(widest <= width.max(NARROWEST), "{widest} > {width}\n{}", drawn.text);
            assert_eq!(drawn.note().is_none(), width == 200);
        }
        let note = table.draw(Some(24)).note().unwrap();
        assert_eq!(note, "2 columns are cut, 1 more does not fit: `last`; `--output json` shows everything");
    }

    #[test]
    fn a_cell_cannot_break_the_table_or_the_terminal() {
        let drawn = Table { columns: vec![column("a\tb", false, &[Some("x\ny\u{1b}[31m")])] }.draw(None);
        assert_eq!(drawn.text.lines().nth(2), Some("x\\ny\\u{1b}[31m"));
        assert_eq!(drawn.text.lines().count(), 3);
    }
}
