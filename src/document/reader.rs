//! Takes documents apart: gives the values that were asked for and collects what is wrong with the others.

use std::sync::Arc;

use serde_json::Value;

use super::{Content, Entry, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::project::Values;
use crate::source::{Place, SourceFile, Span};

/// The words and habits in which documents of one kind differ.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    pub unknown_key: Code,
    pub wrong_value: Code,
    /// What a key is called: `key`, `argument`.
    pub key: &'static str,
    /// Unquoted numbers and truth values may stand where text is asked for, as people expect of YAML.
    pub plain_text: bool,
}

/// Reads one file's values. Every method that returns `None` for a value that is there has reported why.
pub struct Reader<'f> {
    file: &'f Arc<SourceFile>,
    words: Words,
    pub problems: Diagnostics,
}

impl<'f> Reader<'f> {
    pub fn new(file: &'f Arc<SourceFile>, words: Words) -> Self {
        Reader { file, words, problems: Diagnostics::default() }
    }

    pub fn file(&self) -> &'f Arc<SourceFile> {
        self.file
    }

    pub fn place(&self, span: Span) -> Place {
        Place::new(self.file, span)
    }

    /// A problem with a value, at its place.
    pub fn problem(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.words.wrong_value, message).at(self.place(span))
    }

    pub fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    pub fn wrong_type(&mut self, what: &str, node: &Node<'_>, expected: &str) {
        let problem = self.problem(node.span, format!("`{what}` must be {expected}, not {}", node.kind()));
        self.report(problem.label(format!("expected {expected}")));
    }

    /// Reports a key that means nothing in `owner` (such as "a target").
    pub fn unknown_key(&mut self, entry: &Entry<'_>, owner: &str, known: &[&str]) {
        let message = format!("unknown {} `{}` in {owner}", self.words.key, entry.key);
        let hint = match did_you_mean(&entry.key, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known here: {}", quoted_list(known)),
        };
        let place = self.place(entry.key_span);
        self.report(Diagnostic::error(self.words.unknown_key, message).at(place).hint(hint));
    }

    /// Text; nothing for null.
    pub fn text(&mut self, what: &str, node: &Node<'_>) -> Option<String> {
        match &node.content {
            Content::Null => None,
            Content::Text(text) => Some(text.to_string()),
            Content::Rendered(text) => Some(text.clone()),
            Content::Bool(_) | Content::Number(_) if self.words.plain_text => {
                self.file.text().get(node.span.start..node.span.end).map(str::to_string)
            }
            _ => {
                self.wrong_type(what, node, "text");
                None
            }
        }
    }

    /// Text that is not empty; nothing for null.
    pub fn name(&mut self, what: &str, node: &Node<'_>) -> Option<String> {
        let text = self.text(what, node)?;
        if text.trim().is_empty() {
            let problem = self.problem(node.span, format!("`{what}` must not be empty"));
            self.report(problem);
            return None;
        }
        Some(text)
    }

    pub fn truth(&mut self, what: &str, node: &Node<'_>) -> Option<bool> {
        match &node.content {
            Content::Null => None,
            Content::Bool(truth) => Some(*truth),
            Content::Rendered(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Content::Rendered(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                self.wrong_type(what, node, "`true` or `false`");
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub fn count(&mut self, what: &str, node: &Node<'_>, least: u64, most: u64) -> Option<u64> {
        let number = match &node.content {
            Content::Null => return None,
            Content::Number(number) => number.as_u64(),
            Content::Rendered(text) => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
            return Some(number);
        }
        let expected = match most {
            u64::MAX => format!("a whole number of at least {least}"),
            _ => format!("a whole number from {least} to {most}"),
        };
        match node.content {
            Content::Number(_) => {
                let problem = self.problem(node.span, format!("`{what}` must be {expected}"));
                self.report(problem);
            }
            _ => self.wrong_type(what, node, &expected),
        }
        None
    }

    /// A number that is not negative.
    pub fn amount(&mut self, what: &str, node: &Node<'_>) -> Option<f64> {
        let number = match &node.content {
            Content::Null => return None,
            Content::Number(number) => number.as_f64(),
            Content::Rendered(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fit = number.filter(|number| number.is_finite() && *number >= 0.0);
        if fit.is_none() {
            self.wrong_type(what, node, "a number that is not negative");
        }
        fit
    }

    /// Text, or a list of texts; empty for null.
    pub fn texts(&mut self, what: &str, node: &Node<'_>) -> Vec<String> {
        self.spanned_texts(what, node).into_iter().map(|(text, _)| text).collect()
    }

    /// Like `texts`, with the place of each.
    pub fn spanned_texts(&mut self, what: &str, node: &Node<'_>) -> Vec<(String, Span)> {
        match &node.content {
            Content::List(items) => items.iter().filter_map(|item| Some((self.text(what, item)?, item.span))).collect(),
            Content::Table(_) => {
                self.wrong_type(what, node, "text or a list of texts");
                Vec::new()
            }
            _ => self.text(what, node).map(|text| (text, node.span)).into_iter().collect(),
        }
    }

    /// A list; empty for null.
    pub fn list<'n, 'a>(&mut self, what: &str, node: &'n Node<'a>) -> &'n [Node<'a>] {
        match &node.content {
            Content::List(items) => items,
            Content::Null => &[],
            _ => {
                self.wrong_type(what, node, "a list");
                &[]
            }
        }
    }

    /// A table of keys and values; empty for null.
    pub fn table<'n, 'a>(&mut self, what: &str, node: &'n Node<'a>) -> &'n [Entry<'a>] {
        match &node.content {
            Content::Table(entries) => entries,
            Content::Null => &[],
            _ => {
                self.wrong_type(what, node, "a table of keys and values");
                &[]
            }
        }
    }

    /// A table of any values; empty for null.
    pub fn values(&mut self, what: &str, node: &Node<'_>) -> Values {
        let entries = self.table(what, node);
        entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json())).collect()
    }

    /// A table of texts, such as column types.
    pub fn text_table(&mut self, what: &str, node: &Node<'_>) -> Values {
        let entries = self.table(what, node);
        let texts = entries.iter().filter_map(|entry| {
            let text = self.text(&format!("{what}.{}", entry.key), &entry.value)?;
            Some((entry.key.to_string(), Value::String(text)))
        });
        texts.collect()
    }
}

fn quoted_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
