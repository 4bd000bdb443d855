//! What a target asks of the database before anything runs: settings, extensions, secrets, attachments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::SESSION_SETTINGS;
use super::error::error_from_text;
use super::raw::{Connection, Database};
use crate::engine::{EngineError, EngineErrorKind};
use crate::graph::{literal, quoted, sql_value};
use crate::project::{Attachment, Extension, Project, Secret};

/// Settings that DuckDB only takes while it opens the database.
const AT_OPEN: [&str; 4] = [
    "allow_unsigned_extensions",
    "allow_community_extensions",
    "storage_compatibility_version",
    "temp_file_encryption",
];

/// Shorter values of secrets cannot be masked.
const SHORTEST_MASKED: usize = 4;

/// Folders that may hold installed `duckdb-extension-<name>` packages, separated as in `PATH`.
const EXTENSION_PATH: &str = "DOVETAIL_EXTENSION_PATH";

/// The form of files that are made, unless a target sets another; those that are there keep theirs. DuckDB's own default
/// is older: it has every checkpoint translate the statistics of every column, which takes longer than all the rest
/// (docs/decisions/0005).
const STORAGE: (&str, &str) = ("storage_compatibility_version", "v1.2.0");

/// Settings of the engine that say how it works, or how others are reached, and not what comes out. Others count: what a
/// setting does is known to the engine alone.
const ABOUT_WORK: [&str; 16] = [
    "access_mode",
    "allocator_",
    "autoinstall_",
    "autoload_",
    "azure_",
    "checkpoint_threshold",
    "enable_",
    "extension_directory",
    "http",
    "log_",
    "max_",
    "memory_limit",
    "profil",
    "s3_",
    "storage_compatibility_version",
    "temp_directory",
];

/// Whether a setting leaves what queries give as it is.
pub(in crate::engine) fn is_about_work(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with("threads") || ABOUT_WORK.iter().any(|start| name.starts_with(start))
}

/// A connection on which queries mean what the project says.
pub(super) fn connect(database: &Arc<Database>, session_settings: &[String]) -> Result<Arc<Connection>, EngineError> {
    let connection = database.connect()?;
    connection.execute(SESSION_SETTINGS)?;
    for setting in session_settings {
        connection.execute(setting)?;
    }
    Ok(connection)
}

pub(super) fn at_open(project: &Project) -> Vec<(String, String)> {
    let given = project.target.settings.iter();
    let given = given.filter(|(name, _)| AT_OPEN.contains(&name.as_str()));
    let mut settings: Vec<_> = given.map(|(name, value)| (name.clone(), plain_text(value))).collect();
    if !settings.iter().any(|(name, _)| name == STORAGE.0) {
        settings.push((STORAGE.0.to_owned(), STORAGE.1.to_owned()));
    }
    settings
}

/// Applies everything; returns the statements that each further session has to run for itself.
pub(super) fn apply(connection: &Arc<Connection>, project: &Project) -> Result<Vec<String>, EngineError> {
    let per_session = apply_without_data(connection, project)?;
    for secret in &project.target.secrets {
        create_secret(connection, secret)?;
    }
    for attachment in &project.target.attach {
        attach(connection, project, attachment)?;
    }
    Ok(per_session)
}

/// Applies what says what queries mean, and nothing that reaches for data: extensions and settings.
pub(super) fn apply_without_data(connection: &Arc<Connection>, project: &Project) -> Result<Vec<String>, EngineError> {
    for extension in &project.target.extensions {
        load_extension(connection, project, extension)?;
    }
    let per_session = apply_settings(connection, project)?;
    search_files_in(connection, project)?;
    Ok(per_session)
}

fn apply_settings(connection: &Arc<Connection>, project: &Project) -> Result<Vec<String>, EngineError> {
    let mut per_session = Vec::new();
    for (name, value) in &project.target.settings {
        if AT_OPEN.contains(&name.as_str()) {
            continue;
        }
        let assignment = format!("{} = {}", quoted(name), sql_value(value));
        let Err(as_global) = connection.execute(&format!("set global {assignment}")) else { continue };
        let local = format!("set session {assignment}");
        if let Err(as_local) = connection.execute(&local) {
            // A setting that is global is refused here for that alone.
            let is_global = as_local.message.contains("cannot be set locally");
            return Err(failed(&format!("the setting `{name}`"), if is_global { as_global } else { as_local }));
        }
        per_session.push(local);
    }
    Ok(per_session)
}

