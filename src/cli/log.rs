//! The log of the run that a command makes. A log that cannot be written is one warning, and the run goes on.

use std::io;

use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic};
use crate::execute::{Event, RunOptions};
use crate::graph::AssetGraph;
use crate::plan::Plan;
use crate::record::{LogHead, RunLog, RunLogs};
use crate::template::Secrets;

/// The sink of a run's events that later commands read.
pub(crate) struct Log {
    /// `None` from the first error on.
    log: Option<RunLog>,
    /// What is to be said when the terminal is free again.
    warning: Option<Diagnostic>,
}

impl Log {
    /// Begins the log; says so where that is not possible.
    pub fn begin(logs: &RunLogs, options: &RunOptions, plan: &Plan, graph: &AssetGraph, printer: &mut Printer) -> Self {
        let RunOptions { run, command, surroundings, .. } = options;
        let assets = plan.built().map(|id| graph.node(id).name.as_str()).collect();
        let log = logs.begin(&LogHead { run, command, surroundings, assets });
        Log { log: log.inspect_err(|error| printer.diagnostic(&unwritable(error))).ok(), warning: None }
    }

    pub fn event(&mut self, event: &Event, secrets: &Secrets) {
        self.write(|log| log.event(event, secrets));
    }

    /// The run ended before it had finished.
    pub fn stopped(&mut self, problem: &Diagnostic) {
        self.write(|log| log.stopped(problem));
    }

    /// Closes the log, and says what went wrong with it.
    pub fn end(self, printer: &mut Printer) {
        if let Some(warning) = &self.warning {
            printer.diagnostic(warning);
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut RunLog) -> io::Result<()>) {
        if let Some(log) = &mut self.log
            && let Err(error) = write(log)
        {
            self.warning = Some(unwritable(&error));
            self.log = None;
        }
    }
}

fn unwritable(error: &io::Error) -> Diagnostic {
    let message = format!("the run's log in `.dovetail/runs` cannot be written: {error}");
    Diagnostic::warning(Code::Unwritable, message).hint("`dovetail history` will not show this run")
}
