//! `dovetail run`, `reconcile` and `retry`: materialize the selected assets, those that are not up to date, or those that
//! did not come out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::ahead::import_ahead;
use super::args::{BuildArgs, Manner, ReconcileArgs, ReportArgs, RetryArgs, RunArgs, TestArgs};
use super::assess::Look;
use super::context::{Context, NOTHING_SELECTED};
use super::facts::gather;
use super::inspect::{inspect_run, print_problems};
use super::interrupt::Interrupt;
use super::log::Log;
use super::opening::{OpenResult, compile_and_open, database_diagnostic, open_diagnostic, wait_and_open};
use super::progress::Progress;
use super::reports::Reports;
use super::unit_tests::run_unit_tests;
use super::work::{Prepared, Work, what_is_stale, what_is_undone};
use super::{CommandResult, ExitStatus, user};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Column, Engine, EngineErrorKind, Surroundings};
use crate::execute::{Cancellation, RunContext, RunOptions, RunSummary, execute};
use crate::graph::checks::CheckKind;
use crate::graph::select::{Facts, Selected, Selection};
use crate::graph::{AssetGraph, Kind, NodeId, UnitTestId};
use crate::plan::{Plan, plan_build, plan_run, plan_test};
use crate::project::{Project, Publish};
use crate::record::RunLogs;
use crate::scan::Repository;

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    materialize(context, (args, &ReportArgs::default()), Extent::Selected)
}

/// `dovetail build`: materializes the selected assets, and asks their checks before anything is published.
pub(crate) fn build(context: &mut Context, args: &BuildArgs) -> CommandResult {
    materialize(context, (&args.run, &args.report), Extent::Built)
}

/// `dovetail test`: runs unit tests, and asks checks of what stands. Of a database that another process holds, unit tests
/// know nothing.
pub(crate) fn test(context: &mut Context, args: &TestArgs) -> CommandResult {
    let compiled = context.compile()?;
    let selected = context.select_all(&compiled, &args.selection, args.waiting.wait)?;
    let templates = Arc::clone(&compiled.templates);
    let mut reports = Reports::of(&args.report, Extent::Tested.command());
    let mut status = ExitStatus::Success;
    if !selected.unit_tests.is_empty() {
        let tested = run_unit_tests(context, &compiled, &selected.unit_tests, (args.report.output, args.update))?;
        reports.unit_tests(tested.suite);
        if !tested.summary.is_success() {
            status = ExitStatus::AssetFailed;
        }
    }
    if !selected.checks.is_empty() {
        let manner = Manner { waiting: args.waiting, ..Manner::default() };
        let run = RunArgs { selection: args.selection.clone(), manner };
        let known = Known { compiled, engine: None, selected: Some(selected) };
        let asked = carry_out(context, (&run, &mut reports), (known, &Selection::default()), Extent::Tested)?;
        if asked != ExitStatus::Success {
            status = asked;
        }
    } else if selected.unit_tests.is_empty() {
        context.printer.note(NO_CHECKS);
    }
    reports.write(context, templates.secrets())?;
    Ok(status)
}

/// `dovetail reconcile`: materializes what of the selection is not up to date.
pub(crate) fn reconcile(context: &mut Context, args: &ReconcileArgs) -> CommandResult {
    materialize(context, (&args.run, &args.report), Extent::Stale { verify: args.verify })
}

/// `dovetail retry`: materializes what did not come out of the newest run.
pub(crate) fn retry(context: &mut Context, args: &RetryArgs) -> CommandResult {
    let run = RunArgs { manner: args.manner, ..RunArgs::default() };
    materialize(context, (&run, &ReportArgs::default()), Extent::Undone)
}

/// How much of a selection is materialized.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Selected,
    /// As `Selected`, with the checks.
    Built,
    /// The checks alone.
    Tested,
    Stale {
        /// Reads every table to see whether it is what was written.
        verify: bool,
    },
    /// What did not come out of the newest run.
    Undone,
}

