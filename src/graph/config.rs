//! Configs after merging: the few values that the rest of the pipeline acts on, with their types checked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::document::config::{LENGTH_OF_TIME, Unsupported, duration, slip_of, unsupported};
use crate::engine::Closeness;
use crate::project::{Project, Values};
use crate::source::{Place, SourceFile, Span};
use crate::template::argument_place;

/// The wait before the first retry, unless `retry_delay` says otherwise.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How an asset persists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Materialized {
    Table,
    View,
    Ephemeral,
    /// A Python object, stored by an IO manager.
    Object,
    /// A source: nothing of ours.
    External,
}

impl Materialized {
    pub fn as_str(self) -> &'static str {
        match self {
            Materialized::Table => "table",
            Materialized::View => "view",
            Materialized::Ephemeral => "ephemeral",
            Materialized::Object => "object",
            Materialized::External => "external",
        }
    }
}

/// Where an asset's data version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DataVersioning {
    /// Its content.
    #[default]
    Content,
    /// A function of the project, which sees what the asset function returned.
    Function,
    /// Nothing: each time that it is built counts as a change.
    Off,
}

/// What happens after a failure: how often to try again, and how long to wait before the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retry {
    pub count: u32,
    /// The wait before the first retry; it doubles with each further one.
    pub delay: Duration,
}

/// How a source is observed: from how it differs from before follows that its readers are stale.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Observe {
    /// Files by looking at them, tables by counting their rows, addresses not at all.
    #[default]
    AsUsual,
    /// Not at all.
    Off,
    /// By the engine, whatever it is.
    By(Closeness),
}

/// What one place says.
pub(super) struct Layer<'a> {
    pub values: &'a Values,
    /// What the layer is about: the asset, or its item in a property file.
    pub place: Place,
    pub keys: Keys<'a>,
}

/// Where the keys of a layer stand.
#[derive(Clone, Copy)]
pub(super) enum Keys<'a> {
    /// Nowhere more exactly than the layer itself.
    Unknown,
    /// In the file of the layer's place.
    Known(&'a BTreeMap<String, Span>),
    /// In the `config(...)` calls of this template, which are searched when there is something to say, but for those
    /// that its macros set.
    Template(&'a Arc<SourceFile>, &'a BTreeMap<String, Place>),
}

impl Layer<'_> {
    fn place_of(&self, key: &str) -> Place {
        let found = match self.keys {
            Keys::Unknown => None,
            Keys::Known(places) => places.get(key).map(|span| Place::new(&self.place.file, *span)),
            Keys::Template(file, by_macros) => {
                by_macros.get(key).cloned().or_else(|| argument_place(file, "config", key))
            }
        };
        found.unwrap_or_else(|| self.place.clone())
    }
}

/// Where a part of a value stands behind its key in the call of a template: an entry of a mapping by its name, an item of a
/// list of mappings by its number.
fn in_call(key: &Place, part: &str) -> Option<Place> {
    let start = key.span.end;
    let call = key.file.text().get(start..)?.split("}}").next()?;
    let span = match part.parse::<usize>() {
        Ok(number) => call.match_indices('{').nth(number).map(|(at, _)| Span::new(at, at + 1)),
        Err(_) => ['\'', '"'].into_iter().find_map(|quote| {
            let at = call.find(&format!("{quote}{part}{quote}"))?;
            Some(Span::new(at + 1, at + 1 + part.len()))
        }),
    }?;
    Some(Place::new(&key.file, Span::new(start + span.start, start + span.end)))
}

/// A merged config, and the layers that it was merged from, so that an error can point at the one that is wrong.
pub(super) struct Config<'a> {
    /// The asset's name, for messages.
    pub subject: &'a str,
    pub merged: &'a Values,
    /// Most specific first. A key is blamed on the first layer that has it.
    pub layers: Vec<Layer<'a>>,
    /// Where the asset is declared.
    pub asset: Place,
    /// The project and the asset's path, where keys of no layer are defaults of its folders.
    pub folders: Option<(&'a Project, &'a Path)>,
}

