//! Help, version and mistakes of the command line: what clap says, through our printer.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::{ColorChoice, GlobalArgs, LogFormat};
use super::printer::Printer;
use super::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic};

/// The flags that shape a message about a command line which cannot be parsed.
pub(crate) fn guess_global(args: &[OsString]) -> GlobalArgs {
    let color = match flag_value(args, "--color") {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    let log_format = match flag_value(args, "--log-format") {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    };
    GlobalArgs {
        project_dir: None,
        target: None,
        vars: Vec::new(),
        threads: None,
        quiet: false,
        verbose: false,
        color,
        log_format,
    }
}

/// The value of `--name value` or `--name=value`.
fn flag_value<'a>(args: &'a [OsString], name: &str) -> Option<&'a str> {
    let mut words = args.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if word == name {
            return words.next();
        }
        if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

/// Prints help and version to stdout, mistakes to stderr.
pub(crate) fn report(printer: &mut Printer, error: &clap::Error, args: &[OsString]) -> CommandResult {
    let rendered = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let text = if printer.stdout_color { rendered.ansi().to_string() } else { rendered.to_string() };
            printer.data(&text);
            // `dovetail` alone is a question, not a mistake.
            Ok(ExitStatus::Success)
        }
        _ if printer.log_format == LogFormat::Json => Err(diagnostic(error, args).into()),
        _ => {
            let mut text = if printer.stderr_color { rendered.ansi().to_string() } else { rendered.to_string() };
            if let Some(hint) = hint(error, args) {
                text.push_str(&format!("\nhint: {hint}\n"));
            }
            printer.error_text(&text);
            Ok(ExitStatus::Wrong)
        }
    }
}

fn diagnostic(error: &clap::Error, args: &[OsString]) -> Diagnostic {
    let text = error.to_string();
    // What is missing stands on lines of its own, up to an empty one.
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = lines.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    Diagnostic::error(Code::Usage, message).hint_if(hint(error, args))
}

/// What does here what was meant.
fn hint(error: &clap::Error, args: &[OsString]) -> Option<String> {
    if let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand) {
        return said_of(&ELSEWHERE, command);
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    said_of(&FLAGS_ELSEWHERE, word).or_else(|| retry_hint(word, args)).or_else(|| select_hint(error, word, args))
}

fn said_of(hints: &[(&str, &str)], word: &str) -> Option<String> {
    hints.iter().find(|(name, _)| *name == word).map(|(_, hint)| (*hint).to_owned())
}

/// Commands that other tools have, dbt above all.
const ELSEWHERE: [(&str, &str); 10] = [
    ("help", "`dovetail --help` lists the commands, `dovetail COMMAND --help` says what one does"),
    ("materialize", "`dovetail run --select ASSET` materializes an asset"),
    ("apply", "`dovetail plan` shows what would be done, `dovetail reconcile` does it"),
    ("seed", "seeds are assets like all others: `dovetail run --select kind:seed`"),
    ("source", "`dovetail status` looks at the sources, and says what reads another version than there is now"),
    ("parse", "`dovetail compile` compiles the project and says what is wrong with it"),
    (
        "docs",
        "dovetail makes no pages yet: `dovetail graph` draws the graph, `dovetail ls --output json` lists what is in it",
    ),
    ("snapshot", "dovetail has no snapshots yet"),
    ("deps", "dovetail has no packages of models yet, so there is nothing to install"),
    ("run-operation", "dovetail calls no macros by themselves"),
];

const FLAGS_ELSEWHERE: [(&str, &str); 4] = [
    ("--full-refresh", "`dovetail run` builds all that is selected from nothing, so there is nothing more to refresh"),
    (
        "--dry-run",
        "`dovetail plan` shows what `dovetail reconcile` would do, `dovetail ls` what `dovetail run` would build",
    ),
    ("--state", "`--select changed:COMMIT` selects what does not mean what it meant as of a commit"),
    ("--defer", "dovetail does not read what is not built from another target yet"),
];

/// What is retried is what did not come out, whole.
fn retry_hint(word: &str, args: &[OsString]) -> Option<String> {
    let retries = args.iter().any(|word| word == "retry");
    let selects = ["-s", "--select", "--exclude"].contains(&word);
    let hint =
        "`dovetail retry` takes up all that did not come out; `dovetail run --select ASSET` builds what you name";
    (retries && selects).then(|| hint.to_owned())
}

/// `dovetail run orders` is what people try first.
fn select_hint(error: &clap::Error, word: &str, args: &[OsString]) -> Option<String> {
    let command = args.iter().filter_map(|word| word.to_str()).find(|word| TAKES_SELECTION.contains(word))?;
    let unexpected = error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-');
    unexpected.then(|| format!("assets are named with `--select`: `dovetail {command} --select {word}`"))
}

const TAKES_SELECTION: [&str; 6] = ["run", "test", "ls", "list", "compile", "graph"];
