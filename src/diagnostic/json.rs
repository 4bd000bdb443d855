//! A diagnostic as an object for machines: what `--log-format json` prints, and what run logs keep.

use serde_json::{Map, Value, json};

use super::{Diagnostic, Severity};
use crate::source::Place;

/// The keys are the same for every diagnostic; what it does not have is null or empty. `asset` is the one that failed,
/// where the diagnostic is about one.
pub fn diagnostic_json(diagnostic: &Diagnostic, asset: Option<&str>) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let position = diagnostic.place.as_ref().map(Place::position);
    let path = diagnostic.place.as_ref().map(|place| place.file.path().to_string_lossy());
    let mut object = Map::new();
    object.insert("level".into(), json!(level));
    object.insert("code".into(), json!(diagnostic.code.to_string()));
    object.insert("asset".into(), json!(asset));
    object.insert("message".into(), json!(diagnostic.message));
    object.insert("path".into(), json!(path));
    object.insert("line".into(), json!(position.map(|position| position.line)));
    let column = position.filter(|_| !diagnostic.is_somewhere).map(|position| position.column);
    object.insert("column".into(), json!(column));
    object.insert("hints".into(), json!(diagnostic.hints));
    object.insert("details".into(), json!(diagnostic.details));
    let notes: Vec<Value> = diagnostic.related.iter().map(|(place, message)| note_json(place, message)).collect();
    object.insert("notes".into(), json!(notes));
    Value::Object(object)
}

/// Another place that explains the first.
fn note_json(place: &Place, message: &str) -> Value {
    let position = place.position();
    json!({
        "message": message,
        "path": place.file.path().to_string_lossy(),
        "line": position.line,
        "column": position.column,
    })
}
