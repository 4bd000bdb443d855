//! What happens in a run, as it happens. The terminal, the record, the log and the UI are sinks of this one stream.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::graph::{Kind, Materialized};
use crate::project::Values;

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

#[derive(Debug, Clone)]
pub enum Outcome {
    Materialized {
        rows: Option<u64>,
        metadata: Values,
    },
    /// Nothing that it reads came out differently, so what stands is what it would be.
    Unchanged,
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
        self.failed == 0 && self.skipped == 0 && self.cancelled == 0 && self.withheld.is_none()
    }
}
