//! DuckDB behind the engine's traits. Everything that depends on DuckDB's version is in this folder.

mod binder;
mod catalog;
mod content;
mod create;
mod csv;
mod error;
mod export;
mod hashing;
mod hugeint;
mod identity;
mod incoming;
mod interval;
mod library;
mod observe;
mod pack;
mod parts;
mod publish;
mod raw;
mod recycle;
mod refusal;
mod sandbox;
mod session;
mod settings;
mod state;
mod stream;
mod table_names;
mod tally;
mod trash;
mod types;
mod within;
mod written;

pub(super) use binder::binder;
pub(super) use error::hint;
pub(super) use identity::identity;
pub(super) use refusal::refusal;
pub(super) use sandbox::sandbox;
pub(super) use settings::is_about_work;
pub(super) use table_names::table_names;
pub(super) use written::{written_type, written_values};

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use self::error::{error_from_text, lock_holder};
use self::raw::{Connection, Database};
use self::session::{DuckDbSession, cancelled};
use self::state::State;
use self::trash::Trash;
use super::{
    Access, Capabilities, CheckRecord, Column, Condition, Engine, EngineError, EngineErrorKind, ExistingRelation,
    Failure, KeptFile, LastRun, Macro, Made, Observation, Past, Recorded, RunEnd, RunStart, SchemaName, Session,
    Sessions, StagedAsset, Trashed, WhenLocked,
};
use crate::graph::{RelationName, folded, quoted};
use crate::project::Project;

/// How long to sleep between two tries at a locked database.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// Bytes of write-ahead log above which closing folds it into the file.
const LARGE_LOG: u64 = 1 << 20;

/// Bytes of the three headers that a database file begins with.
const HEADERS: u64 = 3 * 4096;

/// Opening reads the description of every table, and folding the log writes all of them: where opening was quick, so is
/// folding, and one file is simpler than two.
const QUICK_OPENING: Duration = Duration::from_millis(25);

/// What every session sets for itself: errors with positions.
const SESSION_SETTINGS: &str = "set session errors_as_json = true";

/// What the engine's own questions are asked with: names and hashes are compared letter by letter, whatever a target has
/// set for its queries.
const OWN_SETTINGS: &str = "set session default_collation = ''";

pub(super) fn open(
    project: &Project,
    access: Access,
    when_locked: WhenLocked,
    keep_waiting: &dyn Fn(&str) -> bool,
) -> Result<Arc<dyn Engine>, EngineError> {
    library::load()?;
    let path = project.target.database.as_deref();
    if access == Access::ReadOnly && path.is_some_and(|path| !path.exists() || is_unfinished(path)) {
        let name = path.map(|path| path.display().to_string()).unwrap_or_default();
        return Err(error_from_text(EngineErrorKind::NoDatabase, format!("there is no database `{name}` yet")));
    }
    let mut settings = settings::at_open(project);
    // Exact forms for the types that Arrow has only as extensions, instead of the nearest plain type.
    settings.push(("arrow_lossless_conversion".to_owned(), "true".to_owned()));
    if access == Access::ReadOnly && path.is_some() {
        settings.push(("access_mode".to_owned(), "READ_ONLY".to_owned()));
    }
    let (database, opening) = open_waiting(project, &settings, when_locked, keep_waiting)?;
    let database = Arc::new(database);
    let connection = database.connect()?;
    connection.execute(SESSION_SETTINGS)?;
    if access == Access::ReadWrite {
        connection.execute("pragma disable_checkpoint_on_shutdown")?;
    }
    let session_settings = settings::apply(&connection, project)?;
    connection.execute(OWN_SETTINGS)?;
    let path = project.target.database.clone().filter(|_| access == Access::ReadWrite);
    Ok(DuckDb::over(database, connection, session_settings, (opening, path))?)
}

