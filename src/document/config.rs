//! Config values: which keys dovetail acts on, and the form that each must have, whatever file they stand in.

use serde_json::Value;

use super::{Content, Node, Reader};

/// The keys that dovetail knows for assets of every kind.
pub const CONFIG_KEYS: &[&str] = &[
    "materialized",
    "schema",
    "database",
    "alias",
    "tags",
    "owner",
    "group",
    "meta",
    "enabled",
    "retries",
    "retry_delay",
    "columns",
    "version",
    "max_age",
    "io_manager",
    "access",
    "docs",
];

/// The keys that only seeds have.
pub const SEED_KEYS: &[&str] = &["column_types", "delimiter", "quote_columns", "options"];

/// A config value as JSON; nothing for null, and nothing (with a report) for one of the wrong form.
///
/// `what` is how messages call it. Keys that dovetail does not know keep their value: the project may read them.
pub fn config_value(reader: &mut Reader<'_>, what: &str, key: &str, node: &Node<'_>) -> Option<Value> {
    if node.is_null() {
        return None;
    }
    match key {
        "materialized" | "schema" | "database" | "alias" | "owner" | "group" | "delimiter" => {
            reader.name(what, node).map(Value::String)
        }
        "tags" => Some(reader.texts(what, node).into()),
        "meta" | "options" => Some(Value::Object(reader.values(what, node).into_iter().collect())),
        "columns" | "column_types" => Some(Value::Object(reader.text_table(what, node).into_iter().collect())),
        "enabled" | "quote_columns" => reader.truth(what, node).map(Value::Bool),
        "retries" => reader.count(what, node, 0, 1000).map(Value::from),
        "retry_delay" => reader.amount(what, node).map(|amount| match &node.content {
            Content::Number(number) => Value::Number(number.clone()),
            _ => Value::from(amount),
        }),
        "version" | "max_age" => match &node.content {
            Content::Bool(_) | Content::List(_) | Content::Table(_) => {
                reader.wrong_type(what, node, "text or a number");
                None
            }
            _ => Some(node.to_json()),
        },
        _ => Some(node.to_json()),
    }
}
