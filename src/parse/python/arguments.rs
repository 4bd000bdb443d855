//! The arguments of `@asset(...)` and `@check(...)`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ruff_python_ast::{Decorator, Expr, Keyword};
use ruff_text_size::{Ranged, TextRange};
use serde_json::Value;

use super::constants::Constants;
use super::{Unreadable, literal, span, text_of};
use crate::diagnostic::{Code, Diagnostics, did_you_mean};
use crate::document::config::config_value;
use crate::document::{Content, Entry, Node, Reader, Words};
use crate::parse::{AssetName, ReadColumn};
use crate::project::Values;
use crate::source::{SourceFile, Span};

const WORDS: Words =
    Words { unknown_key: Code::AssetArgument, wrong_value: Code::AssetArgument, key: "argument", plain_text: false };

/// What a decorator takes.
pub struct Takes<'t> {
    /// `asset` or `check`.
    pub word: &'static str,
    arguments: &'static [&'static str],
    /// For a decorator that is only ever read and never run: the assets of the module by their functions, which may stand
    /// where an asset is named.
    names: Option<&'t HashMap<String, AssetName>>,
}

impl<'t> Takes<'t> {
    pub fn of_asset() -> Self {
        Takes { word: "asset", arguments: OF_ASSETS, names: None }
    }

    pub fn of_check(names: &'t HashMap<String, AssetName>) -> Self {
        Takes { word: "check", arguments: OF_CHECKS, names: Some(names) }
    }
}

/// Arguments that name assets.
const NAMING: &[&str] = &["asset", "deps"];

const SEVERITIES: [&str; 2] = ["warn", "error"];

const OF_CHECKS: &[&str] = &[
    "asset",
    "name",
    "severity",
    "warn_if",
    "error_if",
    "limit",
    "deps",
    "inputs",
    "reads",
    "tags",
    "owner",
    "description",
    "metadata",
    "meta",
    "enabled",
];

const OF_ASSETS: &[&str] = &[
    "name",
    "materialized",
    "deps",
    "inputs",
    "reads",
    "tags",
    "owner",
    "group",
    "description",
    "schema",
    "alias",
    "database",
    "columns",
    "constraints",
    "contract",
    "metadata",
    "meta",
    "retries",
    "retry_delay",
    "enabled",
    "version",
    "max_age",
    "io_manager",
    "data_version",
    "renamed_from",
];

/// The IO managers that a text can name.
const IO_MANAGERS: [&str; 2] = ["pickle", "file"];

/// Arguments that may be any expression: of one that is no literal the text is kept, and its value is the runtime's
/// business.
const EXPRESSIONS: &[&str] = &["io_manager", "data_version"];

/// What a decorator says.
#[derive(Default)]
pub struct Arguments {
    pub name: Option<(String, Span)>,
    /// What a check is about.
    pub asset: Option<(String, Span)>,
    pub description: Option<String>,
    pub deps: Vec<(String, Span)>,
    pub inputs: Vec<Input>,
    pub reads: Vec<Read>,
    pub config: Values,
    /// Where they stand: each by its name, and what `columns` and `constraints` hold by its name or number behind that.
    pub places: BTreeMap<String, Span>,
}

/// An item of `inputs=`: the parameter, and the upstream that it receives.
pub struct Input {
    pub parameter: String,
    pub parameter_span: Span,
    pub upstream: String,
    pub upstream_span: Span,
}

/// An item of `reads=`: the parameter, and the columns of its upstream that it receives.
pub struct Read {
    pub parameter: String,
    pub parameter_span: Span,
    pub columns: Vec<ReadColumn>,
}

pub fn read(
    file: &Arc<SourceFile>,
    decorator: &Decorator,
    takes: &Takes<'_>,
    constants: &Constants<'_>,
    problems: &mut Diagnostics,
) -> Result<Arguments, Unreadable> {
    let mut arguments = Arguments::default();
    let Expr::Call(call) = &decorator.expression else { return Ok(arguments) };
    let mut reader = Reader::new(file, WORDS);
    let mut unreadable = Vec::new();
    for (number, positional) in call.arguments.args.iter().enumerate() {
        match takes.names {
            Some(names) if number == 0 => match literal::read_names(positional, constants, names) {
                Ok(value) => {
                    let key_span = span(positional.range());
                    read_argument(&mut reader, &Entry { key: "asset".into(), key_span, value }, takes, &mut arguments);
                }
                Err(range) => {
                    let because = "which asset `@check` is about is not a plain name".to_owned();
                    unreadable.push(Unreadable { because, range });
                }
            },
            _ => {
                report_positional(&mut reader, takes, positional);
                break;
            }
        }
    }
    for keyword in &call.arguments.keywords {
        if let Err(range) = read_keyword(&mut reader, keyword, takes, constants, &mut arguments) {
            unreadable.push(Unreadable { because: because(keyword, takes), range });
        }
    }
    problems.extend(std::mem::take(&mut reader.problems));
    if takes.names.is_some() {
        problems.extend(unreadable.drain(..).map(|reason| reason.of_check(file)));
    }
    unreadable.into_iter().next().map_or(Ok(arguments), Err)
}

