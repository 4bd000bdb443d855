//! What an asset promises of its rows, as YAML, `@asset(...)` and `config(...)` write it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sql::words;
use crate::diagnostic::did_you_mean;
use crate::source::Place;

/// A promise about the rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    pub rule: Rule,
    /// The columns that it is about, as written; none where only its expression says so.
    pub columns: Vec<String>,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    NotNull,
    /// No two rows have the same values; rows with a NULL among them are not compared.
    Unique,
    /// `Unique`, and none of the values is NULL.
    PrimaryKey,
    /// The value is one of these, or NULL.
    AcceptedValues(Vec<Accepted>),
    /// The expression is not false: true, or NULL.
    Check(String),
}

/// A value that is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub value: Value,
    /// What is compared with texts: the value as it is written, which YAML may have read otherwise (`007`, `on`).
    pub text: String,
}

impl From<Value> for Accepted {
    fn from(value: Value) -> Self {
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Accepted { value, text }
    }
}

impl Rule {
    /// dbt's word for it, or in the same manner.
    pub fn as_str(&self) -> &'static str {
        match self {
            Rule::NotNull => "not_null",
            Rule::Unique => "unique",
            Rule::PrimaryKey => "primary_key",
            Rule::AcceptedValues(_) => "accepted_values",
            Rule::Check(_) => "check",
        }
    }
}

/// The columns that a declaration says by itself, and its rule; `None` of one that is known and not enforced.
pub type Said = Option<(Rule, Vec<String>)>;

const RULES: [&str; 5] = ["not_null", "unique", "primary_key", "accepted_values", "check"];
/// What dbt knows besides.
const NOT_ENFORCED: [&str; 2] = ["foreign_key", "custom"];
const KEYS: [&str; 9] =
    ["type", "name", "columns", "expression", "values", "to", "to_columns", "warn_unenforced", "warn_unsupported"];

/// Reads an item of `constraints`: a rule's name, or a mapping with its `type`.
///
/// # Errors
/// What is wrong with it, in words that follow the name of what it is.
pub fn said(item: &Value) -> Result<Said, String> {
    let nothing = serde_json::Map::new();
    let (rule, fields) = match item {
        Value::String(rule) => (rule.as_str(), &nothing),
        Value::Object(fields) => match fields.get("type") {
            Some(Value::String(rule)) => (rule.as_str(), fields),
            _ => return Err(format!("needs a `type`: one of {}", listed(&RULES))),
        },
        _ => return Err(format!("is neither one of {} nor a mapping with a `type`", listed(&RULES))),
    };
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let meant = did_you_mean(key, KEYS.iter().copied()).map(|meant| format!("; did you mean `{meant}`?"));
        return Err(format!("has no key `{key}`{}", meant.unwrap_or_default()));
    }
    if NOT_ENFORCED.contains(&rule) {
        return Ok(None);
    }
    let columns = match fields.get("columns") {
        None | Some(Value::Null) => Vec::new(),
        Some(columns) => texts(columns).ok_or("names its `columns` in a list of texts")?,
    };
    Ok(Some((named(rule, fields.get("expression"), fields.get("values"))?, columns)))
}

fn named(rule: &str, expression: Option<&Value>, values: Option<&Value>) -> Result<Rule, String> {
    Ok(match rule {
        "not_null" => Rule::NotNull,
        "unique" => Rule::Unique,
        "primary_key" => Rule::PrimaryKey,
        "accepted_values" => accepted(values)?,
        "check" => check(expression)?,
        _ => {
            let meant = did_you_mean(rule, RULES.iter().copied()).map(|meant| format!("; did you mean `{meant}`?"));
            let known = || format!("; there are {}", listed(&RULES));
            return Err(format!("cannot be `{rule}`{}", meant.unwrap_or_else(known)));
        }
    })
}

/// Keys of a column's mapping in `columns=`: `{"type": "INTEGER", "not_null": True}`.
///
/// # Errors
/// As `said`.
pub fn of_column(key: &str, value: &Value) -> Result<Vec<Rule>, String> {
    let flag = |rule: Rule| match value {
        Value::Bool(true) => Ok(vec![rule]),
        Value::Bool(false) | Value::Null => Ok(Vec::new()),
        _ => Err(format!("says neither true nor false for `{key}`")),
    };
    match key {
        "not_null" => flag(Rule::NotNull),
        "unique" => flag(Rule::Unique),
        "primary_key" => flag(Rule::PrimaryKey),
        "accepted_values" => accepted(Some(value)).map(|rule| vec![rule]),
        "check" => match value {
            Value::Array(checks) => checks.iter().map(|expression| check(Some(expression))).collect(),
            expression => check(Some(expression)).map(|rule| vec![rule]),
        },
        _ => Ok(Vec::new()),
    }
}

fn accepted(values: Option<&Value>) -> Result<Rule, String> {
    let is_plain = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_));
    match values {
        Some(Value::Array(values)) if !values.is_empty() && values.iter().all(is_plain) => {
            Ok(Rule::AcceptedValues(values.iter().cloned().map(Accepted::from).collect()))
        }
        _ => Err("needs a list of accepted values, such as `[a, b]`".to_owned()),
    }
}

fn check(expression: Option<&Value>) -> Result<Rule, String> {
    match expression {
        Some(Value::String(expression)) if ["{{", "{%"].iter().any(|opening| expression.contains(opening)) => {
            Err("has an `expression` in Jinja, which is rendered in models only".to_owned())
        }
        Some(Value::String(expression)) if reads_others(expression) => {
            Err("reads more than the rows of its own table".to_owned())
        }
        Some(Value::String(expression)) if holds_several(expression) => {
            Err("has an `expression` that stands for several (`columns(...)`)".to_owned())
        }
        Some(Value::String(expression)) if !expression.trim().is_empty() => Ok(Rule::Check(expression.clone())),
        _ => Err("needs an `expression`, such as `amount >= 0`".to_owned()),
    }
}

/// Nobody would know that the asset depends on what a query in it reads.
fn reads_others(expression: &str) -> bool {
    words(expression).iter().any(|(_, span)| {
        // As it is written: a quoted name is none.
        let is = |word: &str| expression.get(span.start..span.end).is_some_and(|text| text.eq_ignore_ascii_case(word));
        let before = expression.get(..span.start).unwrap_or_default().trim_end();
        // Nor is `extract(year from day)` a query.
        is("select") || (is("from") && before.ends_with('('))
    })
}

/// `columns(...)` makes as many expressions as there are columns, of which one would be looked at.
fn holds_several(expression: &str) -> bool {
    let behind = |span: &crate::source::Span| expression.get(span.end..).unwrap_or_default().trim_start();
    words(expression).iter().any(|(word, span)| word.eq_ignore_ascii_case("columns") && behind(span).starts_with('('))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
