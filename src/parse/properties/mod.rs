//! Property files (YAML): descriptions, tags, columns and config of assets; declarations of sources.

mod asset;
mod check;
mod column;
mod constraint;
mod external;
mod location;
mod source;
#[cfg(test)]
mod tests;
mod unit_test;
mod unused;

use std::sync::Arc;

use super::{ParsedProperties, Section};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned};
use crate::document::config::{config_value, slip_of};
use crate::document::{Content, Entry, Node, Reader, Words, yaml};
use crate::project::{Values, merge_config};
use crate::source::{SourceFile, Span};
use unused::Unused;

const WORDS: Words =
    Words { unknown_key: Code::UnknownProperty, wrong_value: Code::YamlSyntax, key: "key", plain_text: true };

const SECTIONS: &[&str] = &["version", "models", "sources", "seeds", "data_tests", "unit_tests"];
/// What dbt knows and dovetail does not use (yet).
const UNUSED_SECTIONS: &[&str] = &[
    "snapshots",
    "exposures",
    "metrics",
    "macros",
    "analyses",
    "functions",
    "semantic_models",
    "saved_queries",
    "groups",
    "anchors",
];

/// What the file says, with warnings; or all that is wrong with it.
///
/// An item that has a problem is left out, so one problem never causes another.
pub fn parse(file: &Arc<SourceFile>) -> Result<Warned<ParsedProperties>, Diagnostics> {
    let (documents, problems) = yaml::parse(file);
    let mut parser = PropertyParser::new(file);
    let is_cut_short = problems.has_errors();
    parser.reader.problems = problems;
    // What stands before a syntax error may be cut off anywhere: reading it would only tell of the same error again.
    if !is_cut_short {
        documents.iter().for_each(|document| parser.document(document));
    }
    parser.unused.report(&mut parser.reader);
    parser.reader.problems.with(parser.found)
}

/// Everything that reading one file gathers.
struct PropertyParser<'f> {
    reader: Reader<'f>,
    unused: Unused,
    found: ParsedProperties,
}

impl<'f> PropertyParser<'f> {
    fn new(file: &'f Arc<SourceFile>) -> Self {
        let (unused, found) = (Unused::default(), ParsedProperties::default());
        PropertyParser { reader: Reader::new(file, WORDS), unused, found }
    }

    fn document(&mut self, document: &Node<'_>) {
        if !matches!(document.content, Content::Null | Content::Table(_)) {
            let message = format!("a property file is a table of keys and values, not {}", document.kind());
            let problem = self.reader.problem(document.span, message);
            self.reader.report(problem.hint("start with `models:`, `sources:` or `seeds:`"));
            return;
        }
        for section in document.as_table().unwrap_or_default() {
            self.section(section);
        }
    }

    fn section(&mut self, section: &Entry<'_>) {
        match section.key.as_ref() {
            "version" => {}
            "models" => self.items(section, |parser, item| parser.asset(item, Section::Models)),
            "seeds" => self.items(section, |parser, item| parser.asset(item, Section::Seeds)),
            "sources" => self.items(section, Self::source),
            "data_tests" | "tests" => self.items(section, Self::check_properties),
            "unit_tests" => self.items(section, Self::unit_test),
            key if UNUSED_SECTIONS.contains(&key) => self.unused.note(section),
            _ => self.reader.unknown_key(section, "a property file", SECTIONS),
        }
    }

    fn items<'a>(&mut self, section: &Entry<'a>, mut read: impl FnMut(&mut Self, &Node<'a>)) {
        for item in self.reader.list(&section.key, &section.value) {
            if item.as_table().is_some() {
                read(self, item);
            } else {
                let what = format!("an item of `{}`", section.key);
                let message = format!("{what} must be a table with a `name`, not {}", item.kind());
                let problem = self.reader.problem(item.span, message);
                self.reader.report(problem.hint("write `- name: ...`"));
            }
        }
    }

    /// The `name:` of an item with its place.
    fn item_name(&mut self, item: &Node<'_>, what: &str) -> Option<(String, Span)> {
        let Some(node) = item.get("name").filter(|node| !node.is_null()) else {
            let start = item.span.start;
            let problem = self.reader.problem(Span::new(start, start), format!("{what} without a `name`"));
            self.reader.report(problem);
            return None;
        };
        Some((self.reader.name("name", node)?, node.span))
    }

    /// A `config:` table, laid over what is there.
    fn config(&mut self, node: &Node<'_>, under: &mut Values) {
        for entry in self.reader.table("config", node) {
            self.config_entry(entry, under);
        }
    }

    /// One config value. A key that dovetail does not know is kept, with a warning when it looks like a slip.
    fn config_entry(&mut self, entry: &Entry<'_>, under: &mut Values) {
        let key = entry.key.strip_prefix('+').unwrap_or(&entry.key);
        self.warn_of_slip(entry, key);
        if let Some(value) = config_value(&mut self.reader, key, key, &entry.value) {
            merge_config(under, &Values::from([(key.to_string(), value)]));
        }
    }

    fn warn_of_slip(&mut self, entry: &Entry<'_>, key: &str) {
        if let Some(nearest) = slip_of(key) {
            let message = format!("config `{key}` means nothing to dovetail");
            let place = self.reader.place(entry.key_span);
            let warning = Diagnostic::warning(Code::UnknownProperty, message).at(place);
            self.reader.report(warning.hint(format!("did you mean `{nearest}`?")));
        }
    }
}
