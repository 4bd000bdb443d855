//! Everything that speaks to a database, behind two small traits of verbs about asset tables.
//!
//! Architecture invariant: nothing outside this folder knows which engine runs, and nothing DuckDB-shaped leaks out of
//! it. What engines differ in is `Capabilities`, a value that the planner reads.

mod duckdb;
mod observation;
mod remembered;
mod trash;

pub use observation::{Closeness, Observation};
pub use remembered::look;
pub use trash::{Condition, Made, StoredAs, Trashed};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
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

/// A database that holds asset tables. Shared by all workers.
pub trait Engine: Send + Sync {
    fn capabilities(&self) -> &Capabilities;

    /// A new session; one per worker.
    fn session(&self) -> Result<Box<dyn Session>, EngineError>;

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

    /// What came out of the newest run and what did not; `None` before the first one.
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

    /// Looks at data that others make: of each a text that is another one when the data is, as far as one looks.
    fn observe(&self, observations: &[Observation]) -> Vec<Result<String, EngineError>>;
    /// What was made last at each place, whether or not it still stands.
    fn made(&self) -> Result<Vec<Made>, EngineError>;

    /// The assets of which an object is stored.
    fn objects(&self) -> Result<BTreeSet<String>, EngineError>;

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

    /// Makes the relation's new content, visible to nobody else until `publish`. Replaces whatever has the name.
    fn build(&mut self, relation: &RelationName, source: BuildSource) -> Result<Built, EngineError>;

    /// What a relation holds now, as this session sees it: also before it is published.
    fn content(&mut self, relation: &RelationName, extent: Extent) -> Result<Content, EngineError>;

    /// Gives what is recorded of an asset to another name, and drops the object and the relation of the old one. Like a
    /// build, visible to nobody until `publish`.
    fn rename(&mut self, renaming: &Renaming) -> Result<(), EngineError>;

    /// Stores an object's payload beside the data, visible to nobody else until `publish`.
    fn put_object(&mut self, object: &StoredObject) -> Result<(), EngineError>;

    /// The payload that `put_object` stored last for an asset, or `None`.
    fn get_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError>;

    /// Makes everything built since the last publish visible, with its record, in one step.
    fn publish(&mut self, record: &MaterializationRecord) -> Result<(), EngineError>;

    /// Keeps what was built since the last publish where nobody looks for it, until `publish_staged` or
    /// `Engine::discard_staged`. Of an object nothing was built: it comes along.
    fn stage(&mut self, staged: &StagedAsset, object: Option<&StoredObject>) -> Result<(), EngineError>;

    /// The object that is staged for an asset, or `None`.
    fn staged_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError>;

    /// Makes everything that these swaps name visible, with the records, in one step as far as `Capabilities` say, and
    /// removes what else is staged. Views are made in the order of the swaps, after all tables.
    fn publish_staged(&mut self, swaps: &[Swap], records: &[MaterializationRecord]) -> Result<(), EngineError>;

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// `None` where no rows are counted, as for a view.
    pub rows: Option<u64>,
}

/// How closely a relation's content is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Columns,
    /// The rows too, all of them.
    Rows,
}

/// What a relation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub columns: Vec<Column>,
    /// A hash of columns and rows that does not depend on the order of the rows; `None` when only the columns were asked
    /// for, and for a view, whose content is that of what it reads.
    pub hash: Option<String>,
    /// How many rows were hashed.
    pub rows: Option<u64>,
}

/// An asset that has another name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    pub from: String,
    pub to: String,
    /// What stood for the old name and nothing stands for now: dropped, if it is of the recorded kind.
    pub dropped: Option<(RelationName, bool)>,
}

/// Something that is built and not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedAsset {
    pub run: String,
    pub asset: String,
    /// Where it stands meanwhile; `None` for an object.
    pub relation: Option<RelationName>,
    pub is_view: bool,
}

/// What becomes visible when what is staged is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// An asset gets another name, before anything else.
    Renaming(Renaming),
    /// The table that is staged there takes the relation's place.
    Table { staged: RelationName, relation: RelationName },
    /// A view of this query takes the relation's place: the one that is staged reads what is staged.
    View { relation: RelationName, query: String },
    /// The object that is staged for the asset takes the place of the one before.
    Object { asset: String },
}

/// A non-tabular asset's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub asset: String,
    /// Name of the IO manager that wrote it.
    pub manager: String,
    pub payload: Vec<u8>,
}

