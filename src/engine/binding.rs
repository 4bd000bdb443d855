//! The seam to whoever says what a query would give without running it: types, names and what is wrong with them.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Column, EngineError, SchemaName, duckdb};
use crate::graph::RelationName;
use crate::project::{Project, Values};

/// Binds queries against relations that hold nothing and have the names and the columns of the real ones.
///
/// Has the project's settings and extensions, and its databases by name; opens none of them, nor the database.
pub trait Binder: Send + Sync {
    /// A line to the binder; one per worker.
    fn session(&self) -> Result<Box<dyn BinderSession>, EngineError>;
}

/// One worker's line to the binder.
pub trait BinderSession: Send {
    /// Makes an empty relation of this name with these columns.
    fn make_twin(&mut self, relation: &RelationName, columns: &[Column]) -> Result<(), EngineError>;

    /// The columns of the relation that a query would make. Reads what the query looks at while it is bound: files.
    fn bind(&mut self, query: &str) -> Bound;

    /// The columns of the table that `BuildSource::Csv` would make. Reads all of the file.
    fn csv_columns(&mut self, path: &Path, options: &Values) -> Result<Vec<Column>, EngineError>;

    /// These columns with their types in the engine's own words; of each, or why it has none.
    fn declared(&mut self, columns: &[(&str, &str)]) -> Vec<Result<Column, String>>;

    /// Whether a value, as SQL writes it, is one of a type, in the engine's own words.
    fn is_of(&mut self, engine_type: &str, value: &str) -> bool;
}

/// What binding a query tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    Columns(Vec<Column>),
    /// It would fail when it runs, whatever its upstreams hold.
    Refused(Refusal),
    /// Only running it tells, and why.
    Unknown(String),
}

/// Why a query does not bind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    pub reason: Reason,
    /// The engine's own words, in one line.
    pub message: String,
    /// What more the engine says, such as the forms of a function that it knows.
    pub details: Vec<String>,
    /// Byte offset in the query, where the engine tells it.
    pub offset: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reason {
    /// A column that no table of the query has. `near` are names that it may have been meant to be.
    UnknownColumn { name: String, near: Vec<String> },
    /// A field that a struct does not have.
    UnknownField { name: String, near: Vec<String> },
    /// A column is qualified with what is no table of the query.
    UnknownTable { name: String, near: Vec<String> },
    /// A name that stands for several columns.
    Ambiguous { name: String, choices: Vec<String> },
    /// Types that do not go together.
    Types,
    /// A function or a type that nobody knows. The project's database may know it.
    UnknownFunction { name: String, near: Vec<String> },
    /// The query does not parse.
    Syntax,
    /// Anything else that is wrong whatever the data.
    Other,
}

/// Opens a binder for the project. `schemas` are those in which relations will be made.
///
/// Slow the first time in a process (it loads the database library).
///
/// # Errors
/// `EngineErrorKind::Setting` where an extension or a setting of the target cannot be had.
pub fn binder(project: &Project, schemas: &BTreeSet<SchemaName>) -> Result<Box<dyn Binder>, EngineError> {
    duckdb::binder(project, schemas)
}
