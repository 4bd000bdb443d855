//! Items of `unit_tests:`.

use std::collections::BTreeMap;

use super::PropertyParser;
use crate::diagnostic::Diagnostic;
use crate::document::{Content, Entry, Node};
use crate::parse::unit_test::{
    Cell, CellValue, InputName, ParsedGiven, ParsedRows, ParsedUnitTest, Row, RowsForm, UnitTestOverrides, moment,
};
use crate::project::Values;
use crate::source::Span;

const KEYS: &[&str] = &["name", "description", "model", "given", "expect", "overrides", "config", "versions"];
const GIVEN_KEYS: &[&str] = &["input", "rows", "format", "fixture"];
const EXPECT_KEYS: &[&str] = &["rows", "format", "fixture"];
const OVERRIDE_KEYS: &[&str] = &["vars", "env_vars", "macros", "now"];
const CONFIG_KEYS: &[&str] = &["tags", "meta", "enabled", "now"];
const FORMATS: &[&str] = &["dict", "csv", "sql"];
const HOW_TO_NAME: &str = "write `ref('name')`, `source('source', 'table')`, `this` or a name";

#[derive(Default)]
struct Config {
    tags: Vec<String>,
    meta: Values,
    is_enabled: Option<bool>,
    now: Option<jiff::Timestamp>,
}

