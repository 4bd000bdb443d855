//! TOML to nodes.

use std::sync::Arc;

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::{Content, Entry, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Place, SourceFile, Span};

/// The file as one table, or all syntax errors that the parser can tell apart.
pub fn parse(file: &Arc<SourceFile>) -> Result<Node<'_>, Diagnostics> {
    let (table, errors) = DeTable::parse_recoverable(file.text());
    if !errors.is_empty() {
        let problems = errors.iter().map(|error| {
            let span = error.span().map_or(Span::new(0, 0), |span| Span::new(span.start, span.end));
            Diagnostic::error(Code::ProjectFile, plain_words(error.message())).at(Place::new(file, span))
        });
        return Err(Diagnostics(problems.collect()));
    }
    Ok(Node::new(Span::new(0, 0), table_content(table.into_inner())))
}

/// The parser's messages, as fragments like all others.
fn plain_words(message: &str) -> String {
    format!("not valid TOML: {}", message.trim().replace('\n', ", "))
}

fn node(value: Spanned<DeValue<'_>>) -> Node<'_> {
    let span = Span::new(value.span().start, value.span().end);
    let content = match value.into_inner() {
        DeValue::String(text) => Content::Text(text),
        DeValue::Integer(integer) => integer_content(&integer),
        DeValue::Float(float) => float_content(&float),
        DeValue::Boolean(truth) => Content::Bool(truth),
        DeValue::Datetime(time) => Content::Text(time.to_string().into()),
        DeValue::Array(items) => Content::List(items.into_iter().map(node).collect()),
        DeValue::Table(table) => table_content(table),
    };
    Node::new(span, content)
}

/// The parser sorts keys by name; people expect the order in which they wrote them.
fn table_content(table: DeTable<'_>) -> Content<'_> {
    let mut entries: Vec<Entry<'_>> = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: Span::new(key.span().start, key.span().end),
            key: key.into_inner(),
            value: node(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span);
    Content::Table(entries)
}

fn integer_content<'a>(integer: &DeInteger<'_>) -> Content<'a> {
    match i64::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) => Content::Number(Number::from(number)),
        Err(_) => Content::Text(integer.to_string().into()),
    }
}

/// JSON has no infinity and no NaN: these stay text.
fn float_content<'a>(float: &DeFloat<'_>) -> Content<'a> {
    match float.as_str().parse().ok().and_then(Number::from_f64) {
        Some(number) => Content::Number(number),
        None => Content::Text(float.to_string().into()),
    }
}
