//! How two texts differ, line by line.

use similar::TextDiff;

use crate::diagnostic::visible;

/// Unchanged lines around each change.
const CONTEXT: usize = 3;

const REMOVED: &str = "\u{1b}[31m";
const ADDED: &str = "\u{1b}[32m";
const PLACE: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// The unified diff of two texts under their names; `None` when they are equal.
pub(crate) fn unified((old_name, old): (&str, &str), (new_name, new): (&str, &str)) -> Option<String> {
    let (old, new) = (ended(old), ended(new));
    if old == new {
        return None;
    }
    let diff = TextDiff::from_lines(&old, &new);
    Some(diff.unified_diff().context_radius(CONTEXT).header(old_name, new_name).to_string())
}

/// A diff as a terminal shows it.
pub(crate) fn coloured(diff: &str) -> String {
    let coloured = |line: &str| match line.as_bytes().first() {
        Some(b'-') => format!("{REMOVED}{line}{RESET}\n"),
        Some(b'+') => format!("{ADDED}{line}{RESET}\n"),
        Some(b'@') => format!("{PLACE}{line}{RESET}\n"),
        _ => format!("{line}\n"),
    };
    visible(diff).lines().map(coloured).collect()
}

/// Without empty lines at the ends, which nobody means, and with one line end behind the last line.
fn ended(text: &str) -> String {
    let text = text.trim_matches(['\n', '\r']).trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(unified(("a", "select 1\n"), ("b", "\nselect 1")), None);
        let diff = unified(("a", "1\n2\n3\n4\n5\nselect 1"), ("b", "1\n2\n3\n4\n5\nselect 2")).unwrap();
        assert_eq!(diff, "--- a\n+++ b\n@@ -3,4 +3,4 @@\n 3\n 4\n 5\n-select 1\n+select 2\n");
        assert!(coloured(&diff).contains("\u{1b}[31m-select 1\u{1b}[0m\n"));
    }
}
