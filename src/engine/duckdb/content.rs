//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::hashing::hashed;
use super::raw::{Chunk, Connection, LogicalType};
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
        let columns = columns(&connection.prepare(&format!("from {relation}"))?.columns());
        return Ok(Content { columns, hash: None, rows: None });
    }
    let typed = connection.table_columns(relation)?;
    let names: Vec<String> = typed.iter().map(|(name, logical)| hashed(&quoted(name), logical, 0)).collect();
    let columns = columns(&typed);
    if extent == Extent::Columns {
        return Ok(Content { columns, hash: None, rows: None });
    }
    let (hash, rows) = hash(connection, relation, &names, &columns)?;
    Ok(Content { columns, hash: Some(hash), rows })
}

/// Columns as the engine's callers know them.
pub(super) fn columns(typed: &[(String, LogicalType)]) -> Vec<Column> {
    typed.iter().map(|(name, logical)| Column { name: name.clone(), engine_type: type_text(logical) }).collect()
}

/// The hash of all rows, and their number.
fn hash(
    connection: &Arc<Connection>,
    relation: &RelationName,
    values: &[String],
    columns: &[Column],
) -> Result<(String, Option<u64>), EngineError> {
    let (sums, rows) = sums(connection, &relation.to_string(), values)?;
    let method = method();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = std::iter::once(method.as_bytes()).chain(schema).chain([sums.as_slice()]);
    Ok((of_pieces(pieces).to_hex().to_string(), rows))
}

/// What the rows of whatever may stand after `from` hold, in whatever order.
pub(super) fn rows(
    connection: &Arc<Connection>,
    from: &str,
    typed: &[(String, LogicalType)],
) -> Result<Vec<u8>, EngineError> {
    let values: Vec<String> = typed.iter().map(|(name, logical)| hashed(&quoted(name), logical, 0)).collect();
    Ok(sums(connection, from, &values)?.0)
}

/// Sums over the rows that do not depend on their order, and the number of rows.
fn sums(connection: &Arc<Connection>, from: &str, values: &[String]) -> Result<(Vec<u8>, Option<u64>), EngineError> {
    // The hash of several values is linear in them: hashed once more, rows that trade values show in both sums.
    // Equal rows cancel each other in the one and add up in the other. Planning the query takes longer than hashing a
    // small table: it says what is hashed once, and the numbers become text here.
    let query =
        format!("select count(*), bit_xor(h), sum(h) from (select hash(hash({})) as h from {from})", values.join(", "));
    let Some(chunk) = connection.run(&query)?.next_chunk()? else { return Ok((Vec::new(), None)) };
    let rows = chunk.big_int(0, 0).and_then(|rows| u64::try_from(rows).ok());
    Ok((numbers(&chunk).into_bytes(), rows))
}

/// Count, exclusive or and sum of the hashes; without rows there is the count alone.
fn numbers(chunk: &Chunk) -> String {
    let count = chunk.big_int(0, 0).unwrap_or_default();
    match (chunk.unsigned_big_int(1, 0), chunk.huge_int(2, 0)) {
        (Some(xor), Some(sum)) => format!("{count} {xor} {sum}"),
        _ => count.to_string(),
    }
}
#[cfg(test)]
mod tests;
