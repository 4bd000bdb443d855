//! The tables of the schema `dovetail`, where state lives beside the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::error_from_text;
use super::raw::{BindValue, Chunk, Connection};
use crate::engine::{
    Column, EngineError, EngineErrorKind, ExistingRelation, Inputs, MaterializationRecord, Recorded, StoredObject,
};
use crate::graph::{RelationName, literal, quoted};

/// Version of the tables below. An older one is migrated, a newer one refused.
const FORMAT: i64 = 2;

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
                metadata json,
                details json
            );
            create table if not exists {schema}.objects (
                asset varchar not null,
                manager varchar not null,
                payload blob not null,
                stored_at timestamp with time zone not null
            );
            insert into {schema}.format select {FORMAT} where not exists (from {schema}.format);
            {}",
            self.views()
        )
    }

    /// What people ask first, as tables.
    fn views(&self) -> String {
        let schema = &self.schema;
        let newest = "qualify row_number() over (partition by asset order by started_at desc, rowid desc) = 1";
        format!(
            "create or replace view {schema}.assets as
                select asset, kind, details->>'materialized' as materialized, details->>'relation' as relation, row_count,
                    started_at as materialized_at, seconds, details->>'code_version' as code_version,
                    details->>'data_version' as data_version, details->'inputs' as inputs, metadata, run
                from {schema}.materializations {newest};
            create or replace view {schema}.columns as
                select asset, position, columns[position]->>'name' as name, columns[position]->>'type' as type
                from (
                    select asset, details->'columns' as columns,
                        unnest(range(json_array_length(details, '$.columns')::bigint)) as position
                    from {schema}.materializations {newest}
                );
            create or replace view {schema}.runs as
                select run, min(started_at) as started_at,
                    max(started_at + to_microseconds((seconds * 1000000)::bigint)) as finished_at,
                    count(*) as materialized, sum(row_count) as row_count
                from {schema}.materializations group by run;"
        )
    }

    /// From format 1, which had no versions of code and data.
    fn migrate(&self) -> String {
        let schema = &self.schema;
        format!(
            "begin transaction; alter table {schema}.materializations add column if not exists details json; {}
            update {schema}.format set version = {FORMAT}; commit",
            self.views()
        )
    }

    pub(super) fn insert_materialization(&self) -> String {
        let values = "$1, $2, $3, make_timestamptz($4::bigint), $5, $6, $7, $8";
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
        match self.format(connection)? {
            Some(FORMAT) => Ok(()),
            Some(1) => connection.execute(&self.migrate()),
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

    /// The newest record of each of these assets, or of all.
    pub(super) fn recorded(
        &self,
        connection: &Arc<Connection>,
        assets: Option<&[&str]>,
    ) -> Result<Vec<Recorded>, EngineError> {
        if assets.is_some_and(<[_]>::is_empty) || !self.exists(connection)? {
            return Ok(Vec::new());
        }
        if self.format(connection)? == Some(1) {
            let message = "the state in schema `dovetail` has format 1, which `dovetail run` brings up to date";
            return Err(error_from_text(EngineErrorKind::StateFormat, message));
        }
        let condition = assets.map(|assets| {
            let names: Vec<String> = assets.iter().map(|asset| literal(asset)).collect();
            format!("where asset in ({})", names.join(", "))
        });
        let query = format!(
            "select asset, details::varchar, (seconds * 1000000)::bigint from {}.materializations {}
            qualify row_number() over (partition by asset order by started_at desc, rowid desc) = 1",
            self.schema,
            condition.unwrap_or_default()
        );
        let mut result = connection.prepare(&query)?.run()?;
        let mut found = Vec::new();
        while let Some(chunk) = result.next_chunk()? {
            found.extend((0..chunk.len()).filter_map(|row| recorded(&chunk, row)));
        }
        Ok(found)
    }

    fn format(&self, connection: &Arc<Connection>) -> Result<Option<i64>, EngineError> {
        number(connection, &format!("select max(version) from {}.format", self.schema))
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

fn recorded(chunk: &Chunk, row: u64) -> Option<Recorded> {
    let text = |column| chunk.bytes(column, row).and_then(|bytes| String::from_utf8(bytes).ok());
    // Nothing is known of what the first format recorded.
    let details: Details = text(1).and_then(|details| serde_json::from_str(&details).ok()).unwrap_or_default();
    Some(Recorded {
        asset: text(0)?,
        code_version: details.code_version,
        code_parts: details.code_parts,
        inputs: details.inputs,
        columns: details.columns,
        data_version: details.data_version,
        is_view: details.materialized == "view",
        relation: details.relation,
        seconds: chunk.big_int(2, row).unwrap_or_default() as f64 / 1e6,
    })
}

/// What is kept of a materialization in one column: each further column would cost every insert as much as a table.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    materialized: String,
    relation: Option<String>,
    columns: Vec<Column>,
    code_version: Option<String>,
    code_parts: BTreeMap<String, String>,
    code: String,
    inputs: Inputs,
    data_version: Option<String>,
}

impl Details {
    pub(super) fn of(record: &MaterializationRecord) -> Self {
        Details {
            materialized: record.materialized.to_owned(),
            relation: record.relation.clone(),
            columns: record.columns.clone(),
            code_version: Some(record.code_version.clone()),
            code_parts: record.code_parts.clone(),
            code: record.code.clone(),
            inputs: record.inputs.clone(),
            data_version: record.data_version.clone(),
        }
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
