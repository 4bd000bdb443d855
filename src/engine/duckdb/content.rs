//! What a relation holds: its columns, and the data version of its rows in whatever order.

use std::sync::Arc;

use super::hashing::{HASH, hashed};
use super::parts::{Passed, RowHashes};
use super::raw::{Connection, LogicalType};
use super::tally::Sums;
use super::types::{named_type_text, type_text};
use crate::engine::{Column, Content, EngineError, Extent, PartsAsked};
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
    extent: Extent<'_>,
) -> Result<Content, EngineError> {
    let unread = |columns: Vec<Column>| Content { columns, hash: None, rows: None, parts: Vec::new() };
    if is_view {
        return Ok(unread(columns(&connection.prepare(&format!("from {relation}"))?.columns())));
    }
    let typed = connection.table_columns(relation)?;
    if extent == Extent::Columns {
        return Ok(unread(columns(&typed)));
    }
    let hashes = RowHashes::of(&typed, extent.parts());
    let passed = Passed { sums: sums(connection, &relation.to_string(), &hashes.all())?, hashes };
    Ok(read(&passed, &typed, extent.parts()))
}

/// What a table with these columns holds, of which all rows are summed in `passed`.
fn read(passed: &Passed, typed: &[(String, LogicalType)], parts: Option<&PartsAsked>) -> Content {
    let columns = columns(typed);
    let whole = passed.sums.first().copied().unwrap_or_default();
    let parts = passed.parts(parts, typed).unwrap_or_default();
    Content { hash: Some(hash(&columns, &whole)), columns, rows: Some(whole.count), parts }
}

/// Columns as the engine's callers know them.
pub(super) fn columns<'t>(typed: impl IntoIterator<Item = &'t (String, LogicalType)>) -> Vec<Column> {
    let column =
        |(name, logical): &(String, LogicalType)| Column { name: name.clone(), engine_type: type_text(logical) };
    typed.into_iter().map(column).collect()
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
    let sums = sums(connection, from, &[&row_hash(typed)])?;
    Ok(sums.first().copied().unwrap_or_default().to_string().into_bytes())
}

/// An expression for the hash of a row of whatever columns, right for those that `are_plain`.
pub(super) const ANY_ROW: &str = "system.main.hash(system.main.hash(*columns(*)))";

/// Whether columns of these types are hashed as they are.
pub(super) fn are_plain<'t>(typed: impl IntoIterator<Item = &'t (String, LogicalType)>) -> bool {
    typed.into_iter().all(|(_, logical)| hashed("it", logical, 0) == "it")
}

/// An expression for the hash of a row of these columns.
pub(super) fn row_hash<'t>(typed: impl IntoIterator<Item = &'t (String, LogicalType)>) -> String {
    let values: Vec<String> = typed.into_iter().map(|(name, logical)| hashed(&quoted(name), logical, 0)).collect();
    // The hash of several values is linear in them: hashed once more, rows that trade values show in both sums.
    format!("{HASH}({HASH}({}))", values.join(", "))
}

/// Sums over the rows that do not depend on their order. Equal rows cancel each other in the one and add up in the
/// other.
fn sums(connection: &Arc<Connection>, from: &str, row_hashes: &[&str]) -> Result<Vec<Sums>, EngineError> {
    // Planning the query takes longer than hashing a small table: it says what is hashed once.
    let hashes: Vec<String> =
        (0..).zip(row_hashes).map(|(index, hash): (u64, _)| format!("{hash} as h{index}")).collect();
    let sums: String = (0..row_hashes.len()).map(|index| format!(", bit_xor(h{index}), sum(h{index})")).collect();
    let query = format!("select count(*){sums} from (select {} from {from})", hashes.join(", "));
    let Some(chunk) = connection.run(&query)?.next_chunk()? else { return Ok(Vec::new()) };
    let count = chunk.big_int(0, 0).and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    let sums = (0..).zip(row_hashes).map(|(index, _): (u64, _)| Sums {
        count,
        // Without rows both are NULL.
        xor: chunk.unsigned_big_int(1 + 2 * index, 0).unwrap_or_default(),
        sum: chunk.huge_int(2 + 2 * index, 0).and_then(|sum| u128::try_from(sum).ok()).unwrap_or_default(),
    });
    Ok(sums.collect())
}

#[cfg(test)]
mod tests;
