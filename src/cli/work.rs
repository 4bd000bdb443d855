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
use crate::engine::{CheckRecord, Engine};
use crate::fingerprint::{CodeVersion, check_versions, code_versions};
use crate::graph::select::Selected;
use crate::graph::{AssetGraph, Materialized, NodeId};
use crate::plan::{Plan, plan_build, plan_reconcile};
use crate::project::Publish;
use crate::record::{Observer, Records};

/// A plan, and what was found out while it was made.
pub(super) struct Work {
    pub plan: Plan,
    pub code_versions: HashMap<NodeId, CodeVersion>,
    pub check_versions: HashMap<String, String>,
    /// How checks came out before, where the plan was made from that.
    pub checked: HashMap<String, CheckRecord>,
    pub packages: BTreeMap<String, String>,
    pub records: Option<Records>,
    pub observer: Observer,
    /// Where a run is taken up: how it was to be published.
    pub publish: Publish,
    /// Where a run is taken up: whether it asked checks and unit tests.
    pub asks: bool,
}

/// What is known of the work before the database is asked.
pub(super) struct Prepared {
    pub plan: Plan,
    code_versions: HashMap<NodeId, CodeVersion>,
    check_versions: HashMap<String, String>,
    packages: BTreeMap<String, String>,
}

impl Prepared {
    pub(super) fn of(context: &Context, compiled: &Compiled, plan: Plan) -> Self {
        let Compiled { graph, modules, project, .. } = compiled;
        let read = plan.checks().flat_map(|id| &graph.check(id).reads);
        let views = read.copied().filter(|id| graph.node(*id).materialized == Materialized::View);
        let assets: BTreeSet<NodeId> = plan.built().chain(views).flat_map(|id| with_views(graph, id)).collect();
        let code_versions = code_versions(graph, modules, project, assets);
        let check_versions = check_versions(graph, modules, project, plan.checks());
        let packages = packages(context, code_versions.values());
        Self { plan, code_versions, check_versions, packages }
    }

    pub(super) fn observed(self, context: &mut Context, compiled: &Compiled, engine: &dyn Engine) -> Work {
        let Self { plan, code_versions, check_versions, packages } = self;
        let read = plan.checks().flat_map(|id| compiled.graph.check(id).reads.clone());
        let observed: Vec<NodeId> = plan.built().chain(read).collect();
        let observer = observe(context, compiled, Some(engine), observed);
        let (checked, publish) = (HashMap::new(), Publish::default());
        Work { plan, code_versions, check_versions, checked, packages, records: None, observer, publish, asks: false }
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
    let Undone { assets, checks, publish, asks } = undone(context, compiled, engine)?;
    let plan = plan_build(&compiled.graph, &assets, &checks);
    let work = Prepared::of(context, compiled, plan).observed(context, compiled, engine);
    Ok(Work { publish, asks, ..work })
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
    selected: &Selected,
    look: Look<'_>,
) -> Result<Work, Diagnostic> {
    look.engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let Assessment {
        judged, checks, check_versions, checked, code_versions, packages: found, records, observer, ..
    } = Assessment::of(context, compiled, Some(look))?;
    let plan = plan_reconcile(&compiled.graph, selected, &judged, &checks);
    if let Some(waiting) = waiting_in_words(&compiled.graph, &judged, &plan.waiting) {
        context.printer.note(&waiting);
    }
    let packages =
        found.unwrap_or_else(|| packages(context, plan.steps.iter().filter_map(|step| code_versions.get(&step.asset))));
    let records = Some(records);
    let publish = Publish::default();
    Ok(Work { plan, code_versions, check_versions, checked, packages, records, observer, publish, asks: false })
}
