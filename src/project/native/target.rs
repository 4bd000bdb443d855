//! `[targets]`: which database the project writes, and how it is opened.

use std::path::{Path, PathBuf};

use super::alias;
use super::connections;
use super::render::Templates;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::document::{Content, Node, Reader};
use crate::project::{Publish, Target, is_reserved_schema};

/// The target of a project that declares none.
const DEFAULT: &str = "dev";
const KEYS: &[&str] = &["database", "schema", "threads", "publish", "settings", "extensions", "attach", "secrets"];
const MOST_THREADS: u64 = 1024;

/// What the rest of the project says about its target.
pub struct Context<'c> {
    pub root: &'c Path,
    pub project: &'c str,
    /// `--threads`.
    pub threads: Option<usize>,
    /// What the project says of all targets.
    pub publish: Publish,
    /// The schemas that folders name.
    pub schemas: Vec<&'c str>,
}

/// The name of the target in use: `--target`, `target =`, `dev`, or the only one there is.
pub fn choose(
    reader: &mut Reader<'_>,
    document: &mut Node<'_>,
    requested: Option<&str>,
    templates: &Templates,
) -> String {
    let mut place = None;
    let mut configured = None;
    if let Content::Table(entries) = &mut document.content
        && let Some(entry) = entries.iter_mut().find(|entry| entry.key == "target")
    {
        templates.render(reader, &mut entry.value);
        place = Some(reader.place(entry.value.span));
        configured = reader.name("target", &entry.value);
    }
    let declared = document.get("targets").and_then(Node::as_table).unwrap_or_default();
    let declared: Vec<&str> = declared.iter().map(|entry| entry.key.as_ref()).collect();
    if let (None, None, [_, _, ..], false) = (requested, &configured, declared.as_slice(), declared.contains(&DEFAULT))
    {
        if place.is_none() {
            reader.report(none_chosen(reader, document, &declared));
        }
        // The first one stands in, so that the rest of the file is read as it would be with a choice.
        return declared[0].to_string();
    }
    let name = match (requested, configured, declared.as_slice()) {
        (Some(requested), _, _) => {
            place = None;
            requested.to_string()
        }
        (None, Some(configured), _) => configured,
        (None, None, [only]) => (*only).to_string(),
        (None, None, _) => DEFAULT.to_string(),
    };
    let is_known = declared.contains(&name.as_str()) || (declared.is_empty() && name == DEFAULT);
    if !is_known {
        reader.report(unknown(&name, &declared, place));
    }
    name
}

fn none_chosen(reader: &Reader<'_>, document: &Node<'_>, declared: &[&str]) -> Diagnostic {
    let first = document.as_table().unwrap_or_default().iter().find(|entry| entry.key == "targets");
    let names: Vec<String> = declared.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("the project has the targets {}, and none is chosen", names.join(", "));
    let mut problem = Diagnostic::error(Code::UnknownTarget, message);
    problem.place = first.map(|entry| reader.place(entry.key_span));
    problem.hint(format!("pick one with `target = \"{}\"` above the first section, or with `--target`", declared[0]))
}

fn unknown(name: &str, declared: &[&str], place: Option<crate::source::Place>) -> Diagnostic {
    let mut problem = Diagnostic::error(Code::UnknownTarget, format!("unknown target `{name}`"));
    problem.place = place;
    let hint = match did_you_mean(name, declared.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if declared.is_empty() => format!("`dovetail.toml` declares no targets: add `[targets.{name}]`"),
        None => {
            let names: Vec<String> = declared.iter().map(|name| format!("`{name}`")).collect();
            format!("targets are {}: pick one with `target = ...` or `--target`", names.join(", "))
        }
    };
    problem.hint(hint)
}

/// Reads all targets, so that each one's mistakes are told, and gives the one in use.
pub fn read(reader: &mut Reader<'_>, targets: Option<&Node<'_>>, name: &str, context: &Context<'_>) -> Target {
    let mut chosen = None;
    let mut others = Vec::new();
    if let Some(targets) = targets {
        for entry in reader.table("targets", targets) {
            let target = read_one(reader, &entry.value, &entry.key, context);
            match entry.key == name {
                true => chosen = Some(target),
                false => others.push((target, entry.key_span)),
            }
        }
    }
    let mut target = chosen.unwrap_or_else(|| default_target(name, context));
    target.is_one_of_several = !others.is_empty();
    for (other, span) in others {
        // What stands in a target that is not in use is not rendered.
        let is_told = !other.schema.contains("{{");
        if is_one_file(&other, &target) && is_told && other.schema != target.schema {
            let message = format!("the targets `{}` and `{}` share a database in two schemas", target.name, other.name);
            let problem = reader.problem(span, message);
            reader.report(
                problem.hint(
                    "the state beside the data knows one place for each asset: give each target a file of its own",
                ),
            );
        }
    }
    if let Some(threads) = context.threads {
        target.threads = threads.max(1);
    }
    target
}

