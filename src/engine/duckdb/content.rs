//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::raw::{Connection, LogicalType};
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
    let rows = rows(connection, &relation.to_string(), columns)?;
    let engine = super::version();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = [METHOD.as_bytes(), engine.as_bytes()].into_iter().chain(schema).chain([rows.as_slice()]);
    Ok(of_pieces(pieces).to_hex().to_string())
}

/// What the rows of a relation (or of whatever may stand after `from`) hold, in whatever order.
pub(super) fn rows(connection: &Arc<Connection>, from: &str, columns: &[Column]) -> Result<Vec<u8>, EngineError> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    // Equal rows cancel each other in the one and add up in the other.
    let query = format!(
        "select concat_ws(' ', count(*), bit_xor(hash({names})), sum(hash({names}))) from {from}",
        names = names.join(", ")
    );
    let chunk = connection.run(&query)?.next_chunk()?;
    Ok(chunk.and_then(|chunk| chunk.bytes(0, 0)).unwrap_or_default())
}