fn open_waiting(
    project: &Project,
    settings: &[(String, String)],
    when_locked: WhenLocked,
    keep_waiting: &dyn Fn(&str) -> bool,
) -> Result<(Database, Duration), EngineError> {
    let start = Instant::now();
    let path = project.target.database.as_deref();
    let mut may_begin_anew = true;
    loop {
        let opening = Instant::now();
        match Database::open(path, settings) {
            Err(error)
                if error.kind == EngineErrorKind::Open
                    && may_begin_anew
                    && path.is_some_and(|path| is_unfinished(path) && std::fs::remove_file(path).is_ok()) =>
            {
                may_begin_anew = false;
            }
            Err(error) if error.kind == EngineErrorKind::Locked => match when_locked {
                WhenLocked::Wait(_) if !keep_waiting(&locked(project, &error).message) => return Err(cancelled()),
                WhenLocked::Wait(Some(limit)) if start.elapsed() >= limit => {
                    let EngineError { message, .. } = locked(project, &error);
                    let waited = format!("{message}, still after {} s", limit.as_secs_f64());
                    return Err(error_from_text(EngineErrorKind::Locked, waited));
                }
                WhenLocked::Wait(_) => std::thread::sleep(LOCK_POLL),
                WhenLocked::Fail => return Err(locked(project, &error)),
            },
            result => return result.map(|database| (database, opening.elapsed())),
        }
    }
}

/// Whether a file is what a creation left that did not come to its end, by a kill or a full disk: too short for the headers
/// of a database, which are written before anything else, and with no log beside it.
fn is_unfinished(path: &Path) -> bool {
    let is_short = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() < HEADERS);
    if !is_short || log_of(path).exists() {
        return false;
    }
    let is_ours = |bytes: Vec<u8>| bytes.get(8..12) == Some(b"DUCK") || bytes.iter().all(|byte| *byte == 0);
    std::fs::read(path).is_ok_and(is_ours)
}

/// The write-ahead log of a database file.
fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push(".wal");
    PathBuf::from(log)
}

fn locked(project: &Project, error: &EngineError) -> EngineError {
    let name = project.target.database.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let holder = lock_holder(&error.message).unwrap_or_else(|| "another process".to_owned());
    error_from_text(EngineErrorKind::Locked, format!("the database `{name}` is held by {holder}"))
}

fn version() -> String {
    // SAFETY: a constant text of the library.
    let text = unsafe { raw::borrowed_text(duckdb::ffi::duckdb_library_version()) };
    text.trim_start_matches('v').to_owned()
}

/// An open DuckDB database.
pub(super) struct DuckDb {
    this: Weak<DuckDb>,
    capabilities: Capabilities,
    database: Arc<Database>,
    /// For the engine's own questions.
    connection: Mutex<Arc<Connection>>,
    session_settings: Vec<String>,
    state: State,
    /// What this process has published, by lower-case name, and whether it is a view.
    built: Mutex<HashMap<String, bool>>,
    /// How long opening took.
    opening: Duration,
    /// The file of a database that is open for writing.
    path: Option<PathBuf>,
    sessions: Mutex<Vec<Weak<Connection>>>,
    is_cancelled: AtomicBool,
}

impl DuckDb {
    fn check_cancelled(&self) -> Result<(), EngineError> {
        if self.is_cancelled.load(Ordering::SeqCst) { Err(cancelled()) } else { Ok(()) }
    }

    /// Whether a view stands under the name (else a table); `None` when nothing does. Outside of transactions only.
    fn kind(&self, connection: &Connection, relation: &RelationName) -> Result<Option<bool>, EngineError> {
        let known = lock(&self.built).get(&key(relation)).copied();
        known.map_or_else(|| connection.is_view(relation), |is_view| Ok(Some(is_view)))
    }

    fn remember(&self, built: &[(RelationName, bool)]) {
        lock(&self.built).extend(built.iter().map(|(relation, is_view)| (key(relation), *is_view)));
    }

    /// As sessions have it.
    fn connect(&self) -> Result<Arc<Connection>, EngineError> {
        settings::connect(&self.database, &self.session_settings)
    }

