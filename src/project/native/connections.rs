//! What a target opens beside its own database: settings, extensions, attached databases, secrets.

use std::path::Path;

use crate::document::{Content, Entry, Node, Reader};
use crate::project::{Attachment, Extension, Secret, Values};
use crate::source::Span;

pub fn settings(reader: &mut Reader<'_>, node: &Node<'_>) -> Values {
    let mut settings = Values::new();
    for entry in reader.table("settings", node) {
        match &entry.value.content {
            Content::Table(_) => reader.wrong_type(&entry.key, &entry.value, "text, a number, a truth value or a list"),
            Content::Null => {}
            _ => {
                settings.insert(entry.key.to_string(), entry.value.to_json());
            }
        }
    }
    settings
}

pub fn extensions(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Extension> {
    let items = one_or_many(node);
    items.iter().filter_map(|item| extension(reader, item)).collect()
}

fn extension(reader: &mut Reader<'_>, item: &Node<'_>) -> Option<Extension> {
    let Content::Table(entries) = &item.content else {
        return reader.name("extensions", item).map(|name| Extension { name, repository: None });
    };
    let (mut name, mut repository) = (None, None);
    for entry in entries {
        match entry.key.as_ref() {
            "name" => name = reader.name("name", &entry.value),
            "repository" => repository = reader.name("repository", &entry.value),
            _ => reader.unknown_key(entry, "an extension", &["name", "repository"]),
        }
    }
    require(reader, item, "name", "an extension");
    Some(Extension { name: name?, repository })
}

/// Attached databases with the places of their aliases.
pub fn attach(reader: &mut Reader<'_>, node: &Node<'_>, root: &Path) -> Vec<(Attachment, Span)> {
    match &node.content {
        // `attach = { path = ... }` is one database; any other table names its aliases.
        Content::Table(entries) if node.get("path").is_none() => {
            let named = entries.iter().filter_map(|entry| {
                let alias = Some((entry.key.to_string(), entry.key_span));
                attachment(reader, &entry.value, alias, root)
            });
            named.collect()
        }
        _ => one_or_many(node).iter().filter_map(|item| attachment(reader, item, None, root)).collect(),
    }
}

const ATTACH_KEYS: &[&str] = &["path", "alias", "type", "read_only"];

fn attachment(
    reader: &mut Reader<'_>,
    item: &Node<'_>,
    alias: Option<(String, Span)>,
    root: &Path,
) -> Option<(Attachment, Span)> {
    let mut alias = alias;
    let (mut path, mut kind, mut read_only) = (None, None, true);
    match &item.content {
        Content::Table(entries) => {
            require(reader, item, "path", "an attached database");
            for entry in entries {
                match entry.key.as_ref() {
                    "path" => path = reader.name("path", &entry.value),
                    "alias" => alias = reader.name("alias", &entry.value).map(|alias| (alias, entry.value.span)),
                    "type" => kind = reader.name("type", &entry.value).map(|kind| kind.to_ascii_lowercase()),
                    "read_only" => read_only = reader.truth("read_only", &entry.value).unwrap_or(read_only),
                    _ => reader.unknown_key(entry, "an attached database", ATTACH_KEYS),
                }
            }
        }
        _ => path = reader.name("attach", item),
    }
    let path = path?;
    let (alias, span) = alias.unwrap_or_else(|| (stem(&path), item.span));
    if alias.is_empty() {
        let problem = reader.problem(item.span, "an attached database needs an `alias`");
        reader.report(problem.hint("its path does not give it a name"));
        return None;
    }
    let kind = kind.filter(|kind| kind != "duckdb");
    let path = resolve(path, kind.as_deref(), root);
    Some((Attachment { alias, path, kind, read_only }, span))
}

/// Files are found from the project's folder, wherever the command is typed.
fn resolve(path: String, kind: Option<&str>, root: &Path) -> String {
    let is_file = matches!(kind, None | Some("sqlite")) && !has_scheme(&path) && path != ":memory:";
    if is_file { root.join(&path).to_string_lossy().into_owned() } else { path }
}

/// `s3://...`, `md:...`, `ducklake:...`: a word of two letters or more before a colon.
fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+')
    })
}

fn stem(path: &str) -> String {
    if path == ":memory:" {
        return String::new();
    }
    Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Secrets by name (`[targets.dev.secrets.lake]`) or as a list, in which a name may be missing.
pub fn secrets(reader: &mut Reader<'_>, node: &Node<'_>) -> Vec<Secret> {
    let secrets: Vec<(Secret, Span)> = match &node.content {
        Content::Table(entries) if node.get("type").is_none_or(|kind| kind.as_table().is_some()) => {
            let named = entries.iter().filter_map(|entry| secret(reader, &entry.value, Some(&entry.key)));
            named.collect()
        }
        _ => one_or_many(node).iter().filter_map(|item| secret(reader, item, None)).collect(),
    };
    let mut unique: Vec<Secret> = Vec::with_capacity(secrets.len());
    for (secret, span) in secrets {
        if unique.iter().any(|other| other.name.eq_ignore_ascii_case(&secret.name)) {
            let problem = reader.problem(span, format!("two secrets have the name `{}`", secret.name));
            reader.report(problem.hint("give each a `name` of its own"));
        } else {
            unique.push(secret);
        }
    }
    unique
}

fn secret(reader: &mut Reader<'_>, item: &Node<'_>, name: Option<&str>) -> Option<(Secret, Span)> {
    let entries: &[Entry<'_>] = reader.table("secrets", item);
    item.as_table()?;
    require(reader, item, "type", "a secret");
    let mut name = name.map(str::to_string);
    let mut kind = None;
    let mut values = Values::new();
    for entry in entries {
        match entry.key.as_ref() {
            "name" => name = reader.name("name", &entry.value).or(name),
            "type" => kind = reader.name("type", &entry.value),
            _ if entry.value.is_null() => {}
            _ => {
                values.insert(entry.key.to_string(), entry.value.to_json());
            }
        }
    }
    let kind = kind?;
    // DuckDB's own name for a secret that has none.
    let name = name.unwrap_or_else(|| format!("__default_{}", kind.to_ascii_lowercase()));
    Some((Secret { name, kind, values }, item.span))
}

fn require(reader: &mut Reader<'_>, item: &Node<'_>, key: &str, what: &str) {
    if item.get(key).is_none() {
        let problem = reader.problem(item.span, format!("{what} without `{key}`"));
        reader.report(problem);
    }
}

/// A list's items, or the one value that stands in place of a list.
fn one_or_many<'n, 'a>(node: &'n Node<'a>) -> &'n [Node<'a>] {
    match &node.content {
        Content::List(items) => items,
        Content::Null => &[],
        _ => std::slice::from_ref(node),
    }
}
