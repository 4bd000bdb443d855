//! The runs, newest first, as their logs tell them: the database may be held by one that goes on.

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::args::{HistoryArgs, StatusOutput};
use crate::cli::context::Context;
use crate::cli::ls::unprintable;
use crate::cli::progress::seconds;
use crate::cli::rows::print_table;
use crate::cli::table::{Column, Fit, Table};
use crate::cli::when::{commit, local};
use crate::cli::{CommandResult, ExitStatus};
use crate::project::Project;
use crate::record::{Counts, LoggedRun, RunLogs, RunStatus};

pub(super) fn runs(context: &mut Context, project: &Project, args: &HistoryArgs) -> CommandResult {
    let logs = RunLogs::of(&project.root);
    let runs: Vec<LoggedRun> = logs.runs().iter().rev().filter_map(|run| logs.read(run)).take(args.limit).collect();
    match args.output {
        StatusOutput::Json => {
            for run in &runs {
                let line = serde_json::to_string(&Line::of(run)).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
        }
        StatusOutput::Table if runs.is_empty() => {
            context.printer.note("there is no log of a run; `dovetail run` leaves one")
        }
        StatusOutput::Table => {
            print_table(context, &table(&runs));
            for run in runs.iter().filter(|run| run.status == RunStatus::Running) {
                context.printer.note(&goes_on(run));
            }
        }
    }
    Ok(ExitStatus::Success)
}

fn goes_on(run: &LoggedRun) -> String {
    let process = run.pid.map(|pid| format!(": process {pid}")).unwrap_or_default();
    let host = run.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
    let done = run.counts.materialized + run.counts.unchanged;
    format!("{} goes on{process}{host}, {done} of {} done", run.run, run.planned.len())
}

/// On a narrow terminal the columns in the middle are left out: there stands what is missed least.
fn table(runs: &[LoggedRun]) -> Table {
    let column = |name: &str, is_number, cell: &dyn Fn(&LoggedRun) -> String| Column {
        name: name.to_owned(),
        is_number,
        fit: fit(name),
        cells: runs.iter().map(|run| Some(cell(run))).collect(),
    };
    let table = Table {
        columns: vec![
            column("run", false, &|run| run.run.clone()),
            column("when", false, &|run| local(run.started_at)),
            column("status", false, &|run| run.status.as_str().to_owned()),
            column("command", false, &|run| run.command.clone()),
            column("git", false, &|run| commit(run.git_commit.as_deref(), run.git_dirty)),
            column("who", false, &|run| run.user.clone().unwrap_or_default()),
            column("time", true, &|run| run.seconds.map(time).unwrap_or_default()),
            column("assets", false, &|run| counts(run.counts)),
        ],
    };
    table.without_empty()
}

/// The beginning of a run's id tells it from others.
fn fit(column: &str) -> Fit {
    match column {
        "run" => Fit::First,
        "assets" | "who" | "git" => Fit::AsUsual,
        _ => Fit::Whole,
    }
}

fn time(time: f64) -> String {
    std::time::Duration::try_from_secs_f64(time).map(seconds).unwrap_or_default()
}

fn counts(counts: Counts) -> String {
    let counts = [
        (counts.materialized, "ok"),
        (counts.unchanged, "same"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "stopped"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a str,
    command: &'a str,
    started_at: Timestamp,
    /// `ok`, `failed`, `interrupted`, `running` or `unfinished`.
    status: &'static str,
    /// `None` until it has ended.
    seconds: Option<f64>,
    #[serde(flatten)]
    counts: Counts,
    user: Option<&'a str>,
    git_commit: Option<&'a str>,
    git_dirty: Option<bool>,
    pid: Option<u32>,
    host: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(run: &'a LoggedRun) -> Self {
        Line {
            run: &run.run,
            command: &run.command,
            started_at: run.started_at,
            status: run.status.as_str(),
            seconds: run.seconds,
            counts: run.counts,
            user: run.user.as_deref(),
            git_commit: run.git_commit.as_deref(),
            git_dirty: run.git_dirty,
            pid: run.pid,
            host: run.host.as_deref(),
        }
    }
}
