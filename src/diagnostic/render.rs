//! The only file that draws diagnostics.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::source::Place;

/// How diagnostics are drawn. Content does not depend on it: output without colour says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    Plain,
    Coloured,
}

/// One diagnostic as text: code, message, `path:line:column`, excerpt, related places, details, hints.
pub fn render(diagnostic: &Diagnostic, rendering: Rendering) -> String {
    let renderer = match rendering {
        Rendering::Plain => Renderer::plain(),
        Rendering::Coloured => Renderer::styled(),
    };
    let mut text = renderer.render(&groups(diagnostic));
    if let Some(details) = &diagnostic.details {
        text.push('\n');
        text.push_str(details.trim_end());
    }
    for hint in &diagnostic.hints {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text.push('\n');
    text
}

fn groups(diagnostic: &Diagnostic) -> Vec<Group<'_>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.to_string());
    let head = match &diagnostic.place {
        // Of a file whose text was not read there is nothing to show.
        Some(place) if place.file.text().is_empty() => title.element(Origin::path(place.file.path().to_string_lossy())),
        Some(place) if diagnostic.is_somewhere => title.element(Origin::path(place.lines())),
        Some(place) => title.element(excerpt(place, diagnostic.label.as_deref(), AnnotationKind::Primary)),
        None => Group::with_title(title),
    };
    let related = diagnostic.related.iter().map(|(place, message)| {
        Level::NOTE.secondary_title(message).element(excerpt(place, None, AnnotationKind::Primary))
    });
    std::iter::once(head).chain(related).collect()
}

fn excerpt<'a>(
    place: &'a Place,
    label: Option<&'a str>,
    kind: AnnotationKind,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = place.file.text();
    let start = floor_char_boundary(text, place.span.start);
    let end = floor_char_boundary(text, first_line_end(text, start, place.span.end)).max(start);
    Snippet::source(text).path(place.file.path().to_string_lossy()).annotation(kind.span(start..end).label(label))
}

/// A mark over many lines hides more than it shows, so it ends with the line that it starts on.
fn first_line_end(text: &str, start: usize, end: usize) -> usize {
    let end = end.min(text.len());
    text[start..].find('\n').map_or(end, |length| end.min(start + length))
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
