//! Everything that speaks to a database, behind two small traits of verbs about asset tables.
//!
//! Architecture invariant: nothing outside this folder knows which engine runs, and nothing DuckDB-shaped leaks out of
//! it. What engines differ in is `Capabilities`, a value that the planner reads.

mod binding;
mod check;
mod duckdb;
mod error;
mod failing;
mod kept;
mod observation;
mod record;
mod remembered;
mod run;
mod sandbox;
mod staging;
mod trash;

pub use binding::{Binder, BinderSession, Bound, Reason, Refusal, binder};
pub use check::{CheckRecord, CheckStatus};
pub use error::{EngineError, EngineErrorKind};
pub use failing::FailingRows;
pub use kept::KeptFile;
pub use observation::{Closeness, Observation};
pub use record::{InputVersion, Inputs, MaterializationRecord, Recorded};
pub use remembered::{Recollection, look};
pub use run::{
    Failure, FailureOutcome, LastRun, Materialization, Past, PastEvent, PastRun, RunEnd, RunStart, Surroundings,
};
pub use sandbox::{Sandbox, sandbox};
pub use staging::{StagedAsset, Swap};
pub use trash::{Condition, Made, StoredAs, Trashed};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatchReader;
use arrow::ffi_stream::FFI_ArrowArrayStream;

use crate::graph::RelationName;
use crate::project::{Project, Values};

/// Batches that flow out of the engine, one at a time.
pub type BatchReader = Box<dyn RecordBatchReader + Send>;

/// What an engine can do beyond the verbs.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    /// Name and version, such as `DuckDB 1.5.5`: shown by `debug`, recorded with each run.
    pub engine: String,
    /// Data and state rows become visible in one atomic step, be it of one asset or of a whole run.
    pub transactional_publish: bool,
    /// How `Session::content` hashes, with whatever it depends on: hashes of another method say nothing.
    pub hash_method: String,
}

/// How a second process that holds the database is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenLocked {
    Fail,
    /// Try again until it is free, for at most this long (for ever when `None`).
    Wait(Option<std::time::Duration>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    /// Fails with `EngineErrorKind::NoDatabase` when there is no database yet.
    ReadOnly,
}

/// Opens the project's database with its settings, extensions, attachments and secrets.
///
/// The only place that picks an engine. Slow the first time in a process (it loads the database library), so commands
/// that need no data never call it.
/// `keep_waiting` is told who holds the database, again and again while it waits for the lock, and may say no.
pub fn open(
    project: &Project,
    access: Access,
    when_locked: WhenLocked,
    keep_waiting: &dyn Fn(&str) -> bool,
) -> Result<Arc<dyn Engine>, EngineError> {
    duckdb::open(project, access, when_locked, keep_waiting)
}

/// Whether a setting of the target says how the engine works, and not what comes out.
pub fn is_about_work(setting: &str) -> bool {
    duckdb::is_about_work(setting)
}

/// The names of the tables in a statement by the engine's own parser, for SQL that ours does not know.
/// Needs no database.
pub fn table_names(statement: &str) -> Result<FoundNames, EngineError> {
    duckdb::table_names(statement)
}

/// What the engine's parser found in a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundNames {
    pub tables: Vec<FoundTable>,
    /// Names of the table functions that are called, without schema.
    pub functions: Vec<String>,
}

/// A table name that the engine's parser found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    pub parts: Vec<String>,
    /// Byte offset in the statement at which the name starts, where the engine tells it.
    pub start: Option<usize>,
    pub alias: Option<String>,
}

/// Where sessions come from.
pub trait Sessions: Send + Sync {
    /// A new session; one per worker.
    fn session(&self) -> Result<Box<dyn Session>, EngineError>;
}

/// A database that holds asset tables. Shared by all workers.
pub trait Engine: Sessions {
    fn capabilities(&self) -> &Capabilities;

    /// Makes sure that these schemas, and the place for state and objects, exist, and that `workers` sessions can work
    /// at once. Called before anything is built.
    fn prepare(&self, schemas: &BTreeSet<SchemaName>, workers: usize) -> Result<(), EngineError>;

    /// Makes sure that the state has the form that this dovetail knows.
    fn prepare_state(&self) -> Result<(), EngineError>;

    /// The newest record of each of these assets that has one; of all assets without a list.
    fn recorded(&self, assets: Option<&[&str]>) -> Result<Vec<Recorded>, EngineError>;

    /// Takes down that a run begins, after `prepare`.
    fn begin_run(&self, start: &RunStart) -> Result<(), EngineError>;

    /// Takes down how a run ended and what did not come out of it, in one step. Not refused after `cancel`.
    fn end_run(&self, end: &RunEnd) -> Result<(), EngineError>;

    /// The newest failure of each asset that was not materialized since.
    fn failures(&self) -> Result<Vec<Failure>, EngineError>;

    /// The newest record of each check that was asked of what stands.
    fn checked(&self) -> Result<Vec<CheckRecord>, EngineError>;

