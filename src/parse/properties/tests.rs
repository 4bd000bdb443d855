use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::parse;
use crate::diagnostic::{Code, Diagnostic, Warned};
use crate::parse::{FileFormat, ParsedProperties, Section, SourceLocation};
use crate::source::SourceFile;

fn file(text: &str) -> Arc<SourceFile> {
    SourceFile::new("models/schema.yml", text)
}

fn read(text: &str) -> Warned<ParsedProperties> {
    parse(&file(text)).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn problems(text: &str) -> Vec<Diagnostic> {
    parse(&file(text)).expect_err("the file has errors").0
}

/// `line:column code message` of each error.
fn told(text: &str) -> Vec<String> {
    let line = |problem: Diagnostic| {
        let position = problem.place.as_ref().unwrap().position();
        format!("{}:{} {} {}", position.line, position.column, problem.code, problem.message)
    };
    problems(text).into_iter().map(line).collect()
}

#[test]
fn reads_models_seeds_and_columns() {
    let text = "\
version: 2
models:
  - name: orders
    description: |
      One row per order.
      Two lines.
    tags: daily
    meta: {level: 1}
    config:
      materialized: view
      tags: [a, daily]
      enabled: yes
      own_key: [1, two, 3.5, null]
    columns:
      - name: id
        description: the key
        data_type: BIGINT
        config: {tags: [key], meta: {pii: no}}
      - {name: total, tags: money}
seeds:
  - name: countries
    config: {column_types: {code: VARCHAR}}
";
    let found = read(text);
    assert!(found.warnings.0.is_empty(), "{:?}", found.warnings);
    let orders = &found.value.assets[0];
    assert_eq!(
        (orders.name.as_str(), orders.section, orders.place.to_string().as_str()),
        ("orders", Section::Models, "models/schema.yml:3:11")
    );
    assert_eq!(orders.description.as_deref(), Some("One row per order.\nTwo lines.\n"));
    assert_eq!(orders.config["tags"], json!(["a", "daily"]));
    assert_eq!(orders.config["meta"], json!({"level": 1}));
    assert_eq!(orders.config["enabled"], json!(true));
    assert_eq!(orders.config["own_key"], json!([1, "two", 3.5, null]));
    assert_eq!(orders.columns[0].data_type.as_deref(), Some("BIGINT"));
    assert_eq!(orders.columns[0].tags, ["key"]);
    assert_eq!(orders.columns[0].meta["pii"], json!(false));
    assert_eq!(orders.columns[1].tags, ["money"]);
    assert_eq!(found.value.assets[1].section, Section::Seeds);
}

#[test]
fn plain_scalars_may_stand_for_text() {
    let found = read("models:\n  - name: 2024\n    description: yes\n    columns:\n      - name: on\n");
    let model = &found.value.assets[0];
    assert_eq!(
        (model.name.as_str(), model.description.as_deref(), model.columns[0].name.as_str()),
        ("2024", Some("yes"), "on")
    );
}

fn location(table: &str) -> SourceLocation {
    let text = format!(
        "sources:\n  - name: raw\n    meta: {{external_location: 'lake/{{name}}.parquet'}}\n    tables:\n      - {table}\n"
    );
    read(&text).value.sources.remove(0).location
}

#[test]
fn sources_are_tables_or_files() {
    let found = read(
        "sources:\n  - name: raw\n    database: lake\n    tables:\n      - name: a\n      - {name: b, identifier: B2}\n",
    );
    let table = |identifier: &str| SourceLocation::Table {
        database: Some("lake".into()),
        schema: Some("raw".into()),
        identifier: identifier.into(),
    };
    assert_eq!(found.value.sources[0].location, table("a"));
    assert_eq!(found.value.sources[1].location, table("B2"));

    let files = |path: &str, format, options: serde_json::Value| SourceLocation::Files {
        path: path.into(),
        format,
        options: options.as_object().unwrap().clone().into_iter().collect(),
    };
    assert_eq!(location("name: a"), files("lake/a.parquet", FileFormat::Parquet, json!({})));
    assert_eq!(location("{name: a, path: x/*.TSV.gz}"), files("x/*.TSV.gz", FileFormat::Csv, json!({"delim": "\t"})));
    assert_eq!(
        location("{name: a, files: [x.jsonl], options: {format: array}}"),
        files("x.jsonl", FileFormat::Json, json!({"format": "array"}))
    );
    assert_eq!(
        location("{name: a, external: {location: 'https://x.org/a?b=c', file_format: csv}}"),
        files("https://x.org/a?b=c", FileFormat::Csv, json!({}))
    );
    assert_eq!(
        location(
            "{name: a, meta: {external_location: \"read_csv('{schema}/{identifier}.txt', header=true, columns={{'a': 'INT'}}, skip = 2)\"}}"
        ),
        files("raw/a.txt", FileFormat::Csv, json!({"header": true, "columns": {"a": "INT"}, "skip": 2}))
    );
}

#[test]
fn all_problems_are_told_at_their_place() {
    let text = "\
modles: []
models:
  - nmae: orders
  - name: [a]
    descripton: x
    materialized: table
    config: {enabled: maybe, tags: {a: b}}
    columns: [id]
  - just_text
sources:
  - name: raw
    tables:
      - {name: a, path: data/a}
      - {name: b, path: data/b, format: parket}
      - {name: c, meta: {external_location: \"read_csv('a') where x\"}}
      - {name: d, meta: {external_location: 'a/{nam}.csv'}}
      - {name: '{{ x }}', identifier: '{{ x }}'}
";
    let told = told(text);
    let expected = [
        "1:1 DT0402 unknown key `modles` in a property file",
        "3:5 DT0401 a model without a `name`",
        "3:5 DT0402 unknown key `nmae` in a model",
        "4:11 DT0401 `name` must be text, not a list",
        "5:5 DT0402 unknown key `descripton` in a model",
        "6:5 DT0402 `materialized` of a model stands under `config:`",
        "7:23 DT0401 `enabled` must be `true` or `false`, not text",
        "7:36 DT0401 `tags` must be text or a list of texts, not a table of keys and values",
        "8:15 DT0401 `columns` must be a table with a `name`, not text",
        "9:5 DT0401 an item of `models` must be a table with a `name`, not text",
        "13:25 DT0401 the format of `data/a` cannot be told from its ending",
        "14:41 DT0401 unknown file format `parket`",
        "15:16 DT0505 `external_location` is more than a path or a call of one reader with plain values",
        "16:16 DT0505 `external_location` names `{nam}`, which is none of `name`, `schema`, `identifier`",
        "17:39 DT0505 Jinja in `identifier` of a property file is not supported yet",
    ];
    assert_eq!(told, expected);
    assert_eq!(problems("modles: []")[0].hints, ["did you mean `models`?"]);
}

#[test]
fn what_is_not_used_yet_is_told_once() {
    let text = "models:\n  - name: a\n    versions: [1]\nsnapshots: [{name: s}]\nmetrics: [{name: m}]\nexposures:\n";
    let warnings = read(text).warnings.0;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].message, "`versions`, `snapshots`, `metrics` are not used by dovetail yet");
    let slip = read("models: [{name: a, config: {materialised: table}}]").warnings.0;
    assert_eq!(slip[0].hints, ["did you mean `materialized`?"]);
}

#[test]
fn odd_but_valid_files() {
    for text in
        ["", "\n\n", "# only a comment", "---", "---\n...\n---\n", "models:", "models: []", "version: 2\nmodels: ~\n"]
    {
        assert!(read(text).value.assets.is_empty(), "{text:?}");
    }
    let two = read("models: [{name: a}]\n---\nmodels: [{name: b}]\n").value.assets;
    assert_eq!(two.iter().map(|asset| asset.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let crlf = read("models:\r\n  - name: a\r\n    description: \"ä\"\r\n  - name: b\r\n").value.assets;
    assert_eq!(crlf[1].place.to_string(), "models/schema.yml:4:11");
}

#[test]
fn anchors_and_merge_keys() {
    let text = "\
anchors:
  - &base {materialized: table, tags: [x]}
  - &name orders
models:
  - name: *name
    config: {<<: *base, materialized: view}
  - name: b
    config:
      <<: [*base, {owner: me, tags: [y]}]
";
    let assets = read(text).value.assets;
    assert_eq!(assets[0].name, "orders");
    assert_eq!((&assets[0].config["materialized"], &assets[0].config["tags"]), (&json!("view"), &json!(["x"])));
    assert_eq!((&assets[1].config["tags"], &assets[1].config["owner"]), (&json!(["x"]), &json!("me")));
    assert_eq!(told("models: *nowhere")[0], "1:9 DT0401 `*nowhere` names an anchor that does not stand before it");
    assert_eq!(told("models: &m [*m]")[0], "1:13 DT0401 an alias stands inside the value that it names");
}

#[test]
fn a_key_that_stands_twice_is_a_warning() {
    let found = read("models: [{name: a, description: x, description: y}]");
    assert_eq!(found.value.assets[0].description.as_deref(), Some("y"));
    assert_eq!(found.warnings.0[0].message, "key `description` stands twice; the last one counts");
}

#[test]
fn syntax_errors_have_a_place() {
    assert_eq!(told("models:\n\t- name: a\n"), ["2:2 DT0401 a tab stands where YAML allows only spaces"]);
    assert_eq!(
        told("models:\n  - name: a\n\t description: x\n"),
        ["2:11 DT0401 a tab stands where YAML allows only spaces"]
    );
    assert_eq!(told("models:\n  - name: a: b\n"), ["2:12 DT0401 a second `:` stands in this value"]);
    for text in [
        "models: [",
        "models: {a",
        "models:\n  - name: 'a\n",
        "models:\n  - name: a: b\n",
        "a: b\n c: d\n",
        "%YAML 9.9\n---\n",
        "a: !<",
        "- a\nb: c",
        "@x",
    ] {
        let told = told(text);
        assert_eq!(told.len(), 1, "{text:?} {told:?}");
    }
}

#[test]
fn bombs_end_in_an_error() {
    let laughs = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_string(), |text, level| {
        let before = format!("*a{}, ", level - 1).repeat(9);
        format!("{text}a{level}: &a{level} [{before}]\n")
    });
    assert_eq!(problems(&laughs)[0].message, "aliases make this file too large");
    for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)] {
        assert_eq!(problems(&deep)[0].code, Code::YamlSyntax);
    }
    let chain = (1..80)
        .fold("a0: &a0 [x]\n".to_string(), |text, level| format!("{text}a{level}: &a{level} [*a{}]\n", level - 1));
    assert_eq!(problems(&chain)[0].message, "aliases make this file too large");
}

/// Whatever the text, every problem stands at a place inside the file.
fn check_places(text: &str) {
    let problems = match parse(&file(text)) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    };
    for problem in problems {
        let span = problem.place.unwrap().span;
        assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{text:?} {span:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(models|sources|name|config|columns|tables|path|&a|\\*a|<<|[-:?{},\\[\\]\"'|>!%@# \n\t]|\\PC){0,60}") {
        check_places(&text);
    }

    #[test]
    fn never_panics_on_damaged_files(cut in 0usize..200, insert in "\\PC{0,3}", at in 0usize..200) {
        let whole = "models:\n  - name: ä\n    config: {tags: [a, b], meta: {x: &x 1, y: *x}}\nsources:\n  - name: r\n    tables:\n      - {name: t, path: 'a/*.csv'}\n";
        let mut text = whole.to_string();
        let boundary = |text: &str, at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(boundary(whole, at), &insert);
        text.truncate(boundary(&text, cut));
        check_places(&text);
    }
}