    fn with_trash<T>(&self, work: impl FnOnce(&Trash<'_>) -> T) -> T {
        work(&Trash { connection: &lock(&self.connection), state: &self.state })
    }

    /// Folds the write-ahead log into the file, unless that is much work for little: see docs/decisions/0002.
    fn fold_log(&self) {
        let Some(database) = &self.path else { return };
        let log_size = std::fs::metadata(log_of(database)).map_or(0, |metadata| metadata.len());
        if log_size > LARGE_LOG || (log_size > 0 && self.opening < QUICK_OPENING) {
            // It fails only where the next opening folds it just as well.
            let _ = lock(&self.connection).execute("checkpoint");
        }
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        self.fold_log();
    }
}

fn key(relation: &RelationName) -> String {
    folded(&relation.to_string())
}

/// Runs statements, all of them or none.
fn in_transaction(connection: &Connection, statements: &str) -> Result<(), EngineError> {
    let done = connection.execute(&format!("begin transaction; {statements} commit"));
    if done.is_err() {
        // It fails only when DuckDB has rolled back by itself.
        let _ = connection.execute("rollback");
    }
    done
}

/// A lock that a panicking thread held is as good as any: what it guards is replaced, never half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DuckDb {
    /// An engine over an open database; `path` of a file that this process writes, which took so long to open.
    fn over(
        database: Arc<Database>,
        connection: Arc<Connection>,
        session_settings: Vec<String>,
        (opening, path): (Duration, Option<PathBuf>),
    ) -> Result<Arc<Self>, EngineError> {
        let state = State::of(&connection)?;
        Ok(Arc::new_cyclic(|this| DuckDb {
            this: this.clone(),
            capabilities: Capabilities {
                engine: format!("DuckDB {}", version()),
                transactional_publish: true,
                hash_method: content::method(),
            },
            database,
            connection: Mutex::new(connection),
            session_settings,
            state,
            built: Mutex::default(),
            opening,
            path,
            sessions: Mutex::new(Vec::new()),
            is_cancelled: AtomicBool::new(false),
        }))
    }
}

impl Sessions for DuckDb {
    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        self.check_cancelled()?;
        let connection = self.connect()?;
        let mut sessions = lock(&self.sessions);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&connection));
        let engine = self.this.upgrade().ok_or_else(cancelled)?;
        Ok(Box::new(DuckDbSession::new(engine, connection)))
    }
}

impl Engine for DuckDb {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn prepare(&self, schemas: &BTreeSet<SchemaName>, workers: usize) -> Result<(), EngineError> {
        let connection = lock(&self.connection);
        // Workers count as DuckDB's own threads, which would otherwise fight with them for the processors. Idle ones
        // lend themselves by `Session::help`.
        let threads = state::number(&connection, "select current_setting('threads')::bigint")?.unwrap_or(1);
        let external = i64::try_from(workers).unwrap_or(threads).clamp(1, threads);
        connection.execute(&format!("set global external_threads = {external}"))?;
        tally::register(&connection)?;
        self.state.prepare(&connection)?;
        for (database, schema) in schemas {
            let database = database.as_ref().map(|name| format!("{}.", quoted(name))).unwrap_or_default();
            connection.execute(&format!("create schema if not exists {database}{}", quoted(schema)))?;
        }
        Ok(())
    }

    fn prepare_state(&self) -> Result<(), EngineError> {
        self.state.prepare(&lock(&self.connection))
    }

    fn recorded(&self, assets: Option<&[&str]>) -> Result<Vec<Recorded>, EngineError> {
        self.state.recorded(&lock(&self.connection), assets)
    }

    fn begin_run(&self, start: &RunStart) -> Result<(), EngineError> {
        self.state.begin_run(&lock(&self.connection), start)
    }

    fn end_run(&self, end: &RunEnd) -> Result<(), EngineError> {
        self.state.end_run(&lock(&self.connection), end)
    }

    fn failures(&self) -> Result<Vec<Failure>, EngineError> {
        self.state.failures(&lock(&self.connection))
    }

    fn checked(&self) -> Result<Vec<CheckRecord>, EngineError> {
        self.state.checked(&lock(&self.connection))
    }

    fn last_check(&self, check: &str) -> Result<Option<CheckRecord>, EngineError> {
        self.state.last_check(&lock(&self.connection), check)
    }

    fn last_run(&self) -> Result<Option<LastRun>, EngineError> {
        self.state.last_run(&lock(&self.connection))
    }

