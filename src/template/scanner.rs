//! Splits a template into text and tags, by the rules of minijinja's lexer, without understanding what the tags say.

use crate::source::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// Printed as it is (also what stands between `{% raw %}` and `{% endraw %}`).
    Text,
    /// `{{ ... }}`
    Expression,
    /// `{% ... %}`
    Block,
    /// `{# ... #}`
    Comment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub kind: SegmentKind,
    /// The whole segment, delimiters included.
    pub span: Span,
}

impl Segment {
    /// What stands between the delimiters and their whitespace marks (`-`, `+`).
    pub fn content(self, text: &str) -> Span {
        let inner = match self.kind {
            SegmentKind::Text => return self.span,
            _ => Span::new(self.span.start + 2, self.span.end.saturating_sub(2).max(self.span.start + 2)),
        };
        let Some(content) = text.get(inner.start..inner.end) else { return Span::new(inner.start, inner.start) };
        let start = inner.start + usize::from(content.starts_with(['-', '+']));
        let marked = content.len() > 1 && content.ends_with(['-', '+']);
        Span::new(start, (inner.end - usize::from(marked)).max(start))
    }

    /// The first word of a tag, such as `macro`.
    pub fn keyword(self, text: &str) -> &str {
        let content = self.content(text);
        let trimmed = text[content.start..content.end].trim_start();
        let end = trimmed.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(trimmed.len());
        &trimmed[..end]
    }
}

/// Whether a text holds any tag at all; where it does not, rendering changes nothing.
pub(super) fn has_tags(text: &str) -> bool {
    next_tag(text, 0).is_some()
}

/// All segments in order; together they are the text. A tag that does not end reaches to the end of the text.
pub(crate) fn scan(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut from = 0;
    while let Some((start, kind)) = next_tag(text, from) {
        push(&mut segments, SegmentKind::Text, from, start);
        let end = tag_end(text, start, kind);
        push(&mut segments, kind, start, end);
        from = end;
        let opens_raw = segments.last().is_some_and(|tag| tag.kind == SegmentKind::Block && is_tag(text, *tag, "raw"));
        if opens_raw {
            let close = raw_end(text, end);
            push(&mut segments, SegmentKind::Text, end, close);
            from = tag_end(text, close, SegmentKind::Block);
            push(&mut segments, SegmentKind::Block, close, from);
        }
    }
    push(&mut segments, SegmentKind::Text, from, text.len());
    segments
}

fn push(segments: &mut Vec<Segment>, kind: SegmentKind, start: usize, end: usize) {
    if start < end {
        segments.push(Segment { kind, span: Span::new(start, end) });
    }
}

fn next_tag(text: &str, from: usize) -> Option<(usize, SegmentKind)> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find('{')?;
        let kind = match text.as_bytes().get(start + 1) {
            Some(b'{') => SegmentKind::Expression,
            Some(b'%') => SegmentKind::Block,
            Some(b'#') => SegmentKind::Comment,
            _ => {
                from = start + 1;
                continue;
            }
        };
        return Some((start, kind));
    }
}

fn tag_end(text: &str, start: usize, kind: SegmentKind) -> usize {
    let close = match kind {
        SegmentKind::Comment => {
            return text
                .get(start + 2..)
                .and_then(|rest| rest.find("#}"))
                .map_or(text.len(), |end| start + 2 + end + 2);
        }
        SegmentKind::Expression => b"}}",
        _ => b"%}",
    };
    let bytes = text.as_bytes();
    let (mut index, mut depth) = (start + 2, 0_usize);
    while let Some(byte) = bytes.get(index) {
        if depth == 0 && bytes[index..].starts_with(close) {
            return index + 2;
        }
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\'' | b'"' => index = string_end(bytes, index),
            _ => {}
        }
        index += 1;
    }
    text.len()
}

/// Index of the quote that closes the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(byte) = bytes.get(index) {
        match byte {
            b'\\' => index += 1,
            byte if *byte == bytes[start] => return index,
            _ => {}
        }
        index += 1;
    }
    bytes.len()
}

