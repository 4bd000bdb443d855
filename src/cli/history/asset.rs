//! What happened to one asset, newest first, whether the project still has it or not.

use std::sync::Arc;

use super::differences::differences;
use super::entry::Entry;
use crate::cli::args::{HistoryArgs, StatusOutput};
use crate::cli::context::Context;
use crate::cli::ls::unprintable;
use crate::cli::opening::{database_diagnostic, open_diagnostic, open_to_read};
use crate::cli::progress::{grouped, seconds};
use crate::cli::rows::print_table;
use crate::cli::table::{Column, Fit, Table};
use crate::cli::when::{commit, local};
use crate::cli::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::engine::{Engine, EngineErrorKind};
use crate::project::Project;
use crate::record::RunLogs;

pub(super) fn asset(context: &mut Context, project: &Project, name: &str, args: &HistoryArgs) -> CommandResult {
    let engine = match open_to_read(context, project, args.waiting.wait) {
        Err(error) if error.kind == EngineErrorKind::NoDatabase => None,
        Err(error) if error.kind == EngineErrorKind::Locked && args.diff.is_empty() => {
            context.printer.note(&format!("{}: this is what the logs of runs say", error.message));
            let entries = logged(project, name, args.limit);
            return finish(context, &entries, None, args);
        }
        opened => Some(opened.map_err(|error| open_diagnostic(project, &error))?),
    };
    let history = match &engine {
        Some(engine) => engine.history(name).map_err(|error| database_diagnostic(&error))?,
        None => Vec::new(),
    };
    if history.is_empty() {
        return nothing_known(context, engine.as_ref(), name);
    }
    match args.diff.as_slice() {
        [old, new] => differences(context, name, &history, (old, new), args.output),
        _ => {
            let entries = Entry::all(name, &history);
            let shown = &entries[..entries.len().min(args.limit)];
            finish(context, shown, Some(entries.len()), args)
        }
    }
}

/// What the logs of runs say of an asset.
fn logged(project: &Project, name: &str, limit: usize) -> Vec<Entry> {
    let logs = RunLogs::of(&project.root);
    let mut entries = Vec::new();
    for run in logs.runs().iter().rev().filter_map(|run| logs.read(run)) {
        let about = run.assets.iter().filter(|asset| asset.asset == name && asset.status != "unchanged");
        for asset in about {
            entries.push(Entry::logged(entries.len() + 1, &run, asset));
        }
        if entries.len() >= limit {
            break;
        }
    }
    entries.truncate(limit);
    entries
}

/// Prints the entries; `total` is how many there are, where that is known.
fn finish(context: &mut Context, entries: &[Entry], total: Option<usize>, args: &HistoryArgs) -> CommandResult {
    match args.output {
        StatusOutput::Json => {
            for entry in entries {
                context.printer.data_line(&serde_json::to_string(entry).map_err(unprintable)?);
            }
        }
        StatusOutput::Table if entries.is_empty() => context.printer.note("nothing is known of it"),
        StatusOutput::Table => print_table(context, &table(entries)),
    }
    if total.is_some_and(|total| total > entries.len()) {
        context.printer.note(&format!("the newest {}; `--limit` shows more", entries.len()));
    }
    Ok(ExitStatus::Success)
}

/// On a narrow terminal the columns in the middle are left out: there stands what is missed least.
fn table(entries: &[Entry]) -> Table {
    let column = |name: &str, is_number, cell: &dyn Fn(&Entry) -> String| Column {
        name: name.to_owned(),
        is_number,
        fit: fit(name),
        cells: entries.iter().map(|entry| Some(cell(entry))).collect(),
    };
    let table = Table {
        columns: vec![
            column("#", true, &|entry| entry.number.to_string()),
            column("when", false, &|entry| entry.at.map(local).unwrap_or_default()),
            column("outcome", false, &|entry| entry.outcome.clone()),
            column("rows", true, &|entry| entry.rows.map(grouped).unwrap_or_default()),
            column("time", true, &|entry| {
                std::time::Duration::try_from_secs_f64(entry.seconds).map(seconds).unwrap_or_default()
            }),
            column("git", false, &|entry| commit(entry.git_commit.as_deref(), entry.git_dirty)),
            column("who", false, &|entry| entry.user.clone().unwrap_or_default()),
            column("run", false, &|entry| entry.run.clone()),
            column("changed", false, &changed),
        ],
    };
    table.without_empty()
}

/// The beginning of a run's id tells it from others.
fn fit(column: &str) -> Fit {
    match column {
        "run" => Fit::First,
        "changed" => Fit::AsUsual,
        _ => Fit::Whole,
    }
}

/// What changed, or why nothing came out.
fn changed(entry: &Entry) -> String {
    if let Some(message) = &entry.message {
        return message.lines().next().unwrap_or_default().to_owned();
    }
    match &entry.changed {
        Some(changes) => changes.in_words(),
        // Of what only a log is known, nobody knows.
        None if entry.code_version.is_some() => "first time".to_owned(),
        None => String::new(),
    }
}

/// An asset that was never built, or a name that nobody knows.
fn nothing_known(context: &mut Context, engine: Option<&Arc<dyn Engine>>, name: &str) -> CommandResult {
    let records =
        engine.map(|engine| engine.recorded(None)).transpose().map_err(|error| database_diagnostic(&error))?;
    let recorded = records.into_iter().flatten().map(|record| record.asset);
    // A project that does not compile has a history all the same.
    let compiled = context.compile().ok();
    let graph = compiled.as_ref().map(|compiled| &compiled.graph);
    let declared = graph.into_iter().flat_map(|graph| graph.ids().map(|id| graph.node(id)));
    let declared: Vec<_> = declared.filter(|node| !node.is_source()).map(|node| node.name.to_string()).collect();
    if declared.iter().any(|declared| declared == name) {
        context.printer.note(&format!("`{name}` was never materialized"));
        return Ok(ExitStatus::Success);
    }
    let names: Vec<String> = recorded.chain(declared).collect();
    let guess = did_you_mean(name, names.iter().map(String::as_str)).map(|guess| format!("did you mean `{guess}`?"));
    let message = format!("there is no asset `{name}`, and nothing is recorded of one");
    Err(Diagnostics::from(Diagnostic::error(Code::NothingSelected, message).hint_if(guess)))
}
