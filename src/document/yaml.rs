//! YAML to nodes, straight from the parser's events.
//!
//! A tree of our own instead of serde's types, because it keeps the place of every key and value and lets all errors
//! of a file be told at once. Aliases are copied within a budget, so that "billion laughs" end in an error.

use std::borrow::Cow;
use std::sync::Arc;

use serde_saphyr::granit_parser::{self as parser, Event, Parser, ScalarStyle, Tag};

use super::{Content, Entry, Node, scalar};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Place, SourceFile, Span};

/// How deep lists and tables may stand in each other.
const DEEPEST: usize = 64;
/// How many nodes aliases may add to a file.
const MOST_COPIES: usize = 200_000;

/// Every document of the file (`---` separates them), with the problems found on the way. A syntax error ends the
/// file, so what comes with one is what stands before it.
pub fn parse(file: &Arc<SourceFile>) -> (Vec<Node<'_>>, Diagnostics) {
    let mut builder = Builder::new(file);
    let mut options = parser::Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    let mut parser = Parser::new_from_str_with_options(file.text(), options);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                if builder.take(event, span).is_err() {
                    break;
                }
            }
            Err(error) => {
                builder.problems.push(syntax_error(file, &error));
                break;
            }
        }
    }
    (builder.documents, builder.problems)
}

fn syntax_error(file: &Arc<SourceFile>, error: &parser::ScanError) -> Diagnostic {
    use parser::ErrorKind;
    let marker = error.marker();
    let start = marker.byte_offset().unwrap_or_else(|| file.offset(marker.line(), marker.col() + 1));
    let place = Place::new(file, letter(file, start));
    let info = error.info();
    let (message, hint) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => (too_deep(), None),
        _ if info.contains("tab") && !info.contains("table") => {
            ("a tab stands where YAML allows only spaces".to_string(), Some("indent with spaces"))
        }
        _ if info.contains("mapping values are not allowed") => {
            ("a second `:` stands in this value".to_string(), Some("put quotes around text that holds `: `"))
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            (in_plain_words(&info), Some("check the indentation, and that a `:` follows the key"))
        }
        _ => (in_plain_words(&info), None),
    };
    Diagnostic::error(Code::YamlSyntax, message).at(place).hint_if(hint.map(str::to_string))
}

/// The one letter that stands at an offset, or nothing at the end of the file.
fn letter(file: &SourceFile, start: usize) -> Span {
    let text = file.text();
    let mut start = start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    Span::new(start, start + width)
}

/// The parser's words without its jargon of scanners and nodes.
fn in_plain_words(info: &str) -> String {
    let text = info.replace('\n', ", ").replace("did not find expected", "expected").replace("EOF", "end of the file");
    let text = match text.split_once(", ") {
        Some((when, what)) if when.starts_with("while parsing") || when.starts_with("while scanning") => {
            let when = when.replace("while parsing ", "in ").replace("while scanning ", "in ");
            format!("{what} ({when})")
        }
        _ => text,
    };
    format!("not valid YAML: {text}")
}

fn too_deep() -> String {
    format!("lists and tables stand more than {DEEPEST} deep in each other")
}

/// The file cannot be read any further; the reason is reported.
struct Stop;

