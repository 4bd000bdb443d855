//! Small results as numbers.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;

use crate::engine::{EngineError, EngineErrorKind, Session};

fn failed(error: ArrowError) -> EngineError {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<EngineError>() {
            Ok(error) => *error,
            Err(other) => EngineError { kind: EngineErrorKind::Execution, message: other.to_string(), offset: None },
        },
        other => EngineError { kind: EngineErrorKind::Execution, message: other.to_string(), offset: None },
    }
}

/// The values of the one row that a query gives, as whole numbers; 0 for NULL.
pub(super) fn numbers(session: &mut dyn Session, sql: &str) -> Result<Vec<i64>, EngineError> {
    let mut found = Vec::new();
    for batch in session.query(sql)? {
        for column in batch.map_err(failed)?.columns() {
            let column = cast(column, &DataType::Int64).map_err(failed)?;
            found.extend(column.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default));
        }
    }
    Ok(found)
}

/// The one value that a query gives.
pub(super) fn double(session: &mut dyn Session, sql: &str) -> Result<Option<f64>, EngineError> {
    let mut found = None;
    for batch in session.query(sql)? {
        let batch = batch.map_err(failed)?;
        let Some(column) = batch.columns().first() else { continue };
        let column = cast(column, &DataType::Float64).map_err(failed)?;
        found = found.or_else(|| column.as_primitive::<Float64Type>().iter().next().flatten());
    }
    Ok(found)
}
