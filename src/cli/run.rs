//! `dovetail run`, `reconcile` and `retry`: materialize the selected assets, those that are not up to date, or those that
//! did not come out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::ahead::import_ahead;
use super::args::{ReconcileArgs, RetryArgs, RunArgs};
use super::assess::{Assessment, Look, packages};
use super::context::{Context, NOTHING_SELECTED};
use super::facts::gather;
use super::inspect::{inspect_run, print_problems};
use super::interrupt::Interrupt;
use super::log::Log;
use super::observe::observe;
use super::plan::waiting_in_words;
use super::printer::Printer;
use super::progress::Progress;
use super::retry::{Undone, undone};
use super::{CommandResult, ExitStatus, user};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Access, Engine, EngineError, EngineErrorKind, Recorded, Surroundings, WhenLocked, look, open};
use crate::execute::{Cancellation, RunContext, RunOptions, RunSummary, execute};
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::select::{Facts, Selection};
use crate::graph::{AssetGraph, Kind, Materialized, NodeId};
use crate::plan::{Plan, plan_reconcile, plan_run};
use crate::project::{Project, Publish};
use crate::record::{Observer, RunLogs};
use crate::scan::Repository;
use crate::source::{Place, Span};

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    materialize(context, args, Extent::Selected)
}

/// `dovetail reconcile`: materializes what of the selection is not up to date.
pub(crate) fn reconcile(context: &mut Context, args: &ReconcileArgs) -> CommandResult {
    materialize(context, &args.run, Extent::Stale { verify: args.verify })
}

/// `dovetail retry`: materializes what did not come out of the newest run.
pub(crate) fn retry(context: &mut Context, args: &RetryArgs) -> CommandResult {
    materialize(context, &RunArgs { manner: args.manner, ..RunArgs::default() }, Extent::Undone)
}

/// How much of a selection is materialized.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Selected,
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
            Extent::Stale { .. } => "reconcile",
            Extent::Undone => "retry",
        }
    }
}

fn materialize(context: &mut Context, args: &RunArgs, extent: Extent) -> CommandResult {
    let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
    let cancellation = Cancellation::default();
    let (compiled, engine) = compile_and_open(context, args)?;
    // A mistake in the selection is told before a database is made, where the graph alone shows it.
    let early = match selection.asked().is_nothing() {
        true => Some(context.selected(&selection, &compiled.graph, &Facts::default())?),
        false => None,
    };
    if let Some(why) = early.as_ref().and_then(|selected| needs_no_database(&compiled, selected, extent)) {
        context.printer.note(why);
        return Ok(ExitStatus::Success);
    }
    let is_planned = extent == Extent::Selected && early.is_some();
    if let Some(selected) = early.as_ref().filter(|_| is_planned) {
        import_ahead(context, &compiled, &plan_run(&compiled.graph, selected));
    }
    // From here on Ctrl-C ends the run in order; before, it just ends the process.
    let _interrupt = Interrupt::install(&cancellation);
    let engine = engine.unwrap_or_else(|| wait_and_open(context, &compiled.project, args, &cancellation));
    let engine = match engine {
        Err(error) if error.kind == EngineErrorKind::Cancelled => return Ok(ExitStatus::Interrupted),
        engine => engine.map_err(|error| open_diagnostic(&compiled.project, &error))?,
    };
    let selected = match early {
        Some(selected) => selected,
        None => select_by_state(context, &compiled, &selection, engine.as_ref())?,
    };
    let work = work(context, &compiled, &selected, engine.as_ref(), extent)?;
    if work.plan.steps.is_empty() {
        context.printer.note(match extent {
            Extent::Selected if selected.is_empty() => NOTHING_SELECTED,
            Extent::Selected => HOLDS_NOTHING,
            Extent::Stale { .. } if !work.plan.waiting.is_empty() => "nothing to do",
            Extent::Stale { .. } => "nothing to do: everything selected is up to date",
            Extent::Undone => NOTHING_UNDONE,
        });
        return Ok(ExitStatus::Success);
    }
    if !is_planned {
        import_ahead(context, &compiled, &work.plan);
    }
    // Of a single asset its own failure says as much, in less time.
    let is_checked = !args.manner.no_check && work.plan.steps.len() > 1;
    if is_checked && !fits(context, &compiled, &work.plan, &engine) {
        return Ok(ExitStatus::Wrong);
    }
    if cancellation.is_cancelled() {
        return Ok(ExitStatus::Interrupted);
    }
    let summary = execute_work(context, compiled, engine, work, (args, extent), &cancellation)?;
    Ok(exit_status(&summary))
}

