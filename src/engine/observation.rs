//! What the engine is asked to look at of data that dovetail does not make.

/// How closely data is looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Closeness {
    /// Its number of rows.
    Count,
    /// Its number of rows, and the greatest value of a column (or of an expression over its columns).
    Column(String),
    /// All of it, in whatever order.
    Hash,
}

impl Closeness {
    /// In words that go on after "observed".
    pub fn in_words(&self) -> String {
        match self {
            Closeness::Count => "by count".to_owned(),
            Closeness::Column(column) => format!("by count and {column}"),
            Closeness::Hash => "by hash".to_owned(),
        }
    }
}

/// Something to look at. Its columns and their types always count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What stands after `from` to read it.
    pub from: String,
    pub closeness: Closeness,
}
