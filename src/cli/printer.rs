//! The only file that writes to stdout and stderr: data to the one, everything else to the other.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, Write};

use serde_json::{Value, json};

use super::args::{ColorChoice, GlobalArgs, LogFormat};
use super::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rendering, Severity, diagnostic_json, render, visible};

/// The two streams of a process, and whether a person looks at them.
pub(crate) struct Streams {
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
}

/// So many diagnostics of a stage are shown to a person.
const MOST_SHOWN: usize = 100;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

pub(crate) struct Printer {
    stdout: BufWriter<Box<dyn Write + Send>>,
    stderr: Box<dyn Write + Send>,
    stdout_state: StreamState,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub stdout_color: bool,
    pub stderr_color: bool,
    pub log_format: LogFormat,
    pub verbosity: Verbosity,
    /// The terminal's width as `COLUMNS` gives it.
    columns: Option<usize>,
}

/// What became of stdout.
enum StreamState {
    Open,
    /// The reader went away (`dovetail ls | head -1`): nothing is wrong, but nobody listens any more.
    Closed,
    Failed(io::Error),
}

impl Printer {
    pub fn new(streams: Streams, global: &GlobalArgs, environment: &BTreeMap<String, String>) -> Self {
        let Streams { stdout, stderr, stdout_is_terminal, stderr_is_terminal } = streams;
        Printer {
            stdout: BufWriter::with_capacity(64 * 1024, stdout),
            stderr,
            stdout_state: StreamState::Open,
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_color: wants_color(global.color, stdout_is_terminal, environment),
            stderr_color: wants_color(global.color, stderr_is_terminal, environment),
            log_format: global.log_format,
            verbosity: match (global.quiet, global.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            columns: environment.get("COLUMNS").and_then(|columns| columns.parse().ok()),
        }
    }

    /// Data, as it is, to stdout. Held back until the buffer is full, something is said on stderr or the command ends.
    pub fn data(&mut self, text: &str) {
        if !matches!(self.stdout_state, StreamState::Open) {
            return;
        }
        let result = self.stdout.write_all(text.as_bytes());
        self.note_stdout(result);
    }

    /// Data with a line end, to stdout.
    pub fn data_line(&mut self, line: &str) {
        self.data(line);
        self.data("\n");
    }

    /// Text for people, to stdout: nothing in it is obeyed by a terminal.
    pub fn text(&mut self, text: &str) {
        self.data(&visible(text));
    }

    /// True when nobody reads stdout any more, so that long output can stop.
    pub fn is_stdout_closed(&self) -> bool {
        !matches!(self.stdout_state, StreamState::Open)
    }

    /// A sentence to the person, on stderr; not with `--quiet`.
    pub fn note(&mut self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.message("info", message);
        }
    }

    /// A sentence on stderr that only `--verbose` shows.
    pub fn detail(&mut self, message: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.message("debug", message);
        }
    }

    /// A line of a machine-readable log, on stderr. Only for `--log-format json`.
    pub fn log_line(&mut self, object: &Value) {
        self.error_text(&format!("{object}\n"));
    }

    /// Text on stderr as it is, whatever the verbosity and format.
    ///
    /// What was said on stdout before goes out first: on a terminal both are one text, and their order is the program's.
    pub fn error_text(&mut self, text: &str) {
        self.flush_stdout();
        // A closed stderr leaves nobody to tell.
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }

    /// A diagnostic, on stderr. Warnings are not shown with `--quiet`.
    pub fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        if diagnostic.severity == Severity::Warning && self.verbosity == Verbosity::Quiet {
            return;
        }
        match self.log_format {
            LogFormat::Json => self.log_line(&diagnostic_json(diagnostic, None)),
            LogFormat::Text => {
                let rendering = if self.stderr_color { Rendering::Coloured } else { Rendering::Plain };
                self.error_text(&format!("{}\n", render(diagnostic, rendering)));
            }
        }
    }

    /// The diagnostics of a stage, then how many there were. Machines get all of them, and people as many as they read.
    pub fn diagnostics(&mut self, diagnostics: &Diagnostics) {
        let most = if self.log_format == LogFormat::Text { MOST_SHOWN } else { usize::MAX };
        for diagnostic in diagnostics.0.iter().take(most) {
            self.diagnostic(diagnostic);
        }
        let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
        let errors = diagnostics.0.iter().filter(is_error).count();
        let left_out = diagnostics.0.iter().skip(most).filter(is_error).count();
        if self.log_format == LogFormat::Text {
            match (errors, left_out) {
                (0 | 1, 0) => {}
                (errors, 0) => self.note(&format!("{errors} errors")),
                (errors, left_out) => self.note(&format!(
                    "{errors} errors; the last {left_out} are not shown here (`--log-format json` lists them)"
                )),
            }
        }
    }

    /// The width to fit data to: that of the terminal; `None` when no person looks at it.
    pub fn stdout_width(&self) -> Option<usize> {
        // Some shells export `COLUMNS`, which says nothing about a pipe or a file.
        self.stdout_is_terminal.then(|| self.columns.or_else(terminal_width)).flatten()
    }

    /// The width to fit a table among messages to; `None` when no person looks at it.
    pub fn stderr_width(&self) -> Option<usize> {
        self.stderr_is_terminal.then(|| self.columns.or_else(terminal_width)).flatten()
    }

    /// Prints the errors of a command, flushes, and gives its exit status.
    pub fn finish(mut self, result: CommandResult) -> ExitStatus {
        self.flush_stdout();
        let status = match result {
            Ok(status) => status,
            Err(diagnostics) => {
                self.diagnostics(&diagnostics);
                ExitStatus::Wrong
            }
        };
        match std::mem::replace(&mut self.stdout_state, StreamState::Closed) {
            StreamState::Failed(error) => {
                self.diagnostic(&Diagnostic::error(Code::Unwritable, format!("cannot write to stdout: {error}")));
                ExitStatus::Wrong
            }
            StreamState::Open | StreamState::Closed => status,
        }
    }

    fn message(&mut self, level: &str, message: &str) {
        match self.log_format {
            LogFormat::Json => self.log_line(&json!({ "level": level, "message": message })),
            LogFormat::Text => self.error_text(&format!("{}\n", visible(message))),
        }
    }

    fn flush_stdout(&mut self) {
        if matches!(self.stdout_state, StreamState::Open) {
            let flushed = self.stdout.flush();
            self.note_stdout(flushed);
        }
    }

    fn note_stdout(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.stdout_state = match error.kind() {
                ErrorKind::BrokenPipe => StreamState::Closed,
                _ => StreamState::Failed(error),
            };
        }
    }
}

/// The rules of no-color.org and bixense.com/clicolors.
fn wants_color(choice: ColorChoice, is_terminal: bool, environment: &BTreeMap<String, String>) -> bool {
    let value = |name: &str| environment.get(name).map(String::as_str).unwrap_or_default();
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if !value("NO_COLOR").is_empty() => false,
        ColorChoice::Auto if !matches!(value("CLICOLOR_FORCE"), "" | "0") => true,
        ColorChoice::Auto => is_terminal && value("TERM") != "dumb",
    }
}

fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}