/// Whether every query of a plan can run, as far as that is known before it does; says what cannot.
fn fits(context: &mut Context, compiled: &Compiled, plan: &Plan, engine: &Arc<dyn Engine>) -> bool {
    let found = match inspect_run(compiled, plan.steps.iter().map(|step| step.asset), engine) {
        Ok(found) => found,
        // The database has taken the settings, and only that counts.
        Err(error) => {
            context.printer.note(&format!("not checked: {}", error.message));
            return true;
        }
    };
    if found.problems.is_empty() {
        return true;
    }
    print_problems(context, &compiled.graph, found.problems);
    context.printer.note("nothing was built: `--no-check` builds what can be built");
    false
}

const HOLDS_NOTHING: &str = "nothing to run: what is selected holds no data of its own (sources, ephemeral models)";
const NOTHING_UNDONE: &str = "nothing to retry";

/// Why there is nothing to open a database for, where that is so.
fn needs_no_database(compiled: &Compiled, selected: &BTreeSet<NodeId>, extent: Extent) -> Option<&'static str> {
    let exists = compiled.project.target.database.as_ref().is_some_and(|path| path.exists());
    match extent {
        Extent::Undone if !exists => Some(NOTHING_UNDONE),
        _ => plan_run(&compiled.graph, selected).steps.is_empty().then_some(HOLDS_NOTHING),
    }
}

/// What a selection names that asks more than the graph knows.
fn select_by_state(
    context: &mut Context,
    compiled: &Compiled,
    selection: &Selection,
    engine: &dyn Engine,
) -> Result<BTreeSet<NodeId>, Diagnostics> {
    engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let facts = gather(context, compiled, selection, Some(engine), None)?;
    context.selected(selection, &compiled.graph, &facts)
}

/// A plan, and what was found out while it was made.
struct Work {
    plan: Plan,
    code_versions: HashMap<NodeId, CodeVersion>,
    packages: BTreeMap<String, String>,
    records: Option<Vec<Recorded>>,
    observer: Observer,
    /// Where a run is taken up: how it was to be published.
    publish: Publish,
}

fn work(
    context: &mut Context,
    compiled: &Compiled,
    selected: &BTreeSet<NodeId>,
    engine: &dyn Engine,
    extent: Extent,
) -> Result<Work, Diagnostic> {
    match extent {
        Extent::Selected => Ok(everything(context, compiled, selected, engine)),
        Extent::Stale { verify } => {
            what_is_stale(context, compiled, selected, Look { engine, verify, tells_unseen: false })
        }
        Extent::Undone => {
            let Undone { assets, publish } = undone(context, compiled, engine)?;
            Ok(Work { publish, ..everything(context, compiled, &assets, engine) })
        }
    }
}

