//! Rows as plain Python values, some at a time: what `fetchone` and its siblings give.

use std::sync::Arc;

use arrow::array::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::connection::{Pool, detached};
use crate::error::engine_error;
use crate::rows::{Rows, open};
use crate::types::Library;
use crate::values::{Constructors, extension};

/// Rows as Python values, some at a time.
pub(crate) struct Cursor {
    rows: Rows,
    batch: Option<RecordBatch>,
    position: usize,
}

impl Cursor {
    pub(crate) fn open(py: Python<'_>, pool: &Arc<Pool>, sql: &str) -> PyResult<Self> {
        Ok(Cursor { rows: detached(py, || open(pool, sql, Library::Arrow))?, batch: None, position: 0 })
    }

    pub(crate) fn rows<'py>(&mut self, py: Python<'py>, limit: Option<usize>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let constructors = Constructors::new(py)?;
        let mut found = Vec::new();
        while limit.is_none_or(|limit| found.len() < limit) {
            let Some(batch) = self.batch.as_ref().filter(|batch| self.position < batch.num_rows()) else {
                let next = py.detach(|| self.rows.next_batch());
                let Some(next) = next else { break };
                self.batch = Some(next.map_err(|error| engine_error(py, &error))?);
                self.position = 0;
                continue;
            };
            let fields = batch.schema_ref().fields().iter().zip(batch.columns());
            let row = fields.map(|(field, column)| constructors.value(column, self.position, extension(field)));
            found.push(PyTuple::new(py, row.collect::<PyResult<Vec<_>>>()?)?.into_any());
            self.position += 1;
        }
        Ok(found)
    }
}
