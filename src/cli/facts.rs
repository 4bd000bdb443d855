//! Gathers what a selection asks beyond the graph, and nothing that it does not ask.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::assess::{Assessment, Look};
use super::changed::changed;
use super::columns::column_graph;
use super::context::Context;
use super::opening::{database_diagnostic, look_at, open_diagnostic};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Engine, EngineErrorKind};
use crate::graph::select::{Facts, Selection};
use crate::graph::{AssetGraph, NodeId};
use crate::plan::judgement::Judgement;

/// The facts for a command that does not open the database by itself: it is opened where the selection asks for it.
///
/// # Errors
/// When the database or the past cannot be read.
pub(crate) fn look_up(
    context: &mut Context,
    compiled: &Compiled,
    selection: &Selection,
    wait: Option<Option<Duration>>,
) -> Result<Facts, Diagnostics> {
    let engine = match selection.asked().asks_state() {
        true => open_if_there(context, compiled, wait)?,
        false => None,
    };
    gather(context, compiled, selection, engine.as_ref(), None)
}

/// The facts that the selection asks for. Without an engine there is no database yet; `judged` is what was found out
/// already.
///
/// # Errors
/// When the state or the past cannot be read.
pub(crate) fn gather(
    context: &mut Context,
    compiled: &Compiled,
    selection: &Selection,
    engine: Option<&Arc<dyn Engine>>,
    judged: Option<&HashMap<NodeId, Judgement>>,
) -> Result<Facts, Diagnostics> {
    let asked = selection.asked();
    let mut facts = Facts::default();
    if asked.states {
        facts.states = match judged {
            Some(judged) => states(judged),
            None => states(&Assessment::of(context, compiled, Look::brief(engine.map(Arc::as_ref)))?.judged),
        };
    }
    if let (true, Some(engine)) = (asked.results, engine) {
        facts.results = results(&compiled.graph, engine.as_ref())?;
    }
    if asked.columns {
        let columns = column_graph(compiled, engine)?;
        facts.columns = columns.assets.keys().map(|id| (*id, columns.names_of(*id))).collect();
        facts.reads = columns.assets.keys().map(|id| (*id, columns.read_by(*id))).collect();
    }
    let mut problems = Diagnostics::default();
    for (reference, place) in &asked.changed {
        match changed(context, compiled, reference, place) {
            Ok(changed) => drop(facts.changed.insert(reference.clone(), changed)),
            Err(found) => problems.extend(found),
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(facts) }
}

/// The database, to look at it; `None` when there is none yet.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_if_there(
    context: &mut Context,
    compiled: &Compiled,
    wait: Option<Option<Duration>>,
) -> Result<Option<Arc<dyn Engine>>, Diagnostic> {
    match look_at(context, &compiled.project, wait) {
        Err(error) if error.kind == EngineErrorKind::NoDatabase => Ok(None),
        opened => opened.map(Some).map_err(|error| open_diagnostic(&compiled.project, &error)),
    }
}

fn states(judged: &HashMap<NodeId, Judgement>) -> HashMap<NodeId, &'static str> {
    judged.iter().map(|(id, judgement)| (*id, judgement.state.as_str())).collect()
}

fn results(graph: &AssetGraph, engine: &dyn Engine) -> Result<HashMap<NodeId, &'static str>, Diagnostic> {
    let last = engine.last_run().map_err(|error| database_diagnostic(&error))?;
    let Some(last) = last else { return Ok(HashMap::new()) };
    let failures = last.failures.iter().map(|failure| (failure.asset.as_str(), failure.outcome.as_str()));
    let all = last.materialized.iter().map(|asset| (asset.as_str(), "ok")).chain(failures);
    Ok(all.filter_map(|(asset, result)| Some((graph.find(asset)?, result))).collect())
}
