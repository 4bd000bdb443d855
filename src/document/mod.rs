//! Values that know where they stand: what TOML, YAML and Python literals become before their meaning is read.
//!
//! The three syntaxes differ only in how a `Node` is made. One `Reader` then takes the tree apart, so unknown keys and
//! wrong types are reported alike, with their place, and all at once.

pub mod config;
mod reader;
mod scalar;
pub mod toml;
pub mod yaml;

pub use reader::{Reader, Words};
pub use scalar::resolve;

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::source::Span;

/// A value and the text that it came from. For a YAML alias that is the anchored text.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    pub span: Span,
    pub content: Content<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// Text that a template gave: it may also stand for a number or a truth value.
    Rendered(String),
    List(Vec<Node<'a>>),
    Table(Vec<Entry<'a>>),
}

/// A key of a table with its value, in the order of the file; a key stands once.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    pub key: Cow<'a, str>,
    pub key_span: Span,
    pub value: Node<'a>,
}

impl<'a> Node<'a> {
    pub fn new(span: Span, content: Content<'a>) -> Self {
        Node { span, content }
    }

    pub fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    pub fn as_table(&self) -> Option<&[Entry<'a>]> {
        match &self.content {
            Content::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, when this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.as_table()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(truth) => Value::Bool(*truth),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.to_string()),
            Content::Rendered(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Table(entries) => Value::Object(to_map(entries)),
        }
    }

    /// What the value is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a truth value",
            Content::Number(_) => "a number",
            Content::Text(_) | Content::Rendered(_) => "text",
            Content::List(_) => "a list",
            Content::Table(_) => "a table of keys and values",
        }
    }
}

fn to_map(entries: &[Entry<'_>]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json())).collect()
}
