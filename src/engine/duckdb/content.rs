//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::raw::{Connection, Prepared};
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
    let columns = columns(&connection.prepare(&format!("from {relation}"))?);
    let data_version = if is_view { None } else { Some(data_version(connection, relation, &columns)?) };
    Ok(Content { columns, data_version })
}

/// The columns that a statement gives.
pub(super) fn columns(prepared: &Prepared) -> Vec<Column> {
    let column = |(name, logical)| Column { name, engine_type: type_text(&logical) };
    prepared.columns().into_iter().map(column).collect()
}

fn data_version(
    connection: &Arc<Connection>,
    relation: &RelationName,
    columns: &[Column],
) -> Result<String, EngineError> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    // Equal rows cancel each other in the one and add up in the other.
    let query = format!(
        "select concat_ws(' ', count(*), bit_xor(hash({names})), sum(hash({names}))) from {relation}",
        names = names.join(", ")
    );
    let chunk = connection.prepare(&query)?.run()?.next_chunk()?;
    let rows = chunk.and_then(|chunk| chunk.bytes(0, 0)).unwrap_or_default();
    let engine = super::version();
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = [METHOD.as_bytes(), engine.as_bytes()].into_iter().chain(schema).chain([rows.as_slice()]);
    Ok(of_pieces(pieces).to_hex().to_string())
}
