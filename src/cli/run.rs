//! `dovetail run` and `dovetail reconcile`: materialize the selected assets, or those that are not up to date.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::args::RunArgs;
use super::assess::Assessment;
use super::context::Context;
use super::interrupt::Interrupt;
use super::printer::Printer;
use super::progress::Progress;
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Access, Engine, EngineError, EngineErrorKind, Recorded, Surroundings, WhenLocked, open};
use crate::execute::{Cancellation, RunContext, RunOptions, RunSummary, execute};
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::select::Selection;
use crate::graph::{Kind, NodeId};
use crate::plan::{Plan, plan_reconcile, plan_run};
use crate::project::Project;
use crate::scan::Repository;
use crate::source::{Place, Span};

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    materialize(context, args, Extent::Selected)
}

/// `dovetail reconcile`: materializes what of the selection is not up to date.
pub(crate) fn reconcile(context: &mut Context, args: &RunArgs) -> CommandResult {
    materialize(context, args, Extent::Stale)
}

/// How much of a selection is materialized.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Selected,
    Stale,
}

impl Extent {
    fn command(self) -> &'static str {
        match self {
            Extent::Selected => "run",
            Extent::Stale => "reconcile",
        }
    }
}

fn materialize(context: &mut Context, args: &RunArgs, extent: Extent) -> CommandResult {
    let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
    let cancellation = Cancellation::default();
    let (compiled, engine) = compile_and_open(context, args)?;
    let selected = context.selected(&selection, &compiled.graph)?;
    if plan_run(&compiled.graph, &selected).steps.is_empty() {
        context.printer.note("nothing to run: what is selected holds no data of its own (sources, ephemeral models)");
        return Ok(ExitStatus::Success);
    }
    // From here on Ctrl-C ends the run in order; before, it just ends the process.
    let _interrupt = Interrupt::install(&cancellation);
    let engine = engine.unwrap_or_else(|| wait_and_open(context, &compiled.project, args, &cancellation));
    let engine = match engine {
        Err(error) if error.kind == EngineErrorKind::Cancelled => return Ok(ExitStatus::Interrupted),
        engine => engine.map_err(|error| open_diagnostic(&compiled.project, &error))?,
    };
    let work = match extent {
        Extent::Selected => everything(&compiled, &selected),
        Extent::Stale => what_is_stale(&compiled, &selected, engine.as_ref())?,
    };
    if work.plan.steps.is_empty() {
        context.printer.note("nothing to do: everything selected is up to date");
        return Ok(ExitStatus::Success);
    }
    let summary = execute_work(context, compiled, engine, work, (args, extent), &cancellation)?;
    Ok(exit_status(&summary))
}

/// A plan, and what was found out while it was made.
struct Work {
    plan: Plan,
    code_versions: HashMap<NodeId, CodeVersion>,
    records: Option<Vec<Recorded>>,
}

fn everything(compiled: &Compiled, selected: &BTreeSet<NodeId>) -> Work {
    let plan = plan_run(&compiled.graph, selected);
    let assets = plan.steps.iter().map(|step| step.asset);
    let code_versions = code_versions(&compiled.graph, &compiled.modules, &compiled.project.root, assets);
    Work { plan, code_versions, records: None }
}

fn what_is_stale(compiled: &Compiled, selected: &BTreeSet<NodeId>, engine: &dyn Engine) -> Result<Work, Diagnostic> {
    engine.prepare_state().map_err(|error| database_diagnostic(&error))?;
    let Assessment { judged, code_versions, records, .. } = Assessment::of(compiled, Some(engine))?;
    let plan = plan_reconcile(&compiled.graph, selected, &judged);
    Ok(Work { plan, code_versions, records: Some(records.into_values().collect()) })
}

pub(crate) type OpenResult = Result<Arc<dyn Engine>, EngineError>;

/// The graph, and the database where there is one already: opening it takes as long as compiling, so both go at once.
/// A database that does not exist is not made before the project is known to be right.
fn compile_and_open(context: &mut Context, args: &RunArgs) -> Result<(Compiled, Option<OpenResult>), Diagnostics> {
    let project = context.load()?;
    let target = project.value.clone();
    let exists = target.target.database.as_ref().is_some_and(|path| path.exists()) && args.wait.is_none();
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
    open(project, Access::ReadWrite, when_locked(args.wait), &keep_waiting)
}

/// Opens the database to look at it. Fails with `EngineErrorKind::NoDatabase` when there is none yet.
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
    let Compiled { project, graph, templates, .. } = compiled;
    let Work { plan, code_versions, records } = work;
    let uses_python = plan.steps.iter().any(|step| graph.node(step.asset).kind == Kind::Python);
    let options = RunOptions {
        run: run_id(),
        command: extent.command().to_owned(),
        surroundings: surroundings(context, &project, engine.as_ref(), uses_python),
        threads: project.target.threads,
        fail_fast: args.fail_fast,
    };
    let (graph, templates) = (Arc::new(graph), Arc::new(templates));
    let mut progress = Progress::new(&mut context.printer, &graph, &templates, &plan);
    let python = context.python.clone();
    let run = RunContext {
        project,
        graph: Arc::clone(&graph),
        templates: Arc::clone(&templates),
        engine,
        python,
        code_versions,
        records,
    };
    let summary = execute(run, &plan, &options, cancellation, &mut |event| progress.show(event));
    summary.map_err(|error| database_diagnostic(&error))
}

/// By whom, from what and with what the run is made.
fn surroundings(context: &Context, project: &Project, engine: &dyn Engine, uses_python: bool) -> Surroundings {
    // A run of SQL alone does not start the Python side.
    let python = context.python.iter().filter(|_| uses_python);
    let versions = python.flat_map(|python| python.versions());
    let ours = [("dovetail", env!("CARGO_PKG_VERSION")), ("engine", engine.capabilities().engine.as_str())];
    let ours = ours.map(|(name, version)| (name.to_owned(), version.to_owned()));
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| context.environment.get(*name));
    let repository = Repository::of(&project.root);
    Surroundings {
        user: user.cloned(),
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
        EngineErrorKind::Open => (
            Code::DatabaseOpen,
            Some("look at `database` in `dovetail.toml`: a file, in a folder that exists (`mkdir -p` makes it)"),
        ),
        EngineErrorKind::StateFormat => (Code::StateFormat, None),
        _ => (Code::DatabaseOpen, None),
    };
    Diagnostic::error(code, error.message.clone()).hint_if(hint.map(str::to_owned))
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

/// Unique per project without a counter: the time in microseconds and the process.
fn run_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_micros(), std::process::id())
}
