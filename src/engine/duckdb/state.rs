//! The tables of the schema `dovetail`, where state lives beside the data.

use std::sync::Arc;

use super::error::error_from_text;
use super::raw::{BindValue, Chunk, Connection};
use crate::engine::{EngineError, EngineErrorKind, ExistingRelation, StoredObject};
use crate::graph::RelationName;

/// Version of the tables below. An older one is migrated, a newer one refused.
const FORMAT: i64 = 1;

const CREATE: &str = "
create schema if not exists dovetail;
create table if not exists dovetail.format (version bigint not null);
create table if not exists dovetail.materializations (
    run varchar not null,
    asset varchar not null,
    kind varchar not null,
    started_at timestamp with time zone not null,
    seconds double not null,
    row_count bigint,
    metadata json
);
create table if not exists dovetail.objects (
    asset varchar not null,
    manager varchar not null,
    payload blob not null,
    stored_at timestamp with time zone not null
);
insert into dovetail.format select 1 where not exists (from dovetail.format);
";

pub(super) const INSERT_MATERIALIZATION: &str =
    "insert into dovetail.materializations values ($1, $2, $3, make_timestamptz($4::bigint), $5, $6, $7)";
pub(super) const DELETE_OBJECT: &str = "delete from dovetail.objects where asset = $1";
pub(super) const INSERT_OBJECT: &str = "insert into dovetail.objects values ($1, $2, $3, current_timestamp)";
/// The catalog's own listing, without the counts and texts that `duckdb_tables()` computes.
const SELECT_RELATIONS: &str = "select nullif(table_catalog, current_database()), table_schema, table_name, table_type
    from information_schema.tables where table_type in ('BASE TABLE', 'VIEW')";
const SELECT_OBJECT: &str = "select manager, payload from dovetail.objects where asset = $1";

/// Makes the tables in one transaction, or checks the format of those that are there.
pub(super) fn prepare(connection: &Arc<Connection>) -> Result<(), EngineError> {
    if !exists(connection)? {
        return connection.execute(&format!("begin transaction; {CREATE} commit"));
    }
    match number(connection, "select max(version) from dovetail.format")? {
        Some(FORMAT) => Ok(()),
        found => Err(error_from_text(
            EngineErrorKind::StateFormat,
            format!(
                "the state in schema `dovetail` has format {}, this dovetail knows format {FORMAT}",
                found.map_or("unknown".to_owned(), |version| version.to_string())
            ),
        )),
    }
}

/// The BIGINT that a query gives.
pub(super) fn number(connection: &Arc<Connection>, query: &str) -> Result<Option<i64>, EngineError> {
    Ok(connection.prepare(query)?.run()?.next_chunk()?.and_then(|chunk| chunk.big_int(0, 0)))
}

fn exists(connection: &Arc<Connection>) -> Result<bool, EngineError> {
    match connection.prepare("select version from dovetail.format") {
        Ok(_) => Ok(true),
        Err(error) if error.kind == EngineErrorKind::Query => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn read_object(connection: &Arc<Connection>, asset: &str) -> Result<Option<StoredObject>, EngineError> {
    if !exists(connection)? {
        return Ok(None);
    }
    let mut statement = connection.prepare(SELECT_OBJECT)?;
    statement.bind(1, &BindValue::Text(asset))?;
    let chunk = statement.run()?.next_chunk()?;
    Ok(chunk.and_then(|chunk| {
        let manager = String::from_utf8(chunk.bytes(0, 0)?).ok()?;
        Some(StoredObject { asset: asset.to_owned(), manager, payload: chunk.bytes(1, 0)? })
    }))
}

/// Tables and views of the project's own database and of attached ones.
pub(super) fn relations(connection: &Arc<Connection>) -> Result<Vec<ExistingRelation>, EngineError> {
    let mut statement = connection.prepare(SELECT_RELATIONS)?;
    let mut result = statement.run()?;
    let mut relations = Vec::new();
    while let Some(chunk) = result.next_chunk()? {
        relations.extend((0..chunk.len()).filter_map(|row| relation(&chunk, row)));
    }
    Ok(relations)
}

fn relation(chunk: &Chunk, row: u64) -> Option<ExistingRelation> {
    let text = |column| chunk.bytes(column, row).and_then(|bytes| String::from_utf8(bytes).ok());
    let relation = RelationName { database: text(0), schema: text(1)?, identifier: text(2)? };
    Some(ExistingRelation { relation, is_view: text(3)? == "VIEW" })
}
