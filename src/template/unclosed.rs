//! What a template opens and does not close: an error at the end of a file helps nobody to find it.

use super::scanner::{Segment, SegmentKind, scan};
use crate::source::Span;

/// Words that open a block which `{% end... %}` closes.
const OPENING: [&str; 10] =
    ["if", "for", "macro", "test", "data_test", "call", "filter", "with", "block", "autoescape"];

/// The innermost block that is open where the text ends or, before that, at `end`.
pub(super) fn open_block(text: &str, end: usize) -> Option<(&str, Span)> {
    let mut open: Vec<(&str, Span)> = Vec::new();
    for tag in scan(text).into_iter().filter(|tag| tag.kind == SegmentKind::Block && tag.span.end <= end) {
        let word = tag.keyword(text);
        if opens(text, tag, word) {
            open.push((word, tag.span));
        } else if let Some(closed) = word.strip_prefix("end")
            && open.last().is_some_and(|(word, _)| *word == closed)
        {
            open.pop();
        }
    }
    open.pop()
}

/// `{% set x = 1 %}` is no block, and `{% set x %}` is one.
fn opens(text: &str, tag: Segment, word: &str) -> bool {
    let content = tag.content(text);
    OPENING.contains(&word) || (word == "set" && !text[content.start..content.end].contains('='))
}

/// The opening of a comment or of a raw block that reaches to the end of the text.
pub(super) fn open_text(text: &str) -> Option<Span> {
    let segments = scan(text);
    let last = segments.last()?;
    match last.kind {
        SegmentKind::Comment => Some(Span::new(last.span.start, last.span.start + 2)),
        _ => {
            let raw = segments.iter().rev().find(|tag| tag.kind == SegmentKind::Block)?;
            (raw.keyword(text) == "raw").then_some(raw.span)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_open_block_is_found() {
        let cases = [
            ("{% if a %}{% for b in c %}{% endfor %}", Some("if")),
            ("{% if a %}{% set b = 1 %}{% set d %}", Some("set")),
            ("{% if a %}{% elif b %}{% else %}{% endif %}", None),
            ("{% raw %}{% if a %}{% endraw %}{% macro m() %}{{ '{% endmacro %}' }}", Some("macro")),
        ];
        for (text, expected) in cases {
            assert_eq!(open_block(text, text.len()).map(|(word, _)| word), expected, "{text}");
        }
        assert_eq!(open_text("a {# b"), Some(Span::new(2, 4)));
        assert_eq!(open_text("a {% raw %} b"), Some(Span::new(2, 11)));
        assert_eq!(open_text("a {% if b %}"), None);
    }
}
