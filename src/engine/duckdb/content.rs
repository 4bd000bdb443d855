//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::hashing::{HASH, hashed};
use super::raw::{Connection, LogicalType};
use super::tally::Sums;
use super::types::{named_type_text, type_text};
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
    let columns = columns(&typed);
    if extent == Extent::Columns {
        return Ok(Content { columns, hash: None, rows: None });
    }
    let sums = sums(connection, &relation.to_string(), &row_hash(&typed))?;
    Ok(Content { hash: Some(hash(&columns, &sums)), columns, rows: Some(sums.count) })
}

/// Columns as the engine's callers know them.
pub(super) fn columns(typed: &[(String, LogicalType)]) -> Vec<Column> {
    typed.iter().map(|(name, logical)| Column { name: name.clone(), engine_type: type_text(logical) }).collect()
}

/// The same, with types under the names that they have, but for those that another database would not know.
pub(super) fn named_columns(typed: &[(String, LogicalType)], is_foreign: &dyn Fn(&str) -> bool) -> Vec<Column> {
    let column = |(name, logical): &(String, LogicalType)| Column {
        name: name.clone(),
        engine_type: named_type_text(logical, is_foreign),
    };
    typed.iter().map(column).collect()
}

/// The hash of columns and rows.
pub(super) fn hash(columns: &[Column], sums: &Sums) -> String {
    let (method, sums) = (method(), sums.to_string());
    let schema = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    let pieces = std::iter::once(method.as_bytes()).chain(schema).chain([sums.as_bytes()]);
    of_pieces(pieces).to_hex().to_string()
}

/// What the rows of whatever may stand after `from` hold, in whatever order.
pub(super) fn rows(
    connection: &Arc<Connection>,
    from: &str,
    typed: &[(String, LogicalType)],
) -> Result<Vec<u8>, EngineError> {
    Ok(sums(connection, from, &row_hash(typed))?.to_string().into_bytes())
}

/// An expression for the hash of a row of whatever columns, right for those that `are_plain`.
pub(super) const ANY_ROW: &str = "system.main.hash(system.main.hash(*columns(*)))";

/// Whether columns of these types are hashed as they are.
pub(super) fn are_plain(typed: &[(String, LogicalType)]) -> bool {
    typed.iter().all(|(_, logical)| hashed("it", logical, 0) == "it")
}

/// An expression for the hash of a row of these columns.
pub(super) fn row_hash(typed: &[(String, LogicalType)]) -> String {
    let values: Vec<String> = typed.iter().map(|(name, logical)| hashed(&quoted(name), logical, 0)).collect();
    // The hash of several values is linear in them: hashed once more, rows that trade values show in both sums.
    format!("{HASH}({HASH}({}))", values.join(", "))
}

/// Sums over the rows that do not depend on their order. Equal rows cancel each other in the one and add up in the
/// other.
fn sums(connection: &Arc<Connection>, from: &str, row_hash: &str) -> Result<Sums, EngineError> {
    // Planning the query takes longer than hashing a small table: it says what is hashed once.
    let query = format!("select count(*), bit_xor(h), sum(h) from (select {row_hash} as h from {from})");
    let Some(chunk) = connection.run(&query)?.next_chunk()? else { return Ok(Sums::default()) };
    Ok(Sums {
        count: chunk.big_int(0, 0).and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        // Without rows both are NULL.
        xor: chunk.unsigned_big_int(1, 0).unwrap_or_default(),
        sum: chunk.huge_int(2, 0).and_then(|sum| u128::try_from(sum).ok()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
