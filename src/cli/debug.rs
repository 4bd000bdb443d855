//! `dovetail debug`: versions, paths, the database and the project, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;

use super::context::Context;
use super::opening::open_diagnostic;
use super::{CommandResult, ExitStatus};
use crate::compile::compile;
use crate::diagnostic::Diagnostics;
use crate::engine::{Access, Engine, EngineError, EngineErrorKind, WhenLocked, open};
use crate::graph::{AssetGraph, Kind};
use crate::project::{LoadOptions, Project, STATE_SCHEMA, load};

/// Goes on after a failure, since the next line may tell its cause.
pub(crate) fn debug(context: &mut Context) -> CommandResult {
    let mut problems = Diagnostics::default();
    line(context, "dovetail", env!("CARGO_PKG_VERSION"));
    for (name, version) in context.python.as_ref().map(|python| python.versions()).unwrap_or_default() {
        line(context, &name, &version);
    }
    if context.python.is_none() {
        line(context, "python", "none in this process");
    }
    if let Err(found) = debug_project(context, &mut problems) {
        problems.extend(found);
    }
    let is_wrong = problems.has_errors();
    if !is_wrong {
        line(context, "warnings", &problems.0.len().to_string());
        line(context, "status", "ok");
        problems.0.iter().for_each(|warning| context.printer.diagnostic(warning));
        return Ok(ExitStatus::Success);
    }
    line(context, "status", "something is wrong, see below");
    Err(problems)
}

fn debug_project(context: &mut Context, problems: &mut Diagnostics) -> Result<(), Diagnostics> {
    let root = context.root()?;
    line(context, "root", &root.display().to_string());
    let options = context.load_options()?;
    let project = load(&root, &options)?.value;
    let config = project.file.as_ref().map(|file| file.path().display().to_string());
    line(context, "config", config.as_deref().unwrap_or("none, which is fine"));
    line(context, "project", &project.name);
    line(context, "target", &project.target.name);
    line(context, "schema", &project.target.schema);
    line(context, "threads", &project.target.threads.to_string());
    debug_database(context, &project, problems);
    debug_assets(context, &root, &options, problems)
}

fn debug_database(context: &mut Context, project: &Project, problems: &mut Diagnostics) {
    let path = match &project.target.database {
        Some(path) => path.display().to_string(),
        None => "in memory".to_owned(),
    };
    let open = |project: &Project| open(project, Access::ReadOnly, WhenLocked::Fail, &|_| false);
    match open(project) {
        Ok(engine) => {
            line(context, "database", &format!("{path} ({})", database_state(project)));
            debug_engine(context, engine.as_ref());
        }
        Err(error) if error.kind == EngineErrorKind::NoDatabase => {
            let folder = project.target.database.as_deref().and_then(Path::parent);
            if folder.is_none_or(Path::is_dir) {
                line(context, "database", &format!("{path} (not there yet, `dovetail run` makes it)"));
            } else {
                line(context, "database", &format!("{path} (its folder does not exist)"));
                let message = format!("`{path}` cannot be made: No such file or directory");
                problems.push(open_diagnostic(
                    project,
                    &EngineError { kind: EngineErrorKind::Open, message, offset: None },
                ));
            }
            // Settings, extensions and attachments can be wrong without it.
            let mut in_memory = project.clone();
            in_memory.target.database = None;
            match open(&in_memory) {
                Ok(engine) => line(context, "engine", &engine.capabilities().engine),
                Err(error) => problems.push(open_diagnostic(project, &error)),
            }
        }
        Err(error) => {
            let state = if error.kind == EngineErrorKind::Locked { "locked" } else { "cannot be opened" };
            line(context, "database", &format!("{path} ({state})"));
            let mut problem = open_diagnostic(project, &error);
            if error.kind == EngineErrorKind::Locked {
                // The flag of the hint is one of `run` and `show`.
                problem.hints = vec!["`dovetail run --wait` waits until it is free".to_owned()];
            }
            problems.push(problem);
        }
    }
}

fn database_state(project: &Project) -> String {
    let bytes = project.target.database.as_deref().map(Path::metadata).and_then(Result::ok).map(|file| file.len());
    bytes.map_or_else(|| "opens".to_owned(), |bytes| format!("opens, {:.1} MB", bytes as f64 / 1e6))
}

fn debug_engine(context: &mut Context, engine: &dyn Engine) {
    line(context, "engine", &engine.capabilities().engine);
    if let Ok(relations) = engine.relations() {
        // The state's are not the user's tables.
        let users = relations.iter().filter(|found| found.relation.schema != STATE_SCHEMA);
        let (views, tables): (Vec<_>, Vec<_>) = users.partition(|found| found.is_view);
        line(context, "relations", &format!("{} tables, {} views", tables.len(), views.len()));
    }
}

fn debug_assets(
    context: &mut Context,
    root: &Path,
    options: &LoadOptions,
    problems: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    let compiled = compile(root, options, context.python.as_deref(), None)?;
    line(context, "assets", &counts(&compiled.graph));
    problems.extend(compiled.warnings);
    Ok(())
}

/// Such as `12 (8 sql, 3 python, 1 seed), 4 sources`.
fn counts(graph: &AssetGraph) -> String {
    let mut by_kind: BTreeMap<Kind, usize> = BTreeMap::new();
    for id in graph.ids() {
        *by_kind.entry(graph.node(id).kind).or_default() += 1;
    }
    let sources = by_kind.remove(&Kind::Source).unwrap_or_default();
    let assets: usize = by_kind.values().sum();
    let parts: Vec<String> = by_kind.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{assets}{parts}; {sources} sources")
}

fn line(context: &mut Context, name: &str, value: &str) {
    context.printer.data_line(&format!("{name:<12}{value}"));
}
