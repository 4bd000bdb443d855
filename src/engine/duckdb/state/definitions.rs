//! What views were defined as when a run ended: what a later look compares with what stands.
//!
//! DuckDB keeps a definition in a form of its own, which only its catalog tells, and walks all views to tell one. So they
//! are taken down once for all views of a run. Of a run that never ended nothing is known, and nothing is compared.

use std::sync::Arc;

use super::State;
use super::schema::folded;
use crate::engine::EngineError;
use crate::engine::duckdb::raw::Connection;
use crate::engine::duckdb::version;
use crate::graph::literal;

/// The query of a row of `duckdb_views()`: what follows the view's name, whose parts may stand in quotes.
macro_rules! view_query {
    () => {
        r#"regexp_replace(sql, '^CREATE VIEW (("([^"]|"")*"|[^" .]+)\.)*("([^"]|"")*"|[^" .]+) AS ', '')"#
    };
}

/// The definition of a row of `duckdb_views()`; null where DuckDB cannot take it apart.
///
/// The catalog prints a view that was made just now in another way than one that was read from the file (names of types in
/// quotes, lambdas). Taken apart and put together, both are the same.
pub(in crate::engine::duckdb) const DEFINITION: &str = concat!(
    "case when (json_serialize_sql(",
    view_query!(),
    ") ->> 'error') = 'false' then md5(json_deserialize_sql(json_serialize_sql(",
    view_query!(),
    "))) end"
);

/// Another version may write the same definition in another way.
pub(super) fn join(schema: &str, record: &str) -> String {
    format!(
        "left join {schema}.definitions definition on definition.run = {record}.run
            and definition.place = {} and definition.engine = {}",
        folded(&format!("{record}.relation")),
        literal(&version())
    )
}

impl State {
    /// Takes down the views that a run has made, in the transaction that ends it.
    pub(super) fn define(&self, connection: &Arc<Connection>, run: &str) -> Result<(), EngineError> {
        let (schema, run) = (&self.schema, literal(run));
        let made = format!(
            "select distinct relation, {} as place from {schema}.materializations
            where run = {run} and (details->>'materialized') = 'view'",
            folded("relation")
        );
        let name = |part: &str| format!("'\"' || replace({part}, '\"', '\"\"') || '\"'");
        connection.execute(&format!(
            "create temp table __dovetail_made as {made};
            delete from {schema}.definitions where place in (select place from __dovetail_made);
            insert into {schema}.definitions
                select place, {run}, {DEFINITION}, {} from __dovetail_made
                join duckdb_views() on relation = {} || '.' || {} where database_name = {};
            drop table __dovetail_made",
            literal(&version()),
            name("schema_name"),
            name("view_name"),
            literal(&self.database),
        ))
    }
}
