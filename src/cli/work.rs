//! What a run, a reconciliation or a retry has to do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assess::{Assessment, Look, packages};
use super::context::Context;
use super::observe::observe;
use super::opening::database_diagnostic;
use super::plan::waiting_in_words;
use super::retry::{Undone, undone};
use crate::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::engine::Engine;
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::{AssetGraph, Materialized, NodeId};
use crate::plan::{Plan, plan_reconcile, plan_run};
use crate::project::Publish;
use crate::record::{Observer, Records};

/// A plan, and what was found out while it was made.
pub(super) struct Work {
    pub plan: Plan,
    pub code_versions: HashMap<NodeId, CodeVersion>,
    pub packages: BTreeMap<String, String>,
    pub records: Option<Records>,
    pub observer: Observer,
    /// Where a run is taken up: how it was to be published.
    pub publish: Publish,
}

/// What is known of the work before the database is asked.
pub(super) struct Prepared {
    pub plan: Plan,
    code_versions: HashMap<NodeId, CodeVersion>,
    packages: BTreeMap<String, String>,
}

impl Prepared {
    /// Everything that is selected.
    pub(super) fn of(context: &Context, compiled: &Compiled, selected: &BTreeSet<NodeId>) -> Self {
        let Compiled { graph, modules, project, .. } = compiled;
        let plan = plan_run(graph, selected);
        let assets: BTreeSet<NodeId> = plan.steps.iter().flat_map(|step| with_views(graph, step.asset)).collect();
        let code_versions = code_versions(graph, modules, project, assets);
        let packages = packages(context, code_versions.values());
        Self { plan, code_versions, packages }
    }

    pub(super) fn observed(self, context: &mut Context, compiled: &Compiled, engine: &dyn Engine) -> Work {
        let Self { plan, code_versions, packages } = self;
        let observer = observe(context, compiled, Some(engine), plan.steps.iter().map(|step| step.asset));
        Work { plan, code_versions, packages, records: None, observer, publish: Publish::default() }
    }
}

/// All that did not come out of the newest run.
///
/// # Errors
/// When the state cannot be read.
pub(super) fn what_is_undone(
    context: &mut Context,
    compiled: &Compiled,
    engine: &dyn Engine,
) -> Result<Work, Diagnostic> {
    let Undone { assets, publish } = undone(context, compiled, engine)?;
    let work = Prepared::of(context, compiled, &assets).observed(context, compiled, engine);
    Ok(Work { publish, ..work })
}

/// An asset, and the views through which it reads: their code counts where they are read and not built.
fn with_views(graph: &AssetGraph, asset: NodeId) -> Vec<NodeId> {
    let mut found = vec![asset];
    let mut readers = vec![asset];
    while let Some(reader) = readers.pop() {
        let is_view = |id: &NodeId| graph.node(*id).materialized == Materialized::View && !found.contains(id);
        let views: Vec<NodeId> = graph.reads(reader).into_iter().filter(is_view).collect();
        found.extend(&views);
        readers.extend(views);
    }
    found
}

/// What of the selection is not up to date.
///
/// # Errors
/// When the state cannot be read.
pub(super) fn what_is_stale(
    context: &mut Context,
    compiled: &Compiled,
    selected: &BTreeSet<NodeId>,
    look: Look<'_>,
) -> Result<Work, Diagnostic> {
    look.engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let Assessment { judged, code_versions, packages: found, records, observer, .. } =
        Assessment::of(context, compiled, Some(look))?;
    let plan = plan_reconcile(&compiled.graph, selected, &judged);
    if let Some(waiting) = waiting_in_words(&compiled.graph, &judged, &plan.waiting) {
        context.printer.note(&waiting);
    }
    let packages =
        found.unwrap_or_else(|| packages(context, plan.steps.iter().filter_map(|step| code_versions.get(&step.asset))));
    let records = Some(records);
    Ok(Work { plan, code_versions, packages, records, observer, publish: Publish::default() })
}
