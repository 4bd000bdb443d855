//! The seam to a database in memory, in which assets are run on made-up rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Engine, EngineError, SchemaName, duckdb};
use crate::graph::RelationName;
use crate::project::Project;

/// A database that holds nothing, with the project's settings and extensions and the names of its databases. None of
/// these is opened.
pub trait Sandbox: Send {
    /// For sessions that build and read.
    fn engine(&self) -> Arc<dyn Engine>;

    /// Runs statements in which texts are compared letter by letter, whatever the target has set.
    fn run(&self, statements: &str) -> Result<(), EngineError>;

    /// The number that a query gives, which reads texts as `run` does.
    fn count(&self, query: &str) -> Result<u64, EngineError>;

    /// Has every clock of SQL say this: a moment with its offset, as SQL writes it.
    fn freeze(&self, moment: &str) -> Result<(), EngineError>;

    /// Drops these tables, and lets clocks run again.
    fn clear(&self, made: &[RelationName], is_frozen: bool) -> Result<(), EngineError>;
}

/// Opens one. `schemas` are those in which relations will be made.
///
/// Slow the first time in a process (it loads the database library).
///
/// # Errors
/// `EngineErrorKind::Setting` where an extension or a setting of the target cannot be had.
pub fn sandbox(project: &Project, schemas: &BTreeSet<SchemaName>) -> Result<Box<dyn Sandbox>, EngineError> {
    duckdb::sandbox(project, schemas)
}