impl Extent {
    fn command(self) -> &'static str {
        match self {
            Extent::Selected => "run",
            Extent::Built => "build",
            Extent::Tested => "test",
            Extent::Stale { .. } => "reconcile",
            Extent::Undone => "retry",
        }
    }

    /// What is done with a selection, where that does not depend on how things stand.
    fn plan(self, graph: &AssetGraph, selected: &Selected) -> Option<Plan> {
        match self {
            Extent::Selected => Some(plan_run(graph, &selected.nodes)),
            Extent::Built => Some(plan_build(graph, &selected.nodes, &selected.guarding())),
            Extent::Tested => Some(plan_test(graph, &selected.checks)),
            Extent::Stale { .. } | Extent::Undone => None,
        }
    }

    /// The unit tests that must pass for what is built to be built.
    fn unit_tests(self, graph: &AssetGraph, selected: &Selected, work: &Work) -> BTreeSet<UnitTestId> {
        let built: BTreeSet<NodeId> = work.plan.built().collect();
        let is_of_built = |id: &UnitTestId| built.contains(&graph.unit_test(*id).model);
        match self {
            Extent::Built | Extent::Stale { .. } => selected.unit_tests.iter().copied().filter(is_of_built).collect(),
            Extent::Undone if work.asks => graph.unit_test_ids().filter(is_of_built).collect(),
            Extent::Selected | Extent::Tested | Extent::Undone => BTreeSet::new(),
        }
    }
}

fn materialize(context: &mut Context, (args, report): (&RunArgs, &ReportArgs), extent: Extent) -> CommandResult {
    let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
    let (compiled, engine) = compile_and_open(context, args.manner.waiting.wait)?;
    // A mistake in the selection is told before a database is made, where the graph alone shows it.
    let selected = match selection.asked().is_nothing() {
        true => Some(context.selected(&selection, &compiled.graph, &Facts::default())?),
        false => None,
    };
    let templates = Arc::clone(&compiled.templates);
    let mut reports = Reports::of(report, extent.command());
    let status = carry_out(context, (args, &mut reports), (Known { compiled, engine, selected }, &selection), extent)?;
    reports.write(context, templates.secrets())?;
    Ok(status)
}

/// What is known before anything is done.
struct Known {
    compiled: Compiled,
    engine: Option<OpenResult>,
    /// `None` where the selection asks more than the graph knows.
    selected: Option<Selected>,
}

fn carry_out(
    context: &mut Context,
    (args, reports): (&RunArgs, &mut Reports),
    (known, selection): (Known, &Selection),
    extent: Extent,
) -> CommandResult {
    let Known { compiled, engine, selected: early } = known;
    let cancellation = Cancellation::default();
    if let Some(why) = early.as_ref().and_then(|selected| needs_no_database(&compiled, selected, extent)) {
        context.printer.note(why);
        return Ok(ExitStatus::Success);
    }
    let early_plan = early.as_ref().and_then(|selected| extent.plan(&compiled.graph, selected));
    let prepared = early_plan.map(|plan| Prepared::of(context, &compiled, plan));
    if let Some(prepared) = &prepared {
        import_ahead(context, &compiled, &prepared.plan);
    }
    // From here on Ctrl-C ends the run in order; before, it just ends the process.
    let _interrupt = Interrupt::install(&cancellation);
    let engine =
        engine.unwrap_or_else(|| wait_and_open(context, &compiled.project, args.manner.waiting.wait, &cancellation));
    let engine = match engine {
        Err(error) if error.kind == EngineErrorKind::Cancelled => return Ok(ExitStatus::Interrupted),
        engine => engine.map_err(|error| open_diagnostic(&compiled.project, &error))?,
    };
    let selected = match early {
        Some(selected) => selected,
        None => select_by_state(context, &compiled, selection, &engine)?,
    };
    let is_begun = prepared.is_some();
    let work = match (prepared, extent) {
        (Some(prepared), _) => prepared.observed(context, &compiled, engine.as_ref()),
        (None, extent) => work(context, &compiled, &selected, engine.as_ref(), extent)?,
    };
    if work.plan.steps.is_empty() {
        context.printer.note(match extent {
            Extent::Selected | Extent::Built if selected.is_empty() => NOTHING_SELECTED,
            Extent::Selected if selected.nodes.is_empty() => ONLY_TESTS,
            Extent::Selected | Extent::Built => HOLDS_NOTHING,
            Extent::Tested => NO_CHECKS,
            Extent::Stale { .. } if !work.plan.waiting.is_empty() => "nothing to do",
            Extent::Stale { .. } => "nothing to do: everything selected is up to date",
            Extent::Undone => NOTHING_UNDONE,
        });
        return Ok(ExitStatus::Success);
    }
    if !is_begun {
        import_ahead(context, &compiled, &work.plan);
    }
    // Of a single asset its own failure says as much, in less time; not of its checks, which are asked when it is built.
    let mut built = work.plan.built();
    let says_more = built.next().is_some() && (built.next().is_some() || work.plan.checks().next().is_some());
    let is_checked = !args.manner.no_check && says_more;
    drop(built);
    let columns = if is_checked { fitting(context, &compiled, &work.plan, &engine) } else { Some(HashMap::new()) };
    let Some(columns) = columns else { return Ok(ExitStatus::Wrong) };
    let tests = extent.unit_tests(&compiled.graph, &selected, &work);
    let refused = match tests.is_empty() {
        true => HashMap::new(),
        false => {
            let tested = run_unit_tests(context, &compiled, &tests, (reports.output, false))?;
            reports.unit_tests(tested.suite);
            tested.refused
        }
    };
    if cancellation.is_cancelled() {
        return Ok(ExitStatus::Interrupted);
    }
    let found = Found { columns, refused };
    let summary = execute_work(context, (compiled, found), engine, work, (args, reports, extent), &cancellation)?;
    Ok(exit_status(&summary))
}