/// Whether two targets write one database, however their paths are written and linked.
fn is_one_file(one: &Target, other: &Target) -> bool {
    let file = |target: &Target| {
        let path = target.database.as_ref()?;
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let in_folder = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        path.canonicalize().ok().or(in_folder).or_else(|| Some(path.clone()))
    };
    file(one).is_some_and(|path| file(other) == Some(path))
}

fn default_target(name: &str, context: &Context<'_>) -> Target {
    Target {
        name: name.to_string(),
        is_one_of_several: false,
        database: Some(context.root.join(format!("{}.duckdb", file_name(context.project)))),
        schema: "main".to_string(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        publish: context.publish,
        settings: Default::default(),
        extensions: Vec::new(),
        attach: Vec::new(),
        secrets: Vec::new(),
    }
}

/// A project's name as the name of a file.
fn file_name(project: &str) -> String {
    project.chars().map(|letter| if std::path::is_separator(letter) { '_' } else { letter }).collect()
}

fn read_one(reader: &mut Reader<'_>, node: &Node<'_>, name: &str, context: &Context<'_>) -> Target {
    let mut target = default_target(name, context);
    let mut attached = Vec::new();
    for entry in reader.table(&format!("targets.{name}"), node) {
        match entry.key.as_ref() {
            "database" => target.database = database(reader, &entry.value, context).unwrap_or(target.database),
            "schema" => target.schema = schema(reader, &entry.value).unwrap_or(target.schema),
            "threads" => {
                let threads = reader.count("threads", &entry.value, 1, MOST_THREADS);
                target.threads = threads.map_or(target.threads, |threads| threads as usize);
            }
            "publish" => target.publish = publish(reader, &entry.value).unwrap_or(target.publish),
            "settings" => target.settings = connections::settings(reader, &entry.value),
            "extensions" => target.extensions = connections::extensions(reader, &entry.value),
            "attach" => attached = connections::attach(reader, &entry.value, context.root),
            "secrets" => target.secrets = connections::secrets(reader, &entry.value),
            _ => reader.unknown_key(entry, "a target", KEYS),
        }
    }
    alias::check(reader, &attached, &target, &context.schemas);
    target.attach = attached.into_iter().map(|(attachment, _)| attachment).collect();
    target
}

/// `"asset"` or `"run"`.
pub fn publish(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Publish> {
    let text = reader.name("publish", node)?;
    let publish = Publish::ALL.into_iter().find(|publish| publish.as_str() == text);
    if publish.is_none() {
        let problem = reader.problem(node.span, format!("`publish` cannot be `{text}`"));
        reader.report(problem.hint("`\"asset\"` shows each asset when it is built, `\"run\"` all of them at the end"));
    }
    publish
}

fn schema(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<String> {
    let schema = reader.name("schema", node)?;
    if is_reserved_schema(&schema) {
        let problem = reader.problem(node.span, format!("`schema` cannot be `{schema}`: that schema is reserved"));
        reader.report(problem.hint("assets need a schema of their own, such as `main`"));
        return None;
    }
    Some(schema)
}

/// The outer nothing is a value that cannot be used; the inner one a database in memory.
fn database(reader: &mut Reader<'_>, node: &Node<'_>, context: &Context<'_>) -> Option<Option<PathBuf>> {
    let text = reader.name("database", node)?;
    if text == ":memory:" {
        return Some(None);
    }
    if text.starts_with("md:") || text.contains("://") {
        let problem = Diagnostic::error(Code::Unsupported, "a target's database is a file, or `:memory:`");
        let problem = problem.at(reader.place(node.span));
        reader.report(problem.hint("databases elsewhere can be read by way of `attach`"));
        return None;
    }
    Some(Some(context.root.join(text)))
}
