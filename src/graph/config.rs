//! Configs after merging: the few values that the rest of the pipeline acts on.

/// How an asset persists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Materialized {
    Table,
    View,
    Ephemeral,
    /// A Python object, stored by an IO manager.
    Object,
    /// A source: nothing of ours.
    External,
}

impl Materialized {
    pub fn as_str(self) -> &'static str {
        match self {
            Materialized::Table => "table",
            Materialized::View => "view",
            Materialized::Ephemeral => "ephemeral",
            Materialized::Object => "object",
            Materialized::External => "external",
        }
    }
}
