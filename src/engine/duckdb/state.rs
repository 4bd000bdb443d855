//! The tables of the schema `dovetail`, where state lives beside the data.

use std::sync::Arc;

use super::error::error_from_text;
use super::raw::{BindValue, Chunk, Connection};
use crate::engine::{EngineError, EngineErrorKind, ExistingRelation, StoredObject};
use crate::graph::{RelationName, quoted};

/// Version of the tables below. An older one is migrated, a newer one refused.
const FORMAT: i64 = 1;

/// The catalog's own listing, without the counts and texts that `duckdb_tables()` computes.
const SELECT_RELATIONS: &str = "select nullif(table_catalog, current_database()), table_schema, table_name, table_type
    from information_schema.tables where table_type in ('BASE TABLE', 'VIEW')";

/// The state's statements for one database. Its name is written out: a database may be called `dovetail` too.
pub(super) struct State {
    schema: String,
}

impl State {
    pub(super) fn of(connection: &Arc<Connection>) -> Result<Self, EngineError> {
        let chunk = connection.prepare("select current_database()")?.run()?.next_chunk()?;
        let name = chunk.and_then(|chunk| String::from_utf8(chunk.bytes(0, 0)?).ok()).unwrap_or_default();
        Ok(State { schema: format!("{}.dovetail", quoted(&name)) })
    }

    fn create(&self) -> String {
        let schema = &self.schema;
        format!(
            "create schema if not exists {schema};
            create table if not exists {schema}.format (version bigint not null);
            create table if not exists {schema}.materializations (
                run varchar not null,
                asset varchar not null,
                kind varchar not null,
                started_at timestamp with time zone not null,
                seconds double not null,
                row_count bigint,
                metadata json
            );
            create table if not exists {schema}.objects (
                asset varchar not null,
                manager varchar not null,
                payload blob not null,
                stored_at timestamp with time zone not null
            );
            insert into {schema}.format select {FORMAT} where not exists (from {schema}.format);"
        )
    }

    pub(super) fn insert_materialization(&self) -> String {
        let values = "$1, $2, $3, make_timestamptz($4::bigint), $5, $6, $7";
        format!("insert into {}.materializations values ({values})", self.schema)
    }

    pub(super) fn delete_object(&self) -> String {
        format!("delete from {}.objects where asset = $1", self.schema)
    }

    pub(super) fn insert_object(&self) -> String {
        format!("insert into {}.objects values ($1, $2, $3, current_timestamp)", self.schema)
    }

    /// Makes the tables in one transaction, or checks the format of those that are there.
    pub(super) fn prepare(&self, connection: &Arc<Connection>) -> Result<(), EngineError> {
        if !self.exists(connection)? {
            return connection.execute(&format!("begin transaction; {} commit", self.create()));
        }
        match number(connection, &format!("select max(version) from {}.format", self.schema))? {
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

    fn exists(&self, connection: &Arc<Connection>) -> Result<bool, EngineError> {
        match connection.prepare(&format!("select version from {}.format", self.schema)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == EngineErrorKind::Query => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read_object(
        &self,
        connection: &Arc<Connection>,
        asset: &str,
    ) -> Result<Option<StoredObject>, EngineError> {
        if !self.exists(connection)? {
            return Ok(None);
        }
        let query = format!("select manager, payload from {}.objects where asset = $1", self.schema);
        let mut statement = connection.prepare(&query)?;
        statement.bind(1, &BindValue::Text(asset))?;
        let chunk = statement.run()?.next_chunk()?;
        Ok(chunk.and_then(|chunk| {
            let manager = String::from_utf8(chunk.bytes(0, 0)?).ok()?;
            Some(StoredObject { asset: asset.to_owned(), manager, payload: chunk.bytes(1, 0)? })
        }))
    }
}

/// The BIGINT that a query gives.
pub(super) fn number(connection: &Arc<Connection>, query: &str) -> Result<Option<i64>, EngineError> {
    Ok(connection.prepare(query)?.run()?.next_chunk()?.and_then(|chunk| chunk.big_int(0, 0)))
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
