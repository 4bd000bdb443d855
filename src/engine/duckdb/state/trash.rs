//! What was made where, and what of it was moved to the trash.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::schema::{folded, is_newest_of};
use super::{State, rows, text};
use crate::engine::duckdb::raw::{BindValue, Chunk, Connection};
use crate::engine::duckdb::trash;
use crate::engine::{Column, EngineError, KeptFile, Made, StoredAs, Trashed};
use crate::graph::{self, literal};

/// A row of the trash's table.
pub(in crate::engine::duckdb) struct TrashRow {
    pub id: i64,
    pub asset: String,
    pub stored_as: StoredAs,
    pub relation: Option<String>,
    /// The name in the trash's schema; `None` where nothing stands there.
    pub place: Option<String>,
    pub moved_at: i64,
    pub details: trash::Details,
}

impl From<TrashRow> for Trashed {
    fn from(row: TrashRow) -> Self {
        let trash::Details { rows, bytes, built_at, .. } = row.details;
        let (asset, stored_as, relation) = (row.asset, row.stored_as, row.relation);
        let made = Made { asset, project: None, stored_as, relation, rows, bytes, built_at };
        Trashed { id: row.id, made, moved_at: row.moved_at }
    }
}

impl State {
    /// The newest record of each relation and of each object.
    pub(in crate::engine::duckdb) fn made(&self, connection: &Arc<Connection>) -> Result<Vec<Made>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let materializations = format!("{}.materializations", self.schema);
        let query = format!(
            "select asset, details->>'materialized', relation, row_count, (details->>'bytes')::bigint,
                epoch_us(started_at), details->>'project'
            from {materializations} where {} order by asset asc, relation asc",
            is_newest_of(
                &materializations,
                "true",
                &format!("{}, if(relation is null, asset, null)", folded("relation"))
            )
        );
        rows(connection, &query, made)
    }

    /// The columns that the newest record of a relation says.
    pub(in crate::engine::duckdb) fn columns_of(
        &self,
        connection: &Arc<Connection>,
        relation: &str,
    ) -> Result<Vec<Column>, EngineError> {
        let query = format!(
            "select arg_max(details->>'columns', rowid) from {}.materializations
            where {} = $1",
            self.schema,
            folded("relation")
        );
        let mut statement = connection.prepare(&query)?;
        statement.bind(1, &BindValue::Text(&graph::folded(relation)))?;
        let chunk = statement.run()?.next_chunk()?;
        let columns = chunk.and_then(|chunk| text(&chunk, 0, 0));
        Ok(columns.and_then(|columns| serde_json::from_str(&columns).ok()).unwrap_or_default())
    }

    /// The assets of which an object is stored, with the file of those that are kept in one. No other payload is read: it
    /// may be large.
    pub(in crate::engine::duckdb) fn objects(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<BTreeMap<String, Option<KeptFile>>, EngineError> {
        let mut found = BTreeMap::new();
        if self.exists(connection)? {
            let payload = format!("case when manager = {} then payload end", literal(KeptFile::MANAGER));
            let query = format!("select asset, {payload} from {}.objects", self.schema);
            let object = |chunk: &Chunk, row: u64| {
                let file = chunk.bytes(1, row).and_then(|payload| KeptFile::of(&payload));
                Some((text(chunk, 0, row)?, file))
            };
            found.extend(rows(connection, &query, object)?);
        }
        Ok(found)
    }

    /// What is in the trash, the newest last.
    pub(in crate::engine::duckdb) fn trash(&self, connection: &Arc<Connection>) -> Result<Vec<TrashRow>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let query = format!(
            "select id, asset, stored_as, relation, place, epoch_us(moved_at), details::varchar
            from {}.trash order by id asc",
            self.schema
        );
        rows(connection, &query, trash_row)
    }

    /// Takes asset, form, relation, place and details. The payload of an object comes along.
    pub(in crate::engine::duckdb) fn insert_trash(&self) -> String {
        let schema = &self.schema;
        format!(
            "insert into {schema}.trash
            select (select coalesce(max(id), 0) + 1 from {schema}.trash), $1, $2, $3, $4, current_timestamp, $5,
                manager, payload
            from (select 1) left join (from {schema}.objects where asset = $1 and $2 = 'object') on true"
        )
    }

    pub(in crate::engine::duckdb) fn restore_object(&self, id: i64) -> String {
        let schema = &self.schema;
        format!(
            "insert into {schema}.objects select asset, manager, payload, moved_at from {schema}.trash where id = {id}"
        )
    }

    pub(in crate::engine::duckdb) fn delete_trash(&self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        format!("delete from {}.trash where id in ({})", self.schema, ids.join(", "))
    }
}

fn made(chunk: &Chunk, row: u64) -> Option<Made> {
    let relation = text(chunk, 2, row);
    let stored_as = match (text(chunk, 1, row)?.as_str(), &relation) {
        ("object", None) => StoredAs::Object,
        ("view", Some(_)) => StoredAs::View,
        (_, Some(_)) => StoredAs::Table,
        // Nobody knows where it stood.
        (_, None) => return None,
    };
    let count = |column| chunk.big_int(column, row).and_then(|count| u64::try_from(count).ok());
    Some(Made {
        asset: text(chunk, 0, row)?,
        project: text(chunk, 6, row),
        stored_as,
        relation,
        rows: count(3),
        bytes: count(4),
        built_at: chunk.big_int(5, row).unwrap_or_default(),
    })
}

fn trash_row(chunk: &Chunk, row: u64) -> Option<TrashRow> {
    Some(TrashRow {
        id: chunk.big_int(0, row)?,
        asset: text(chunk, 1, row)?,
        stored_as: StoredAs::named(&text(chunk, 2, row)?)?,
        relation: text(chunk, 3, row),
        place: text(chunk, 4, row),
        moved_at: chunk.big_int(5, row).unwrap_or_default(),
        details: text(chunk, 6, row).and_then(|details| serde_json::from_str(&details).ok()).unwrap_or_default(),
    })
}