fn report_positional(reader: &mut Reader<'_>, takes: &Takes<'_>, argument: &Expr) {
    let (message, others) = match takes.names {
        None => ("`@asset` takes its arguments by name", "write `@asset(name=..., tags=...)`"),
        Some(_) => {
            let message = "`@check` takes its arguments by name, but for the asset";
            (message, "write `@check(orders, severity=\"warn\")`; a check is about one asset, and `deps=` names others")
        }
    };
    let problem = reader.problem(span(argument.range()), message);
    let hint = match argument {
        Expr::StringLiteral(_) if takes.names.is_none() => {
            format!("write `name={}`", text_of(reader.file(), argument.range()))
        }
        _ => others.to_string(),
    };
    reader.report(problem.hint(hint));
}

fn because(keyword: &Keyword, takes: &Takes<'_>) -> String {
    match &keyword.arg {
        Some(name) => format!("`{name}=` is not a plain value"),
        None => format!("the arguments of `@{}` are made by code", takes.word),
    }
}

fn read_keyword(
    reader: &mut Reader<'_>,
    keyword: &Keyword,
    takes: &Takes<'_>,
    constants: &Constants<'_>,
    arguments: &mut Arguments,
) -> Result<(), TextRange> {
    let Some(name) = &keyword.arg else {
        return match literal::read(&keyword.value, constants)?.content {
            Content::Table(entries) => {
                entries.iter().for_each(|entry| read_argument(reader, entry, takes, arguments));
                Ok(())
            }
            _ => Err(keyword.value.range()),
        };
    };
    let key = std::borrow::Cow::Borrowed(name.as_str());
    let value = if !takes.arguments.contains(&name.as_str()) {
        // Whatever the value is, the name is wrong.
        Node::new(span(keyword.value.range()), Content::Null)
    } else if let Some(names) = takes.names.filter(|_| NAMING.contains(&name.as_str())) {
        literal::read_names(&keyword.value, constants, names)?
    } else {
        match literal::read(&keyword.value, constants) {
            Err(_) if EXPRESSIONS.contains(&name.as_str()) => {
                let text = text_of(reader.file(), keyword.value.range());
                let value = match name.as_str() {
                    // No text that could be read as a word of the config.
                    "data_version" => serde_json::json!({ "function": text }),
                    _ => Value::String(text),
                };
                arguments.config.insert(name.to_string(), value);
                return Ok(());
            }
            value => value?,
        }
    };
    read_argument(reader, &Entry { key, key_span: span(name.range), value }, takes, arguments);
    Ok(())
}

fn read_argument(reader: &mut Reader<'_>, entry: &Entry<'_>, takes: &Takes<'_>, arguments: &mut Arguments) {
    let (key, value) = (entry.key.as_ref(), &entry.value);
    if !takes.arguments.contains(&key) {
        return reader.unknown_key(entry, &format!("`@{}`", takes.word), takes.arguments);
    }
    arguments.places.insert(key.to_owned(), entry.key_span);
    if matches!(key, "columns" | "constraints") {
        arguments.places.extend(parts(key, &value.content));
    }
    match key {
        "name" => arguments.name = reader.name(key, value).map(|name| (name, value.span)),
        "asset" => read_asset(reader, entry, arguments),
        "severity" => read_severity(reader, value, arguments),
        "warn_if" | "error_if" => {
            arguments.config.extend(reader.name(key, value).map(|text| (key.to_string(), Value::String(text))));
        }
        "limit" => {
            let limit = reader.count(key, value, 1, u64::MAX);
            arguments.config.extend(limit.map(|limit| (key.to_string(), Value::from(limit))));
        }
        "description" => arguments.description = reader.text(key, value),
        "deps" => arguments.deps = reader.spanned_texts(key, value),
        "inputs" => arguments.inputs = inputs(reader, value),
        "reads" => arguments.reads = reads(reader, value),
        "materialized" => read_materialized(reader, value, arguments),
        "io_manager" => read_io_manager(reader, value, arguments),
        "data_version" => read_data_version(reader, value, arguments),
        "metadata" | "meta" => {
            let meta = reader.values(key, value);
            let before = arguments.config.remove("meta");
            let mut merged = match before {
                Some(Value::Object(before)) => before,
                _ => Default::default(),
            };
            merged.extend(meta);
            arguments.config.insert("meta".to_string(), Value::Object(merged));
        }
        key => {
            if let Some(json) = config_value(reader, key, key, value) {
                arguments.config.insert(key.to_string(), json);
            }
        }
    }
}

