//! The rows that a check fails for: the first of them are kept, as texts.

use super::queries::{numbers, texts};
use crate::engine::{EngineError, FailingRows, Session};
use crate::graph::quoted;
use crate::template::Secrets;

/// So many rows of a check are kept, and so many letters of each value and of all together.
const MOST_ROWS: usize = 100;
const LONGEST_VALUE: usize = 1000;
const LONGEST: usize = 1 << 20;

/// The first rows that a query gives, and how many there are.
pub(super) fn rows(session: &mut dyn Session, query: &str) -> Result<FailingRows, EngineError> {
    let columns = session.columns(query)?;
    let total = numbers(session, &format!("select count(*) from (\n{query}\n) as failing"))?;
    // Names may repeat, so they are given by their places.
    let names: Vec<String> = (0..columns.len()).map(|number| format!("c{number}")).collect();
    let shown: Vec<String> = names
        .iter()
        .map(|name| format!("left(cast({name} as varchar), {LONGEST_VALUE}) as {}", quoted(name)))
        .collect();
    let first =
        format!("select {} from (\n{query}\n) as failing({}) limit {MOST_ROWS}", shown.join(", "), names.join(", "));
    let by_column = texts(session, &first)?;
    let count = by_column.first().map_or(0, Vec::len);
    let row = |number: usize| by_column.iter().map(|values| values.get(number).cloned().flatten()).collect::<Vec<_>>();
    let mut left = LONGEST;
    let mut rows = Vec::with_capacity(count);
    for row in (0..count).map(row) {
        let length: usize = row.iter().flatten().map(String::len).sum();
        let Some(rest) = left.checked_sub(length).filter(|_| !rows.is_empty() || length <= LONGEST) else { break };
        left = rest;
        rows.push(row);
    }
    let total = total.first().and_then(|total| u64::try_from(*total).ok()).unwrap_or_default();
    Ok(FailingRows { columns, rows, total })
}

/// Data may hold what a template has read as a secret.
pub(super) fn redacted(mut failing: FailingRows, secrets: &Secrets) -> FailingRows {
    for value in failing.rows.iter_mut().flatten().flatten() {
        *value = secrets.redact(value);
    }
    failing
}
