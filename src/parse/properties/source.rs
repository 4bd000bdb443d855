//! Items of `sources:` and their tables.

use super::PropertyParser;
use super::location::{Declared, SourceDefaults};
use crate::document::config::config_value;
use crate::document::{Entry, Node};
use crate::parse::ParsedSource;
use crate::project::{Values, merge_config};

const SOURCE_KEYS: &[&str] =
    &["name", "description", "database", "schema", "tables", "config", "tags", "meta", "observe"];
const TABLE_KEYS: &[&str] = &[
    "name",
    "description",
    "identifier",
    "columns",
    "data_tests",
    "config",
    "tags",
    "meta",
    "observe",
    "path",
    "files",
    "format",
    "options",
    "external",
];
const CONFIG_BESIDE: &[&str] = &["tags", "meta", "owner", "group", "observe", "loaded_at_field"];
const IGNORED: &[&str] = &["loader", "loaded_at_query", "quoting", "data_type"];
const UNUSED: &[&str] = &["freshness", "overrides"];

impl PropertyParser<'_> {
    pub(super) fn source(&mut self, item: &Node<'_>) {
        let name = self.item_name(item, "a source").map(|(name, _)| name);
        let mut defaults = SourceDefaults::new(name.clone().unwrap_or_default());
        let mut tables: Option<&Node<'_>> = None;
        for entry in item.as_table().unwrap_or_default() {
            match entry.key.as_ref() {
                "name" | "description" => {}
                "database" => defaults.database = self.location_text(entry),
                "schema" => defaults.schema = self.location_text(entry).unwrap_or(defaults.schema),
                "tables" => tables = Some(&entry.value),
                _ => self.shared_entry(entry, "a source", SOURCE_KEYS, &mut defaults.config),
            }
        }
        let Some(tables) = tables else { return };
        for table in self.reader.list("tables", tables) {
            self.table(table, name.as_deref(), &defaults);
        }
    }

    fn table(&mut self, item: &Node<'_>, source: Option<&str>, defaults: &SourceDefaults) {
        if item.as_table().is_none() {
            self.reader.wrong_type("tables", item, "a table with a `name`");
            return;
        }
        let name = self.item_name(item, "a table of a source");
        let mut declared = Declared::default();
        let (mut description, mut columns, mut checks) = (None, Vec::new(), Vec::new());
        let mut own = Values::new();
        for entry in item.as_table().unwrap_or_default() {
            match entry.key.as_ref() {
                "name" => {}
                "description" => description = self.reader.text("description", &entry.value),
                "columns" => {
                    columns = self.columns(&entry.value);
                    if columns.iter().any(|column| !column.constraints.is_empty()) {
                        self.unused.note_word("constraints of a source", entry.key_span);
                    }
                }
                "data_tests" | "tests" => checks.extend(self.checks(entry, None)),
                "identifier" => declared.identifier = self.location_text(entry),
                "path" | "files" | "format" | "options" | "external" => self.declared_entry(entry, &mut declared),
                _ => self.shared_entry(entry, "a table of a source", TABLE_KEYS, &mut own),
            }
        }
        let mut config = defaults.config.clone();
        merge_config(&mut config, &own);
        let (Some(source), Some((table, span))) = (source, name) else { return };
        let Some(location) = self.location(&table, span, declared, defaults, &config) else { return };
        let (source, place) = (source.to_string(), self.reader.place(span));
        self.found.sources.push(ParsedSource { source, table, place, description, location, config, columns, checks });
    }

    /// Keys that sources and their tables have in common.
    fn shared_entry(&mut self, entry: &Entry<'_>, owner: &str, known: &[&str], config: &mut Values) {
        match entry.key.as_ref() {
            "config" => self.config(&entry.value, config),
            key if CONFIG_BESIDE.contains(&key) => {
                if let Some(value) = config_value(&mut self.reader, key, key, &entry.value) {
                    merge_config(config, &Values::from([(key.to_string(), value)]));
                }
            }
            key if UNUSED.contains(&key) => self.unused.note(entry),
            key if IGNORED.contains(&key) => {}
            _ => self.reader.unknown_key(entry, owner, known),
        }
    }
}
