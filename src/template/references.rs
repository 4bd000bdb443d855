//! Where in a template a `ref()` or `source()` stands. minijinja does not tell a function where it is called, so the
//! calls are found in the text: those with literal names exactly, others by being the only candidates left.

use std::collections::HashMap;
use std::sync::Arc;

use super::context::ReferenceCall;
use super::scanner::{SegmentKind, call_arguments, identifiers, scan};
use crate::parse::Reference;
use crate::source::{Place, SourceFile, Span};

/// Gives each call its place. `calls` come in the order of the calls, each with the file that it stands in.
pub(super) fn place_calls(calls: Vec<(Arc<SourceFile>, Reference)>) -> Vec<ReferenceCall> {
    let mut written: HashMap<*const SourceFile, Vec<WrittenCall>> = HashMap::new();
    calls
        .into_iter()
        .map(|(file, reference)| {
            let written = written.entry(Arc::as_ptr(&file)).or_insert_with(|| written_calls(file.text()));
            let span = take(written, &reference);
            ReferenceCall { place: Place::new(&file, span), reference }
        })
        .collect()
}

struct WrittenCall {
    span: Span,
    /// `None` when the names are not literals.
    reference: Option<Reference>,
    taken: bool,
}

/// The first call of that name that is not taken yet; in a loop the last one stands for all; then a computed one.
fn take(written: &mut [WrittenCall], reference: &Reference) -> Span {
    let same = |call: &WrittenCall| call.reference.as_ref() == Some(reference);
    let computed = |call: &WrittenCall| call.reference.is_none();
    let next = written
        .iter()
        .position(|call| same(call) && !call.taken)
        .or_else(|| written.iter().rposition(same))
        .or_else(|| written.iter().position(|call| computed(call) && !call.taken))
        .or_else(|| written.iter().rposition(computed));
    match next.and_then(|index| written.get_mut(index)) {
        Some(call) => {
            call.taken = true;
            call.span
        }
        None => Span::new(0, 0),
    }
}

fn written_calls(text: &str) -> Vec<WrittenCall> {
    let tags = scan(text).into_iter().filter(|tag| matches!(tag.kind, SegmentKind::Expression | SegmentKind::Block));
    let mut calls = Vec::new();
    for tag in tags {
        let content = tag.content(text);
        for (span, word) in identifiers(text, content).filter(|(_, word)| matches!(*word, "ref" | "source")) {
            let gap = text[span.end..content.end].len() - text[span.end..content.end].trim_start().len();
            let open = span.end + gap;
            if !text[open..].starts_with('(') {
                continue;
            }
            let (arguments, end) = call_arguments(text, open, content.end);
            let reference = arguments.and_then(|names| literal_reference(word, names));
            calls.push(WrittenCall { span: Span::new(span.start, end), reference, taken: false });
        }
    }
    calls
}

fn literal_reference(function: &str, mut names: Vec<String>) -> Option<Reference> {
    let last = names.pop()?;
    match (function, names.pop()) {
        ("ref", package) => Some(Reference::Asset { package, name: last }),
        (_, Some(source)) => Some(Reference::Source { source, table: last }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_calls_are_found_exactly_and_computed_ones_after_them() {
        let file = SourceFile::new("m.sql", "{{ ref( 'a' ) }} {{ ref('b') }} {{ ref(x) }} {{ ref('a') }} -- ref('a')");
        let asset = |name: &str| Reference::Asset { package: None, name: name.to_owned() };
        let calls = ["a", "c", "b", "a", "a"].map(|name| (Arc::clone(&file), asset(name))).to_vec();
        let texts: Vec<String> = place_calls(calls)
            .iter()
            .map(|call| {
                format!("{}{}", call.place.position().column, &file.text()[call.place.span.start..call.place.span.end])
            })
            .collect();
        assert_eq!(texts, ["4ref( 'a' )", "36ref(x)", "21ref('b')", "49ref('a')", "49ref('a')"]);
    }
}