/// It may stand first without a name, and then a second time with one.
fn read_asset(reader: &mut Reader<'_>, entry: &Entry<'_>, arguments: &mut Arguments) {
    let asset = reader.name("asset", &entry.value).map(|asset| (asset, entry.value.span));
    if arguments.asset.is_some() && asset.is_some() {
        let problem = reader.problem(entry.key_span, "`@check` names its asset twice");
        return reader.report(problem.hint("a check is about one asset: `deps=` names others that it needs"));
    }
    arguments.asset = asset.or(arguments.asset.take());
}

fn read_severity(reader: &mut Reader<'_>, value: &Node<'_>, arguments: &mut Arguments) {
    let Some(severity) = reader.name("severity", value) else { return };
    if SEVERITIES.contains(&severity.to_lowercase().as_str()) {
        arguments.config.insert("severity".to_string(), Value::String(severity.to_lowercase()));
        return;
    }
    let problem = reader.problem(value.span, format!("there is no severity `{severity}`"));
    let guess = did_you_mean(&severity, SEVERITIES).map(|guess| format!("did you mean `{guess}`?"));
    reader.report(problem.hint(guess.unwrap_or_else(|| "it is `\"warn\"` or `\"error\"`".into())));
}

/// Where the parts of an argument's value stand, such as `columns.amount` and `constraints.0`.
pub fn parts(argument: &str, value: &Content<'_>) -> Vec<(String, Span)> {
    let parts: Vec<(String, Span)> = match value {
        Content::Table(entries) => entries.iter().map(|entry| (entry.key.to_string(), entry.key_span)).collect(),
        Content::List(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item.span)).collect(),
        _ => Vec::new(),
    };
    parts.into_iter().map(|(part, span)| (format!("{argument}.{part}"), span)).collect()
}

fn read_materialized(reader: &mut Reader<'_>, value: &Node<'_>, arguments: &mut Arguments) {
    let Some(materialized) = reader.name("materialized", value) else { return };
    if matches!(materialized.as_str(), "table" | "object") {
        arguments.config.insert("materialized".to_string(), Value::String(materialized));
        return;
    }
    let problem = reader.problem(value.span, format!("an asset function cannot be materialized as `{materialized}`"));
    reader.report(problem.hint("`table` for data, `object` for anything else"));
}

/// A manager of the project's own is an expression, so a text can only be a name of ours.
fn read_io_manager(reader: &mut Reader<'_>, value: &Node<'_>, arguments: &mut Arguments) {
    let manager = match &value.content {
        Content::Null => return,
        Content::Text(manager) => manager,
        _ => return reader.wrong_type("io_manager", value, "an `IOManager`, its class, or the name of one"),
    };
    if IO_MANAGERS.contains(&manager.as_ref()) {
        arguments.config.insert("io_manager".to_string(), Value::String(manager.to_string()));
        return;
    }
    let problem = reader.problem(value.span, format!("there is no IO manager `{manager}`"));
    let guess = did_you_mean(manager, IO_MANAGERS).map(|guess| format!("did you mean `{guess}`?"));
    reader.report(problem.hint(guess.unwrap_or_else(|| {
        "it is `\"pickle\"`, `\"file\"`, or an `IOManager` of your own (the class or an instance, without quotes)"
            .into()
    })));
}

/// A function is an expression, so a plain value can only switch versions off.
fn read_data_version(reader: &mut Reader<'_>, value: &Node<'_>, arguments: &mut Arguments) {
    match &value.content {
        Content::Null => {}
        Content::Text(text) if text == "off" => {
            arguments.config.insert("data_version".to_string(), Value::from("off"));
        }
        Content::Text(text) => {
            let problem = reader.problem(value.span, format!("`data_version` cannot be `{text}`"));
            reader.report(problem.hint("it is `\"off\"`, or a function of the project (without quotes)"));
        }
        _ => reader.wrong_type("data_version", value, "a function, or `\"off\"`"),
    }
}

fn inputs(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Input> {
    let entries = reader.table("inputs", node);
    let inputs = entries.iter().filter_map(|entry| {
        let upstream = reader.name(&format!("inputs.{}", entry.key), &entry.value)?;
        let (parameter, parameter_span) = (entry.key.to_string(), entry.key_span);
        Some(Input { parameter, parameter_span, upstream, upstream_span: entry.value.span })
    });
    inputs.collect()
}

fn reads(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Read> {
    let mut reads = Vec::new();
    for entry in reader.table("reads", node) {
        let what = format!("reads.{}", entry.key);
        let mut columns: Vec<ReadColumn> = Vec::new();
        for (name, span) in reader.spanned_texts(&what, &entry.value) {
            if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
                columns.push(ReadColumn { name, span });
            }
        }
        if columns.is_empty() {
            let problem = reader.problem(entry.value.span, format!("`{what}` names no column"));
            reader.report(problem.hint("leave it out to receive all columns"));
            continue;
        }
        reads.push(Read { parameter: entry.key.to_string(), parameter_span: entry.key_span, columns });
    }
    reads
}