    /// The newest record of a check, whatever it was asked of, with the rows that failed.
    fn last_check(&self, check: &str) -> Result<Option<CheckRecord>, EngineError>;

    /// What came out of the newest run that was to build something, and what did not; `None` before the first one.
    fn last_run(&self) -> Result<Option<LastRun>, EngineError>;

    /// All that happened to an asset, newest first, whether it still exists or not.
    fn history(&self, asset: &str) -> Result<Vec<Past>, EngineError>;

    /// How long assets take: the median of the last materializations, in seconds, by asset.
    fn usual_seconds(&self) -> Result<BTreeMap<String, f64>, EngineError>;

    /// What runs have built and not published: of a run that goes on, or of one that failed or never ended.
    fn staged(&self) -> Result<Vec<StagedAsset>, EngineError>;

    /// Removes what `staged` lists, and nothing else; gives what it was. Not while a run goes on.
    fn discard_staged(&self) -> Result<Vec<StagedAsset>, EngineError>;

    /// What stands in the project's database now, but for what is staged.
    fn relations(&self) -> Result<Vec<ExistingRelation>, EngineError>;

    /// What stands under one name of the project's own database; quicker than `relations` for a few.
    fn relation(&self, relation: &RelationName) -> Result<Option<ExistingRelation>, EngineError>;

    /// Names of the functions, types and sequences that the databases hold and the engine does not come with, in lower
    /// case.
    fn definitions(&self) -> Result<BTreeSet<String>, EngineError>;

    /// The macros that somebody has made in one of the databases.
    fn macros(&self) -> Result<Vec<Macro>, EngineError>;

    /// The columns of what may stand after `from`, with types under the names that a `Binder` knows them by.
    fn bound_columns(&self, from: &str) -> Result<Vec<Column>, EngineError>;

    /// Looks at data that others make: of each a text that is another one when the data is, as far as one looks.
    fn observe(&self, observations: &[Observation]) -> Vec<Result<String, EngineError>>;
    /// What was made last at each place, whether or not it still stands.
    fn made(&self) -> Result<Vec<Made>, EngineError>;

    /// The assets of which an object is stored, with the file of those that are kept in one.
    fn objects(&self) -> Result<BTreeMap<String, Option<KeptFile>>, EngineError>;

    /// Compares what was made with what stands in its place now.
    fn condition(&self, made: &Made) -> Result<Condition, EngineError>;

    /// Moves all of these out of the way into a trash, or none. Their records stay.
    fn collect_garbage(&self, garbage: &[Made]) -> Result<(), EngineError>;

    /// What is in the trash, the newest last.
    fn trash(&self) -> Result<Vec<Trashed>, EngineError>;

    /// Moves all of these back to where they were, or none. Fails where something stands there now.
    fn restore(&self, ids: &[i64]) -> Result<(), EngineError>;

    /// Drops all of these from the trash for good.
    fn empty_trash(&self, ids: &[i64]) -> Result<(), EngineError>;

    /// Interrupts every session's running statement; later statements of these sessions fail as cancelled too.
    fn cancel(&self);
}

/// One worker's line to the engine: builds, then publishes or abandons.
pub trait Session: Send {
    /// The columns that a query would give, without running it.
    fn columns(&mut self, sql: &str) -> Result<Vec<Column>, EngineError>;

    /// Runs a query; batches come as the reader is read. The session can be used again when the reader is dropped.
    fn query(&mut self, sql: &str) -> Result<BatchReader, EngineError>;

    /// Sessions that read in this session's open transaction: they see what it has built. They only query, and take turns;
    /// results are complete before they are handed out, since one connection streams one result at a time. They end when
    /// this session builds, publishes or abandons anything. A query that fails while it runs may spoil the transaction, so
    /// that nothing of it can be published.
    fn within(&mut self) -> Arc<dyn Sessions>;

    /// Makes the relation's new content, visible to nobody else until `publish`, and says what that is. Replaces
    /// whatever has the name.
    fn build(
        &mut self,
        relation: &RelationName,
        source: BuildSource,
        extent: Extent<'_>,
    ) -> Result<Content, EngineError>;

    /// Takes back a view that this session has built and not published.
    fn discard(&mut self, view: &RelationName) -> Result<(), EngineError>;

