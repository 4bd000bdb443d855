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
            if let Some(hint) = select_hint(error, args) {
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
    Diagnostic::error(Code::Usage, message).hint_if(select_hint(error, args))
}

/// `dovetail run orders` is what people try first.
fn select_hint(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let command = args.iter().filter_map(|word| word.to_str()).find(|word| TAKES_SELECTION.contains(word))?;
    let unexpected = error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-');
    unexpected.then(|| format!("assets are named with `--select`: `dovetail {command} --select {word}`"))
}

const TAKES_SELECTION: [&str; 5] = ["run", "ls", "list", "compile", "graph"];
