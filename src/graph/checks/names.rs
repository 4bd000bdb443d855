//! What checks of property files are called: as dbt calls them, so that scripts and selections go on finding them.

use serde_json::Value;

use crate::parse::{Checked, ParsedCheck};

/// The name of a check that says none: the test, what it is about, and the arguments in the order of their names.
/// (dbt-core, `synthesize_generic_test_names`: its full name.)
pub(super) fn name_of(of: &Checked, check: &ParsedCheck) -> String {
    if let Some(name) = &check.name {
        return name.clone();
    }
    let package = check.package.as_ref().map(|package| format!("{package}_")).unwrap_or_default();
    let subject = match of {
        Checked::Asset { name, .. } => format!("{package}{}_{name}", check.test),
        Checked::Source { source, table } => format!("source_{package}{}_{source}_{table}", check.test),
    };
    let mut arguments: Vec<(&str, Value)> =
        check.arguments.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    arguments.extend(check.column.as_ref().map(|column| ("column_name", Value::from(column.as_str()))));
    arguments.sort_by_key(|(name, _)| *name);
    let parts: Vec<String> = arguments.iter().flat_map(|(_, value)| flat(value)).map(|part| clean(&part)).collect();
    format!("{subject}_{}", parts.join("__"))
}

/// A value's parts as Python prints them.
fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(printed).collect(),
        Value::Object(entries) => entries.values().map(printed).collect(),
        other => vec![printed(other)],
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// Letters, digits and underscores, and one underscore for each stretch of others.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut is_gap = false;
    for letter in text.chars() {
        let is_plain = letter.is_ascii_alphanumeric() || letter == '_';
        match (is_plain, is_gap) {
            (true, _) => cleaned.push(letter),
            (false, false) => cleaned.push('_'),
            (false, true) => {}
        }
        is_gap = !is_plain;
    }
    cleaned
}
