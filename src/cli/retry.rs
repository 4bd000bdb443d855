//! What `dovetail retry` takes up: all that did not come out of the newest run.

use std::collections::BTreeSet;

use super::context::Context;
use super::opening::database_diagnostic;
use crate::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::engine::{CheckRecord, Engine, EngineError, LastRun};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, NodeId};
use crate::project::Publish;
use crate::record::RunLogs;

/// What is taken up of a run.
pub(crate) struct Undone {
    pub assets: BTreeSet<NodeId>,
    /// Those that did not pass in the run, and those of the assets.
    pub checks: BTreeSet<CheckId>,
    /// How the run was to be published.
    pub publish: Publish,
    /// Whether the run asked checks and unit tests.
    pub asks: bool,
}

/// What failed, was skipped or was stopped in the newest run. Names that are gone are told.
///
/// # Errors
/// When the state cannot be read.
pub(crate) fn undone(context: &mut Context, compiled: &Compiled, engine: &dyn Engine) -> Result<Undone, Diagnostic> {
    engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let last = engine.last_run().map_err(|error| database_diagnostic(&error))?;
    let failed = match &last {
        Some(last) => failed_checks(last, engine).map_err(|error| database_diagnostic(&error))?,
        None => Vec::new(),
    };
    let asks = last.as_ref().is_some_and(|last| last.command != "run");
    let publish = last.as_ref().map(|last| last.publish).unwrap_or_default();
    let names = last.map(|last| names(context, compiled, &last)).unwrap_or_default();
    let gone: Vec<String> =
        names.iter().filter(|name| compiled.graph.find(name).is_none()).map(|name| format!("`{name}`")).collect();
    if !gone.is_empty() {
        context.printer.note(&format!("left out, since the project does not have it any more: {}", gone.join(", ")));
    }
    let assets: BTreeSet<NodeId> = names.iter().filter_map(|name| compiled.graph.find(name)).collect();
    let mut checks: BTreeSet<CheckId> = failed.iter().filter_map(|name| compiled.graph.find_check(name)).collect();
    if asks {
        checks.extend(checks_of(&compiled.graph, &assets));
    }
    Ok(Undone { assets, checks, publish, asks })
}

/// What was refused is not to become visible by being retried: the checks of these assets.
fn checks_of(graph: &AssetGraph, assets: &BTreeSet<NodeId>) -> impl Iterator<Item = CheckId> {
    graph.check_ids().filter(|id| graph.check(*id).sees().any(|read| assets.contains(&read)))
}

fn failed_checks(last: &LastRun, engine: &dyn Engine) -> Result<Vec<String>, EngineError> {
    let is_undone = |record: &CheckRecord| record.run == last.run && record.status.blocks();
    Ok(engine.checked()?.into_iter().filter(is_undone).map(|record| record.check).collect())
}

/// A run that was killed could not write down what it left: its log says what was planned.
fn names(context: &mut Context, compiled: &Compiled, last: &LastRun) -> Vec<String> {
    if last.has_ended {
        return last.failures.iter().map(|failure| failure.asset.clone()).collect();
    }
    let Some(log) = RunLogs::of(&compiled.project.root).read(&last.run) else {
        let run = &last.run;
        context.printer.note(&format!(
            "the newest run, {run}, did not end, and it has no log: `dovetail reconcile` does what it left"
        ));
        return Vec::new();
    };
    context.printer.note(&format!("the newest run, {}, did not end: taking up what it left", last.run));
    let undone = match last.publish {
        Publish::Asset => log.undone(),
        // What was built was never published.
        Publish::Run => log.planned.iter().map(String::as_str).collect(),
    };
    // What was published right before the end may not be in the log yet.
    undone.into_iter().filter(|name| !last.materialized.iter().any(|done| done == name)).map(str::to_owned).collect()
}
