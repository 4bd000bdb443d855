//! Items of `models:` and `seeds:`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PropertyParser;
use crate::document::config::{config_value, is_asset_key};
use crate::document::{Entry, Node};
use crate::parse::{AssetProperties, Section};
use crate::project::{Values, merge_config};
use crate::source::Span;

const KEYS: &[&str] =
    &["name", "description", "config", "tags", "meta", "owner", "group", "columns", "constraints", "data_tests"];
/// Beside `config:` these are config values too, as dbt has it.
const CONFIG_BESIDE: &[&str] = &["tags", "meta", "owner", "group", "access", "docs", "latest_version"];
const IGNORED: &[&str] = &["deprecation_date", "time_spine", "primary_entity", "agg_time_dimension", "semantic_model"];
const UNUSED: &[&str] = &["versions", "metrics", "derived_semantics"];

impl PropertyParser<'_> {
    pub(super) fn asset(&mut self, item: &Node<'_>, section: Section) {
        let name = self.item_name(item, &format!("a {}", section.item()));
        let mut description = None;
        let (mut columns, mut constraints, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut config, mut beside) = (Values::new(), Values::new());
        let mut config_places = BTreeMap::new();
        for entry in item.as_table().unwrap_or_default() {
            match entry.key.as_ref() {
                "name" => {}
                "description" => description = self.reader.text("description", &entry.value),
                "columns" => columns = self.columns(&entry.value),
                "constraints" => constraints = self.constraints(&entry.value, None),
                "data_tests" | "tests" => checks.extend(self.checks(entry, None)),
                "config" => {
                    self.config(&entry.value, &mut config);
                    config_places.extend(entry.value.as_table().unwrap_or_default().iter().map(key_place));
                }
                key if CONFIG_BESIDE.contains(&key) => {
                    config_places.extend([key_place(entry)]);
                    if let Some(value) = config_value(&mut self.reader, key, key, &entry.value) {
                        beside.insert(key.to_string(), value);
                    }
                }
                key if UNUSED.contains(&key) => self.unused.note(entry),
                key if IGNORED.contains(&key) => {}
                _ => self.unknown_item_key(entry, section),
            }
        }
        merge_config(&mut config, &beside);
        if let Some((name, span)) = name {
            let place = self.reader.place(span);
            self.found.assets.push(AssetProperties {
                name,
                place,
                section,
                description,
                config,
                config_places,
                columns,
                constraints,
                checks,
            });
        }
    }

    /// A config key beside `name:` is the most frequent slip.
    fn unknown_item_key(&mut self, entry: &Entry<'_>, section: Section) {
        let owner = format!("a {}", section.item());
        if is_asset_key(&entry.key) {
            let message = format!("`{}` of {owner} stands under `config:`", entry.key);
            let place = self.reader.place(entry.key_span);
            let problem = crate::diagnostic::Diagnostic::error(super::WORDS.unknown_key, message).at(place);
            let value = match entry.value.to_json() {
                Value::String(text) => text,
                other => other.to_string(),
            };
            self.reader.report(problem.hint(format!("write `config: {{{}: {value}}}`", entry.key)));
            return;
        }
        self.reader.unknown_key(entry, &owner, KEYS);
    }
}

fn key_place(entry: &Entry<'_>) -> (String, Span) {
    (entry.key.strip_prefix('+').unwrap_or(&entry.key).to_owned(), entry.key_span)
}