    /// What a relation holds now, as this session sees it: also before it is published.
    fn content(&mut self, relation: &RelationName, extent: Extent<'_>) -> Result<Content, EngineError>;

    /// Gives what is recorded of an asset to another name, and drops the object and the relation of the old one. Like a
    /// build, visible to nobody until `publish`.
    fn rename(&mut self, renaming: &Renaming) -> Result<(), EngineError>;

    /// Stores an object's payload beside the data, visible to nobody else until `publish`.
    fn put_object(&mut self, object: &StoredObject) -> Result<(), EngineError>;

    /// The payload that `put_object` stored last for an asset, or `None`.
    fn get_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError>;

    /// Makes everything built since the last publish visible, with its records and those of the checks that it passed, in
    /// one step.
    fn publish(&mut self, records: &[MaterializationRecord], checks: &[CheckRecord]) -> Result<(), EngineError>;

    /// Keeps what was built since the last publish where nobody looks for it, until `publish_staged` or
    /// `Engine::discard_staged`. Of an object nothing was built: it comes along.
    fn stage(&mut self, staged: &StagedAsset, object: Option<&StoredObject>) -> Result<(), EngineError>;

    /// The object that is staged for an asset, or `None`.
    fn staged_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError>;

    /// Makes everything that these swaps name visible, with the records, in one step as far as `Capabilities` say, and
    /// removes what else is staged. Views are made in the order of the swaps, after all tables.
    fn publish_staged(
        &mut self,
        swaps: &[Swap],
        records: &[MaterializationRecord],
        checks: &[CheckRecord],
    ) -> Result<(), EngineError>;

    /// Lends this thread to the statements of other sessions for a moment. False when none had a use for it.
    fn help(&mut self) -> bool;

    /// Forgets everything built since the last publish.
    fn abandon(&mut self);
}

/// A schema by database (`None` for the project's own) and name.
pub type SchemaName = (Option<String>, String);

/// A column of a query.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Column {
    pub name: String,
    /// The engine's own type, as SQL writes it.
    #[serde(rename = "type")]
    pub engine_type: String,
}

/// The key of a field's metadata that says which of the engine's types it holds, where Arrow has no exact form for it.
/// A field that comes back with it is cast to that type.
pub const TYPE_METADATA: &str = "dovetail:type";

/// Where a build's rows come from.
pub enum BuildSource {
    /// A table with the rows of this query.
    Query(String),
    /// A view of this query.
    View(String),
    /// A table with the rows of this Arrow stream.
    Stream(FFI_ArrowArrayStream),
    /// A table with the rows of a CSV file, whose first line names the columns; options are the engine's reader options.
    Csv { path: std::path::PathBuf, options: Values },
}

/// How closely a relation's content is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent<'s> {
    Columns,
    /// The rows too, all of them.
    Rows,
    /// As `Rows`, and the rows as they are with some of the columns alone.
    Parts(&'s PartsAsked),
}

impl<'s> Extent<'s> {
    /// What is looked at alone.
    pub fn parts(self) -> Option<&'s PartsAsked> {
        match self {
            Extent::Parts(parts) => Some(parts),
            Extent::Columns | Extent::Rows => None,
        }
    }
}

/// Columns of a relation that are looked at alone. Their names are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartsAsked {
    /// All columns that the relation is expected to have, in their order: the same columns in this order are the whole.
    pub expected: Vec<String>,
    /// The columns of each part, in the order in which their values are hashed.
    pub parts: Vec<Vec<String>>,
}

/// Names of columns, as `graph::folded` compares them.
pub type ColumnSet = BTreeSet<String>;

/// What a relation holds in some of its columns.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Their names, folded, in the order in which the hash takes them.
    pub columns: Vec<String>,
    /// Of these columns, with their types, and of the rows as they are with them alone, in whatever order.
    pub hash: String,
}

impl Part {
    /// Whether it is of these columns, in whatever order.
    pub fn is_of(&self, columns: &ColumnSet) -> bool {
        self.columns.len() == columns.len() && self.columns.iter().all(|name| columns.contains(name))
    }

    /// The columns, in no order.
    pub fn set(&self) -> ColumnSet {
        self.columns.iter().cloned().collect()
    }
}

/// What a relation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub columns: Vec<Column>,
    /// A hash of columns and rows that does not depend on the order of the rows; `None` when only the columns were asked
    /// for, and for a view, whose content is that of what it reads.
    pub hash: Option<String>,
    /// How many rows there are; `None` for a view, and where nobody had to count them.
    pub rows: Option<u64>,
    /// Of the sets that were asked for, those whose columns are all there.
    pub parts: Vec<Part>,
}

/// An asset that has another name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    pub from: String,
    pub to: String,
    /// What stood for the old name and nothing stands for now: dropped, if it is of the recorded kind.
    pub dropped: Option<(RelationName, bool)>,
}

/// A non-tabular asset's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub asset: String,
    /// Name of the IO manager that wrote it.
    pub manager: String,
    pub payload: Vec<u8>,
}

/// A macro of a database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Macro {
    /// Without schema.
    pub name: String,
    /// What it stands for, as a query: of an expression, the one that selects it.
    pub query: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExistingRelation {
    pub relation: RelationName,
    pub is_view: bool,
    /// Of a table of the project's own database; empty where they are not known.
    pub columns: Vec<Column>,
    /// Of a view of the project's own database: a hash of how the engine keeps its query.
    pub definition: Option<String>,
    /// How many rows the catalog counts, with those that were deleted and still take room; `None` where it does not.
    pub rows: Option<u64>,
}
