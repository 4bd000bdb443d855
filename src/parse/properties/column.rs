//! `columns:` of models, seeds and sources.

use super::PropertyParser;
use crate::document::{Entry, Node};
use crate::parse::ColumnProperties;

const KEYS: &[&str] = &["name", "description", "data_type", "constraints", "data_tests", "tags", "meta"];
const IGNORED: &[&str] = &["quote", "policy_tags", "dimension", "entity", "granularity", "metrics"];

impl PropertyParser<'_> {
    /// The columns that have no problem.
    pub(super) fn columns(&mut self, node: &Node<'_>) -> Vec<ColumnProperties> {
        let mut columns = Vec::new();
        for item in self.reader.list("columns", node) {
            if item.as_table().is_some() {
                columns.extend(self.column(item));
            } else {
                self.reader.wrong_type("columns", item, "a table with a `name`");
            }
        }
        columns
    }

    fn column(&mut self, item: &Node<'_>) -> Option<ColumnProperties> {
        let (name, span) = self.item_name(item, "a column")?;
        let place = Some(self.reader.place(span));
        let mut column = ColumnProperties { name, place, ..ColumnProperties::default() };
        for entry in item.as_table().unwrap_or_default() {
            self.column_entry(entry, &mut column);
        }
        Some(column)
    }

    fn column_entry(&mut self, entry: &Entry<'_>, column: &mut ColumnProperties) {
        match entry.key.as_ref() {
            "name" => {}
            "description" => column.description = self.reader.text("description", &entry.value),
            "data_type" => column.data_type = self.reader.name("data_type", &entry.value),
            "constraints" => column.constraints = self.constraints(&entry.value, Some(&column.name)),
            "data_tests" | "tests" => {
                let checks = self.checks(entry, Some(&column.name));
                column.checks.extend(checks);
            }
            "tags" | "meta" => self.tags_and_meta(entry, column),
            "config" => {
                for entry in self.reader.table("config", &entry.value) {
                    self.tags_and_meta(entry, column);
                }
            }
            key if IGNORED.contains(&key) => {}
            _ => self.reader.unknown_key(entry, "a column", KEYS),
        }
    }

    fn tags_and_meta(&mut self, entry: &Entry<'_>, column: &mut ColumnProperties) {
        match entry.key.as_ref() {
            "tags" => {
                for tag in self.reader.texts("tags", &entry.value) {
                    if !column.tags.contains(&tag) {
                        column.tags.push(tag);
                    }
                }
            }
            "meta" => column.meta.extend(self.reader.values("meta", &entry.value)),
            _ => {}
        }
    }
}
