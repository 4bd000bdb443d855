//! Config values: which keys dovetail acts on, and the form that each must have, whatever file they stand in.

use std::time::Duration;

use serde_json::Value;

use super::{Content, Node, Reader};
use crate::diagnostic::did_you_mean;

/// What a key may be said of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// An asset of any kind, and a folder of them.
    Any,
    /// One asset of any kind: what would make no sense for several.
    One,
    /// A model, and a folder of models.
    Models,
    /// A seed, and a folder of seeds.
    Seeds,
    /// A source.
    Sources,
}

/// The keys that dovetail knows.
const KEYS: &[(&str, Scope)] = &[
    ("materialized", Scope::Any),
    ("schema", Scope::Any),
    ("database", Scope::Any),
    ("alias", Scope::One),
    ("tags", Scope::Any),
    ("owner", Scope::Any),
    ("group", Scope::Any),
    ("meta", Scope::Any),
    ("enabled", Scope::Any),
    ("retries", Scope::Any),
    ("retry_delay", Scope::Any),
    ("columns", Scope::One),
    ("constraints", Scope::One),
    ("version", Scope::One),
    ("max_age", Scope::Any),
    ("data_version", Scope::Any),
    ("renamed_from", Scope::One),
    ("io_manager", Scope::Any),
    ("access", Scope::Any),
    ("docs", Scope::Any),
    ("contract", Scope::Models),
    ("column_types", Scope::Seeds),
    ("delimiter", Scope::Seeds),
    ("quote_columns", Scope::Seeds),
    ("options", Scope::Seeds),
    ("observe", Scope::Sources),
    ("loaded_at_field", Scope::Sources),
];

/// Whether dovetail knows the key for assets of every kind.
pub fn is_asset_key(key: &str) -> bool {
    KEYS.iter().any(|(name, scope)| *name == key && matches!(scope, Scope::Any | Scope::One | Scope::Models))
}

/// The keys that make sense for a folder of models.
pub fn model_folder_keys() -> Vec<&'static str> {
    keys(|scope| matches!(scope, Scope::Any | Scope::Models))
}

/// The keys that make sense for a folder of seeds.
pub fn seed_folder_keys() -> Vec<&'static str> {
    keys(|scope| matches!(scope, Scope::Any | Scope::Seeds))
}

/// The keys that only seeds have.
pub fn seed_keys() -> Vec<&'static str> {
    keys(|scope| scope == Scope::Seeds)
}

fn keys(fits: impl Fn(Scope) -> bool) -> Vec<&'static str> {
    KEYS.iter().filter(|(_, scope)| fits(*scope)).map(|(name, _)| *name).collect()
}

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
        "tags" | "renamed_from" => Some(reader.texts(what, node).into()),
        "meta" | "options" => Some(Value::Object(reader.values(what, node).into_iter().collect())),
        "columns" => Some(column_table(reader, what, node)),
        "column_types" => Some(Value::Object(reader.text_table(what, node).into_iter().collect())),
        "enabled" | "quote_columns" => reader.truth(what, node).map(Value::Bool),
        "retries" => reader.count(what, node, 0, 1000).map(Value::from),
        "retry_delay" => reader.amount(what, node).map(|amount| match &node.content {
            Content::Number(number) => Value::Number(number.clone()),
            _ => Value::from(amount),
        }),
        "observe" => match &node.content {
            Content::Text(_) | Content::Bool(false) => Some(node.to_json()),
            _ => {
                reader.wrong_type(what, node, "`count`, `hash`, `off` or the name of a column");
                None
            }
        },
        "max_age" => {
            let value = node.to_json();
            if duration(&value).is_some_and(|age| !age.is_zero()) {
                return Some(value);
            }
            let problem = reader.problem(node.span, format!("`{what}` is not a length of time above zero"));
            reader.report(problem.hint(LENGTH_OF_TIME));
            None
        }
        "version" => match &node.content {
            Content::Bool(_) | Content::List(_) | Content::Table(_) => {
                reader.wrong_type(what, node, "text or a number");
                None
            }
            _ => Some(node.to_json()),
        },
        _ => Some(node.to_json()),
    }
}

/// Columns by name: their types, or tables of what is said of them.
fn column_table(reader: &mut Reader<'_>, what: &str, node: &Node<'_>) -> Value {
    let entries = reader.table(what, node).iter().filter_map(|entry| {
        let said = match &entry.value.content {
            Content::Table(_) | Content::Null => entry.value.to_json(),
            _ => Value::String(reader.text(&format!("{what}.{}", entry.key), &entry.value)?),
        };
        Some((entry.key.to_string(), said))
    });
    Value::Object(entries.collect())
}

