//! A worker's session: every build happens in one transaction, which `publish` commits.

use std::path::Path;
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;

use super::create::{self, Made};
use super::error::error_from_text;
use super::incoming::{IncomingStream, refused_column};
use super::parts::RowHashes;
use super::raw::{BindValue, Connection, Helper};
use super::stream::ResultReader;
use super::within::{Lent, Within};
use super::{DuckDb, content, csv, lock, publish};
use crate::engine::{
    BatchReader, BuildSource, CheckRecord, Column, Content, EngineError, EngineErrorKind, Extent,
    MaterializationRecord, Renaming, Session, Sessions, StagedAsset, StoredObject, Swap,
};
use crate::graph::RelationName;
use crate::project::Values;

pub(super) struct DuckDbSession {
    engine: Arc<DuckDb>,
    connection: Arc<Connection>,
    in_transaction: bool,
    helper: Option<Helper>,
    /// Relations built since the last publish, and whether they are views.
    built: Vec<(RelationName, bool)>,
    /// What `within` gave to others since the session did anything itself.
    lent: Option<Arc<Lent>>,
}

impl DuckDbSession {
    pub(super) fn new(engine: Arc<DuckDb>, connection: Arc<Connection>) -> Self {
        DuckDbSession { engine, connection, in_transaction: false, helper: None, built: Vec::new(), lent: None }
    }

    fn execute(&self, sql: &str) -> Result<(), EngineError> {
        self.engine.check_cancelled()?;
        self.connection.execute(sql)
    }

