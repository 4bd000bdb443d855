//! What is kept of checks of data, in words without an engine.

use serde::{Deserialize, Serialize};

use super::{FailingRows, Inputs};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckStatus {
    Passed,
    /// Something fails, and that is only told.
    Warned,
    Failed,
    /// Nobody knows: its query or its function failed.
    Broken,
}

impl CheckStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            CheckStatus::Passed => "passed",
            CheckStatus::Warned => "warned",
            CheckStatus::Failed => "failed",
            CheckStatus::Broken => "broken",
        }
    }

    /// The status that `as_str` calls so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Passed, Self::Warned, Self::Failed, Self::Broken].into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing that it guards may be published.
    pub fn blocks(self) -> bool {
        matches!(self, CheckStatus::Failed | CheckStatus::Broken)
    }
}

/// What is taken down of a check that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    pub check: String,
    /// What it is about.
    pub asset: String,
    pub run: String,
    pub status: CheckStatus,
    /// Whether the data that it was asked of was published, or stood already.
    pub is_of_published: bool,
    /// As it counts them; `None` where nobody knows.
    pub failures: Option<f64>,
    /// Start, in microseconds since 1970 UTC.
    pub started_at: i64,
    pub seconds: f64,
    /// What it asked, see `fingerprint`.
    pub code_version: String,
    /// In which versions it has read what it reads.
    pub inputs: Inputs,
    /// Why nothing had to be looked at.
    pub proof: Option<String>,
    /// What there is to say of it. For people, without secrets.
    pub message: Option<String>,
    /// What fails.
    pub failing: Option<FailingRows>,
}
