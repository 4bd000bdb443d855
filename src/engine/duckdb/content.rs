//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::hashing::hashed;
use super::raw::{Connection, LogicalType};
use super::types::type_text;
use crate::engine::{Column, Content, EngineError, Extent};
use crate::graph::{RelationName, quoted};
use crate::hash::of_pieces;

/// How a version is made; with the engine's version, whose hash function may change.
pub(super) fn method() -> String {
    format!("content 2, DuckDB {}", super::version())
}

pub(super) fn content(
    connection: &Arc<Connection>,
    relation: &RelationName,
    is_view: bool,
    extent: Extent,
) -> Result<Content, EngineError> {
    if is_view {
        let columns = columns(connection.prepare(&format!("from {relation}"))?.columns());
        return Ok(Content { columns, hash: None, rows: None });
    }
    let typed = connection.table_columns(relation)?;
    let names: Vec<String> = typed.iter().map(|(name, logical)| hashed(&quoted(name), logical, 0)).collect();
    let columns = columns(typed);
    if extent == Extent::Columns {
        return Ok(Content { columns, hash: None, rows: None });
    }
    let (hash, rows) = hash(connection, relation, &names, &columns)?;
    Ok(Content { columns, hash: Some(hash), rows })
}

/// Columns as the engine's callers know them.
pub(super) fn columns(columns: Vec<(String, LogicalType)>) -> Vec<Column> {
    columns.into_iter().map(|(name, logical)| Column { name, engine_type: type_text(&logical) }).collect()
}

/// The hash of all rows, and their number.
fn hash(
    connection: &Arc<Connection>,
    relation: &RelationName,
    values: &[String],
    columns: &[Column],
) -> Result<(String, Option<u64>), EngineError> {
    // The hash of several values is linear in them: hashed once more, rows that trade values show in both sums.
    // Equal rows cancel each other in the one and add up in the other.
    let query = format!(
        "select count(*), concat_ws(' ', count(*), bit_xor(row_hash), sum(row_hash))
        from (select hash(hash({})) as row_hash from {relation})",
        values.join(", ")
    );
    let chunk = connection.run(&query)?.next_chunk()?;
    let rows = chunk.as_ref().and_then(|chunk| chunk.big_int(0, 0)).and_then(|rows| u64::try_from(rows).ok());
    let sums = chunk.and_then(|chunk| chunk.bytes(1, 0)).unwrap_or_default();
    let method = method();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = std::iter::once(method.as_bytes()).chain(schema).chain([sums.as_slice()]);
    Ok((of_pieces(pieces).to_hex().to_string(), rows))
}

#[cfg(test)]
mod tests;
