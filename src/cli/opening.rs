//! How commands open the database, and what they say when it does not open.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::printer::Printer;
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Access, Engine, EngineError, EngineErrorKind, WhenLocked, look, open};
use crate::execute::Cancellation;
use crate::project::Project;
use crate::source::{Place, Span};

pub(crate) type OpenResult = Result<Arc<dyn Engine>, EngineError>;

/// The graph, and the database where there is one already: opening it takes as long as compiling, so both go at once.
/// A database that does not exist is not made before the project is known to be right.
pub(crate) fn compile_and_open(
    context: &mut Context,
    wait: Option<Option<Duration>>,
) -> Result<(Compiled, Option<OpenResult>), Diagnostics> {
    let project = context.load()?;
    let target = project.value.clone();
    // Whoever waits says so, which compiling must not be in the middle of.
    let is_ready = wait.is_none() && target.target.database.as_ref().is_some_and(|path| path.exists());
    std::thread::scope(|scope| {
        let opening = is_ready.then(|| scope.spawn(|| open(&target, Access::ReadWrite, WhenLocked::Fail, &|_| false)));
        let compiled = context.compile_project(project, None)?;
        // A panic in the thread is a bug; opening again shows it where it can be seen.
        Ok((compiled, opening.and_then(|opening| opening.join().ok())))
    })
}

/// Opens the database to write to it; waiting for it ends when the run is cancelled.
pub(crate) fn wait_and_open(
    context: &mut Context,
    project: &Project,
    wait: Option<Option<Duration>>,
    cancellation: &Cancellation,
) -> OpenResult {
    let say = said_once(&mut context.printer);
    let keep_waiting = |holder: &str| say(holder) && !cancellation.is_cancelled();
    open(project, Access::ReadWrite, when_locked(wait), &keep_waiting)
}

/// Opens the database to read from it. Fails with `EngineErrorKind::NoDatabase` when there is none yet.
pub(crate) fn open_to_read(context: &mut Context, project: &Project, wait: Option<Option<Duration>>) -> OpenResult {
    open(project, Access::ReadOnly, when_locked(wait), &said_once(&mut context.printer))
}

/// Opens a database that is there already, to change what is in it beside a run.
pub(crate) fn open_to_change(context: &mut Context, project: &Project, wait: Option<Option<Duration>>) -> OpenResult {
    let engine = open(project, Access::ReadWrite, when_locked(wait), &said_once(&mut context.printer))?;
    engine.prepare_state()?;
    Ok(engine)
}

/// As `open_to_read`, for what the state says: the file is not opened where it is as it was at the last look.
pub(crate) fn look_at(context: &mut Context, project: &Arc<Project>, wait: Option<Option<Duration>>) -> OpenResult {
    look(project, when_locked(wait), &said_once(&mut context.printer))
}

/// Says whom the command waits for, at the first call only, and to go on waiting.
fn said_once(printer: &mut Printer) -> impl Fn(&str) -> bool {
    let printer = RefCell::new(Some(printer));
    move |holder| {
        if let Some(printer) = printer.take() {
            printer.note(&format!("waiting: {holder}"));
        }
        true
    }
}

/// What `--wait` and `--wait=SECONDS` mean.
fn when_locked(wait: Option<Option<Duration>>) -> WhenLocked {
    wait.map_or(WhenLocked::Fail, WhenLocked::Wait)
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
        EngineErrorKind::StateDamaged => (Code::StateDamaged, None),
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
