//! `dovetail run`: materializes the selected assets.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::args::RunArgs;
use super::context::Context;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Access, EngineError, EngineErrorKind, WhenLocked, open};
use crate::execute::{Cancellation, RunContext, RunOptions, RunSummary, execute};
use crate::graph::select::Selection;
use crate::plan::plan_run;

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
    let Compiled { project, graph, templates, .. } = context.compile()?;
    let selected = context.selected(&selection, &graph)?;
    let plan = plan_run(&graph, &selected);
    if plan.steps.is_empty() {
        context.printer.note("nothing to run: what is selected holds no data of its own (sources, ephemeral models)");
        return Ok(ExitStatus::Success);
    }
    let when_locked = match args.wait {
        None => WhenLocked::Fail,
        Some(limit) => WhenLocked::Wait(limit),
    };
    let cancellation = Cancellation::default();
    // From here on Ctrl-C ends the run in order; before, it just ends the process.
    let _interrupt = Interrupt::install(&cancellation);
    let engine = open(&project, Access::ReadWrite, when_locked, &|| cancellation.is_cancelled());
    let engine = match engine {
        Err(error) if error.kind == EngineErrorKind::Cancelled => return Ok(ExitStatus::Interrupted),
        engine => engine.map_err(|error| database_diagnostic(&error))?,
    };
    let options = RunOptions { run: run_id(), threads: project.target.threads, fail_fast: args.fail_fast };
    let (graph, templates) = (Arc::new(graph), Arc::new(templates));
    let mut progress = Progress::new(&mut context.printer, &graph, &templates, &plan);
    let run_context = RunContext {
        project: Arc::new(project),
        graph: Arc::clone(&graph),
        templates: Arc::clone(&templates),
        engine,
        python: context.python.clone(),
    };
    let summary = execute(run_context, &plan, &options, &cancellation, &mut |event| progress.show(event));
    Ok(exit_status(&summary.map_err(|error| database_diagnostic(&error))?))
}

fn exit_status(summary: &RunSummary) -> ExitStatus {
    match summary {
        summary if summary.interrupted => ExitStatus::Interrupted,
        summary if summary.is_success() => ExitStatus::Success,
        _ => ExitStatus::AssetFailed,
    }
}

/// What is wrong with the database, as opposed to an asset.
pub(crate) fn database_diagnostic(error: &EngineError) -> Diagnostic {
    let (code, hint) = match error.kind {
        EngineErrorKind::Locked => (Code::DatabaseLocked, Some("wait until it is free: `--wait`, or `--wait=SECONDS`")),
        EngineErrorKind::NoDatabase => (Code::DatabaseOpen, Some("`dovetail run` makes it")),
        EngineErrorKind::Setting => (Code::DatabaseSetting, None),
        EngineErrorKind::StateFormat => (Code::StateFormat, None),
        _ => (Code::DatabaseOpen, None),
    };
    Diagnostic::error(code, error.message.clone()).hint_if(hint.map(str::to_owned))
}

/// Unique per project without a counter: the time in microseconds and the process.
fn run_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_micros(), std::process::id())
}