    fn begin(&mut self) -> Result<(), EngineError> {
        self.take_back();
        if !self.in_transaction {
            self.execute("begin transaction")?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn take_back(&mut self) {
        if let Some(lent) = self.lent.take() {
            lent.take_back();
        }
    }

    /// Whether a view stands under the name (else a table); `None` when nothing does. Asked outside of the transaction,
    /// which a failed look-up would break.
    fn existing_kind(&self, relation: &RelationName) -> Result<Option<bool>, EngineError> {
        if self.in_transaction {
            return self.engine.kind(&lock(&self.engine.connection), relation);
        }
        self.engine.kind(&self.connection, relation)
    }

    /// DuckDB replaces tables by tables and views by views only.
    fn clear_way(&self, relation: &RelationName, existing: Option<bool>, is_view: bool) -> Result<(), EngineError> {
        if existing == Some(!is_view) {
            let kind = if is_view { "table" } else { "view" };
            self.execute(&format!("drop {kind} {relation}"))?;
        }
        Ok(())
    }

    fn create(&self, head: &str, query: &str, hashes: Option<RowHashes>) -> Result<Made, EngineError> {
        self.engine.check_cancelled()?;
        create::run(&self.connection, head, query, hashes)
    }

    fn create_from_csv(
        &mut self,
        head: &str,
        path: &Path,
        options: &Values,
        extent: Extent<'_>,
    ) -> Result<Made, EngineError> {
        csv::check_header(path, options)?;
        self.create(head, &csv::query(path, options), any_row(extent)).map_err(|error| {
            // The transaction may be broken, and the file is asked about once more.
            self.abandon();
            csv::explain(&self.connection, path, options, error)
        })
    }

    fn create_from_stream(
        &mut self,
        head: &str,
        stream: FFI_ArrowArrayStream,
        extent: Extent<'_>,
    ) -> Result<Made, EngineError> {
        let mut incoming = IncomingStream::new(stream)?;
        let query = incoming.query();
        let result = incoming
            .create_view(&self.connection)
            .and_then(|()| self.row_hashes(&query, extent))
            .and_then(|hashes| self.create(head, &query, hashes))
            .and_then(|made| incoming.drop_view(&self.connection).map(|()| made));
        result.map_err(|error| {
            // The view must go before the stream that it points to.
            self.abandon();
            if error.message.contains("get_next failed") {
                return EngineError { kind: EngineErrorKind::Source, ..error };
            }
            if error.kind == EngineErrorKind::Cancelled {
                return error;
            }
            refused_column(&self.connection, incoming.schema()).unwrap_or(error)
        })
    }

    /// The hashes of a model's row, where what stands in its place tells nothing else: those of whatever columns. Binding
    /// the query to know them takes as long as making a small table, and is for those that held nested values before.
    fn row_hashes_of(
        &self,
        source: &BuildSource,
        (relation, existing): (&RelationName, Option<bool>),
        extent: Extent<'_>,
    ) -> Option<RowHashes> {
        let any = any_row(extent)?;
        let is_nested = || self.connection.table_columns(relation).is_ok_and(|typed| !content::are_plain(&typed));
        match source {
            BuildSource::Query(sql) if existing == Some(false) && is_nested() => {
                let bound = self.connection.prepare(&as_subquery(sql)).ok();
                bound.map(|bound| RowHashes::of(&bound.columns(), extent.parts())).or(Some(any))
            }
            _ => Some(any),
        }
    }

    /// The hashes of a query's row; binding a stream is quick.
    fn row_hashes(&self, query: &str, extent: Extent<'_>) -> Result<Option<RowHashes>, EngineError> {
        match extent {
            Extent::Columns => Ok(None),
            _ => Ok(Some(RowHashes::of(&self.connection.prepare(query)?.columns(), extent.parts()))),
        }
    }
}

impl Session for DuckDbSession {
    fn columns(&mut self, sql: &str) -> Result<Vec<Column>, EngineError> {
        self.engine.check_cancelled()?;
        Ok(content::columns(&self.connection.prepare_last(sql)?.columns()))
    }

    fn query(&mut self, sql: &str) -> Result<BatchReader, EngineError> {
        self.engine.check_cancelled()?;
        let prepared = self.connection.prepare_last(sql)?;
        Ok(Box::new(ResultReader::start(prepared)?))
    }

    fn build(
        &mut self,
        relation: &RelationName,
        source: BuildSource,
        extent: Extent<'_>,
    ) -> Result<Content, EngineError> {
        let is_view = matches!(source, BuildSource::View(_));
        let existing = self.existing_kind(relation)?;
        let hashes = self.row_hashes_of(&source, (relation, existing), extent);
        self.begin()?;
        self.clear_way(relation, existing, is_view)?;
        let table = format!("create or replace table {relation} as ");
        let made = match source {
            BuildSource::Query(sql) => self.create(&table, &as_subquery(&sql), hashes)?,
            BuildSource::View(sql) => {
                self.create(&format!("create or replace view {relation} as "), &as_subquery(&sql), None)?
            }
            BuildSource::Stream(stream) => self.create_from_stream(&table, stream, extent)?,
            BuildSource::Csv { path, options } => self.create_from_csv(&table, &path, &options, extent)?,
        };
        self.built.push((relation.clone(), is_view));
        if is_view {
            return content::content(&self.connection, relation, true, extent);
        }
        create::made(&self.connection, relation, &made, extent)
    }

    fn discard(&mut self, view: &RelationName) -> Result<(), EngineError> {
        self.take_back();
        self.built.retain(|(built, _)| built != view);
        self.execute(&format!("drop view if exists {view}"))
    }

    fn content(&mut self, relation: &RelationName, extent: Extent<'_>) -> Result<Content, EngineError> {
        self.engine.check_cancelled()?;
        let is_view = self.built.iter().any(|(built, is_view)| built == relation && *is_view);
        content::content(&self.connection, &self.engine.state.written_out(relation), is_view, extent)
    }

    fn rename(&mut self, renaming: &Renaming) -> Result<(), EngineError> {
        self.begin()?;
        for statement in self.engine.state.rename() {
            let mut update = self.connection.prepare(&statement)?;
            update.bind(1, &BindValue::Text(&renaming.from))?;
            update.bind(2, &BindValue::Text(&renaming.to))?;
            update.run()?;
        }
        // The object of the new name is stored already.
        let mut delete = self.connection.prepare(&self.engine.state.delete_object())?;
        delete.bind(1, &BindValue::Text(&renaming.from))?;
        delete.run()?;
        if let Some((relation, is_view)) = &renaming.dropped {
            let kind = if *is_view { "view" } else { "table" };
            self.execute(&format!("drop {kind} if exists {}", self.engine.state.written_out(relation)))?;
        }
        Ok(())
    }

    fn put_object(&mut self, object: &StoredObject) -> Result<(), EngineError> {
        self.begin()?;
        self.engine.check_cancelled()?;
        let mut delete = self.connection.prepare(&self.engine.state.delete_object())?;
        delete.bind(1, &BindValue::Text(&object.asset))?;
        delete.run()?;
        let mut insert = self.connection.prepare(&self.engine.state.insert_object())?;
        insert.bind(1, &BindValue::Text(&object.asset))?;
        insert.bind(2, &BindValue::Text(&object.manager))?;
        insert.bind(3, &BindValue::Blob(&object.payload))?;
        insert.run().map(|_| ())
    }

    fn get_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError> {
        self.engine.state.read_object(&self.connection, asset)
    }

    fn publish(&mut self, records: &[MaterializationRecord], checks: &[CheckRecord]) -> Result<(), EngineError> {
        self.begin()?;
        // A sandbox has no state to write to, and nothing to write.
        let is_nothing = records.is_empty() && checks.is_empty();
        let written = if is_nothing { Ok(()) } else { self.write_records(records, checks) };
        let written = written.and_then(|()| self.execute("commit"));
        self.close(written)?;
        self.engine.remember(&std::mem::take(&mut self.built));
        Ok(())
    }

    fn stage(&mut self, staged: &StagedAsset, object: Option<&StoredObject>) -> Result<(), EngineError> {
        self.begin()?;
        let kept = self
            .engine
            .check_cancelled()
            .and_then(|()| self.engine.state.insert_staged(&self.connection, staged, object))
            .and_then(|()| self.execute("commit"));
        self.close(kept).map(|()| self.built.clear())
    }

    fn staged_object(&mut self, asset: &str) -> Result<Option<StoredObject>, EngineError> {
        self.engine.state.staged_object(&self.connection, asset)
    }

    fn publish_staged(
        &mut self,
        swaps: &[Swap],
        records: &[MaterializationRecord],
        checks: &[CheckRecord],
    ) -> Result<(), EngineError> {
        let script = publish::script(&self.engine, swaps)?;
        self.begin()?;
        let mut renamings = swaps.iter().filter_map(|swap| match swap {
            Swap::Renaming(renaming) => Some(renaming),
            _ => None,
        });
        let written = renamings
            .try_for_each(|renaming| self.rename(renaming))
            .and_then(|()| script.iter().try_for_each(|statement| self.execute(statement)))
            .and_then(|()| self.write_records(records, checks))
            .and_then(|()| self.execute("commit"));
        self.close(written)?;
        self.engine.remember(&publish::published(swaps));
        Ok(())
    }

    fn within(&mut self) -> Arc<dyn Sessions> {
        let lent = self.lent.get_or_insert_with(|| Lent::new(&self.engine, &self.connection));
        Arc::new(Within(Arc::clone(lent)))
    }

    fn help(&mut self) -> bool {
        let connection = &self.connection;
        self.helper.get_or_insert_with(|| Helper::new(connection)).run_tasks() > 0
    }

    fn abandon(&mut self) {
        self.take_back();
        self.built.clear();
        if std::mem::take(&mut self.in_transaction) {
            // It fails only when DuckDB has rolled back by itself.
            let _ = self.connection.execute("rollback");
        }
    }
}

impl DuckDbSession {
    /// Ends a transaction that was committed, or that was not since something failed.
    fn close(&mut self, committed: Result<(), EngineError>) -> Result<(), EngineError> {
        if let Err(error) = committed {
            self.abandon();
            let kind = match error.kind {
                EngineErrorKind::Cancelled => EngineErrorKind::Cancelled,
                _ => EngineErrorKind::Publish,
            };
            return Err(EngineError { kind, ..error });
        }
        self.in_transaction = false;
        Ok(())
    }

    fn write_records(&self, records: &[MaterializationRecord], checks: &[CheckRecord]) -> Result<(), EngineError> {
        self.engine.check_cancelled()?;
        self.engine.state.insert_materializations(&self.connection, records)?;
        self.engine.state.insert_checks(&self.connection, checks)
    }
}

impl Drop for DuckDbSession {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// What columns a query gives is known when its table is there: most are hashed as they are.
fn any_row(extent: Extent<'_>) -> Option<RowHashes> {
    (extent != Extent::Columns).then(|| RowHashes::of_any(extent.parts()))
}

/// `create table as` takes queries only; statements that show something become one by standing in parentheses.
pub(super) fn as_subquery(sql: &str) -> String {
    let word: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "summarize" | "describe" | "show" => format!("from ({sql}\n)"),
        _ => sql.to_owned(),
    }
}

/// The error of a statement on a database that the run has cancelled.
pub(super) fn cancelled() -> EngineError {
    error_from_text(EngineErrorKind::Cancelled, "cancelled")
}
