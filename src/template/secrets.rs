//! Values that must never be shown.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::project::Values;

/// Shorter values are left alone: hiding every `1` or `on` would make a message unreadable and tell the secret anyway.
const SHORTEST: usize = 4;

/// Values that must never be shown, collected while templates are rendered (`env_var` of a secret's name).
#[derive(Debug, Default)]
pub struct Secrets(RwLock<BTreeSet<String>>);

impl Secrets {
    /// Whether a variable of this name holds a secret: the name has SECRET, TOKEN, PASSWORD or KEY, in any case.
    pub(super) fn is_secret(name: &str) -> bool {
        let name = name.to_ascii_uppercase();
        ["SECRET", "TOKEN", "PASSWORD", "KEY"].iter().any(|word| name.contains(word))
    }

    /// Remembers a value, and the forms in which templates usually write it: trimmed, with doubled quotes, line by
    /// line, in capitals. Forms of fewer than four characters are not remembered.
    pub(super) fn register(&self, value: &str) {
        let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in std::iter::once(value).chain([value.trim()]).chain(value.lines().map(str::trim)) {
            for form in [form.to_owned(), form.replace('\'', "''"), form.to_uppercase(), form.to_lowercase()] {
                if form.trim().chars().count() >= SHORTEST {
                    values.insert(form);
                }
            }
        }
    }

    /// The diagnostic with every secret value in its words replaced by `***`.
    #[must_use]
    pub fn redact_diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.message = self.redact(&diagnostic.message);
        diagnostic.label = diagnostic.label.map(|label| self.redact(&label));
        diagnostic.details = diagnostic.details.map(|details| self.redact(&details));
        diagnostic.hints = diagnostic.hints.iter().map(|hint| self.redact(hint)).collect();
        for (_, message) in &mut diagnostic.related {
            *message = self.redact(message);
        }
        diagnostic
    }

    /// Values by name in which every secret value is replaced by `***`, in names too.
    pub fn redact_values(&self, values: &Values) -> Values {
        values.iter().map(|(name, value)| (self.redact(name), self.redact_value(value))).collect()
    }

    fn redact_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(text)),
            Value::Array(items) => items.iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(entries) => {
                entries.iter().map(|(name, value)| (self.redact(name), self.redact_value(value))).collect()
            }
            // A secret may be a number.
            Value::Number(number) => {
                let text = number.to_string();
                let redacted = self.redact(&text);
                if redacted == text { value.clone() } else { Value::String(redacted) }
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// The text with every secret value replaced by `***`.
    pub fn redact(&self, text: &str) -> String {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut longest_first: Vec<&String> = values.iter().filter(|value| text.contains(value.as_str())).collect();
        longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
        longest_first.into_iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn longer_secrets_hide_first_and_short_ones_stay() {
        let secrets = Secrets::default();
        for value in ["hunter22", "hunter22-more", "on"] {
            secrets.register(value);
        }
        assert_eq!(secrets.redact("on hunter22-more and hunter22"), "on *** and ***");
        assert!(Secrets::is_secret("my_api_Key") && !Secrets::is_secret("HOME"));
    }

    #[test]
    fn values_hold_no_secret_in_names_texts_and_numbers() {
        let secrets = Secrets::default();
        secrets.register("hunter22");
        secrets.register("12345");
        let values = |json: Value| json.as_object().unwrap().clone().into_iter().collect::<Values>();
        let given = json!({"a": ["x hunter22", {"hunter22": 1}], "pin": 12345, "n": null, "rows": 1.5, "b": true});
        let told = json!({"a": ["x ***", {"***": 1}], "pin": "***", "n": null, "rows": 1.5, "b": true});
        assert_eq!(secrets.redact_values(&values(given)), values(told));
    }
}