impl PropertyParser<'_> {
    pub(super) fn unit_test(&mut self, item: &Node<'_>) {
        let name = self.item_name(item, "a unit test");
        let (mut description, mut model, mut expect) = (None, None, None);
        let (mut given, mut overrides, mut config) = (Vec::new(), UnitTestOverrides::default(), Config::default());
        for entry in item.as_table().unwrap_or_default() {
            match entry.key.as_ref() {
                "name" => {}
                "description" => description = self.reader.text("description", &entry.value),
                "model" => model = self.reader.name("model", &entry.value).map(|name| (name, entry.value.span)),
                "given" => given = self.given(&entry.value),
                "expect" => expect = self.expect(entry),
                "overrides" => overrides = self.overrides(&entry.value),
                "config" => config = self.unit_test_config(&entry.value),
                "versions" => self.unused.note(entry),
                _ => self.reader.unknown_key(entry, "a unit test", KEYS),
            }
        }
        for (key, is_there) in [("model", model.is_some()), ("expect", expect.is_some())] {
            if !is_there && item.get(key).is_none_or(Node::is_null) {
                self.lacks(item, "a unit test", key);
            }
        }
        overrides.now = overrides.now.or(config.now);
        let (Some((name, span)), Some(model), Some(expect)) = (name, model, expect) else { return };
        let place = self.reader.place(span);
        let is_enabled = config.is_enabled.unwrap_or(true);
        let Config { tags, meta, .. } = config;
        self.found.unit_tests.push(ParsedUnitTest {
            name,
            place,
            description,
            model,
            given,
            expect,
            overrides,
            tags,
            meta,
            is_enabled,
        });
    }

    fn lacks(&mut self, item: &Node<'_>, owner: &str, key: &str) {
        let start = Span::new(item.span.start, item.span.start);
        let problem = self.reader.problem(start, format!("{owner} without `{key}`"));
        self.reader.report(problem);
    }

    fn given(&mut self, node: &Node<'_>) -> Vec<ParsedGiven> {
        let items = self.reader.list("given", node);
        items.iter().filter_map(|item| self.one_given(item)).collect()
    }

    fn one_given(&mut self, item: &Node<'_>) -> Option<ParsedGiven> {
        if item.as_table().is_none() {
            self.reader.wrong_type("given", item, "a table with an `input` and its `rows`");
            return None;
        }
        for entry in item.as_table().unwrap_or_default() {
            if !GIVEN_KEYS.contains(&entry.key.as_ref()) {
                self.reader.unknown_key(entry, "an item of `given`", GIVEN_KEYS);
            }
        }
        let Some(node) = item.get("input").filter(|node| !node.is_null()) else {
            self.lacks(item, "an item of `given`", "input");
            return None;
        };
        let text = self.reader.name("input", node)?;
        let Some(input) = input_name(&text) else {
            let problem = self.reader.problem(node.span, format!("`{text}` names no input"));
            self.reader.report(problem.hint(HOW_TO_NAME));
            return None;
        };
        let rows = self.rows(item).ok()?;
        Some(ParsedGiven { input, span: node.span, rows })
    }

    fn expect(&mut self, entry: &Entry<'_>) -> Option<ParsedRows> {
        let item = &entry.value;
        if item.is_null() {
            return None;
        }
        if item.as_table().is_none() {
            self.reader.wrong_type("expect", item, "a table with `rows`");
            return None;
        }
        for entry in item.as_table().unwrap_or_default() {
            if !EXPECT_KEYS.contains(&entry.key.as_ref()) {
                self.reader.unknown_key(entry, "`expect`", EXPECT_KEYS);
            }
        }
        let rows = self.rows(item).ok()?;
        if rows.is_none() {
            let problem = self.reader.problem(entry.key_span, "`expect` without `rows`");
            self.reader.report(problem.hint("`rows: []` expects none"));
        }
        rows
    }

    /// The rows of a table with `rows`, `format` and `fixture`, where it has any. What is wrong is reported.
    fn rows(&mut self, item: &Node<'_>) -> Result<Option<ParsedRows>, ()> {
        let format = match item.get("format").filter(|node| !node.is_null()) {
            Some(node) => {
                let text = self.reader.name("format", node).ok_or(())?;
                if !FORMATS.contains(&text.as_str()) {
                    self.reader.wrong_type("format", node, "`dict`, `csv` or `sql`");
                    return Err(());
                }
                text
            }
            None => "dict".to_owned(),
        };
        if let Some(entry) = entry_of(item, "fixture") {
            let name = self.reader.name("fixture", &entry.value).ok_or(())?;
            if format == "dict" {
                let problem = self.reader.problem(entry.key_span, "a fixture is a file of CSV or of SQL");
                self.reader.report(problem.hint("say which: `format: csv` or `format: sql`"));
                return Err(());
            }
            let form = RowsForm::Fixture { name, is_sql: format == "sql" };
            return Ok(Some(ParsedRows { form, span: entry.value.span, key: entry.key_span }));
        }
        let Some(entry) = item.as_table().unwrap_or_default().iter().find(|entry| entry.key == "rows") else {
            return Ok(None);
        };
        let form = match format.as_str() {
            "dict" => RowsForm::Dict(self.dict_rows(&entry.value)?),
            format => {
                let Some(text) = self.reader.text("rows", &entry.value) else {
                    self.reader.wrong_type("rows", &entry.value, "text, since `format` says so");
                    return Err(());
                };
                if format == "csv" { RowsForm::Csv(text) } else { RowsForm::Sql(text) }
            }
        };
        Ok(Some(ParsedRows { form, span: entry.value.span, key: entry.key_span }))
    }

    fn dict_rows(&mut self, node: &Node<'_>) -> Result<Vec<Row>, ()> {
        let items = match &node.content {
            Content::List(items) => items.as_slice(),
            Content::Null => &[],
            Content::Text(_) => {
                self.reader.wrong_type("rows", node, "a list of rows; for text, say `format: csv` or `format: sql`");
                return Err(());
            }
            _ => {
                self.reader.wrong_type("rows", node, "a list of rows");
                return Err(());
            }
        };
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            let Some(entries) = item.as_table() else {
                self.reader.wrong_type("rows", item, "tables of columns and values");
                return Err(());
            };
            let cells = entries.iter().map(|entry| Cell {
                column: entry.key.to_string(),
                column_span: entry.key_span,
                value: self.value(&entry.value),
                span: entry.value.span,
            });
            rows.push(cells.collect());
        }
        Ok(rows)
    }

    fn value(&self, node: &Node<'_>) -> CellValue {
        let source = || self.reader.file().text().get(node.span.start..node.span.end).unwrap_or_default();
        match &node.content {
            Content::Null => CellValue::Null,
            Content::Bool(truth) => CellValue::Truth(*truth),
            // Decimals keep the digits that a number of the machine would lose.
            Content::Number(number) if number.is_f64() => {
                CellValue::Number(source().trim().trim_start_matches('+').to_owned())
            }
            Content::Number(number) => CellValue::Number(number.to_string()),
            Content::Text(text) if text.len() == node.span.end - node.span.start => {
                CellValue::Text(number_that_is_none(text).unwrap_or(text).to_owned())
            }
            Content::Text(text) => CellValue::Text(text.to_string()),
            Content::Rendered(text) => CellValue::Text(text.clone()),
            Content::List(items) => CellValue::List(items.iter().map(|item| self.value(item)).collect()),
            Content::Table(entries) => CellValue::Table(
                entries.iter().map(|entry| (entry.key.to_string(), self.value(&entry.value))).collect(),
            ),
        }
    }

    fn overrides(&mut self, node: &Node<'_>) -> UnitTestOverrides {
        let mut overrides = UnitTestOverrides::default();
        for entry in self.reader.table("overrides", node) {
            match entry.key.as_ref() {
                "vars" => overrides.vars = self.reader.values("vars", &entry.value),
                "env_vars" => overrides.environment = self.environment(&entry.value),
                "macros" => {
                    overrides.macros = self.reader.values("macros", &entry.value);
                    let entries = entry.value.as_table().unwrap_or_default().iter();
                    overrides.macro_spans = entries.map(|entry| (entry.key.to_string(), entry.key_span)).collect();
                }
                "now" => overrides.now = self.moment(entry),
                _ => self.reader.unknown_key(entry, "`overrides`", OVERRIDE_KEYS),
            }
        }
        overrides
    }

    fn environment(&mut self, node: &Node<'_>) -> BTreeMap<String, String> {
        let entries = self.reader.table("env_vars", node).iter();
        let texts = entries.filter_map(|entry| {
            Some((entry.key.to_string(), self.reader.text(&format!("env_vars.{}", entry.key), &entry.value)?))
        });
        texts.collect()
    }

    fn moment(&mut self, entry: &Entry<'_>) -> Option<jiff::Timestamp> {
        let text = self.reader.name("now", &entry.value)?;
        let moment = moment(&text);
        if moment.is_none() {
            let problem = self.reader.problem(entry.value.span, format!("`{text}` is no moment"));
            self.reader.report(problem.hint("write `2024-03-01`, `2024-03-01 12:00:00` (UTC) or `... +02:00`"));
        }
        moment
    }

    fn unit_test_config(&mut self, node: &Node<'_>) -> Config {
        let mut config = Config::default();
        for entry in self.reader.table("config", node) {
            match entry.key.as_ref() {
                "tags" => config.tags = self.reader.texts("tags", &entry.value),
                "meta" => config.meta = self.reader.values("meta", &entry.value),
                "enabled" => config.is_enabled = self.reader.truth("enabled", &entry.value),
                "now" => config.now = self.moment(entry),
                _ => {
                    let message = format!("config `{}` means nothing to a unit test", entry.key);
                    let place = self.reader.place(entry.key_span);
                    let warning = Diagnostic::warning(super::WORDS.unknown_key, message).at(place);
                    self.reader.report(warning.hint(format!("known here: `{}`", CONFIG_KEYS.join("`, `"))));
                }
            }
        }
        config
    }
}

