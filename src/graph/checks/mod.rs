//! Questions about the data of assets that must come out empty or true: dbt's data tests, and functions under `@check`.
//!
//! A check is no node: nothing reads it. It has a name and code of its own, and reads nodes of the graph.

mod arguments;
mod bounds;
mod declare;
mod names;
mod proof;
mod question;
mod scan;
mod threshold;

pub use bounds::{Bounds, Statistic};
pub(super) use declare::{DeclaredCheck, LinkedCheck, declare_checks, finish_checks};
pub use question::Question;
pub use scan::{CheckedTable, failing_rows, looked_at, scanned};
pub use threshold::Threshold;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AssetGraph, NodeId};
use crate::parse::AssetName;
use crate::project::Values;
use crate::source::{Place, SourceFile};

/// A check by its number in `AssetGraph::checks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckId(u32);

impl CheckId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// What happens when a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Severity {
    /// It is told.
    Warn,
    /// What would be published is not.
    #[default]
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warn => "warn",
            Severity::Error => "error",
        }
    }
}

/// How a check was declared: `test_type:` in selections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckKind {
    /// A test that a property file names.
    Generic,
    /// A SQL file of its own.
    Singular,
    /// A function under `@check`.
    Python,
}

impl CheckKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CheckKind::Generic => "generic",
            CheckKind::Singular => "singular",
            CheckKind::Python => "python",
        }
    }
}

/// A question about the data of assets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// Unique among the project's checks.
    pub name: AssetName,
    pub kind: CheckKind,
    /// The test of a generic one: `unique`; of others the word of its kind.
    pub test: String,
    /// What it is about. Of a singular check: what of all that it reads comes last.
    pub asset: NodeId,
    /// The column that it is about, as written.
    pub column: Option<String>,
    /// The nodes that it names.
    pub upstream: Vec<NodeId>,
    /// The nodes whose data it reads: in the place of ephemeral ones, what they read.
    pub reads: Vec<NodeId>,
    /// What it sees by way of views that it reads.
    pub shown: Vec<NodeId>,
    pub fqn: Vec<String>,
    #[serde(with = "crate::cache::files")]
    pub file: Arc<SourceFile>,
    pub place: Place,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub owner: Option<String>,
    /// All config values after merging.
    pub config: Values,
    pub severity: Severity,
    pub warn_if: Threshold,
    pub error_if: Threshold,
    /// The rows that it is about (`where`).
    pub condition: Option<String>,
    /// So many failing rows are counted at most.
    pub limit: Option<u64>,
    /// How failures are counted: an expression over the failing rows.
    pub fail_calc: Option<String>,
    pub question: Question,
    /// The template of its query, where that is no file of the project's.
    pub template: Option<String>,
}

impl Check {
    /// What it names, and what it sees by way of views, since building that changes what they show.
    pub fn sees(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.upstream.iter().chain(&self.shown).copied()
    }

    /// What it asks, in a few words.
    pub fn in_words(&self, graph: &AssetGraph) -> String {
        let asset = graph.node(self.asset).name.as_str();
        let subject = match &self.column {
            Some(column) => format!("{asset}.{column}"),
            None => asset.to_owned(),
        };
        let restricted = match &self.condition {
            Some(condition) => format!(", where {}", condition.trim()),
            None => String::new(),
        };
        format!("{}{restricted}", self.question.in_words(graph, self, &subject))
    }
}

impl AssetGraph {
    pub fn check(&self, id: CheckId) -> &Check {
        &self.checks[id.index()]
    }

    /// All checks, by name.
    pub fn check_ids(&self) -> impl Iterator<Item = CheckId> + use<> {
        (0..u32::try_from(self.checks.len()).unwrap_or(u32::MAX)).map(CheckId)
    }

    pub fn find_check(&self, name: &str) -> Option<CheckId> {
        self.check_ids().find(|id| self.check(*id).name.as_str() == name)
    }
}
