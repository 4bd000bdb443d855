//! Where a template calls a function that is not told where it is called: found in the text, when there is something to
//! say about it.

use std::sync::Arc;

use super::scanner::{SegmentKind, call_arguments, identifiers, scan};
use crate::source::{Place, SourceFile, Span};

/// The first name in the template's tags that fits.
pub(crate) fn name_place(file: &Arc<SourceFile>, fits: impl Fn(&str) -> bool) -> Option<Place> {
    let text = file.text();
    let span = tags(text).find_map(|content| Some(identifiers(text, content).find(|(_, word)| fits(word))?.0))?;
    Some(Place::new(file, span))
}

/// The argument `name` of a call of `function`: its key where it is written, else the first such call.
pub(crate) fn argument_place(file: &Arc<SourceFile>, function: &str, name: &str) -> Option<Place> {
    let text = file.text();
    let mut first = None;
    for content in tags(text) {
        for (span, _) in identifiers(text, content).filter(|(_, word)| *word == function) {
            let gap = text[span.end..content.end].len() - text[span.end..content.end].trim_start().len();
            if !text[span.end + gap..content.end].starts_with('(') {
                continue;
            }
            let (_, end) = call_arguments(text, span.end + gap, content.end);
            let inside = Span::new(span.end + gap, end);
            if let Some(key) = key_in(text, inside, name) {
                return Some(Place::new(file, key));
            }
            first.get_or_insert(Span::new(span.start, end));
        }
    }
    first.map(|span| Place::new(file, span))
}

fn tags(text: &str) -> impl Iterator<Item = Span> {
    let is_tag = |kind| matches!(kind, SegmentKind::Expression | SegmentKind::Block);
    scan(text).into_iter().filter(move |segment| is_tag(segment.kind)).map(|tag| tag.content(text))
}

/// `name=`, or `'name':` in a dictionary.
fn key_in(text: &str, inside: Span, name: &str) -> Option<Span> {
    let follows = |end: usize| text[end..inside.end].trim_start();
    let mut words = identifiers(text, inside);
    let keyword = words.find(|(span, word)| {
        let after = follows(span.end);
        *word == name && after.starts_with('=') && !after.starts_with("==")
    });
    let quoted = || {
        let literals = [format!("'{name}'"), format!("\"{name}\"")];
        literals.iter().find_map(|literal| {
            let start = inside.start + text[inside.start..inside.end].find(literal.as_str())?;
            let end = start + literal.len();
            follows(end).starts_with(':').then(|| Span::new(start + 1, end - 1))
        })
    };
    keyword.map(|(span, _)| span).or_else(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_calls_are_found_where_they_are_written() {
        let text = "-- config(a=0)\n{{ config.get('a') }}{{ config (b='a=1', x=a == 1, a = 2) }}{{ config({'c': 1}) }}";
        let file = SourceFile::new("m.sql", text);
        let place = |name: &str| {
            let span = argument_place(&file, "config", name).unwrap().span;
            format!("{} {}", span.start, &text[span.start..span.end])
        };
        assert_eq!(place("a"), "66 a");
        assert_eq!(place("c"), "87 c");
        assert_eq!(place("d"), "39 config (b='a=1', x=a == 1, a = 2)");
        assert!(argument_place(&SourceFile::new("m.sql", "config(a=1)"), "config", "a").is_none());
    }
}
