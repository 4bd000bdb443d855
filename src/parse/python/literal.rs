//! Python literals as nodes: values that can be known without running anything.

use std::borrow::Cow;
use std::collections::HashMap;

use ruff_python_ast::{DictItem, Expr, Number as PythonNumber, UnaryOp};
use ruff_text_size::{Ranged, TextRange};
use serde_json::Number;

use super::constants::Constants;
use super::span;
use crate::document::{Content, Entry, Node};
use crate::parse::AssetName;

/// The value of an expression, or the part of it that is no literal and no constant of the module.
pub fn read<'a>(expression: &'a Expr, constants: &Constants<'a>) -> Result<Node<'a>, TextRange> {
    let content = match expression {
        Expr::Name(name) => return constants.get(&name.id).cloned().ok_or(name.range),
        Expr::NoneLiteral(_) => Content::Null,
        Expr::BooleanLiteral(literal) => Content::Bool(literal.value),
        Expr::StringLiteral(literal) => Content::Text(Cow::Borrowed(literal.value.to_str())),
        Expr::NumberLiteral(literal) => number(&literal.value, false).ok_or(literal.range)?,
        Expr::UnaryOp(operation) => match (operation.op, operation.operand.as_ref()) {
            (UnaryOp::USub, Expr::NumberLiteral(literal)) => number(&literal.value, true).ok_or(operation.range)?,
            (UnaryOp::UAdd, Expr::NumberLiteral(literal)) => number(&literal.value, false).ok_or(operation.range)?,
            _ => return Err(operation.range),
        },
        Expr::List(list) => items(&list.elts, constants)?,
        Expr::Tuple(tuple) => items(&tuple.elts, constants)?,
        Expr::Set(set) => items(&set.elts, constants)?,
        Expr::Dict(dict) => table(&dict.items, constants)?,
        other => return Err(other.range()),
    };
    Ok(Node::new(span(expression.range()), content))
}

/// As `read`, where a name that is no constant stands for an asset: for that of its function in the module (`assets`), else
/// for the one of that name. Of a dotted name the last part counts.
pub fn read_names<'a>(
    expression: &'a Expr,
    constants: &Constants<'a>,
    assets: &HashMap<String, AssetName>,
) -> Result<Node<'a>, TextRange> {
    let refused = match read(expression, constants) {
        Ok(node) => return Ok(node),
        Err(range) => range,
    };
    let each = |elements: &'a [Expr]| -> Result<Content<'a>, TextRange> {
        let items = elements.iter().map(|element| read_names(element, constants, assets));
        items.collect::<Result<_, _>>().map(Content::List)
    };
    let content = match expression {
        Expr::Name(name) => Content::Text(match assets.get(name.id.as_str()) {
            Some(asset) => Cow::Owned(asset.to_string()),
            None => Cow::Borrowed(name.id.as_str()),
        }),
        Expr::Attribute(attribute) if is_dotted_name(&attribute.value) => {
            Content::Text(Cow::Borrowed(attribute.attr.as_str()))
        }
        Expr::List(list) => each(&list.elts)?,
        Expr::Tuple(tuple) => each(&tuple.elts)?,
        Expr::Set(set) => each(&set.elts)?,
        _ => return Err(refused),
    };
    Ok(Node::new(span(expression.range()), content))
}

fn is_dotted_name(expression: &Expr) -> bool {
    match expression {
        Expr::Name(_) => true,
        Expr::Attribute(attribute) => is_dotted_name(&attribute.value),
        _ => false,
    }
}

fn number<'a>(number: &PythonNumber, is_negative: bool) -> Option<Content<'a>> {
    let number = match number {
        PythonNumber::Int(integer) => match (integer.as_i64(), is_negative) {
            (Some(integer), true) => Number::from(-integer),
            (Some(integer), false) => Number::from(integer),
            (None, _) => return None,
        },
        PythonNumber::Float(float) => Number::from_f64(if is_negative { -float } else { *float })?,
        PythonNumber::Complex { .. } => return None,
    };
    Some(Content::Number(number))
}

fn items<'a>(elements: &'a [Expr], constants: &Constants<'a>) -> Result<Content<'a>, TextRange> {
    let mut items = Vec::with_capacity(elements.len());
    for element in elements {
        match element {
            Expr::Starred(starred) => match read(&starred.value, constants)?.content {
                Content::List(more) => items.extend(more),
                _ => return Err(starred.range),
            },
            element => items.push(read(element, constants)?),
        }
    }
    Ok(Content::List(items))
}

/// A key that stands twice has its last value, as in Python.
fn table<'a>(items: &'a [DictItem], constants: &Constants<'a>) -> Result<Content<'a>, TextRange> {
    let mut entries: Vec<Entry<'a>> = Vec::with_capacity(items.len());
    let mut put = |entry: Entry<'a>| match entries.iter_mut().find(|other| other.key == entry.key) {
        Some(other) => *other = entry,
        None => entries.push(entry),
    };
    for item in items {
        let value = read(&item.value, constants)?;
        let Some(key) = &item.key else {
            match value.content {
                Content::Table(more) => more.into_iter().for_each(&mut put),
                _ => return Err(item.value.range()),
            }
            continue;
        };
        let node = read(key, constants)?;
        let text = match node.content {
            Content::Text(text) => text,
            Content::Number(number) => Cow::Owned(number.to_string()),
            _ => return Err(key.range()),
        };
        put(Entry { key: text, key_span: node.span, value });
    }
    Ok(Content::Table(entries))
}
