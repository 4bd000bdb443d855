//! Rows that a check found wrong: how many there are, and the first of them as texts.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Schema, UInt64Type};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use super::{Column, EngineError, EngineErrorKind, Session, duckdb};

/// Characters of a cell's text that are kept.
const LONGEST_CELL: usize = 1000;

/// The failing rows of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingRows {
    pub columns: Vec<Column>,
    /// The first rows, a text for each column; `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows there are.
    pub total: u64,
}

impl FailingRows {
    /// The rows that a query gives, of which `keeps` are kept: counted, and written as text, by the engine.
    ///
    /// # Errors
    /// Those of the query.
    pub fn of(session: &mut dyn Session, sql: &str, keeps: usize) -> Result<Self, EngineError> {
        let columns = session.columns(&format!("select * from (\n{sql}\n)"))?;
        let query = counting(sql, columns.len(), keeps);
        let mut failing = FailingRows { columns, ..FailingRows::default() };
        for batch in session.query(&query)? {
            batch.and_then(|batch| failing.take(&batch)).map_err(reading_failed)?;
        }
        Ok(failing)
    }

    /// None yet of those that come in batches of this schema.
    pub fn of_schema(schema: &Schema) -> Self {
        let column = |field: &FieldRef| Column { name: field.name().clone(), engine_type: duckdb::written_type(field) };
        FailingRows { columns: schema.fields().iter().map(column).collect(), ..FailingRows::default() }
    }

    /// Counts a batch of so many rows, and keeps the first of them until `keeps` are kept. Without columns none is.
    ///
    /// # Errors
    /// When a column's values cannot be written.
    pub fn add(&mut self, rows: usize, columns: &[ArrayRef], keeps: usize) -> Result<(), ArrowError> {
        self.total += rows as u64;
        let first = rows.min(keeps.saturating_sub(self.rows.len()));
        if first == 0 || columns.is_empty() {
            return Ok(());
        }
        let texts = columns.iter().map(|column| duckdb::written_values(&column.slice(0, first)));
        let texts: Vec<Vec<Option<String>>> = texts.collect::<Result<_, _>>()?;
        let cell = |row: usize| move |column: &Vec<Option<String>>| column[row].as_deref().map(FailingRows::cell);
        self.rows.extend((0..first).map(|row| texts.iter().map(cell(row)).collect()));
        Ok(())
    }

    /// A text as the rows keep it.
    fn cell(text: &str) -> String {
        match text.char_indices().nth(LONGEST_CELL) {
            // What was cut off leaves a mark in the last character's place.
            Some(_) => text.chars().take(LONGEST_CELL - 1).chain(['…']).collect(),
            None => text.to_owned(),
        }
    }

    /// Takes the answers to `counting`.
    fn take(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let [totals, numbers, cells @ ..] = batch.columns() else { return Ok(()) };
        let texts: Vec<ArrayRef> = cells.iter().map(|cells| cast(cells, &DataType::Utf8)).collect::<Result<_, _>>()?;
        let texts: Vec<&StringArray> = texts.iter().map(|texts| texts.as_string()).collect();
        for row in 0..batch.num_rows() {
            self.total = totals.as_primitive::<UInt64Type>().value(row);
            // Where no row is kept, one answer holds the count alone.
            if numbers.is_valid(row) {
                let cell = |texts: &&StringArray| texts.is_valid(row).then(|| FailingRows::cell(texts.value(row)));
                self.rows.push(texts.iter().map(cell).collect());
            }
        }
        Ok(())
    }
}

/// The number of the rows beside each of the first ones: one question, so that both answers are about the same rows.
fn counting(sql: &str, columns: usize, keeps: usize) -> String {
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let texts = names.iter().map(|name| format!(", left(cast({name} as varchar), {}) as {name}", LONGEST_CELL + 1));
    format!(
        "with dovetail_failing({}) as materialized (select * from (\n{sql}\n)),\n\
         dovetail_first as (select row_number() over () as number{} from dovetail_failing limit {keeps})\n\
         select total, dovetail_first.* from (select count(*)::ubigint as total from dovetail_failing)\n\
         left join dovetail_first on true order by number",
        names.join(", "),
        texts.collect::<String>()
    )
}

fn reading_failed(error: ArrowError) -> EngineError {
    if let ArrowError::ExternalError(inner) = &error
        && let Some(inner) = inner.downcast_ref::<EngineError>()
    {
        return inner.clone();
    }
    EngineError { kind: EngineErrorKind::Execution, message: error.to_string(), offset: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn batches_are_counted_and_their_first_rows_kept() {
        let fields =
            [("n", DataType::Int64), ("text", DataType::Utf8)].map(|(name, kind)| Field::new(name, kind, true));
        let schema = Schema::new(Vec::from(fields));
        let texts = StringArray::from(vec![Some("x".repeat(1001)), None, Some("é".repeat(1000))]);
        let columns: [ArrayRef; 2] = [Arc::new(Int64Array::from(vec![1, 2, 3])), Arc::new(texts)];
        let mut failing = FailingRows::of_schema(&schema);
        for _ in 0..3 {
            failing.add(3, &columns, 4).unwrap();
        }
        let kept: Vec<_> = failing.rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
        assert_eq!((failing.total, kept), (9, vec!["1", "2", "3", "1"]));
        let lengths = failing.rows.iter().map(|row| row[1].as_deref().map(|text| text.chars().count()));
        assert_eq!(lengths.collect::<Vec<_>>(), [Some(1000), None, Some(1000), Some(1000)]);
        assert!(failing.rows[0][1].as_deref().unwrap().ends_with("x…"));
        assert!(failing.rows[2][1].as_deref().unwrap().ends_with('é'));

        let mut counted = FailingRows::of_schema(&schema);
        counted.add(3, &columns, 0).unwrap();
        assert_eq!((counted.total, counted.rows.len()), (3, 0));
    }
}
