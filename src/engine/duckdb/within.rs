//! Sessions that read in the open transaction of another one: what a check asks of a table that is built and not
//! published.
//!
//! They share its connection, which runs one statement at a time and streams one result at a time. So they take turns,
//! and a result is complete before it is handed out.

use std::sync::{Arc, Mutex};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::error::error_from_text;
use super::raw::{Connection, Prepared};
use super::stream::ResultReader;
use super::{DuckDb, content, lock};
use crate::engine::{
    BatchReader, BuildSource, CheckRecord, Column, Content, EngineError, EngineErrorKind, Extent,
    MaterializationRecord, Renaming, Session, Sessions, StagedAsset, StoredObject, Swap,
};
use crate::graph::RelationName;

/// A session's connection, lent to those who query in its transaction.
pub(super) struct Lent {
    engine: Arc<DuckDb>,
    connection: Arc<Connection>,
    /// Held while the connection works; true once the lender wants it for itself.
    is_over: Mutex<bool>,
}

impl Lent {
    pub(super) fn new(engine: &Arc<DuckDb>, connection: &Arc<Connection>) -> Arc<Self> {
        let (engine, connection) = (Arc::clone(engine), Arc::clone(connection));
        Arc::new(Lent { engine, connection, is_over: Mutex::new(false) })
    }

    /// Waits for the query that runs, and refuses those that come: a thread that user code left behind reads in no
    /// other transaction.
    pub(super) fn take_back(&self) {
        *lock(&self.is_over) = true;
    }

    fn in_turn<T>(&self, work: impl FnOnce(&Arc<Connection>) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let is_over = lock(&self.is_over);
        if *is_over {
            let message = "the transaction that this query would read in is over";
            return Err(error_from_text(EngineErrorKind::Query, message));
        }
        self.engine.check_cancelled()?;
        work(&self.connection)
    }

    /// A query's statement. Anything else could change or end the transaction.
    fn prepared(&self, connection: &Arc<Connection>, sql: &str) -> Result<Prepared, EngineError> {
        match connection.prepare_query(sql)? {
            Some(prepared) => Ok(prepared),
            None => Err(only_queries()),
        }
    }
}

/// Opens sessions on a connection that is lent.
pub(super) struct Within(pub(super) Arc<Lent>);

impl Sessions for Within {
    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(ReadingSession(Arc::clone(&self.0))))
    }
}

struct ReadingSession(Arc<Lent>);

fn only_queries() -> EngineError {
    error_from_text(EngineErrorKind::Query, "only queries can run here: what is checked is not published yet")
}

impl Session for ReadingSession {
    fn columns(&mut self, sql: &str) -> Result<Vec<Column>, EngineError> {
        let lent = &self.0;
        lent.in_turn(|connection| Ok(content::columns(&lent.prepared(connection, sql)?.columns())))
    }

    fn query(&mut self, sql: &str) -> Result<BatchReader, EngineError> {
        let lent = &self.0;
        let reader = lent.in_turn(|connection| ResultReader::complete(lent.prepared(connection, sql)?))?;
        Ok(Box::new(CompleteReader { reader, lent: Arc::clone(lent) }))
    }

    fn within(&mut self) -> Arc<dyn Sessions> {
        Arc::new(Within(Arc::clone(&self.0)))
    }

    fn build(&mut self, _: &RelationName, _: BuildSource, _: Extent<'_>) -> Result<Content, EngineError> {
        Err(only_queries())
    }

    fn discard(&mut self, _: &RelationName) -> Result<(), EngineError> {
        Err(only_queries())
    }

    fn content(&mut self, _: &RelationName, _: Extent<'_>) -> Result<Content, EngineError> {
        Err(only_queries())
    }

    fn rename(&mut self, _: &Renaming) -> Result<(), EngineError> {
        Err(only_queries())
    }

    fn put_object(&mut self, _: &StoredObject) -> Result<(), EngineError> {
        Err(only_queries())
    }

    fn get_object(&mut self, _: &str) -> Result<Option<StoredObject>, EngineError> {
        Err(only_queries())
    }

    fn publish(&mut self, _: &[MaterializationRecord], _: &[CheckRecord]) -> Result<(), EngineError> {
        Err(only_queries())
    }

    fn stage(&mut self, _: &StagedAsset, _: Option<&StoredObject>) -> Result<(), EngineError> {
        Err(only_queries())
    }

    fn staged_object(&mut self, _: &str) -> Result<Option<StoredObject>, EngineError> {
        Err(only_queries())
    }

    fn publish_staged(
        &mut self,
        _: &[Swap],
        _: &[MaterializationRecord],
        _: &[CheckRecord],
    ) -> Result<(), EngineError> {
        Err(only_queries())
    }

    /// The lender's worker waits for the answer and can lend itself no further.
    fn help(&mut self) -> bool {
        false
    }

    /// It has built nothing.
    fn abandon(&mut self) {}
}

/// A result that was complete when it was handed out. Converting its rows asks the connection for its settings, so that
/// takes turns too; the transaction may be over by then.
struct CompleteReader {
    reader: ResultReader,
    lent: Arc<Lent>,
}

impl Iterator for CompleteReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let _turn = lock(&self.lent.is_over);
        self.reader.next()
    }
}

impl RecordBatchReader for CompleteReader {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

#[cfg(test)]
mod tests;
