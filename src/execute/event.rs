//! What happens in a run, as it happens. The terminal, the record, the log and the UI are sinks of this one stream.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::engine::{CheckRecord, CheckStatus};
use crate::graph::checks::Severity;
use crate::graph::{Kind, Materialized};
use crate::project::Values;
use crate::source::Place;

#[derive(Debug, Clone)]
pub enum Event {
    RunStarted {
        run: String,
        total: usize,
        threads: usize,
    },
    /// Something stands where an asset is built, and dovetail did not make it.
    Replaced {
        asset: String,
        is_view: bool,
    },
    AssetStarted {
        asset: String,
        kind: Kind,
    },
    /// Another try after a failure.
    AssetRetried {
        asset: String,
        attempt: u32,
        wait: Duration,
        error: Diagnostic,
    },
    /// A line that user code printed.
    Printed {
        asset: String,
        line: String,
    },
    /// A check was asked. Those of an asset come right before its own end.
    CheckFinished {
        report: Box<CheckReport>,
    },
    /// A check was not asked, since this failed before.
    CheckSkipped {
        check: String,
        asset: String,
        because: String,
    },
    AssetFinished {
        asset: String,
        kind: Kind,
        materialized: Materialized,
        elapsed: Duration,
        outcome: Outcome,
    },
    /// The run was asked to end, and these are still at work.
    Stopping {
        assets: Vec<String>,
    },
    RunFinished {
        summary: RunSummary,
    },
}

/// How a check came out, for whoever shows it.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The test of a generic one, else its kind.
    pub test: String,
    pub column: Option<String>,
    /// What it asks, in a few words.
    pub question: String,
    pub severity: Severity,
    pub place: Place,
    pub record: CheckRecord,
    /// What is wrong where it could not be answered.
    pub problem: Option<Box<Diagnostic>>,
}

/// How many checks came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    pub passed: usize,
    /// Of those that passed: how many needed no look at the data.
    pub proved: usize,
    pub warned: usize,
    pub failed: usize,
    pub broken: usize,
    /// Not asked, since what they read was not built.
    pub skipped: usize,
}

impl CheckCounts {
    pub fn count(&mut self, record: &CheckRecord) {
        match record.status {
            CheckStatus::Passed => self.passed += 1,
            CheckStatus::Warned => self.warned += 1,
            CheckStatus::Failed => self.failed += 1,
            CheckStatus::Broken => self.broken += 1,
        }
        self.proved += usize::from(record.proof.is_some());
    }

    pub fn all(&self) -> usize {
        self.passed + self.warned + self.failed + self.broken
    }
}

#[derive(Debug, Clone)]
pub enum Outcome {
    Materialized {
        rows: Option<u64>,
        metadata: Values,
    },
    /// Nothing that it reads came out differently, so what stands is what it would be.
    Unchanged,
    /// It was not built: its checks were asked, and none of them failed.
    Asked,
    /// The same, and these failed.
    AskedInVain {
        failed: Vec<String>,
    },
    Failed(Box<Diagnostic>),
    /// An upstream (the nearest that failed) is the reason.
    Skipped {
        because: String,
    },
    /// The run was cancelled or stopped by `--fail-fast` before the asset was done.
    Cancelled,
}

#[derive(Debug, Clone, Default)]
pub struct RunSummary {
    pub run: String,
    pub materialized: usize,
    /// Left alone since nothing that they read came out differently.
    pub unchanged: usize,
    pub failed: usize,
    pub skipped: usize,
    pub cancelled: usize,
    pub checks: CheckCounts,
    pub elapsed: Duration,
    /// Ctrl-C, as opposed to `--fail-fast`.
    pub interrupted: bool,
    /// User code did not stop when it was asked to: its threads still run, and the process should end without them.
    pub is_stuck: bool,
    /// That nothing of a run that is published as one was published. What was built counts here, not as materialized.
    pub withheld: Option<Withheld>,
}

/// What a run has built and not published.
#[derive(Debug, Clone)]
pub struct Withheld {
    /// How many assets stand where only `show --staged` looks.
    pub staged: usize,
    /// Why publishing failed, where it was tried.
    pub error: Option<Box<Diagnostic>>,
}

impl RunSummary {
    /// How the run ended, in the state's word.
    pub fn status(&self) -> &'static str {
        match self {
            summary if summary.interrupted => "interrupted",
            summary if summary.is_success() => "ok",
            _ => "failed",
        }
    }

    /// True when everything that was planned is done.
    pub fn is_success(&self) -> bool {
        let checks = self.checks.failed + self.checks.broken;
        self.failed + self.skipped + self.cancelled + checks == 0 && self.withheld.is_none()
    }
}
