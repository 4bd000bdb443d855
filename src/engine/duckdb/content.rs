//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::raw::{Chunk, Connection, LogicalType};
use super::types::type_text;
use crate::engine::{Column, Content, EngineError};
use crate::graph::{RelationName, quoted};
use crate::hash::of_pieces;

/// Says how a version is made, with the engine's version, whose hash function may change.
const METHOD: &str = "dovetail data version 1, DuckDB ";

pub(super) fn content(
    connection: &Arc<Connection>,
    relation: &RelationName,
    is_view: bool,
) -> Result<Content, EngineError> {
    if is_view {
        let columns = columns(connection.prepare(&format!("from {relation}"))?.columns());
        return Ok(Content { columns, data_version: None });
    }
    let columns = columns(connection.table_columns(relation)?);
    let data_version = Some(data_version(connection, relation, &columns)?);
    Ok(Content { columns, data_version })
}

/// Columns as the engine's callers know them.
pub(super) fn columns(columns: Vec<(String, LogicalType)>) -> Vec<Column> {
    columns.into_iter().map(|(name, logical)| Column { name, engine_type: type_text(&logical) }).collect()
}

fn data_version(
    connection: &Arc<Connection>,
    relation: &RelationName,
    columns: &[Column],
) -> Result<String, EngineError> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    // Equal rows cancel each other in the one and add up in the other. Planning the query takes longer than hashing a
    // small table: it says what is hashed once, and the numbers become text here.
    let query = format!(
        "select count(*), bit_xor(h), sum(h) from (select hash({names}) as h from {relation})",
        names = names.join(", ")
    );
    let chunk = connection.run(&query)?.next_chunk()?;
    let rows = chunk.map(|chunk| numbers(&chunk)).unwrap_or_default();
    let engine = super::version();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = [METHOD.as_bytes(), engine.as_bytes()].into_iter().chain(schema).chain([rows.as_bytes()]);
    Ok(of_pieces(pieces).to_hex().to_string())
}

/// Count, exclusive or and sum of the hashes; without rows there is the count alone.
fn numbers(chunk: &Chunk) -> String {
    let count = chunk.big_int(0, 0).unwrap_or_default();
    match (chunk.unsigned_big_int(1, 0), chunk.huge_int(2, 0)) {
        (Some(xor), Some(sum)) => format!("{count} {xor} {sum}"),
        _ => count.to_string(),
    }
}
