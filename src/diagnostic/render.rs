//! The only file that draws diagnostics.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Severity, visible};
use crate::source::Place;

/// How diagnostics are drawn. Content does not depend on it: output without colour says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    Plain,
    Coloured,
}

/// One diagnostic as text: code, message, `path:line:column`, excerpt, related places, details, hints. Nothing in it but
/// the colours is obeyed by a terminal.
pub fn render(diagnostic: &Diagnostic, rendering: Rendering) -> String {
    let diagnostic = &shown(diagnostic);
    let renderer = match rendering {
        Rendering::Plain => Renderer::plain(),
        Rendering::Coloured => Renderer::styled(),
    };
    let mut text = indented(renderer.render(&groups(diagnostic)));
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

/// An arrow stands below the others, also where no line of the file is shown behind it.
fn indented(text: String) -> String {
    match text.split_once('\n') {
        Some((title, rest)) if !rest.starts_with(' ') && rest.contains("--> ") => format!("{title}\n {rest}"),
        _ => text,
    }
}

/// The diagnostic in texts that a terminal may have; excerpts of files are cared for where they are drawn.
fn shown(diagnostic: &Diagnostic) -> Diagnostic {
    let text = |text: &String| visible(text).into_owned();
    Diagnostic {
        message: text(&diagnostic.message),
        label: diagnostic.label.as_ref().map(text),
        related: diagnostic.related.iter().map(|(place, message)| (place.clone(), text(message))).collect(),
        details: diagnostic.details.as_ref().map(text),
        hints: diagnostic.hints.iter().map(text).collect(),
        ..diagnostic.clone()
    }
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
        let title = Level::NOTE.secondary_title(message);
        match place.file.text().is_empty() {
            true => title.element(Origin::path(place.file.path().to_string_lossy())),
            false => title.element(excerpt(place, None, AnnotationKind::Primary)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};

    #[test]
    fn a_terminal_obeys_nothing_but_the_colours() {
        let red = "\u{1b}[31mred\u{7}";
        let file = SourceFile::new("models/a.py", format!("raise ValueError('{red}')\n"));
        let place = Place::new(&file, Span::new(0, 5));
        let diagnostic = Diagnostic::error(Code::PythonFailed, red).at(place.clone()).label(red).details(red).hint(red);
        let plain = render(&diagnostic.related(place, red), Rendering::Plain);
        assert!(!plain.contains(['\u{1b}', '\u{7}']), "{plain}");
        assert_eq!(plain.matches(r"\u{1b}[31mred\u{7}").count(), 5, "{plain}");
    }
}