fn is_tag(text: &str, segment: Segment, word: &str) -> bool {
    let content = segment.content(text);
    text[content.start..content.end].trim() == word
}

/// Where the `{% endraw %}` after `from` starts.
fn raw_end(text: &str, from: usize) -> usize {
    let mut from = from;
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("{%")).map(|index| from + index) {
        let segment =
            Segment { kind: SegmentKind::Block, span: Span::new(start, tag_end(text, start, SegmentKind::Block)) };
        if is_tag(text, segment, "endraw") {
            return start;
        }
        from = start + 2;
    }
    text.len()
}

/// Identifiers of a tag's content with their spans, without those inside its string literals.
pub(super) fn identifiers(text: &str, content: Span) -> impl Iterator<Item = (Span, &str)> {
    let bytes = &text.as_bytes()[..content.end];
    let mut index = content.start;
    std::iter::from_fn(move || {
        while let Some(byte) = bytes.get(index) {
            match byte {
                b'\'' | b'"' => index = string_end(bytes, index) + 1,
                byte if is_word(*byte) => {
                    let start = index;
                    while bytes.get(index).is_some_and(|byte| is_word(*byte)) {
                        index += 1;
                    }
                    return Some((Span::new(start, index), &text[start..index]));
                }
                _ => index += 1,
            }
        }
        None
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The string literals of a call's arguments that starts at the parenthesis `open`, and where the call ends.
/// `None` for the arguments when one of them is not a plain string literal.
pub(super) fn call_arguments(text: &str, open: usize, limit: usize) -> (Option<Vec<String>>, usize) {
    let bytes = &text.as_bytes()[..limit];
    let (mut index, mut depth) = (open, 0_usize);
    let (mut literals, mut plain) = (Vec::new(), true);
    while let Some(byte) = bytes.get(index) {
        match byte {
            b'(' => depth += 1,
            b')' if depth <= 1 => return (plain.then_some(literals), index + 1),
            b')' => depth -= 1,
            b'\'' | b'"' => {
                let end = string_end(bytes, index);
                let literal = text.get(index + 1..end).unwrap_or_default();
                plain &= !literal.contains('\\');
                literals.push(literal.to_owned());
                index = end;
            }
            b',' => {}
            byte => plain &= byte.is_ascii_whitespace(),
        }
        plain &= depth <= 1;
        index += 1;
    }
    (None, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(SegmentKind, &str)> {
        scan(text).into_iter().map(|segment| (segment.kind, &text[segment.span.start..segment.span.end])).collect()
    }

    #[test]
    fn tags_end_where_jinja_ends_them() {
        use SegmentKind::{Block, Comment, Expression, Text};
        assert_eq!(
            pieces("a{{ {'x': {'y': '}}'}} }}b{%- if x -%}{# {{ #}{c}"),
            vec![
                (Text, "a"),
                (Expression, "{{ {'x': {'y': '}}'}} }}"),
                (Text, "b"),
                (Block, "{%- if x -%}"),
                (Comment, "{# {{ #}"),
                (Text, "{c}")
            ]
        );
    }

    #[test]
    fn raw_blocks_are_text() {
        use SegmentKind::{Block, Text};
        assert_eq!(
            pieces("{%- raw %}{{ x }}{% y %}{% endraw -%}z"),
            vec![(Block, "{%- raw %}"), (Text, "{{ x }}{% y %}"), (Block, "{% endraw -%}"), (Text, "z")]
        );
    }

    #[test]
    fn broken_tags_do_not_panic() {
        for text in ["{{", "{%", "{#", "{{ 'x", "{% raw %}", "{%-%}", "{{-}}", "{%+", "ä{{ö", "{% raw %}ü{%"] {
            let segments = scan(text);
            assert_eq!(segments.iter().map(|segment| segment.span.end - segment.span.start).sum::<usize>(), text.len());
            for segment in segments {
                let _ = segment.keyword(text);
            }
        }
    }
}