/// A list or table whose end has not come yet.
enum Open<'a> {
    List { start: usize, anchor: usize, items: Vec<Node<'a>> },
    Table { start: usize, anchor: usize, entries: Vec<Entry<'a>>, merged: Vec<Node<'a>>, key: Option<Key<'a>> },
}

struct Key<'a> {
    text: Cow<'a, str>,
    span: Span,
    is_merge: bool,
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    open: Vec<Open<'a>>,
    /// Anchored nodes by their id (from 1), with how many nodes each holds.
    anchors: Vec<Option<(Node<'a>, usize)>>,
    copies: usize,
    documents: Vec<Node<'a>>,
    problems: Diagnostics,
}

impl<'a> Builder<'a> {
    fn new(file: &'a Arc<SourceFile>) -> Self {
        Builder {
            file,
            open: Vec::new(),
            anchors: Vec::new(),
            copies: 0,
            documents: Vec::new(),
            problems: Diagnostics::default(),
        }
    }

    fn take(&mut self, event: Event<'a>, span: parser::Span) -> Result<(), Stop> {
        let span = self.span(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let is_merge = is_plain && tag.is_none() && text == "<<";
                let content = scalar_content(text, is_plain, tag.as_deref());
                self.finish(Node::new(span, content), anchor, is_merge);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(span, Open::List { start: span.start, anchor, items: Vec::new() })?;
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, merged) = (Vec::new(), Vec::new());
                self.open(span, Open::Table { start: span.start, anchor, entries, merged, key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            Event::Alias(anchor) => {
                let node = self.copy(anchor, span)?;
                self.finish(node, 0, false);
            }
            Event::UnresolvedAlias(name) => {
                self.problem(span, format!("`*{name}` names an anchor that does not stand before it"));
                self.finish(Node::new(span, Content::Null), 0, false);
            }
            _ => {}
        }
        Ok(())
    }

    fn span(&self, span: &parser::Span) -> Span {
        match span.byte_range() {
            Some(range) => Span::new(range.start, range.end),
            None => {
                let offset = |marker: &parser::Marker| self.file.offset(marker.line(), marker.col() + 1);
                Span::new(offset(&span.start), offset(&span.end))
            }
        }
    }

    fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::error(Code::YamlSyntax, message).at(Place::new(self.file, span)));
    }

    fn open(&mut self, span: Span, open: Open<'a>) -> Result<(), Stop> {
        if self.open.len() >= DEEPEST {
            self.problem(letter(self.file, span.start), too_deep());
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, end: usize) {
        match self.open.pop() {
            Some(Open::List { start, anchor, items }) => {
                self.finish(Node::new(Span::new(start, end), Content::List(items)), anchor, false);
            }
            Some(Open::Table { start, anchor, entries, merged, .. }) => {
                let entries = self.merge(entries, merged);
                self.finish(Node::new(Span::new(start, end), Content::Table(entries)), anchor, false);
            }
            None => {}
        }
    }

    /// Puts a whole node where it belongs: into the innermost open list or table, or among the documents.
    fn finish(&mut self, node: Node<'a>, anchor: usize, is_merge: bool) {
        if anchor > 0 {
            self.remember(anchor, &node);
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Table { entries, merged, key, .. }) => match key.take() {
                None => *key = Some(key_of(self.file, node, is_merge, &mut self.problems)),
                Some(key) if key.is_merge => merged.push(node),
                Some(key) => entries.push(Entry { key: key.text, key_span: key.span, value: node }),
            },
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node<'a>) {
        if self.anchors.len() <= anchor {
            self.anchors.resize_with(anchor + 1, || None);
        }
        if let Some(slot) = self.anchors.get_mut(anchor) {
            *slot = Some((node.clone(), size(node)));
        }
    }

    /// The node that an alias stands for.
    fn copy(&mut self, anchor: usize, span: Span) -> Result<Node<'a>, Stop> {
        let Some((node, size)) = self.anchors.get(anchor).and_then(Option::as_ref) else {
            self.problem(span, "an alias stands inside the value that it names");
            return Ok(Node::new(span, Content::Null));
        };
        self.copies += size;
        if self.copies > MOST_COPIES || self.open.len() + depth(node) > DEEPEST {
            self.problem(span, "aliases make this file too large");
            return Err(Stop);
        }
        Ok(node.clone())
    }

    /// A table's own keys (the last of equal ones counts, as in PyYAML), then those of `<<` that it lacks.
    fn merge(&mut self, entries: Vec<Entry<'a>>, merged: Vec<Node<'a>>) -> Vec<Entry<'a>> {
        let mut keys = Keys::default();
        let mut result: Vec<Entry<'a>> = Vec::with_capacity(entries.len());
        for entry in entries {
            match keys.position(&entry.key, &result) {
                Some(position) => {
                    if let Some(before) = result.get_mut(position) {
                        self.problems.push(twice(self.file, &entry, before.key_span));
                        *before = entry;
                    }
                }
                None => keys.push(entry, &mut result),
            }
        }
        for node in merged {
            self.merge_one(node, &mut keys, &mut result);
        }
        result
    }

    fn merge_one(&mut self, node: Node<'a>, keys: &mut Keys, result: &mut Vec<Entry<'a>>) {
        match node.content {
            Content::Table(entries) => {
                for entry in entries {
                    if keys.position(&entry.key, result).is_none() {
                        keys.push(entry, result);
                    }
                }
            }
            Content::List(items) if items.iter().all(|item| item.as_table().is_some()) => {
                items.into_iter().for_each(|item| self.merge_one(item, keys, result));
            }
            _ => self.problem(node.span, "`<<` takes a table of keys and values, or a list of such tables"),
        }
    }
}

fn twice(file: &Arc<SourceFile>, entry: &Entry<'_>, before: Span) -> Diagnostic {
    Diagnostic::warning(Code::YamlSyntax, format!("key `{}` stands twice; the last one counts", entry.key))
        .at(Place::new(file, entry.key_span))
        .related(Place::new(file, before), "first here")
}

/// Finds keys: by looking at all of them in small tables, by hash in large ones.
#[derive(Default)]
struct Keys(std::collections::HashMap<String, usize>);

impl Keys {
    const SMALL: usize = 24;

    fn position(&mut self, key: &str, entries: &[Entry<'_>]) -> Option<usize> {
        if entries.len() <= Self::SMALL {
            return entries.iter().position(|entry| entry.key == key);
        }
        if self.0.is_empty() {
            self.0 = entries.iter().enumerate().map(|(index, entry)| (entry.key.to_string(), index)).collect();
        }
        self.0.get(key).copied()
    }

    fn push<'a>(&mut self, entry: Entry<'a>, entries: &mut Vec<Entry<'a>>) {
        if !self.0.is_empty() {
            self.0.insert(entry.key.to_string(), entries.len());
        }
        entries.push(entry);
    }
}

fn key_of<'a>(file: &'a Arc<SourceFile>, node: Node<'a>, is_merge: bool, problems: &mut Diagnostics) -> Key<'a> {
    let span = node.span;
    let text = match node.content {
        Content::Text(text) => text,
        Content::List(_) | Content::Table(_) => {
            let message = "a key must be text, not a list or table";
            problems.push(Diagnostic::error(Code::YamlSyntax, message).at(Place::new(file, letter(file, span.start))));
            Cow::Borrowed("")
        }
        _ => Cow::Borrowed(file.text().get(span.start..span.end).unwrap_or_default()),
    };
    Key { text, span, is_merge }
}

fn scalar_content<'a>(text: Cow<'a, str>, is_plain: bool, tag: Option<&Tag>) -> Content<'a> {
    match tag.and_then(Tag::core_suffix) {
        Some("str") => Content::Text(text),
        Some("null") => Content::Null,
        Some(_) => scalar::resolve(text),
        None if is_plain && tag.is_none() => scalar::resolve(text),
        None => Content::Text(text),
    }
}

/// How many nodes a node holds, itself included.
fn size(node: &Node<'_>) -> usize {
    1 + match &node.content {
        Content::List(items) => items.iter().map(size).sum(),
        Content::Table(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    }
}

/// How many lists and tables stand in each other in a node.
fn depth(node: &Node<'_>) -> usize {
    match &node.content {
        Content::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Table(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}
