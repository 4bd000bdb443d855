//! What is judged of an asset: how it stands next to its declaration, and why.

use super::age::Rule;

/// How an asset stands next to its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Fresh,
    /// Never built, or gone.
    Missing,
    /// It would come out differently, or may.
    Stale,
    /// Fresh by itself; something that it reads is not, and may come out differently.
    Pending,
    /// Something else stands in its place than what dovetail made.
    Drifted,
    /// dovetail made it, and nothing declares it any more.
    Orphaned,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Fresh => "fresh",
            State::Missing => "missing",
            State::Stale => "stale",
            State::Pending => "pending",
            State::Drifted => "drifted",
            State::Orphaned => "orphaned",
        }
    }
}

/// Why an asset is not fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// For people.
    pub detail: String,
    /// The asset or source that it is about, where it is about another one.
    pub about: Option<String>,
}

impl Cause {
    pub(super) fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Cause { kind, detail: detail.into(), about: None }
    }

    pub(super) fn about(self, name: &str) -> Self {
        Cause { about: Some(name.to_owned()), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseKind {
    Missing,
    Code,
    /// The declared columns are not those that stand.
    Schema,
    Config,
    Upstream,
    Source,
    Drift,
    Failed,
    /// Older than `max_age`.
    Age,
}

impl CauseKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CauseKind::Missing => "missing",
            CauseKind::Code => "code",
            CauseKind::Schema => "schema",
            CauseKind::Config => "config",
            CauseKind::Upstream => "upstream",
            CauseKind::Source => "source",
            CauseKind::Drift => "drift",
            CauseKind::Failed => "failed",
            CauseKind::Age => "age",
        }
    }
}

/// What is judged: an asset's state, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub state: State,
    pub causes: Vec<Cause>,
    /// What it reads and nobody can see change, such as an address or an attached table.
    pub unobserved: Vec<String>,
    /// The sources among what it reads of which only the number of rows is seen.
    pub counted: Vec<String>,
    /// What decides when it is built anew, beside its code and what it reads.
    pub rule: Option<Rule>,
}

impl Judgement {
    /// Of what nothing declares any more.
    pub fn orphaned() -> Self {
        let (causes, unobserved, counted) = (Vec::new(), Vec::new(), Vec::new());
        Judgement { state: State::Orphaned, causes, unobserved, counted, rule: None }
    }
}
