//! Templates as they are written, where they cannot be rendered or leave out what stands at the cursor.

use std::ops::Range;

use crate::lsp::sql::segments;
use crate::parse::Reference;
use crate::template::{Part, Placeholder, Segment, SegmentKind};

/// Stands for whatever a tag would print. Nothing is called so.
const UNKNOWN: &str = "dovetail_unknown_here";

/// The text with relations in the places of `ref` and `source`, an unknown name in the place of whatever else is printed,
/// and of several branches the one that holds `offset`.
pub(super) fn as_written(text: &str, offset: usize) -> String {
    let mut writer = Writer { text, offset, written: String::with_capacity(text.len()), open: Vec::new() };
    for segment in segments(text) {
        writer.segment(segment);
    }
    while let Some(open) = writer.open.pop() {
        writer.close(open);
    }
    writer.written
}

/// A block that is not closed yet.
struct Open {
    is_set: bool,
    /// Where in the written text each branch stands.
    branches: Vec<Range<usize>>,
    /// The branch that holds the place.
    chosen: Option<usize>,
}

struct Writer<'t> {
    text: &'t str,
    offset: usize,
    written: String,
    open: Vec<Open>,
}

impl Writer<'_> {
    fn segment(&mut self, segment: Segment) {
        let part = &self.text[segment.span.start..segment.span.end];
        match segment.kind {
            SegmentKind::Text => {
                if (segment.span.start..segment.span.end).contains(&self.offset) {
                    for open in &mut self.open {
                        open.chosen = open.branches.len().checked_sub(1);
                    }
                }
                self.written.push_str(part);
            }
            SegmentKind::Comment => self.written.push(' '),
            SegmentKind::Expression => self.expression(segment),
            SegmentKind::Block => self.block(segment),
        }
    }

    fn expression(&mut self, segment: Segment) {
        let content = segment.content(self.text);
        let content = self.text[content.start..content.end].trim();
        match reference(content) {
            Some(reference) => self.written.push_str(&Placeholder::Reference(reference, Part::Whole).to_string()),
            None if content.starts_with("config") => self.written.push(' '),
            None => self.written.push_str(UNKNOWN),
        }
    }

    fn block(&mut self, segment: Segment) {
        self.written.push(' ');
        let here = self.written.len();
        let content = segment.content(self.text);
        let is_short_set = self.text[content.start..content.end].contains('=');
        match segment.keyword(self.text) {
            "if" | "for" => self.start(false),
            "set" if !is_short_set => self.start(true),
            "elif" | "else" => {
                if let Some(open) = self.open.last_mut() {
                    open.branches.iter_mut().last().into_iter().for_each(|last| last.end = here);
                }
                self.branch(here);
            }
            "endif" | "endfor" | "endset" => {
                if let Some(open) = self.open.pop() {
                    self.close(open);
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, is_set: bool) {
        let here = self.written.len();
        self.open.push(Open { is_set, branches: Vec::new(), chosen: None });
        self.branch(here);
    }

    fn branch(&mut self, start: usize) {
        if let Some(open) = self.open.last_mut() {
            open.branches.push(start..start);
        }
    }

    fn close(&mut self, mut open: Open) {
        let here = self.written.len();
        open.branches.iter_mut().last().into_iter().for_each(|last| last.end = here);
        let (Some(first), Some(last)) = (open.branches.first(), open.branches.last()) else { return };
        let all = first.start..last.end;
        let chosen = open.chosen.and_then(|chosen| open.branches.get(chosen));
        let instead = match (chosen, open.branches.len()) {
            (Some(chosen), _) => self.written[chosen.clone()].to_owned(),
            (None, _) if open.is_set => String::new(),
            (None, 1) => return,
            (None, _) => UNKNOWN.to_owned(),
        };
        self.written.replace_range(all, &format!("{instead} "));
    }
}

/// `ref('name')`, `source('name', 'table')`, if a tag says that and nothing else.
fn reference(content: &str) -> Option<Reference> {
    let (function, rest) = content.split_once('(')?;
    let arguments = rest.strip_suffix(')')?.split(',').map(|argument| literal(argument.trim()));
    let arguments: Vec<String> = arguments.collect::<Option<_>>()?;
    match (function.trim(), arguments.as_slice()) {
        ("ref", [name]) => Some(Reference::Asset { package: None, name: name.clone() }),
        ("ref", [package, name]) => Some(Reference::Asset { package: Some(package.clone()), name: name.clone() }),
        ("source", [source, table]) => Some(Reference::Source { source: source.clone(), table: table.clone() }),
        _ => None,
    }
}

fn literal(text: &str) -> Option<String> {
    let inner = ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    (!inner.contains(['\'', '"', '\\'])).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let offset = text.find('|').unwrap();
        let written = as_written(&text.replacen('|', "here", 1), offset);
        crate::template::readable(&written).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn relations_stand_where_they_are_named() {
        assert_eq!(
            shown(
                "{{ config(a=1) }}select | {# x #} from {{ ref('a') }} join {{ source('r', \"t\") }} on {{ m('x') }}"
            ),
            "select here from ref('a') join source('r', 't') on dovetail_unknown_here"
        );
        assert_eq!(shown("select | from {{ ref('a')\nwhere x"), "select here from dovetail_unknown_here where x");
    }

    #[test]
    fn of_branches_that_around_the_cursor_stays() {
        assert_eq!(
            shown("select {% if a %}x, |{% else %}y{% endif %} from {% if b %}a{% else %}b{% endif %}"),
            "select x, here from dovetail_unknown_here"
        );
        assert_eq!(shown("from a {% if a %}where |"), "from a where here");
        assert_eq!(
            shown("{% set x = 1 %}{% set y %}text{% endset %}|from a{% if c %} where d{% endif %}"),
            "herefrom a where d"
        );
        assert_eq!(shown("{% for c in d %}{{ c }},{% else %}e{% endfor %}|"), "dovetail_unknown_here here");
    }
}
