//! The tables of the schema `dovetail`, where state lives beside the data.

mod checks;
mod definitions;
mod history;
mod read;
mod runs;
mod schema;
mod staged;
mod trash;

pub(super) use self::definitions::DEFINITION;
pub(super) use self::read::{number, text};
pub(super) use self::schema::folded;
pub(super) use self::trash::{TrashRow, Written};

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::read::{Row, damaged, rows};
use self::schema::{FORMAT, is_newest};
use super::error::error_from_text;
use super::raw::{Appender, BindValue, Connection};
use crate::engine::{
    Column, EngineError, EngineErrorKind, Inputs, MaterializationRecord, Part, Recorded, StoredObject,
};
use crate::graph::{RelationName, literal, quoted};
use crate::project::{STATE_SCHEMA, Values};

/// After the name of an asset, in statements that sessions run too: theirs compare as the target says.
const EXACTLY: &str = "collate c";

/// The state's statements for one database. Its name is written out: a database may be called `dovetail` too.
pub(super) struct State {
    database: String,
    schema: String,
}

impl State {
    pub(super) fn of(connection: &Arc<Connection>) -> Result<Self, EngineError> {
        let chunk = connection.prepare("select current_database()")?.run()?.next_chunk()?;
        let name = chunk.and_then(|chunk| String::from_utf8(chunk.bytes(0, 0)?).ok()).unwrap_or_default();
        Ok(State { schema: format!("{}.{}", quoted(&name), quoted(STATE_SCHEMA)), database: name })
    }

    /// The name of the project's own database.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// A relation of the own database with the name of that, as a schema or another database may have it too.
    pub(super) fn written_out(&self, relation: &RelationName) -> RelationName {
        let database = relation.database.clone().or_else(|| Some(self.database.clone()));
        RelationName { database, ..relation.clone() }
    }

    /// Writes the records as part of the connection's transaction. All at once: DuckDB takes as long to plan one as many,
    /// and plans anew in each transaction that makes a table.
    pub(super) fn insert_materializations(
        &self,
        connection: &Arc<Connection>,
        records: &[MaterializationRecord],
    ) -> Result<(), EngineError> {
        let mut appender = Appender::open(connection, (&self.database, STATE_SCHEMA, "materializations"))?;
        for record in records {
            let rows = record.rows.and_then(|rows| i64::try_from(rows).ok());
            appender.row(&[
                BindValue::Text(&record.run),
                BindValue::Text(&record.asset),
                BindValue::Text(record.kind),
                BindValue::Timestamp(record.started_at),
                BindValue::Double(record.seconds),
                rows.map_or(BindValue::Null, BindValue::BigInt),
                BindValue::Text(&json(&record.metadata)),
                BindValue::Text(&json(&Details::of(record))),
                record.relation.as_deref().map_or(BindValue::Null, BindValue::Text),
            ])?;
        }
        appender.finish()
    }

    pub(super) fn delete_object(&self) -> String {
        format!("delete from {}.objects where asset {EXACTLY} = $1", self.schema)
    }