/// What is written about one materialization, in the transaction that publishes it.
#[derive(Debug, Clone)]
pub struct MaterializationRecord {
    pub asset: String,
    pub run: String,
    pub kind: &'static str,
    pub materialized: &'static str,
    /// `None` for objects, which no relation holds.
    pub relation: Option<String>,
    /// Start, in microseconds since 1970 UTC.
    pub started_at: i64,
    pub seconds: f64,
    pub rows: Option<u64>,
    pub columns: Vec<Column>,
    /// What was computed, see `fingerprint::CodeVersion`.
    pub code_version: String,
    /// Names and hashes of the parts of the code version.
    pub code_parts: BTreeMap<String, String>,
    /// For people, without secrets; with `config`, only where the code is not that of the materialization before.
    pub code: Option<String>,
    pub config: Option<Values>,
    /// Versions of the third-party packages that the code uses, where they are known.
    pub packages: BTreeMap<String, String>,
    pub inputs: Inputs,
    pub data_version: Option<String>,
    /// How the data version was found: a hash method of the engine's, or another word.
    pub data_method: Option<String>,
    /// The content's hash by that method, where the version is not that hash: it was kept from a method before.
    pub data_hash: Option<String>,
    /// Size of what was stored, where it is known: of objects.
    pub bytes: Option<u64>,
    pub metadata: Values,
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct RunStart {
    pub run: String,
    /// As the user called it: `run`, `reconcile`, ...
    pub command: String,
    /// In microseconds since 1970 UTC.
    pub started_at: i64,
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
    /// False when it never said that it ended: it goes on, or was killed.
    pub has_ended: bool,
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

impl From<MaterializationRecord> for Recorded {
    fn from(record: MaterializationRecord) -> Self {
        Recorded {
            is_view: record.materialized == "view",
            asset: record.asset,
            run: record.run,
            started_at: record.started_at,
            rows: record.rows,
            code_version: Some(record.code_version),
            code_parts: record.code_parts,
            inputs: record.inputs,
            columns: record.columns,
            data_version: record.data_version,
            data_method: record.data_method,
            data_hash: record.data_hash,
            renamed_from: None,
            relation: record.relation,
            replaced_by: None,
            seconds: record.seconds,
        }
    }
}

/// What is known of an asset's newest materialization.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    pub asset: String,
    pub run: String,
    /// In microseconds since 1970 UTC.
    pub started_at: i64,
    /// `None` for views and objects.
    pub rows: Option<u64>,
    /// `None` where a dovetail recorded it that did not take code versions yet.
    pub code_version: Option<String>,
    pub code_parts: BTreeMap<String, String>,
    pub inputs: Inputs,
    pub columns: Vec<Column>,
    pub data_version: Option<String>,
    /// How the data version was found; `None` where a dovetail recorded it that did not say.
    pub data_method: Option<String>,
    /// The content's hash by that method, where the version is not that hash.
    pub data_hash: Option<String>,
    /// The name under which it is recorded, where the asset has another one now.
    pub renamed_from: Option<String>,
    pub is_view: bool,
    /// `None` for objects.
    pub relation: Option<String>,
    /// Another asset, which was built at the same relation since: what stands there is not this asset's any more.
    pub replaced_by: Option<String>,
    pub seconds: f64,
}

impl Recorded {
    /// The hash of the content by this method, where it is known.
    pub fn hash_by(&self, method: &str) -> Option<&str> {
        let hash = self.data_hash.as_deref().or(self.data_version.as_deref());
        hash.filter(|_| self.data_method.as_deref() == Some(method))
    }
}

/// What an asset has read, by the upstream's name (by the path, for a seed's file).
pub type Inputs = BTreeMap<String, InputVersion>;

/// In which version an upstream was read. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputVersion {
    /// Of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Of the names and types of its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<String>,
    /// Of what can be seen of files without reading them: paths, sizes, times. Of what the engine looked at: how closely,
    /// as `Closeness::in_words` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

impl InputVersion {
    /// How closely the engine looked at it; `None` for what is observed in another way or not at all.
    pub fn looked(&self) -> Option<&str> {
        self.seen.as_deref().filter(|seen| seen.starts_with("by "))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExistingRelation {
    pub relation: RelationName,
    pub is_view: bool,
    /// Of a table of the project's own database; empty where they are not known.
    pub columns: Vec<Column>,
    /// How many rows the catalog counts, with those that were deleted and still take room; `None` where it does not.
    pub rows: Option<u64>,
}

/// What an engine says when it fails.
#[derive(Debug, Clone)]
pub struct EngineError {
    pub kind: EngineErrorKind,
    /// The engine's own words, without its position marks.
    pub message: String,
    /// Byte offset into the statement that the error is about (into the file, of `BuildSource::Csv`), where the engine
    /// tells it.
    pub offset: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineErrorKind {
    Open,
    Locked,
    NoDatabase,
    Setting,
    /// The statement does not parse or bind.
    Query,
    /// The statement failed while it ran.
    Execution,
    /// `Engine::cancel` was called.
    Cancelled,
    /// The Arrow stream given to `build` failed; its producer knows why.
    Source,
    /// A column of the Arrow stream or of a result cannot be converted; the message names column and type.
    ColumnType,
    /// The stream has no columns.
    NoColumns,
    Publish,
    StateFormat,
}

impl EngineError {
    /// What the user can do, where the engine's own words do not say it.
    pub fn hint(&self) -> Option<String> {
        duckdb::hint(self.kind, &self.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}
