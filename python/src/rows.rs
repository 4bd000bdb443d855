//! A query's rows in the shape that a library needs, as an Arrow stream that is read once.

use std::sync::{Arc, Mutex};

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::array::{Array, RecordBatch, StructArray};
use dovetail::engine::{BatchReader, Column, EngineError, EngineErrorKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::capsule::{arrow_text, stream_capsule};
use crate::connection::{Pool, detached, lock, reader_error};
use crate::shape::Shape;
use crate::stream::{ArraySource, export};
use crate::types::{EngineType, Library, quote_name};

/// The columns of a query, without running it. Fails as the query would before its first row: unknown columns and
/// tables, wrong types, syntax.
pub(crate) fn describe(py: Python<'_>, pool: &Arc<Pool>, sql: &str) -> PyResult<Vec<Column>> {
    detached(py, || describe_detached(pool, sql))
}

fn describe_detached(pool: &Arc<Pool>, sql: &str) -> Result<Vec<Column>, EngineError> {
    pool.columns(&format!("select * from (\n{sql}\n)"))
}

/// Names the column whose type Arrow does not have; the engine's own error does not.
fn unspeakable(columns: &[Column], error: EngineError) -> EngineError {
    match columns.iter().find(|column| column.engine_type.contains("VARIANT")) {
        Some(Column { name, engine_type }) if error.kind == EngineErrorKind::ColumnType => {
            let message = format!(
                "column `{name}` has the type {engine_type}, which Arrow has no type for; cast it to JSON or VARCHAR in SQL"
            );
            EngineError { message, ..error }
        }
        _ => error,
    }
}

/// A query's rows in a library's shape.
pub(crate) struct Rows {
    reader: BatchReader,
    shape: Shape,
    pool: Arc<Pool>,
    /// An empty result is one empty batch: code that works batch by batch then passes its columns on.
    pristine: bool,
}

pub(crate) fn open(pool: &Arc<Pool>, sql: &str, library: Library) -> Result<Rows, EngineError> {
    let columns = describe_detached(pool, sql)?;
    let mut origins = Vec::new();
    let mut items = Vec::new();
    for Column { name, engine_type } in &columns {
        let parsed = EngineType::parse(engine_type);
        let image = parsed.and_then(|parsed| parsed.image(library));
        let name = quote_name(name);
        items.push(image.as_ref().map_or_else(|| name.clone(), |image| format!("cast({name} as {image}) as {name}")));
        origins.push(image.map(|_| engine_type.clone()));
    }
    let cast = origins.iter().any(Option::is_some);
    let sql = if cast { format!("select {} from (\n{sql}\n)", items.join(", ")) } else { sql.to_owned() };
    let reader = pool.query(&sql).map_err(|error| noted(pool, unspeakable(&columns, error)))?;
    let shape = Shape::new(&reader.schema(), library, &origins)
        .map_err(|message| noted(pool, EngineError { kind: EngineErrorKind::ColumnType, message, offset: None }))?;
    Ok(Rows { reader, shape, pool: Arc::clone(pool), pristine: true })
}

fn noted(pool: &Pool, error: EngineError) -> EngineError {
    pool.note(error.clone());
    error
}

impl Rows {
    pub(crate) fn next_batch(&mut self) -> Option<Result<RecordBatch, EngineError>> {
        let first = std::mem::take(&mut self.pristine);
        let batch = match self.reader.next() {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => return Some(Err(reader_error(&error))),
            None if first => return Some(Ok(RecordBatch::new_empty(Arc::clone(&self.shape.schema)))),
            None => return None,
        };
        Some(self.shape.apply(&batch).map_err(|error| {
            let message = arrow_text(&error);
            noted(&self.pool, EngineError { kind: EngineErrorKind::ColumnType, message, offset: None })
        }))
    }

    /// At least `count` of the next rows (all when there are fewer), read now, so that a consumer that holds the
    /// interpreter waits for nothing.
    pub(crate) fn take(&mut self, count: usize) -> Result<(Rows, usize), EngineError> {
        let mut batches = Vec::new();
        let mut rows = 0;
        while rows < count
            && let Some(batch) = self.next_batch()
        {
            let batch = batch?;
            rows += batch.num_rows();
            batches.push(Ok(batch));
        }
        let schema = Arc::clone(&self.shape.schema);
        let shape = Shape::unchanged(Arc::clone(&schema));
        let reader = arrow::array::RecordBatchIterator::new(batches, schema);
        Ok((Rows { reader: Box::new(reader), shape, pool: Arc::clone(&self.pool), pristine: false }, rows))
    }
}

impl ArraySource for Rows {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(self.shape.schema.as_ref()).map_err(|error| arrow_text(&error))
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        match self.next_batch() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(FFI_ArrowArray::new(&StructArray::from(batch).to_data()))),
            Some(Err(error)) => Err(error.message),
        }
    }
}

/// Rows that can be read once, by any consumer of the Arrow PyCapsule interface.
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct RowStream(pub(crate) Mutex<Option<Rows>>);

#[pymethods]
impl RowStream {
    #[pyo3(signature = (requested_schema=None))]
    pub(crate) fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let rows = lock(&self.0).take().ok_or_else(|| PyValueError::new_err("the rows were read before"))?;
        stream_capsule(py, export(Box::new(rows)))
    }

    /// About `count` of the next rows as a stream of their own; `None` at the end.
    fn next_rows(&self, py: Python<'_>, count: usize) -> PyResult<Option<RowStream>> {
        // Taken out, so that no lock is held while the engine works.
        let mut rows = lock(&self.0).take().ok_or_else(|| PyValueError::new_err("the rows were read before"))?;
        let (taken, found) = detached(py, || rows.take(count.max(1)))?;
        *lock(&self.0) = Some(rows);
        Ok((found > 0).then(|| RowStream(Mutex::new(Some(taken)))))
    }
}
