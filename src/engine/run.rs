//! What is kept of runs, and what the past of an asset is made of.

use std::collections::BTreeMap;

use super::{CheckRecord, Recorded};
use crate::project::{Publish, Values};

/// A run that begins.
#[derive(Debug, Clone)]
pub struct RunStart {
    pub run: String,
    /// As the user called it: `run`, `reconcile`, ...
    pub command: String,
    /// In microseconds since 1970 UTC.
    pub started_at: i64,
    pub publish: Publish,
    pub surroundings: Surroundings,
}

/// By whom, from what and with what a run was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub user: Option<String>,
    /// Of the repository that the project is in.
    pub git_commit: Option<String>,
    /// Whether files that git knows differ from that commit, or there are files that it does not know.
    pub git_dirty: Option<bool>,
    /// Of dovetail, the engine, Python and the packages that matter, by name.
    pub versions: BTreeMap<String, String>,
}

/// A run that ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    pub run: String,
    /// In microseconds since 1970 UTC.
    pub finished_at: i64,
    /// `ok`, `failed` or `interrupted`.
    pub status: &'static str,
    pub failures: Vec<Failure>,
    /// Of the checks that were asked of what stood already, or of what was not published.
    pub checks: Vec<CheckRecord>,
}

/// An asset that did not come out of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    pub run: String,
    pub asset: String,
    pub outcome: FailureOutcome,
    pub seconds: f64,
    /// Such as `DT0601`.
    pub code: Option<String>,
    /// For people. Without secrets.
    pub message: Option<String>,
}

/// Why an asset did not come out of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FailureOutcome {
    Failed,
    /// An upstream failed.
    Skipped,
    /// The run was stopped before.
    Cancelled,
}

impl FailureOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            FailureOutcome::Failed => "failed",
            FailureOutcome::Skipped => "skipped",
            FailureOutcome::Cancelled => "cancelled",
        }
    }

    /// The outcome that `as_str` calls so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Failed, Self::Skipped, Self::Cancelled].into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// The newest run.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRun {
    pub run: String,
    pub command: String,
    /// False when it never said that it ended: it goes on, or was killed.
    pub has_ended: bool,
    /// Of runs before this was recorded: as usual.
    pub publish: Publish,
    pub materialized: Vec<String>,
    pub failures: Vec<Failure>,
}

/// Something that happened to an asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub run: PastRun,
    pub event: PastEvent,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PastEvent {
    Materialized(Box<Materialization>),
    Failed(Failure),
}

/// The run in which something happened. Of runs before runs were recorded, only the id is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PastRun {
    pub run: String,
    pub command: Option<String>,
    /// In microseconds since 1970 UTC.
    pub started_at: Option<i64>,
    pub surroundings: Surroundings,
}

/// All that is known of a materialization.
#[derive(Debug, Clone, PartialEq)]
pub struct Materialization {
    pub record: Recorded,
    /// The code and the config that it was made by, for people, where they are known.
    pub code: Option<String>,
    pub config: Option<Values>,
    /// Versions of the third-party packages that the code used, where they are known.
    pub packages: BTreeMap<String, String>,
    pub metadata: Values,
}