    fn history(&self, asset: &str) -> Result<Vec<Past>, EngineError> {
        self.state.history(&lock(&self.connection), asset)
    }

    fn usual_seconds(&self) -> Result<BTreeMap<String, f64>, EngineError> {
        self.state.usual_seconds(&lock(&self.connection))
    }

    fn staged(&self) -> Result<Vec<StagedAsset>, EngineError> {
        self.state.staged(&lock(&self.connection))
    }

    fn discard_staged(&self) -> Result<Vec<StagedAsset>, EngineError> {
        let connection = lock(&self.connection);
        let staged = self.state.staged(&connection)?;
        if !staged.is_empty() {
            let discard = self.state.discard(&connection, &staged)?;
            in_transaction(&connection, &discard)?;
        }
        Ok(staged)
    }

    fn relations(&self) -> Result<Vec<ExistingRelation>, EngineError> {
        let connection = lock(&self.connection);
        let staged = self.state.staged(&connection)?;
        let staged: HashSet<String> =
            staged.iter().filter_map(|staged| staged.relation.as_ref()).map(RelationName::key).collect();
        let mut relations = catalog::relations(&connection, self.state.database())?;
        relations.retain(|found| found.relation.database.is_some() || !staged.contains(&found.relation.key()));
        Ok(relations)
    }

    fn relation(&self, relation: &RelationName) -> Result<Option<ExistingRelation>, EngineError> {
        let found = catalog::relation(&lock(&self.connection), &self.state.written_out(relation))?;
        Ok(found.map(|found| ExistingRelation { relation: relation.clone(), ..found }))
    }

    fn definitions(&self) -> Result<BTreeSet<String>, EngineError> {
        catalog::definitions(&lock(&self.connection))
    }

    fn macros(&self) -> Result<Vec<Macro>, EngineError> {
        catalog::macros(&lock(&self.connection))
    }

    fn bound_columns(&self, from: &str) -> Result<Vec<Column>, EngineError> {
        let connection = lock(&self.connection);
        let typed = connection.prepare(&format!("select * from {from}"))?.columns();
        // Only types with a name of their own ask for what somebody has defined. What cannot be told counts as such.
        let own = OnceCell::new();
        let is_foreign = |name: &str| {
            let own: &Option<BTreeSet<String>> = own.get_or_init(|| catalog::definitions(&connection).ok());
            own.as_ref().is_none_or(|own| own.contains(&name.to_lowercase()))
        };
        Ok(content::named_columns(&typed, &is_foreign))
    }

    fn observe(&self, observations: &[Observation]) -> Vec<Result<String, EngineError>> {
        // Views of others, and what `observe` says, may compare texts.
        let connection = self.connect();
        let observed = |observation| observe::observe(connection.as_ref().map_err(Clone::clone)?, observation);
        observations.iter().map(observed).collect()
    }

    fn made(&self) -> Result<Vec<Made>, EngineError> {
        self.state.made(&lock(&self.connection))
    }

    fn objects(&self) -> Result<BTreeMap<String, Option<KeptFile>>, EngineError> {
        self.state.objects(&lock(&self.connection))
    }

    fn condition(&self, made: &Made) -> Result<Condition, EngineError> {
        self.with_trash(|trash| trash.condition(made))
    }

    fn collect_garbage(&self, garbage: &[Made]) -> Result<(), EngineError> {
        self.with_trash(|trash| trash.collect(garbage))
    }

    fn trash(&self) -> Result<Vec<Trashed>, EngineError> {
        let rows = self.state.trash(&lock(&self.connection))?;
        Ok(rows.into_iter().map(Trashed::from).collect())
    }

    fn restore(&self, ids: &[i64]) -> Result<(), EngineError> {
        self.with_trash(|trash| trash.restore(ids))
    }

    fn empty_trash(&self, ids: &[i64]) -> Result<(), EngineError> {
        self.with_trash(|trash| trash.empty(ids))
    }

    fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        for session in lock(&self.sessions).iter().filter_map(Weak::upgrade) {
            session.interrupt();
        }
    }
}

#[cfg(test)]
mod tests;
