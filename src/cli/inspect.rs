//! What commands ask `check`, and how the project's database comes into it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::args::LogFormat;
use super::context::Context;
use super::opening::open_diagnostic;
use crate::check::{Findings, Inquiry, Kept, Mode, Stands, check, told_once};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics, diagnostic_json};
use crate::engine::{Access, Engine, EngineError, EngineErrorKind, WhenLocked, look, open};
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::checks::CheckId;
use crate::graph::select::Selected;
use crate::graph::{AssetGraph, Kind, Materialized, NodeId};
use crate::plan::Plan;
use crate::project::Project;

/// Looks at the columns of these assets as the project's code says them. The database is only read, and only where
/// somebody asks for what no code says.
///
/// # Errors
/// When an extension or a setting of the target cannot be had.
pub(crate) fn inspect(compiled: &Compiled, assets: &BTreeSet<NodeId>) -> Result<Findings, Diagnostic> {
    inspect_beside(compiled, (assets, &BTreeSet::new()), Kept::default(), &read)
}

/// The same for assets and checks.
///
/// # Errors
/// As `inspect`.
pub(crate) fn inspect_selected(compiled: &Compiled, selected: &Selected) -> Result<Findings, Diagnostic> {
    inspect_beside(compiled, (&selected.nodes, &selected.checks), Kept::default(), &read)
}

/// How a project's database is opened.
type Opening<'a> = dyn Fn(&Arc<Project>) -> Result<Arc<dyn Engine>, EngineError> + Send + Sync + 'a;

/// As `inspect`, again and again: `kept` is what the look before left, and the database is opened as `opening` does it.
///
/// # Errors
/// As `inspect`.
pub(crate) fn inspect_beside(
    compiled: &Compiled,
    asked: (&BTreeSet<NodeId>, &BTreeSet<CheckId>),
    kept: Kept,
    opening: &Opening<'_>,
) -> Result<Findings, Diagnostic> {
    let Compiled { project, graph, templates, modules, .. } = compiled;
    let versions: OnceLock<HashMap<NodeId, CodeVersion>> = OnceLock::new();
    let code_version = |id: NodeId| {
        let python = || graph.ids().filter(|id| graph.node(*id).kind == Kind::Python);
        let versions = versions.get_or_init(|| code_versions(graph, modules, project, python()));
        versions.get(&id).map(|version| version.hash.clone())
    };
    let mode = Mode::Project { code_version: Box::new(code_version) };
    let stands = Stands::new(Box::new(|| opening(project)));
    check(Inquiry::new((project, graph, templates), asked, mode, stands, kept))
        .map_err(|error| open_diagnostic(project, &error))
}

/// As `inspect`, for a run that builds these assets and leaves all others as they stand in its database.
///
/// # Errors
/// When a setting of the target cannot be had without its data.
pub(crate) fn inspect_run(compiled: &Compiled, plan: &Plan, engine: &Arc<dyn Engine>) -> Result<Findings, EngineError> {
    let Compiled { project, graph, templates, .. } = compiled;
    let (built, checks): (BTreeSet<NodeId>, BTreeSet<CheckId>) = (plan.built().collect(), plan.checks().collect());
    let mode = Mode::Run { built: built.iter().copied().collect() };
    let stands = Stands::new(Box::new(|| Ok(Arc::clone(engine))));
    let asked = with_inlined(graph, built);
    check(Inquiry::new((project, graph, templates), (&asked, &checks), mode, stands, Kept::default()))
}

/// These assets, with the ephemeral ones whose queries they run.
fn with_inlined(graph: &AssetGraph, mut assets: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut readers: Vec<NodeId> = assets.iter().copied().collect();
    while let Some(reader) = readers.pop() {
        let is_inlined = |id: &NodeId| graph.node(*id).materialized == Materialized::Ephemeral;
        readers.extend(graph.upstream(reader).filter(is_inlined).filter(|id| assets.insert(*id)));
    }
    assets
}

/// Says what is wrong.
pub(crate) fn print_problems(context: &mut Context, graph: &AssetGraph, problems: Vec<(NodeId, Diagnostic)>) {
    match context.printer.log_format {
        LogFormat::Json => {
            for (id, problem) in &problems {
                let asset = Some(graph.node(*id).name.as_str());
                context.printer.log_line(&diagnostic_json(problem, asset));
            }
        }
        LogFormat::Text => {
            let problems = told_once(graph, problems).into_iter().map(|(_, problem)| problem);
            context.printer.diagnostics(&Diagnostics(problems.collect()));
        }
    }
}

/// The database, to read it; where there is none yet, one in memory for the databases that the target attaches. These are
/// read as well, and not made.
fn read(project: &Arc<Project>) -> Result<Arc<dyn Engine>, EngineError> {
    let mut read_only = Arc::clone(project);
    if !project.target.attach.is_empty() {
        let attached = &mut Arc::make_mut(&mut read_only).target.attach;
        attached.iter_mut().for_each(|attachment| attachment.read_only = true);
    }
    match look(&read_only, WhenLocked::Fail, &|_| false) {
        Err(error) if error.kind == EngineErrorKind::NoDatabase && !project.target.attach.is_empty() => {
            Arc::make_mut(&mut read_only).target.database = None;
            open(&read_only, Access::ReadOnly, WhenLocked::Fail, &|_| false)
        }
        looked => looked,
    }
}
