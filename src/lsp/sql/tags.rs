//! A template's tags as they stand in its text.

use crate::template::{Segment, SegmentKind, scan};

/// The text of the same length without tags.
pub(in crate::lsp) fn without_tags(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    for segment in segments(text) {
        let part = &text[segment.span.start..segment.span.end];
        match segment.kind {
            SegmentKind::Text => bare.push_str(part),
            _ => bare.extend(std::iter::repeat_n(' ', part.len())),
        }
    }
    bare
}

/// As `scan` tells them, but that a tag without an end ends with its line.
pub(in crate::lsp) fn segments(text: &str) -> Vec<Segment> {
    let (mut all, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let moved = |mut segment: Segment| {
            segment.span.start += start;
            segment.span.end += start;
            segment
        };
        all.extend(scan(&text[start..]).into_iter().map(moved));
        let Some(last) = all.last_mut().filter(|last| last.kind != SegmentKind::Text) else { break };
        let tag = &text[last.span.start..];
        let is_ended = tag.ends_with("}}") || tag.ends_with("%}") || tag.ends_with("#}");
        let Some(length) = tag.find('\n').filter(|_| !is_ended) else { break };
        start = last.span.start + length;
        last.span.end = start;
    }
    all
}
