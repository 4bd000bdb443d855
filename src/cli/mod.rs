//! The command line: one file per command, `printer` alone prints.
//!
//! `main` takes everything that it needs of the process as an argument, so tests and the Python package call it alike.

mod ahead;
mod args;
mod assess;
mod changed;
mod check;
mod check_report;
mod clean;
mod columns;
mod compile;
mod context;
mod debug;
mod diff;
mod facts;
mod gc;
mod graph;
mod history;
mod impact;
mod init;
mod inspect;
mod interrupt;
mod json_rows;
mod junit;
mod lineage;
mod log;
mod ls;
mod lsp;
mod observe;
mod opening;
mod plan;
mod printer;
mod progress;
mod reference;
mod reports;
mod retry;
mod rows;
mod run;
mod schema;
mod show;
mod show_failures;
mod status;
mod table;
mod unit_diff;
mod unit_tests;
mod usage;
mod user;
mod verify;
mod when;
mod why;
mod work;

pub use reference::{commands_page, errors_page};
pub use unit_diff::diff_text;
pub use unit_tests::known_schemas;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;

use crate::diagnostic::Diagnostics;
use crate::execute::PythonRuntime;
use args::{Command, CommandLine};
use context::Context;
use printer::{Printer, Streams};

/// One call of `dovetail`: what a process has and a test invents.
pub struct Invocation {
    /// With the program's name first.
    pub args: Vec<OsString>,
    pub cwd: PathBuf,
    pub environment: BTreeMap<String, String>,
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// `None` where no interpreter is there to run asset functions.
    pub python: Option<Arc<dyn PythonRuntime>>,
}

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Success = 0,
    /// An asset or a check failed.
    AssetFailed = 1,
    /// The project or the command line is wrong.
    Wrong = 2,
    /// Ctrl-C.
    Interrupted = 130,
}

/// What a command gives: its errors are printed by `main` and exit with `ExitStatus::Wrong`.
pub(crate) type CommandResult = Result<ExitStatus, Diagnostics>;

/// Runs one command and returns the exit code; never ends the process.
pub fn main(invocation: Invocation) -> u8 {
    let Invocation { args, cwd, environment, stdout, stderr, stdout_is_terminal, stderr_is_terminal, python } =
        invocation;
    let streams = Streams { stdout, stderr, stdout_is_terminal, stderr_is_terminal };
    match CommandLine::try_parse_from(&args) {
        Ok(line) => {
            let printer = Printer::new(streams, &line.global, &environment);
            let mut context = Context { global: line.global, cwd, environment: Arc::new(environment), python, printer };
            let result = dispatch(&mut context, line.command);
            context.printer.finish(result) as u8
        }
        Err(error) => {
            let global = usage::guess_global(&args);
            let mut printer = Printer::new(streams, &global, &environment);
            let result = usage::report(&mut printer, &error, &args);
            printer.finish(result) as u8
        }
    }
}

fn dispatch(context: &mut Context, command: Command) -> CommandResult {
    match command {
        Command::Run(args) => run::run(context, &args),
        Command::Build(args) => run::build(context, &args),
        Command::Test(args) => run::test(context, &args),
        Command::Reconcile(args) => run::reconcile(context, &args),
        Command::Retry(args) => run::retry(context, &args),
        Command::Check(args) => check::check(context, &args),
        Command::Status(args) => status::status(context, &args),
        Command::Plan(args) => plan::plan(context, &args),
        Command::Why(args) => why::why(context, &args),
        Command::History(args) => history::history(context, &args),
        Command::Gc(args) => gc::gc(context, &args),
        Command::Ls(args) => ls::ls(context, &args),
        Command::Show(args) => show::show(context, &args),
        Command::Compile(args) => compile::compile(context, &args),
        Command::Graph(args) => graph::graph(context, &args),
        Command::Lineage(args) => lineage::lineage(context, &args),
        Command::Impact(args) => impact::impact(context, &args),
        Command::Lsp(_) => lsp::lsp(context),
        Command::Init(args) => init::init(context, &args),
        Command::Debug => debug::debug(context),
        Command::Clean => clean::clean(context),
    }
}