/// Lets `read_csv('data/x.csv')` find the project's files wherever the command is typed. Where files are written does not
/// depend on it.
fn search_files_in(connection: &Arc<Connection>, project: &Project) -> Result<(), EngineError> {
    let root = project.root.to_string_lossy();
    // The setting is a list, and has no way to write a comma inside a path.
    if project.target.settings.contains_key("file_search_path") || root.contains(',') {
        return Ok(());
    }
    connection.execute(&format!("set global file_search_path = {}", literal(&root)))
}

fn load_extension(connection: &Arc<Connection>, project: &Project, extension: &Extension) -> Result<(), EngineError> {
    let name = quoted(&extension.name);
    if connection.execute(&format!("load {name}")).is_ok() {
        return Ok(());
    }
    if let Some(file) = packaged_extension(project, &extension.name) {
        let load = format!("load {}", literal(&file.to_string_lossy()));
        return connection
            .execute(&load)
            .map_err(|error| failed(&format!("the extension `{}`", extension.name), error));
    }
    let from = match &extension.repository {
        Some(repository) if repository.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') => {
            format!(" from {repository}")
        }
        Some(address) => format!(" from {}", literal(address)),
        None => String::new(),
    };
    connection
        .execute(&format!("install {name}{from}; load {name}"))
        .map_err(|error| failed(&format!("the extension `{}`", extension.name), error))
}

/// The file of an extension inside an installed PyPI package `duckdb-extension-<name>`.
fn packaged_extension(project: &Project, name: &str) -> Option<PathBuf> {
    let folders = project.environment.get(EXTENSION_PATH)?;
    let file_name = format!("{name}.duckdb_extension");
    std::env::split_paths(folders).find_map(|folder| {
        let package = folder.join(format!("duckdb_extension_{name}"));
        walkdir::WalkDir::new(package)
            .into_iter()
            .filter_map(Result::ok)
            .find(|entry| entry.file_name().to_string_lossy() == file_name)
            .map(|entry| entry.into_path())
    })
}

fn create_secret(connection: &Arc<Connection>, secret: &Secret) -> Result<(), EngineError> {
    let values = secret.values.iter().map(|(name, value)| format!(", {name} {}", sql_value(value)));
    let sql = format!(
        "create or replace temporary secret {} (type {}{})",
        quoted(&secret.name),
        secret.kind,
        values.collect::<String>()
    );
    connection.execute(&sql).map_err(|error| {
        let reason = without_values(error.message.lines().next().unwrap_or_default(), secret);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        error_from_text(EngineErrorKind::Setting, format!("the secret `{}` was refused{reason}", secret.name))
    })
}

/// DuckDB's message, which may quote the statement, without the secret's values. Nothing is left of it where a value is
/// so short that it may stand in any word: what is masked would tell it.
fn without_values(message: &str, secret: &Secret) -> Option<String> {
    let mut values: Vec<String> = secret.values.values().map(plain_text).filter(|value| !value.is_empty()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    if values.iter().any(|value| value.chars().count() < SHORTEST_MASKED) {
        return None;
    }
    Some(values.iter().fold(message.to_owned(), |message, value| message.replace(value, "***")))
}

fn attach(connection: &Arc<Connection>, project: &Project, attachment: &Attachment) -> Result<(), EngineError> {
    let mut options = Vec::new();
    if let Some(kind) = &attachment.kind {
        options.push(format!("type {kind}"));
    }
    if attachment.read_only {
        options.push("read_only".to_owned());
    }
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) };
    let path = attached_path(&project.root, attachment);
    connection
        .execute(&format!("attach {} as {}{options}", literal(&path), quoted(&attachment.alias)))
        .map_err(|error| failed(&format!("the attachment `{}`", attachment.alias), error))
}

/// Files are relative to the project's root; anything with a scheme, or for a server, is left as it is.
fn attached_path(root: &Path, attachment: &Attachment) -> String {
    let is_file = matches!(attachment.kind.as_deref(), None | Some("duckdb" | "sqlite"));
    let has_scheme = attachment.path.contains("://") || attachment.path.contains(':') || attachment.path.is_empty();
    if is_file && !has_scheme {
        root.join(&attachment.path).to_string_lossy().into_owned()
    } else {
        attachment.path.clone()
    }
}

fn failed(what: &str, error: EngineError) -> EngineError {
    error_from_text(EngineErrorKind::Setting, format!("{what} failed: {}", error.message))
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
