//! Values across the border between Jinja and the rest of the program.

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Number, Value as Json};

/// A Jinja value as JSON. Objects such as `ref('x')` become their text.
pub(super) fn to_json(value: &Value) -> Json {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable => match value.try_iter() {
            Ok(items) => Json::Array(items.map(|item| to_json(&item)).collect()),
            Err(_) => Json::String(value.to_string()),
        },
        ValueKind::Map => Json::Object(entries(value)),
        _ => Json::String(value.to_string()),
    }
}

fn number(value: &Value) -> Json {
    if let Some(whole) = value.as_i64().filter(|_| value.is_integer()) {
        return Json::from(whole);
    }
    f64::try_from(value.clone()).ok().and_then(Number::from_f64).map_or(Json::Null, Json::Number)
}

fn entries(value: &Value) -> Map<String, Json> {
    let Ok(keys) = value.try_iter() else { return Map::new() };
    keys.map(|key| (key.to_string(), value.get_item(&key).map_or(Json::Null, |item| to_json(&item)))).collect()
}

/// JSON as a Jinja value; objects keep the order of their keys.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(from_json).collect(),
        Json::Object(entries) => Value::from_pairs(entries.iter().map(|(key, value)| (key.as_str(), from_json(value)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_there_and_back() {
        for text in [r#"{"b":1,"a":[true,null,1.5,"x"]}"#, "18446744073709551615", "-1", "[]", "{}"] {
            let json: Json = serde_json::from_str(text).unwrap();
            let back = to_json(&from_json(&json));
            match json.as_u64() {
                Some(large) if large > i64::MAX as u64 => assert_eq!(back.as_f64(), json.as_f64()),
                _ => assert_eq!(back.to_string(), text),
            }
        }
    }
}
