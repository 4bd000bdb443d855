//! dbt's functions about values: `tojson`, `fromjson`, `zip`, `set`. As in dbt, what cannot be done gives the default.

use std::io;

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

use super::markers;
use super::value::{from_json, to_json};
use minijinja::value::{Kwargs, Rest};

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("tojson", tojson);
    environment.add_function("fromjson", fromjson);
    environment.add_function("zip", zip);
    environment.add_function("set", set);
}

/// `tojson(value, default=none, sort_keys=false)`.
fn tojson(value: &Value, default: Option<Value>, options: Kwargs) -> Result<Value, minijinja::Error> {
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    let default = default.or(options.get("default")?).unwrap_or(Value::from(()));
    options.assert_all_used()?;
    let mut json = to_json(value);
    markers::strip_json(&mut json);
    if sort_keys {
        json.sort_all_objects();
    }
    Ok(python_json(&json).map_or(default, Value::from))
}

/// `fromjson(text, default=none)`.
fn fromjson(text: &Value, default: Option<Value>) -> Value {
    let text = markers::strip(text.as_str().unwrap_or_default());
    match serde_json::from_str(&text) {
        Ok(json) => from_json(&json),
        Err(_) => default.unwrap_or(Value::from(())),
    }
}

/// `zip(one, other, ...)`: lists of the first items, of the second ones, and so on to the end of the shortest.
fn zip(values: Rest<Value>, options: Kwargs) -> Result<Value, minijinja::Error> {
    let default = options.get::<Option<Value>>("default")?.unwrap_or(Value::from(()));
    options.assert_all_used()?;
    let Some(lists) = values.iter().map(items).collect::<Option<Vec<_>>>() else { return Ok(default) };
    let length = lists.iter().map(Vec::len).min().unwrap_or_default();
    let row = |index: usize| lists.iter().map(|list| list[index].clone()).collect::<Value>();
    Ok((0..length).map(row).collect())
}

/// `set(value, default=none)`: each item once, in the order of their first places, since Jinja has no sets here.
fn set(value: &Value, default: Option<Value>) -> Value {
    let Some(items) = items(value) else { return default.unwrap_or(Value::from(())) };
    let mut unique: Vec<Value> = Vec::new();
    for item in items {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    Value::from(unique)
}

fn items(value: &Value) -> Option<Vec<Value>> {
    if let Some(text) = value.as_str() {
        return Some(markers::strip(text).chars().map(Value::from).collect());
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return None;
    }
    value.try_iter().ok().map(Iterator::collect)
}

/// JSON as Python's `json.dumps` writes it.
fn python_json(json: &serde_json::Value) -> Option<String> {
    let mut bytes = Vec::new();
    json.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PythonFormat)).ok()?;
    String::from_utf8(bytes).ok()
}

/// A space behind `,` and `:`, and nothing but ASCII.
struct PythonFormat;

impl Formatter for PythonFormat {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for letter in fragment.chars() {
            match letter {
                letter if letter.is_ascii() => writer.write_all(&[letter as u8])?,
                letter => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}
