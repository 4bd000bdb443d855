//! `data_tests:` (or `tests:`) of assets, sources and their columns, and of the file as a whole.

use super::PropertyParser;
use crate::document::config::config_value;
use crate::document::{Content, Entry, Node};
use crate::parse::Accepted;
use crate::parse::check::{CONFIG, CheckProperties, ParsedCheck, only_argument};
use crate::project::{Values, merge_config};

const NAMES_A_TEST: &str = "the name of a test, or a table whose key is that name";

impl PropertyParser<'_> {
    /// The checks of a list that have no problem; `column` is the one whose list it is.
    pub(super) fn checks(&mut self, entry: &Entry<'_>, column: Option<&str>) -> Vec<ParsedCheck> {
        let items = self.reader.list(&entry.key, &entry.value);
        items.iter().filter_map(|item| self.check(item, column)).collect()
    }

    /// `unique`, or `- accepted_values: {values: [...]}`, or a table with `test_name`.
    fn check(&mut self, item: &Node<'_>, column: Option<&str>) -> Option<ParsedCheck> {
        let Some(entries) = item.as_table() else {
            let named = matches!(item.content, Content::Text(_));
            if !named {
                self.reader.wrong_type("data_tests", item, NAMES_A_TEST);
                return None;
            }
            let test = self.reader.name("data_tests", item)?;
            return Some(self.started(item, &test, column));
        };
        if let Some(named) = item.get("test_name") {
            let test = self.reader.name("test_name", named)?;
            let mut check = self.started(item, &test, column);
            self.fill(&mut check, entries.iter().filter(|entry| entry.key != "test_name"));
            return Some(check);
        }
        // Beside the test's own key, config may stand, whatever comes first.
        let is_config = |entry: &&Entry<'_>| {
            let key = entry.key.as_ref();
            CONFIG.contains(&key) || matches!(key, "name" | "description" | "config" | "arguments")
        };
        let Some(test) = entries.iter().find(|entry| !is_config(entry)) else {
            self.reader.wrong_type("data_tests", item, NAMES_A_TEST);
            return None;
        };
        let mut check = self.started(item, &test.key, column);
        match &test.value.content {
            Content::Table(arguments) => self.fill(&mut check, arguments.iter()),
            Content::Null => {}
            _ => match only_argument(&check.test) {
                Some(argument) => self.argument(&mut check, argument, &test.value),
                None => {
                    self.reader.wrong_type(&test.key, &test.value, "a table of the test's arguments");
                    return None;
                }
            },
        }
        self.fill(&mut check, entries.iter().filter(|entry| !std::ptr::eq(*entry, test)));
        Some(check)
    }

    fn started(&self, item: &Node<'_>, test: &str, column: Option<&str>) -> ParsedCheck {
        let (package, test) = match test.rsplit_once('.') {
            Some((package, test)) => (Some(package.to_owned()), test),
            None => (None, test),
        };
        ParsedCheck {
            package,
            test: test.to_owned(),
            name: None,
            column: column.map(str::to_owned),
            arguments: Values::new(),
            accepted: Vec::new(),
            config: Values::new(),
            description: None,
            place: self.reader.place(item.span),
        }
    }

    fn fill<'e, 'a: 'e>(&mut self, check: &mut ParsedCheck, entries: impl Iterator<Item = &'e Entry<'a>>) {
        for entry in entries {
            match entry.key.as_ref() {
                "name" => check.name = self.reader.name("name", &entry.value),
                "description" => check.description = self.reader.text("description", &entry.value),
                "config" => self.check_config(&entry.value, &mut check.config),
                "arguments" => {
                    for entry in self.reader.table("arguments", &entry.value) {
                        self.argument(check, &entry.key, &entry.value);
                    }
                }
                key if CONFIG.contains(&key) => self.check_config_entry(entry, &mut check.config),
                key => self.argument(check, key, &entry.value),
            }
        }
    }

    fn argument(&self, check: &mut ParsedCheck, name: &str, value: &Node<'_>) {
        if let ("values", Content::List(items)) = (name, &value.content) {
            check.accepted = items.iter().map(|item| self.accepted(item)).collect();
        }
        check.arguments.insert(name.to_owned(), value.to_json());
    }

    /// A value with the text that stands in the file.
    fn accepted(&self, node: &Node<'_>) -> Accepted {
        let mut accepted = Accepted::from(node.to_json());
        self.keep_text(&mut accepted, node);
        accepted
    }

    fn check_config(&mut self, node: &Node<'_>, under: &mut Values) {
        for entry in self.reader.table("config", node) {
            self.check_config_entry(entry, under);
        }
    }

    /// What a check's config says of it; what it means is looked at where the check meets its asset.
    fn check_config_entry(&mut self, entry: &Entry<'_>, under: &mut Values) {
        let key = entry.key.strip_prefix('+').unwrap_or(&entry.key);
        if !CONFIG.contains(&key) {
            self.reader.unknown_key(entry, "the config of a check", &CONFIG);
            return;
        }
        let value = match key {
            "tags" | "meta" | "enabled" | "owner" => config_value(&mut self.reader, key, key, &entry.value),
            // `warn_if: 10` and a `where` of one word are texts.
            "severity" | "where" | "warn_if" | "error_if" | "fail_calc" => {
                self.reader.name(key, &entry.value).map(Into::into)
            }
            _ => Some(entry.value.to_json()),
        };
        if let Some(value) = value {
            merge_config(under, &Values::from([(key.to_owned(), value)]));
        }
    }

    /// Items of `data_tests:` beside `models:`: what is said of checks that stand elsewhere.
    pub(super) fn check_properties(&mut self, item: &Node<'_>) {
        let name = self.item_name(item, "a check");
        let (mut description, mut config) = (None, Values::new());
        for entry in item.as_table().unwrap_or_default() {
            match entry.key.as_ref() {
                "name" => {}
                "description" => description = self.reader.text("description", &entry.value),
                "config" => self.check_config(&entry.value, &mut config),
                key if CONFIG.contains(&key) => self.check_config_entry(entry, &mut config),
                _ => self.reader.unknown_key(entry, "a check", &["name", "description", "config"]),
            }
        }
        if let Some((name, span)) = name {
            let place = self.reader.place(span);
            self.found.checks.push(CheckProperties { name, place, description, config });
        }
    }
}