/// How a length of time is written.
pub const LENGTH_OF_TIME: &str = "write `\"1d\"`, `\"12h\"`, `\"30m\"` or seconds (`90`)";

/// Seconds as a number, or a number with a unit: `500ms`, `30s`, `5m`, `1h`, `1d`.
pub fn duration(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim();
            let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
            let (number, unit) = text.split_at(split);
            let scale = match unit {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
            number.trim().parse::<f64>().ok()? * scale
        }
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Keys of dbt that change what is in the database: leaving them out would do something else than the project asks.
const REFUSED: &[&str] = &["pre_hook", "post_hook", "pre-hook", "post-hook", "sql_header"];

/// Keys of dbt that dovetail does nothing with, and what they are about.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("unique_key", INCREMENTAL),
    ("incremental_strategy", INCREMENTAL),
    ("incremental_predicates", INCREMENTAL),
    ("on_schema_change", INCREMENTAL),
    ("merge_update_columns", INCREMENTAL),
    ("merge_exclude_columns", INCREMENTAL),
    ("full_refresh", INCREMENTAL),
    ("event_time", INCREMENTAL),
    ("batch_size", INCREMENTAL),
    ("lookback", INCREMENTAL),
    ("begin", INCREMENTAL),
    ("grants", "grants"),
    ("persist_docs", "comments in the database"),
    ("indexes", "indexes"),
];
const INCREMENTAL: &str = "incremental models";

/// What dovetail does about a config key whose behaviour it does not have.
pub enum Unsupported {
    /// The project asks for an effect, so doing without is an error.
    Refused,
    /// Nothing that is computed now depends on it; what it is about.
    WithoutEffect(&'static str),
}

/// Whether a key asks for behaviour that dovetail does not have for an asset that may have a contract, or for another one. A value that
/// switches it off asks for nothing.
pub fn unsupported(key: &str, value: &Value, has_contract: bool) -> Option<Unsupported> {
    let is_off = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.values().all(|value| matches!(value, Value::Null | Value::Bool(false))),
        _ => false,
    };
    if is_off {
        return None;
    }
    let is_enforced = || value.get("enforced").is_some_and(|enforced| *enforced != Value::Bool(false));
    if REFUSED.contains(&key) || (key == "contract" && !has_contract && is_enforced()) {
        return Some(Unsupported::Refused);
    }
    WITHOUT_EFFECT.iter().find(|(name, _)| *name == key).map(|(_, about)| Unsupported::WithoutEffect(about))
}

/// The known key that a key which means nothing to dovetail looks like. Keys of a project's own are free, and so are
/// those of dbt.
pub fn slip_of(key: &str) -> Option<&'static str> {
    let mut known = keys(|_| true);
    known.extend(REFUSED);
    known.extend(WITHOUT_EFFECT.iter().map(|(name, _)| *name));
    if key.len() < 3 || known.contains(&key) {
        return None;
    }
    did_you_mean(key, known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn slips_are_near_and_not_words_of_dbt() {
        assert_eq!(slip_of("materialised"), Some("materialized"));
        assert_eq!(slip_of("unique_keys"), Some("unique_key"));
        for free in ["docs", "begin", "my_team", "id", "contract", "quoting"] {
            assert_eq!(slip_of(free), None, "{free}");
        }
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration(&json!(1.5)), Some(Duration::from_millis(1500)));
        assert_eq!(duration(&json!("500ms")), Some(Duration::from_millis(500)));
        assert_eq!(duration(&json!("2 m")), Some(Duration::from_secs(120)));
        assert_eq!(duration(&json!("1.5d")), Some(Duration::from_secs(36 * 3600)));
        for bad in [json!(-1), json!("soon"), json!("1w"), json!(true), json!("1e400")] {
            assert_eq!(duration(&bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_switched_off_is_not_asked_for() {
        for (key, value) in [
            ("pre_hook", json!([])),
            ("contract", json!({"enforced": false})),
            ("persist_docs", json!({"relation": false, "columns": false})),
            ("grants", json!({})),
        ] {
            assert!(unsupported(key, &value, false).is_none(), "{key}");
        }
        let enforced = json!({"enforced": true});
        assert!(matches!(unsupported("contract", &enforced, false), Some(Unsupported::Refused)));
        assert!(unsupported("contract", &enforced, true).is_none());
    }
}