fn entry_of<'n, 'a>(item: &'n Node<'a>, key: &str) -> Option<&'n Entry<'a>> {
    item.as_table()?.iter().find(|entry| entry.key == key && !entry.value.is_null())
}

/// `.nan` and `.inf`, as YAML has them, in the words of SQL.
fn number_that_is_none(text: &str) -> Option<&'static str> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some("NaN"),
        ".inf" | ".Inf" | ".INF" | "+.inf" => Some("Infinity"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-Infinity"),
        _ => None,
    }
}

/// `ref('x')`, `ref('package', 'x')`, `source('a', 'b')`, `this`, `x`.
fn input_name(text: &str) -> Option<InputName> {
    let text = text.trim();
    let text = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text).trim();
    if text == "this" {
        return Some(InputName::This);
    }
    let Some((function, rest)) = text.split_once('(') else {
        return (!text.is_empty()).then(|| InputName::Named(text.to_owned()));
    };
    let arguments: Option<Vec<&str>> = rest.strip_suffix(')')?.split(',').map(unquoted).collect();
    match (function.trim(), arguments?.as_slice()) {
        ("ref", [name] | [_, name]) => Some(InputName::Named((*name).to_owned())),
        ("source", [source, table]) => Some(InputName::Named(format!("{source}.{table}"))),
        _ => None,
    }
}

fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).filter(|name| !name.is_empty())
}
