//! Private-use characters around the pieces of a template, so that its output tells where each piece came from.
//!
//! Literal text gets its marks inside its surrounding whitespace, and `{{ }}` gets its own as two more `{{ }}` that
//! take over the whitespace control of the first, so that trimming works as it did without marks.

use super::scanner::{Segment, SegmentKind, scan};
use crate::source::Span;

const TEXT: char = '\u{F0DE2}';
const VALUE: char = '\u{F0DE3}';
const BEGIN: char = '\u{F0DE4}';
const END: char = '\u{F0DE5}';

/// A stretch of stripped output and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MarkedPiece {
    pub rendered: Span,
    /// Number of the file, as given to `mark`.
    pub file: usize,
    pub source: Span,
    /// Literal text maps byte by byte, a printed value as a whole.
    pub literal: bool,
}

/// The template with marks; `file` is a number that comes back in `MarkedPiece`.
pub(super) fn mark(text: &str, file: usize) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    for segment in scan(text) {
        match segment.kind {
            SegmentKind::Text => mark_text(&mut marked, text, segment, file),
            SegmentKind::Expression => mark_value(&mut marked, text, segment, file),
            SegmentKind::Block | SegmentKind::Comment => marked.push_str(&text[segment.span.start..segment.span.end]),
        }
    }
    marked
}

fn mark_text(marked: &mut String, text: &str, segment: Segment, file: usize) {
    let whole = &text[segment.span.start..segment.span.end];
    let inner = whole.trim();
    if inner.is_empty() {
        marked.push_str(whole);
        return;
    }
    let start = segment.span.start + (whole.len() - whole.trim_start().len());
    let end = start + inner.len();
    marked.push_str(&text[segment.span.start..start]);
    marked.push_str(&begin(TEXT, file, Span::new(start, end)));
    marked.push_str(inner);
    marked.push(END);
    marked.push_str(&text[end..segment.span.end]);
}

fn mark_value(marked: &mut String, text: &str, segment: Segment, file: usize) {
    let content = segment.content(text);
    let (left, right) = (&text[segment.span.start..content.start], &text[content.end..segment.span.end]);
    if !right.ends_with("}}") {
        marked.push_str(&text[segment.span.start..segment.span.end]);
        return;
    }
    let begin = begin(VALUE, file, segment.span);
    let inner = &text[content.start..content.end];
    marked.push_str(&format!("{left} \"{begin}\" }}}}{{{{ {inner} }}}}{{{{ \"{END}\" {right}"));
}

fn begin(kind: char, file: usize, source: Span) -> String {
    format!("{kind}{file}:{}:{}{BEGIN}", source.start, source.end)
}

fn is_mark(letter: char) -> bool {
    matches!(letter, TEXT | VALUE | BEGIN | END)
}

/// Output without its marks.
pub(super) fn strip(text: &str) -> String {
    if text.contains(is_mark) { read(text).0 } else { text.to_owned() }
}

/// JSON texts without their marks.
pub(super) fn strip_json(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = strip(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip_json),
        serde_json::Value::Object(entries) => entries.values_mut().for_each(strip_json),
        _ => {}
    }
}

/// The output without its marks, and its pieces in order; what no piece covers is whitespace.
pub(super) fn read(output: &str) -> (String, Vec<MarkedPiece>) {
    let mut reader = Reader { text: String::with_capacity(output.len()), pieces: Vec::new(), open: Vec::new() };
    let mut rest = output;
    while let Some(index) = rest.find(is_mark) {
        reader.plain(&rest[..index]);
        let letter = rest[index..].chars().next().unwrap_or(END);
        rest = &rest[index + letter.len_utf8()..];
        if letter == END {
            reader.open.pop();
        } else if let Some((head, after)) = rest.split_once(BEGIN) {
            rest = after;
            reader.open.extend(origin(head).map(|(file, source)| Origin {
                file,
                source,
                literal: letter == TEXT,
                done: 0,
            }));
        }
    }
    reader.plain(rest);
    (reader.text, reader.pieces)
}

fn origin(head: &str) -> Option<(usize, Span)> {
    let mut numbers = head.split(':').map(|number| number.parse::<usize>().ok());
    Some((numbers.next()??, Span::new(numbers.next()??, numbers.next()??)))
}

struct Origin {
    file: usize,
    source: Span,
    literal: bool,
    /// Bytes of a literal that are printed already.
    done: usize,
}

struct Reader {
    text: String,
    pieces: Vec<MarkedPiece>,
    open: Vec<Origin>,
}

impl Reader {
    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(text);
        let rendered = Span::new(start, self.text.len());
        let Some(origin) = self.open.last_mut() else { return };
        let source = if origin.literal {
            let from = origin.source.start + origin.done;
            origin.done += text.len();
            Span::new(from, (from + text.len()).min(origin.source.end))
        } else {
            origin.source
        };
        self.pieces.push(MarkedPiece { rendered, file: origin.file, source, literal: origin.literal });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_inside_the_whitespace() {
        let marked = mark(" a {{- x -}} \n b ", 3);
        assert_eq!(strip(&marked), " a {{- \"\" }}{{  x  }}{{ \"\" -}} \n b ");
    }

    #[test]
    fn pieces_tell_file_and_place() {
        let (text, pieces) =
            read(&mark("ab {% raw %}{{ x }}{% endraw %}", 1).replace("{% raw %}", "").replace("{% endraw %}", ""));
        assert_eq!(text, "ab {{ x }}");
        assert_eq!(
            pieces[1],
            MarkedPiece { rendered: Span::new(3, 10), file: 1, source: Span::new(12, 19), literal: true }
        );
    }

    #[test]
    fn foreign_marks_do_not_panic() {
        for text in ["\u{F0DE2}", "\u{F0DE5}x", "\u{F0DE3}1:2\u{F0DE4}x", "\u{F0DE2}9:9:1\u{F0DE4}xyz"] {
            let _ = read(text);
        }
    }
}
