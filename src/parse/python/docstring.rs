//! Docstrings, cleaned as Python's `inspect.cleandoc` does.

use ruff_python_ast::{Expr, Stmt};

pub fn of(body: &[Stmt]) -> Option<String> {
    let Some(Stmt::Expr(statement)) = body.first() else { return None };
    let Expr::StringLiteral(literal) = statement.value.as_ref() else { return None };
    Some(clean(literal.value.to_str())).filter(|text| !text.is_empty())
}

/// Tabs become spaces, the indentation that all lines but the first share goes, empty lines at both ends too.
fn clean(text: &str) -> String {
    let expanded: Vec<String> = text.split('\n').map(|line| expand_tabs(line.trim_end_matches('\r'))).collect();
    let indents = expanded.iter().skip(1).filter(|line| !line.trim().is_empty());
    let shared = indents.map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    let lines = expanded.iter().enumerate().map(|(index, line)| match index {
        0 => line.trim_start(),
        _ => line.get(shared..).unwrap_or_default(),
    });
    let lines: Vec<&str> = lines.map(str::trim_end).collect();
    let is_empty = |line: &&str| line.is_empty();
    let start = lines.iter().position(|line| !is_empty(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !is_empty(line)).map_or(start, |last| last + 1);
    lines.get(start..end).unwrap_or_default().join("\n")
}

fn expand_tabs(line: &str) -> String {
    if !line.contains('\t') {
        return line.to_string();
    }
    let mut expanded = String::with_capacity(line.len() + 8);
    let mut column = 0;
    for letter in line.chars() {
        if letter == '\t' {
            let width = 8 - column % 8;
            expanded.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            expanded.push(letter);
            column += 1;
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::clean;

    /// Expected values come from CPython's `inspect.cleandoc`.
    #[test]
    fn cleans_as_python_does() {
        assert_eq!(clean("  One.\n\n    Two\n      three\n    "), "One.\n\nTwo\n  three");
        assert_eq!(clean("\n    first\n  second\n"), "  first\nsecond");
        assert_eq!(clean("a\n\tb\n        c"), "a\nb\nc");
        assert_eq!(clean("   \n \n"), "");
        assert_eq!(clean("ä\n  ö\n ü"), "ä\n ö\nü");
    }
}