fn everything(context: &mut Context, compiled: &Compiled, selected: &BTreeSet<NodeId>, engine: &dyn Engine) -> Work {
    let plan = plan_run(&compiled.graph, selected);
    let assets: BTreeSet<NodeId> = plan.steps.iter().flat_map(|step| with_views(&compiled.graph, step.asset)).collect();
    let code_versions = code_versions(&compiled.graph, &compiled.modules, &compiled.project, assets);
    let packages = packages(context, code_versions.values());
    let observer = observe(context, compiled, Some(engine), plan.steps.iter().map(|step| step.asset));
    Work { plan, code_versions, packages, records: None, observer, publish: Publish::default() }
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

fn what_is_stale(
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
    let records = Some(records.into_values().collect());
    Ok(Work { plan, code_versions, packages, records, observer, publish: Publish::default() })
}

pub(crate) type OpenResult = Result<Arc<dyn Engine>, EngineError>;

/// The graph, and the database where there is one already: opening it takes as long as compiling, so both go at once.
/// A database that does not exist is not made before the project is known to be right.
fn compile_and_open(context: &mut Context, args: &RunArgs) -> Result<(Compiled, Option<OpenResult>), Diagnostics> {
    let project = context.load()?;
    let target = project.value.clone();
    let exists =
        target.target.database.as_ref().is_some_and(|path| path.exists()) && args.manner.waiting.wait.is_none();
    std::thread::scope(|scope| {
        let opening = exists.then(|| scope.spawn(|| open(&target, Access::ReadWrite, WhenLocked::Fail, &|_| false)));
        let compiled = context.compile_project(project, None)?;
        // A panic in the thread is a bug; opening again shows it where it can be seen.
        Ok((compiled, opening.and_then(|opening| opening.join().ok())))
    })
}

fn wait_and_open(context: &mut Context, project: &Project, args: &RunArgs, cancellation: &Cancellation) -> OpenResult {
    let say = said_once(&mut context.printer);
    let keep_waiting = |holder: &str| {
        say(holder);
        !cancellation.is_cancelled()
    };
    open(project, Access::ReadWrite, when_locked(args.manner.waiting.wait), &keep_waiting)
}

/// Opens the database to read from it. Fails with `EngineErrorKind::NoDatabase` when there is none yet.
pub(crate) fn open_to_read(context: &mut Context, project: &Project, wait: Option<Option<Duration>>) -> OpenResult {
    let say = said_once(&mut context.printer);
    let keep_waiting = |holder: &str| {
        say(holder);
        true
    };
    open(project, Access::ReadOnly, when_locked(wait), &keep_waiting)
}

/// Opens a database that is there already, to change what is in it beside a run.
pub(crate) fn open_to_change(context: &mut Context, project: &Project, wait: Option<Option<Duration>>) -> OpenResult {
    let say = said_once(&mut context.printer);
    let keep_waiting = |holder: &str| {
        say(holder);
        true
    };
    let engine = open(project, Access::ReadWrite, when_locked(wait), &keep_waiting)?;
    engine.prepare_state()?;
    Ok(engine)
}

/// As `open_to_read`, for what the state says: the file is not opened where it is as it was at the last look.
pub(crate) fn look_at(context: &mut Context, project: &Arc<Project>, wait: Option<Option<Duration>>) -> OpenResult {
    let say = said_once(&mut context.printer);
    let keep_waiting = |holder: &str| {
        say(holder);
        true
    };
    look(project, when_locked(wait), &keep_waiting)
}

/// Says whom the command waits for, at the first call only.
fn said_once(printer: &mut Printer) -> impl Fn(&str) {
    let printer = RefCell::new(Some(printer));
    move |holder| {
        if let Some(printer) = printer.take() {
            printer.note(&format!("waiting: {holder}"));
        }
    }
}

/// What `--wait` and `--wait=SECONDS` mean.
fn when_locked(wait: Option<Option<Duration>>) -> WhenLocked {
    wait.map_or(WhenLocked::Fail, WhenLocked::Wait)
}

fn execute_work(
    context: &mut Context,
    compiled: Compiled,
    engine: Arc<dyn Engine>,
    work: Work,
    (args, extent): (&RunArgs, Extent),
    cancellation: &Cancellation,
) -> Result<RunSummary, Diagnostic> {
    let Compiled { project, graph, templates, modules, .. } = compiled;
    let Work { plan, code_versions, packages, records, observer, publish } = work;
    let is_atomic = args.manner.atomic || publish == Publish::Run;
    let uses_python = plan.steps.iter().any(|step| graph.node(step.asset).kind == Kind::Python);
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
    };
    let summary = execute(run, &plan, &options, cancellation, &mut |event| {
        log.event(event, templates.secrets());
        progress.show(event);
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

/// What is wrong with the database, as opposed to an asset.
pub(crate) fn database_diagnostic(error: &EngineError) -> Diagnostic {
    let (code, hint) = match error.kind {
        EngineErrorKind::Locked => (Code::DatabaseLocked, Some("wait until it is free: `--wait`, or `--wait=SECONDS`")),
        EngineErrorKind::NoDatabase => (Code::DatabaseOpen, Some("`dovetail run` makes it")),
        EngineErrorKind::Setting => (
            Code::DatabaseSetting,
            Some("look at `settings`, `extensions`, `attach` and `secrets` of the target in `dovetail.toml`"),
        ),
        EngineErrorKind::Open => (Code::DatabaseOpen, Some("look at `database` in `dovetail.toml`")),
        EngineErrorKind::StateFormat => (Code::StateFormat, None),
        _ => (Code::DatabaseOpen, None),
    };
    let hint = error.hint().or(hint.map(str::to_owned));
    Diagnostic::error(code, error.message.clone()).hint_if(hint)
}

/// As `database_diagnostic`, at the line of `dovetail.toml` that the error is about, where there is one.
pub(crate) fn open_diagnostic(project: &Project, error: &EngineError) -> Diagnostic {
    let diagnostic = database_diagnostic(error);
    let key = match error.kind {
        EngineErrorKind::Open => "database",
        // The message names the setting, extension, secret or attachment first.
        EngineErrorKind::Setting => error.message.split('`').nth(1).unwrap_or_default(),
        _ => return diagnostic,
    };
    let Some(file) = &project.file else { return diagnostic };
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let stands_alone = |start: &usize| {
        let (before, after) = (&file.text()[..*start], &file.text()[start + key.len()..]);
        !before.ends_with(is_name) && !after.starts_with(is_name)
    };
    let found = file.text().match_indices(key).map(|(start, _)| start).find(stands_alone);
    match found.filter(|_| !key.is_empty()) {
        Some(start) => diagnostic.at(Place::new(file, Span::new(start, start + key.len()))),
        None => diagnostic.at(Place::start_of(file)),
    }
}
