//! What can be seen of data that dovetail does not make, as a version.

use std::sync::Arc;

use super::content;
use super::raw::Connection;
use crate::engine::{Closeness, Column, EngineError, Observation};
use crate::graph::quoted;
use crate::hash::of_pieces;

/// Says how a version is made.
const METHOD: &str = "dovetail source version 1";

/// A text that differs where the data differs, as far as one looks.
pub(super) fn observe(connection: &Arc<Connection>, observation: &Observation) -> Result<String, EngineError> {
    let Observation { from, closeness } = observation;
    let columns = content::columns(connection.prepare(&format!("from {from}"))?.columns());
    let rows = match closeness {
        Closeness::Count => first(connection, &format!("select count(*)::varchar from {from}"))?,
        Closeness::Column(column) => {
            let greatest = greatest(connection, from, &columns, column)?;
            first(connection, &format!("select concat_ws(' ', count(*), {greatest}) from {from}"))?
        }
        Closeness::Hash => content::rows(connection, from, &columns)?,
    };
    // Only the hash is made in a way that another engine may have changed.
    let engine = if *closeness == Closeness::Hash { super::version() } else { String::new() };
    let way = closeness.in_words();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = [METHOD.as_bytes(), engine.as_bytes(), way.as_bytes()].into_iter().chain(schema);
    Ok(of_pieces(pieces.chain([rows.as_slice()])).to_hex().to_string())
}

/// The greatest value as a text that depends on nobody's time zone. What is no column's name is an expression.
fn greatest(connection: &Arc<Connection>, from: &str, columns: &[Column], column: &str) -> Result<String, EngineError> {
    let is_column = columns.iter().any(|known| known.name.eq_ignore_ascii_case(column));
    let value = if is_column { quoted(column) } else { format!("({column})") };
    let found = content::columns(connection.prepare(&format!("select max({value}) as value from {from}"))?.columns());
    let is_zoned = found.first().is_some_and(|found| found.engine_type == "TIMESTAMP WITH TIME ZONE");
    Ok(if is_zoned { format!("epoch_us(max({value}))") } else { format!("max({value})::varchar") })
}

fn first(connection: &Arc<Connection>, query: &str) -> Result<Vec<u8>, EngineError> {
    let chunk = connection.run(query)?.next_chunk()?;
    Ok(chunk.and_then(|chunk| chunk.bytes(0, 0)).unwrap_or_default())
}