    /// Statements that give what is known of an asset to another name.
    pub(super) fn rename(&self) -> [String; 3] {
        let schema = &self.schema;
        let take = |table| format!("update {schema}.{table} set asset = $2 where asset {EXACTLY} = $1");
        // What failed under the new name before it was built came after what the old one was built as.
        let place = format!(
            "update {schema}.failures set after = (
                select arg_max(run, rowid) from {schema}.materializations where asset {EXACTLY} = $1
            ) where asset {EXACTLY} = $2 and after is null"
        );
        [place, take("materializations"), take("failures")]
    }

    pub(super) fn insert_object(&self) -> String {
        format!("insert into {}.objects values ($1, $2, $3, current_timestamp)", self.schema)
    }

    /// Makes the tables in one transaction, or checks the format of those that are there.
    pub(super) fn prepare(&self, connection: &Arc<Connection>) -> Result<(), EngineError> {
        if !self.exists(connection)? {
            return connection.execute(&format!("begin transaction; {} commit", schema::create(&self.schema)));
        }
        match self.format(connection)? {
            Some(FORMAT) => self.is_whole(connection),
            Some(older @ 1..FORMAT) => connection.execute(&schema::migrate(&self.schema, older)),
            found => Err(unknown_format(found)),
        }
    }

    fn exists(&self, connection: &Arc<Connection>) -> Result<bool, EngineError> {
        let has = |table: &str| match connection.prepare(&format!("from {}.{table}", self.schema)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == EngineErrorKind::Query => Ok(false),
            Err(error) => Err(error),
        };
        if has("format")? {
            return Ok(true);
        }
        if has("materializations")? {
            return Err(damaged("its table `format` is gone"));
        }
        Ok(false)
    }

    /// Checks that nobody has dropped one of the tables.
    fn is_whole(&self, connection: &Arc<Connection>) -> Result<(), EngineError> {
        // One statement for all of them: commands ask this several times.
        match connection.prepare(&schema::all_tables(&self.schema)) {
            Err(error) if error.kind == EngineErrorKind::Query => {
                Err(damaged(error.message.lines().next().unwrap_or_default()))
            }
            other => other.map(|_| ()),
        }
    }

    /// Whether there is a state, of the format that is known.
    fn is_readable(&self, connection: &Arc<Connection>) -> Result<bool, EngineError> {
        if !self.exists(connection)? {
            return Ok(false);
        }
        match self.format(connection)? {
            Some(FORMAT) => self.is_whole(connection).map(|()| true),
            Some(older @ 1..FORMAT) => {
                let message = format!(
                    "the state in schema `dovetail` has format {older}, which `dovetail run` brings up to date"
                );
                Err(error_from_text(EngineErrorKind::StateFormat, message))
            }
            found => Err(unknown_format(found)),
        }
    }

    /// The newest record of each of these assets, or of all.
    pub(super) fn recorded(
        &self,
        connection: &Arc<Connection>,
        assets: Option<&[&str]>,
    ) -> Result<Vec<Recorded>, EngineError> {
        if assets.is_some_and(<[_]>::is_empty) || !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let condition = assets.map(|assets| {
            let names: Vec<String> = assets.iter().map(|asset| literal(asset)).collect();
            format!("asset in ({})", names.join(", "))
        });
        let query = format!(
            "select newest.asset, details::varchar, (seconds * 1000000)::bigint, newest.run, row_count, epoch_us(started_at),
                nullif(built_last.asset, newest.asset), relation, definition
            from (from {schema}.materializations where {}) newest
            left join ({}) built_last on built_last.place = {} {}",
            is_newest(&format!("{}.materializations", self.schema), condition.as_deref().unwrap_or("true")),
            schema::built_last(&self.schema),
            folded("newest.relation"),
            definitions::join(&self.schema, "newest"),
            schema = self.schema,
        );
        rows(connection, "materializations", &query, |row| recorded(row, details_of(row)?))
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
        let query = format!("select manager, payload from {}.objects where asset {EXACTLY} = $1", self.schema);
        self.object(connection, &query, asset)
    }

    fn object(
        &self,
        connection: &Arc<Connection>,
        query: &str,
        asset: &str,
    ) -> Result<Option<StoredObject>, EngineError> {
        let mut statement = connection.prepare(query)?;
        statement.bind(1, &BindValue::Text(asset))?;
        let chunk = statement.run()?.next_chunk()?;
        Ok(chunk.and_then(|chunk| {
            let manager = String::from_utf8(chunk.bytes(0, 0)?).ok()?;
            Some(StoredObject { asset: asset.to_owned(), manager, payload: chunk.bytes(1, 0)? })
        }))
    }
}

/// What is made of texts and numbers can always be written.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn unknown_format(found: Option<i64>) -> EngineError {
    let found = found.map_or("unknown".to_owned(), |version| version.to_string());
    let message = format!("the state in schema `dovetail` has format {found}, this dovetail knows format {FORMAT}");
    error_from_text(EngineErrorKind::StateFormat, message)
}

/// What is kept of a materialization whose row is as `recorded` takes it. Nothing is known of what the first format
/// recorded.
fn details_of(row: &Row<'_>) -> Result<Details, EngineError> {
    let (asset, run) = (row.its_text(0)?, row.its_text(3)?);
    row.fields(1, || format!("the details of `{asset}` in run {run}"))
}

/// Of a row that begins with asset, details, microseconds that it took, run, rows, start, what replaced it, relation,
/// definition.
fn recorded(row: &Row<'_>, details: Details) -> Result<Recorded, EngineError> {
    Ok(Recorded {
        asset: row.its_text(0)?,
        project: details.project,
        run: row.its_text(3)?,
        started_at: row.its_number(5)?,
        rows: row.count(4),
        code_version: details.code_version,
        code_parts: details.code_parts,
        packages: details.packages,
        inputs: details.inputs,
        columns: details.columns,
        data_version: details.data_version,
        data_method: details.data_method,
        data_hash: details.data_hash,
        parts: details.parts,
        renamed_from: None,
        is_view: details.materialized == "view",
        relation: row.text(7),
        definition: row.text(8),
        replaced_by: row.text(6),
        seconds: row.seconds(2)?,
    })
}

/// What is kept of a materialization in one column, and never asked of all of them at once: each further column would
/// cost every insert.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    materialized: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    columns: Vec<Column>,
    code_version: Option<String>,
    code_parts: BTreeMap<String, String>,
    /// With `config`, only where the code is not that of the asset's materialization before.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Values>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    packages: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    inputs: Inputs,
    data_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_hash: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

impl Details {
    pub(super) fn of(record: &MaterializationRecord) -> Self {
        Details {
            materialized: record.materialized.to_owned(),
            project: Some(record.project.clone()),
            columns: record.columns.clone(),
            code_version: Some(record.code_version.clone()),
            code_parts: record.code_parts.clone(),
            code: record.code.clone(),
            config: record.config.clone(),
            packages: record.packages.clone(),
            bytes: record.bytes,
            inputs: record.inputs.clone(),
            data_version: record.data_version.clone(),
            data_method: record.data_method.clone(),
            data_hash: record.data_hash.clone(),
            parts: record.parts.clone(),
        }
    }
}
