//! What was made where, and what of it was moved to the trash.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{Row, rows};
use super::schema::{folded, is_newest_of};
use super::{Details, State, definitions};
use crate::engine::duckdb::raw::{BindValue, Connection};
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

/// What a record says of the content of a relation.
#[derive(Default)]
pub(in crate::engine::duckdb) struct Written {
    pub columns: Vec<Column>,
    /// Of columns and rows, where it is known.
    pub hash: Option<String>,
    /// Of a view, where it is known.
    pub definition: Option<String>,
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
            "select asset, if(details is null, '', details->>'materialized'), relation, row_count, (details->>'bytes')::bigint,
                epoch_us(started_at), details->>'project'
            from {materializations} where {} order by asset asc, relation asc",
            is_newest_of(
                &materializations,
                "true",
                &format!("{}, if(relation is null, asset, null)", folded("relation"))
            )
        );
        let found = rows(connection, "materializations", &query, made)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What the newest record says of the content of a relation; the hash where it is by this method.
    pub(in crate::engine::duckdb) fn written(
        &self,
        connection: &Arc<Connection>,
        relation: &str,
        method: &str,
    ) -> Result<Written, EngineError> {
        let query = format!(
            "select details::varchar, definition from (
                select arg_max(details, rowid) as details, arg_max(run, rowid) as run, $1 as relation
                from {}.materializations where {} = $1
            ) newest {}",
            self.schema,
            folded("relation"),
            definitions::join(&self.schema, "newest")
        );
        let mut statement = connection.prepare(&query)?;
        statement.bind(1, &BindValue::Text(&graph::folded(relation)))?;
        let Some(chunk) = statement.run()?.next_chunk()? else { return Ok(Written::default()) };
        let row = Row::first_of(&chunk, "materializations");
        let Details { columns, data_hash, data_version, data_method, .. } =
            row.fields(0, || format!("the details of `{relation}`"))?;
        let hash = data_hash.or(data_version).filter(|_| data_method.as_deref() == Some(method));
        Ok(Written { columns, hash, definition: row.text(1) })
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
            let object = |row: &Row<'_>| {
                let file = row.bytes(1).and_then(|payload| KeptFile::of(&payload));
                Ok((row.its_text(0)?, file))
            };
            found.extend(rows(connection, "objects", &query, object)?);
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
        rows(connection, "trash", &query, trash_row)
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

/// `None` where nobody knows where it stood: older formats did not say.
fn made(row: &Row<'_>) -> Result<Option<Made>, EngineError> {
    let relation = row.text(2);
    let asset = row.its_text(0)?;
    let stored_as = match (row.text(1).as_deref(), &relation) {
        (None, _) => {
            return Err(row.damage(&format!("the details of `{asset}`: they do not say what it was stored as")));
        }
        (Some("object"), None) => StoredAs::Object,
        (Some(""), _) | (_, None) => return Ok(None),
        (Some("view"), Some(_)) => StoredAs::View,
        (Some(_), Some(_)) => StoredAs::Table,
    };
    Ok(Some(Made {
        asset,
        project: row.text(6),
        stored_as,
        relation,
        rows: row.count(3),
        bytes: row.count(4),
        built_at: row.its_number(5)?,
    }))
}

fn trash_row(row: &Row<'_>) -> Result<TrashRow, EngineError> {
    let asset = row.its_text(1)?;
    Ok(TrashRow {
        id: row.its_number(0)?,
        stored_as: row.word(2, StoredAs::named, || format!("what `{asset}` is stored as"))?,
        relation: row.text(3),
        place: row.text(4),
        moved_at: row.its_number(5)?,
        details: row.fields(6, || format!("the details of `{asset}`"))?,
        asset,
    })
}
