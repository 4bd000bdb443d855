//! What runs have built and not published: where it stands, so that it can be looked at, published or removed.
//!
//! The table `staged` is what tells it from the user's own: nothing is removed because of its name.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::{Row, rows};
use super::{EXACTLY, State};
use crate::engine::duckdb::catalog;
use crate::engine::duckdb::raw::{BindValue, Connection};
use crate::engine::{EngineError, StagedAsset, StoredObject};
use crate::graph::{RelationName, literal};

impl State {
    /// Takes down what is built and kept, in the transaction that builds it.
    pub(in crate::engine::duckdb) fn insert_staged(
        &self,
        connection: &Arc<Connection>,
        staged: &StagedAsset,
        object: Option<&StoredObject>,
    ) -> Result<(), EngineError> {
        let values = "$1, $2, $3, $4, $5, $6::bigint = 1, $7, $8";
        let mut insert = connection.prepare(&format!("insert into {}.staged values ({values})", self.schema))?;
        let relation = staged.relation.as_ref();
        let database = relation.and_then(|relation| relation.database.as_deref());
        let schema = relation.map(|relation| relation.schema.as_str());
        let name = relation.map(|relation| relation.identifier.as_str());
        insert.bind(1, &BindValue::Text(&staged.run))?;
        insert.bind(2, &BindValue::Text(&staged.asset))?;
        for (index, part) in (3..).zip([database, schema, name]) {
            insert.bind(index, &part.map_or(BindValue::Null, BindValue::Text))?;
        }
        insert.bind(6, &BindValue::BigInt(staged.is_view.into()))?;
        insert.bind(7, &object.map_or(BindValue::Null, |object| BindValue::Text(&object.manager)))?;
        insert.bind(8, &object.map_or(BindValue::Null, |object| BindValue::Blob(&object.payload)))?;
        insert.run().map(|_| ())
    }

    /// What is staged, in the order in which it was built.
    pub(in crate::engine::duckdb) fn staged(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Vec<StagedAsset>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let columns = "run, asset, database_name, schema_name, name, is_view::bigint";
        let query = format!("select {columns} from {}.staged order by rowid asc", self.schema);
        rows(connection, "staged", &query, staged)
    }

    /// The object that is staged for an asset.
    pub(in crate::engine::duckdb) fn staged_object(
        &self,
        connection: &Arc<Connection>,
        asset: &str,
    ) -> Result<Option<StoredObject>, EngineError> {
        let condition = format!("where asset {EXACTLY} = $1 and payload is not null");
        self.object(connection, &format!("select manager, payload from {}.staged {condition}", self.schema), asset)
    }

    /// The statements that remove these, and the list of them, but never what somebody else has put in their place.
    pub(in crate::engine::duckdb) fn discard(
        &self,
        connection: &Arc<Connection>,
        staged: &[StagedAsset],
    ) -> Result<String, EngineError> {
        let own = catalog::relations(connection, &self.database)?
            .into_iter()
            .filter(|found| found.relation.database.is_none());
        let standing: HashMap<String, bool> = own.map(|found| (found.relation.key(), found.is_view)).collect();
        let stands = |relation: &&RelationName, is_view: bool| standing.get(&relation.key()) == Some(&is_view);
        let drops = staged.iter().filter_map(|staged| {
            let relation = staged.relation.as_ref().filter(|relation| stands(relation, staged.is_view))?;
            Some(format!("drop {} {relation};", if staged.is_view { "view" } else { "table" }))
        });
        let drops: Vec<String> = drops.collect();
        Ok(format!("{} {}", drops.join(" "), self.forget_staged()))
    }

    /// The statement after which nothing counts as staged.
    pub(in crate::engine::duckdb) fn forget_staged(&self) -> String {
        format!("delete from {}.staged;", self.schema)
    }

    /// The statements that put staged objects in the place of stored ones.
    pub(in crate::engine::duckdb) fn publish_objects(&self, assets: &[&str]) -> String {
        let names: Vec<String> = assets.iter().map(|asset| literal(asset)).collect();
        let (schema, names) = (&self.schema, names.join(", "));
        format!(
            "delete from {schema}.objects where asset {EXACTLY} in ({names});
            insert into {schema}.objects select asset, manager, payload, current_timestamp from {schema}.staged
            where payload is not null and asset {EXACTLY} in ({names});"
        )
    }
}

fn staged(row: &Row<'_>) -> Result<StagedAsset, EngineError> {
    let relation = row.text(3).zip(row.text(4));
    let database = row.text(2);
    Ok(StagedAsset {
        run: row.its_text(0)?,
        asset: row.its_text(1)?,
        relation: relation.map(|(schema, identifier)| RelationName { database, schema, identifier }),
        is_view: row.its_number(5)? == 1,
    })
}