/// The columns that a plan's assets will have, as far as that is known before it runs; `None` when some query cannot run,
/// which is said.
fn fitting(
    context: &mut Context,
    compiled: &Compiled,
    plan: &Plan,
    engine: &Arc<dyn Engine>,
) -> Option<HashMap<NodeId, Vec<Column>>> {
    let found = match inspect_run(compiled, plan, engine) {
        Ok(found) => found,
        // The database has taken the settings, and only that counts.
        Err(error) => {
            context.printer.note(&format!("not checked: {}", error.message));
            return Some(HashMap::new());
        }
    };
    if found.problems.is_empty() {
        let columns = found.schemas.iter().filter_map(|(id, schema)| Some((*id, schema.columns()?.to_vec())));
        return Some(columns.collect());
    }
    print_problems(context, &compiled.graph, found.problems);
    context.printer.note("nothing was built: `--no-check` builds what can be built");
    None
}

const ONLY_TESTS: &str = "nothing to run: `dovetail test` runs the checks and unit tests that are selected";
const HOLDS_NOTHING: &str = "nothing to run: what is selected holds no data of its own (sources, ephemeral models)";
const NOTHING_UNDONE: &str = "nothing to retry";
const NO_CHECKS: &str = "nothing to test: no unit tests and no checks are selected";

/// Why there is nothing to open a database for, where that is so.
fn needs_no_database(compiled: &Compiled, selected: &Selected, extent: Extent) -> Option<&'static str> {
    let exists = compiled.project.target.database.as_ref().is_some_and(|path| path.exists());
    match extent {
        Extent::Undone if !exists => Some(NOTHING_UNDONE),
        Extent::Tested => selected.checks.is_empty().then_some(NO_CHECKS),
        Extent::Built | Extent::Stale { .. } if !selected.checks.is_empty() => None,
        Extent::Selected if selected.nodes.is_empty() && !selected.is_empty() => Some(ONLY_TESTS),
        _ => plan_run(&compiled.graph, &selected.nodes).steps.is_empty().then_some(HOLDS_NOTHING),
    }
}

/// What a selection names that asks more than the graph knows.
fn select_by_state(
    context: &mut Context,
    compiled: &Compiled,
    selection: &Selection,
    engine: &Arc<dyn Engine>,
) -> Result<Selected, Diagnostics> {
    engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let facts = gather(context, compiled, selection, Some(engine), None)?;
    context.selected(selection, &compiled.graph, &facts)
}

