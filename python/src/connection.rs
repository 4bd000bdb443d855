//! The engine as Python sees it while a function is running: sessions that are reused, and readers that own theirs.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use dovetail::engine::{BatchReader, Column, EngineError, EngineErrorKind, FailingRows, Session, Sessions};
use dovetail::execute::PythonCall;
use dovetail::graph::Elsewhere;
use pyo3::prelude::*;

use crate::error::engine_error;

/// Shared by all relations of one call.
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct Connection {
    pub(crate) pool: Arc<Pool>,
}

pub(crate) struct Pool {
    sessions: Arc<dyn Sessions>,
    elsewhere: Elsewhere,
    idle: Mutex<Vec<Box<dyn Session>>>,
    /// What the engine or a conversion said last, since libraries between us and the user hand on little of an error.
    failure: Mutex<Option<EngineError>>,
}

impl Pool {
    pub(crate) fn of(call: &PythonCall<'_>) -> Arc<Self> {
        Self::new(Arc::clone(&call.sessions), call.elsewhere.clone())
    }

    pub(crate) fn new(sessions: Arc<dyn Sessions>, elsewhere: Elsewhere) -> Arc<Self> {
        Arc::new(Pool { sessions, elsewhere, idle: Mutex::default(), failure: Mutex::default() })
    }

    /// Runs a query; the reader owns its session and gives it back when it is dropped.
    pub(crate) fn query(self: &Arc<Self>, sql: &str) -> Result<BatchReader, EngineError> {
        let sql = self.redirected(sql)?;
        let mut session = self.take()?;
        let reader = session.query(&sql).inspect_err(|error| self.note(error.clone()))?;
        Ok(Box::new(PooledReader { reader: Some(reader), session: Some(session), pool: Arc::clone(self) }))
    }

    pub(crate) fn columns(&self, sql: &str) -> Result<Vec<Column>, EngineError> {
        let sql = self.redirected(sql)?;
        let mut session = self.take()?;
        let columns = session.columns(&sql);
        lock(&self.idle).push(session);
        columns
    }

    /// The rows of a query as those that fail a check, of which `keeps` are kept.
    pub(crate) fn failing(&self, sql: &str, keeps: usize) -> Result<FailingRows, EngineError> {
        let sql = self.redirected(sql)?;
        let mut session = self.take()?;
        let failing = FailingRows::of(session.as_mut(), &sql, keeps);
        lock(&self.idle).push(session);
        failing
    }

    /// The query as it finds what the run has not published yet.
    pub(crate) fn redirected<'q>(&self, sql: &'q str) -> Result<Cow<'q, str>, EngineError> {
        self.elsewhere.redirected(sql).map_err(|relation| {
            let message = format!(
                "the query may read {relation}, which this run has built and not published yet, and cannot be taken apart \
                 to read that: write it as one `select`, or run without `--atomic`"
            );
            let error = EngineError { kind: EngineErrorKind::Query, message, offset: None };
            self.note(error.clone());
            error
        })
    }

    pub(crate) fn note(&self, error: EngineError) {
        *lock(&self.failure) = Some(error);
    }

    /// Closes the idle sessions: a call that is over holds no connection.
    pub(crate) fn close(&self) {
        lock(&self.idle).clear();
    }

    fn take(&self) -> Result<Box<dyn Session>, EngineError> {
        let idle = lock(&self.idle).pop();
        idle.map_or_else(|| self.sessions.session(), Ok)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine's own error, where the reader failed in it.
pub(crate) fn reader_error(error: &ArrowError) -> EngineError {
    if let ArrowError::ExternalError(external) = error
        && let Some(error) = external.downcast_ref::<EngineError>()
    {
        return error.clone();
    }
    EngineError { kind: EngineErrorKind::Execution, message: crate::capsule::arrow_text(error), offset: None }
}

struct PooledReader {
    reader: Option<BatchReader>,
    session: Option<Box<dyn Session>>,
    pool: Arc<Pool>,
}

impl Iterator for PooledReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.as_mut()?.next();
        if let Some(Err(error)) = &next {
            self.pool.note(reader_error(error));
        }
        next
    }
}

impl RecordBatchReader for PooledReader {
    fn schema(&self) -> SchemaRef {
        self.reader.as_ref().map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), |reader| reader.schema())
    }
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        // The session can be used again only when its reader is gone.
        self.reader = None;
        if let Some(session) = self.session.take() {
            lock(&self.pool.idle).push(session);
        }
    }
}

#[pymethods]
impl Connection {
    /// What failed last in the engine or in a conversion: kind and message; forgets it.
    fn take_failure(&self) -> Option<(&'static str, String)> {
        let failure = lock(&self.pool.failure).take()?;
        let kind = if failure.kind == EngineErrorKind::ColumnType { "column_type" } else { "query" };
        Some((kind, failure.message))
    }

    fn relation(&self, py: Python<'_>, sql: String) -> PyResult<crate::relation::Relation> {
        crate::rows::describe(py, &self.pool, &sql)?;
        Ok(crate::relation::Relation::new(Arc::clone(&self.pool), sql))
    }
}

/// Runs engine work with the interpreter released.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, EngineError> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| engine_error(py, &error))
}