impl Config<'_> {
    /// Where the value of a key was written.
    pub fn place(&self, key: &str) -> Place {
        let layer = self.layers.iter().find(|layer| layer.values.contains_key(key));
        let default = || self.folders.and_then(|(project, path)| project.default_place(path, key));
        layer.map(|layer| layer.place_of(key)).or_else(default).unwrap_or_else(|| self.asset.clone())
    }

    /// Where a part of a key's value was written, such as a column of `columns`; else where the value was.
    pub fn place_within(&self, key: &str, part: &str) -> Place {
        let layer = self.layers.iter().find(|layer| layer.values.contains_key(key));
        let within = layer.and_then(|layer| match layer.keys {
            Keys::Known(places) => Some(Place::new(&layer.place.file, *places.get(&format!("{key}.{part}"))?)),
            Keys::Template(..) => in_call(&layer.place_of(key), part),
            Keys::Unknown => None,
        });
        within.unwrap_or_else(|| self.place(key))
    }

    /// An error about a key's value.
    pub fn problem(&self, key: &str, what: &str) -> Diagnostic {
        self.blame(key, Diagnostic::error(Code::ConfigValue, format!("`{key}` of `{}` {what}", self.subject)))
    }

    /// Points at the layer that sets the key, and at the asset where that is a default of its folder.
    fn blame(&self, key: &str, problem: Diagnostic) -> Diagnostic {
        let problem = problem.at(self.place(key));
        if self.layers.iter().any(|layer| layer.values.contains_key(key)) {
            return problem;
        }
        let explanation = format!("`{}` is declared here, and can set `{key}` itself", self.subject);
        problem.label("by a default of its folder").related(self.asset.clone(), explanation)
    }

    /// Tells of keys that ask for what dovetail does not do.
    pub fn check_keys(&self, has_contract: bool, problems: &mut Diagnostics) {
        for (key, value) in self.merged {
            match unsupported(key, value, has_contract) {
                Some(Unsupported::Refused) => {
                    let message = format!("`{key}` of `{}` is not supported", self.subject);
                    problems.push(self.blame(key, Diagnostic::error(Code::Unsupported, message)));
                }
                Some(Unsupported::WithoutEffect(about)) => {
                    let message = format!("`{key}` of `{}` has no effect", self.subject);
                    let warning = Diagnostic::warning(Code::Unsupported, message);
                    problems.push(self.blame(key, warning).hint(format!("dovetail does not have {about} yet")));
                }
                None => {}
            }
        }
        // Property files and folders are checked for slips where they are read.
        let templates = self.layers.iter().filter(|layer| matches!(layer.keys, Keys::Template(..)));
        for (layer, key) in templates.flat_map(|layer| layer.values.keys().map(move |key| (layer, key))) {
            if let Some(nearest) = slip_of(key) {
                let message = format!("config `{key}` of `{}` means nothing to dovetail", self.subject);
                let warning = Diagnostic::warning(Code::ConfigValue, message).at(layer.place_of(key));
                problems.push(warning.hint(format!("did you mean `{nearest}`?")));
            }
        }
    }

    /// The value of a key; `null` counts as not set.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.merged.get(key).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str, problems: &mut Diagnostics) -> Option<String> {
        match self.value(key)? {
            Value::String(text) if !text.trim().is_empty() && !text.chars().any(char::is_control) => Some(text.clone()),
            Value::String(_) => {
                problems.push(self.problem(key, "is empty or holds control characters"));
                None
            }
            other => {
                problems.push(self.problem(key, &format!("is {}, not a text", kind_of(other))));
                None
            }
        }
    }

    pub fn flag(&self, key: &str, default: bool, problems: &mut Diagnostics) -> bool {
        match self.value(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                problems.push(self.problem(key, &format!("is {}, not `true` or `false`", kind_of(other))));
                default
            }
        }
    }

    /// One text or a list of texts, each once, in the order of the layers.
    pub fn texts(&self, key: &str, problems: &mut Diagnostics) -> Vec<String> {
        let items = match self.value(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        let mut texts: Vec<String> = Vec::new();
        for item in items {
            match item {
                Value::String(text) if texts.contains(text) => {}
                Value::String(text) => texts.push(text.clone()),
                other => problems.push(self.problem(key, &format!("holds {}, not only texts", kind_of(other)))),
            }
        }
        texts
    }

    /// `off` is `false` in YAML; an asset function's own config may hold a function.
    pub fn data_versioning(&self, is_python: bool, problems: &mut Diagnostics) -> DataVersioning {
        match self.value("data_version") {
            None => DataVersioning::Content,
            Some(Value::String(text)) if text == "off" => DataVersioning::Off,
            Some(Value::Bool(false)) => DataVersioning::Off,
            Some(Value::Object(entries)) if is_python && entries.contains_key("function") => DataVersioning::Function,
            Some(other) => {
                let what = match other {
                    Value::String(text) => format!("cannot be `{text}`"),
                    other => format!("is {}", kind_of(other)),
                };
                let hint = "write `\"off\"` to take no version of the content; a function is for `@asset` alone";
                problems.push(self.problem("data_version", &what).hint(hint));
                DataVersioning::Content
            }
        }
    }

    pub fn retry(&self, problems: &mut Diagnostics) -> Retry {
        let count = match self.value("retries") {
            None => Some(0),
            Some(value) => value.as_u64().and_then(|count| u32::try_from(count).ok()),
        };
        let delay = match self.value("retry_delay") {
            None => Some(FIRST_WAIT),
            Some(value) => duration(value),
        };
        if count.is_none() {
            problems.push(self.problem("retries", "is not a whole number, 0 or more"));
        }
        if delay.is_none() {
            problems.push(
                self.problem("retry_delay", "is not a length of time").hint("write seconds (`30`, `0.5`) or `\"5m\"`"),
            );
        }
        Retry { count: count.unwrap_or_default(), delay: delay.unwrap_or(FIRST_WAIT) }
    }

    /// How old the asset may become; `None` where nobody says.
    pub fn max_age(&self, problems: &mut Diagnostics) -> Option<Duration> {
        let age = duration(self.value("max_age")?).filter(|age| !age.is_zero());
        if age.is_none() {
            problems.push(self.problem("max_age", "is not a length of time above zero").hint(LENGTH_OF_TIME));
        }
        age
    }

    /// How a source is observed: `observe`, else dbt's `loaded_at_field`, which is a column.
    pub fn observe(&self, problems: &mut Diagnostics) -> Observe {
        match self.value("observe") {
            // Older YAML reads `off` so.
            Some(Value::Bool(false)) => Observe::Off,
            Some(Value::String(text)) if !text.trim().is_empty() => match text.as_str() {
                "off" => Observe::Off,
                "count" => Observe::By(Closeness::Count),
                "hash" => Observe::By(Closeness::Hash),
                column => Observe::By(Closeness::Column(column.to_owned())),
            },
            Some(_) => {
                let hint = "write `count`, `hash`, `off` or the name of a column that grows with every change";
                problems.push(self.problem("observe", "says no way to observe it").hint(hint));
                Observe::AsUsual
            }
            None => match self.text("loaded_at_field", problems) {
                Some(column) => Observe::By(Closeness::Column(column)),
                None => Observe::AsUsual,
            },
        }
    }

    /// One of `known`; `unsupported` are words of dbt that dovetail understands and does not do.
    pub fn word(
        &self,
        key: &str,
        known: &[(&str, Materialized)],
        unsupported: &[&str],
        problems: &mut Diagnostics,
    ) -> Option<Materialized> {
        let text = self.text(key, problems)?;
        let lower = text.to_lowercase();
        if let Some((_, found)) = known.iter().find(|(word, _)| *word == lower) {
            return Some(*found);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let choices = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        if unsupported.contains(&lower.as_str()) {
            let message = format!("`{}` is materialized as `{text}`, which is not supported", self.subject);
            problems.push(
                Diagnostic::error(Code::Unsupported, message).at(self.place(key)).hint(format!("use one of {choices}")),
            );
            return None;
        }
        let guess = did_you_mean(&text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        let hint = guess.unwrap_or_else(|| format!("use one of {choices}"));
        problems.push(self.problem(key, &format!("cannot be `{text}`")).hint(hint));
        None
    }
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
