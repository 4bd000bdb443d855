//! Where a template calls a function that is not told where it is called: found in the text, when there is something to
//! say about it.

use std::sync::Arc;

use super::scanner::{Segment, SegmentKind, call_arguments, identifiers, scan};
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

/// The names in all of a template's tags, with their places.
pub(crate) fn names_in_tags(text: &str) -> Vec<(Span, &str)> {
    tags(text).flat_map(|content| identifiers(text, content).collect::<Vec<_>>()).collect()
}

/// The content of the tag that an offset is in; of one that does not end, all that follows.
pub(crate) fn tag_at(text: &str, offset: usize) -> Option<Span> {
    let is_tag = |kind| matches!(kind, SegmentKind::Expression | SegmentKind::Block);
    let tags = scan(text).into_iter().filter(|segment| is_tag(segment.kind));
    let content = |tag: Segment| {
        let is_ended = ["}}", "%}"].iter().any(|end| text[..tag.span.end].ends_with(end));
        let content = tag.content(text);
        if is_ended { content } else { Span::new(content.start, tag.span.end) }
    };
    tags.map(content).find(|content| content.start <= offset && offset <= content.end)
}

/// The text in quotes that an offset is in, as the first argument of a call of `function`, without the quotes.
pub(crate) fn argument_at(text: &str, function: &str, offset: usize) -> Option<(Span, String)> {
    let content = tag_at(text, offset)?;
    let calls = identifiers(text, content).filter(|(_, word)| *word == function);
    calls.filter_map(|(span, _)| first_literal(text, span.end)).find_map(|literal| {
        let is_there = literal.start <= offset && offset <= literal.end;
        is_there.then(|| (literal, text[literal.start..literal.end].to_owned()))
    })
}

/// The literal that is the first argument of a call whose name ends here, without its quotes.
pub(crate) fn first_literal(text: &str, name_end: usize) -> Option<Span> {
    let inside = text[name_end..].trim_start().strip_prefix('(')?.trim_start();
    let quote = inside.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let start = text.len() - inside.len() + 1;
    let length = text[start..].find(quote)?;
    Some(Span::new(start, start + length))
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
    fn the_tag_around_a_place_is_found_also_where_it_does_not_end() {
        let at =
            |text: &str, offset: usize| tag_at(text, offset).map(|content| text[content.start..content.end].to_owned());
        let text = "a {{ b }} c {%- d -%} {# e #} {{ ref('x";
        assert_eq!(at(text, 0), None);
        assert_eq!(at(text, 5).as_deref(), Some(" b "));
        assert_eq!(at(text, 16).as_deref(), Some(" d "));
        assert_eq!(at(text, 25), None);
        assert_eq!(at(text, text.len()).as_deref(), Some(" ref('x"));
        assert_eq!(argument_at(text, "ref", text.len()), None);
        assert_eq!(argument_at("{{ ref( 'xy') }}", "ref", 10), Some((Span::new(9, 11), "xy".to_owned())));
        assert_eq!(argument_at("{{ ref('xy') }}", "var", 10), None);
    }

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