fn work(
    context: &mut Context,
    compiled: &Compiled,
    selected: &Selected,
    engine: &dyn Engine,
    extent: Extent,
) -> Result<Work, Diagnostic> {
    match (extent.plan(&compiled.graph, selected), extent) {
        (Some(plan), _) => Ok(Prepared::of(context, compiled, plan).observed(context, compiled, engine)),
        (None, Extent::Stale { verify }) => {
            what_is_stale(context, compiled, selected, Look { engine, verify, tells_unseen: false })
        }
        (None, _) => what_is_undone(context, compiled, engine),
    }
}

/// What was found out ahead of what is built.
struct Found {
    columns: HashMap<NodeId, Vec<Column>>,
    refused: HashMap<NodeId, Diagnostic>,
}

fn execute_work(
    context: &mut Context,
    (compiled, Found { columns, refused }): (Compiled, Found),
    engine: Arc<dyn Engine>,
    work: Work,
    (args, reports, extent): (&RunArgs, &mut Reports, Extent),
    cancellation: &Cancellation,
) -> Result<RunSummary, Diagnostic> {
    let Compiled { project, graph, templates, modules, .. } = compiled;
    let Work { plan, code_versions, check_versions, checked, packages, records, observer, publish, .. } = work;
    let is_atomic = args.manner.atomic || publish == Publish::Run;
    let uses_python = plan.built().any(|id| graph.node(id).kind == Kind::Python)
        || plan.checks().any(|id| graph.check(id).kind == CheckKind::Python);
    let logs = RunLogs::of(&project.root);
    let options = RunOptions {
        run: logs.new_run(),
        command: extent.command().to_owned(),
        surroundings: surroundings(context, &project, engine.as_ref(), uses_python),
        threads: project.target.threads,
        publish: if is_atomic { Publish::Run } else { project.target.publish },
        fail_fast: args.manner.fail_fast,
    };
    let graph = Arc::new(graph);
    let mut log = Log::begin(&logs, &options, &plan, &graph, &mut context.printer);
    let mut progress = Progress::new(&mut context.printer, &graph, &templates, &plan);
    let python = context.python.clone();
    if let Some(python) = python.as_ref().filter(|_| uses_python) {
        python.compiled(modules.files());
    }
    let run = RunContext {
        project,
        graph: Arc::clone(&graph),
        templates: Arc::clone(&templates),
        engine,
        python,
        code_versions,
        packages,
        records,
        observer: Some(observer),
        check_versions,
        checked,
        refused,
        columns,
    };
    let summary = execute(run, &plan, &options, cancellation, &mut |event| {
        log.event(event, templates.secrets());
        progress.show(event);
        reports.event(event);
    });
    let summary = summary.map_err(|error| database_diagnostic(&error)).inspect_err(|problem| log.stopped(problem));
    log.end(&mut context.printer);
    summary
}

/// By whom, from what and with what the run is made.
fn surroundings(context: &Context, project: &Project, engine: &dyn Engine, uses_python: bool) -> Surroundings {
    // A run of SQL alone does not start the Python side.
    let python = context.python.iter().filter(|_| uses_python);
    let versions = python.flat_map(|python| python.versions());
    let ours = [("dovetail", env!("CARGO_PKG_VERSION")), ("engine", engine.capabilities().engine.as_str())];
    let ours = ours.map(|(name, version)| (name.to_owned(), version.to_owned()));
    let repository = Repository::of(&project.root);
    Surroundings {
        user: user::name(&context.environment),
        git_dirty: repository.as_ref().map(|repository| repository.is_dirty),
        git_commit: repository.and_then(|repository| repository.commit),
        versions: ours.into_iter().chain(versions).collect(),
    }
}

fn exit_status(summary: &RunSummary) -> ExitStatus {
    match summary {
        summary if summary.interrupted => ExitStatus::Interrupted,
        summary if summary.is_success() => ExitStatus::Success,
        _ => ExitStatus::AssetFailed,
    }
}
