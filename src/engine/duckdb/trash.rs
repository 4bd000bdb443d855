//! The trash: a schema of its own for tables and views, and a table of the state that knows where everything came from.
//!
//! DuckDB moves nothing from one schema to another, so tables are copied and dropped, and views are made anew from
//! their query. A view whose upstreams are gone cannot stand anywhere; only its query is kept.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::error_from_text;
use super::raw::{BindValue, Connection};
use super::state::json;
use super::state::{State, TrashRow, Written, number};
use super::{catalog, content, state};
use crate::engine::{Condition, EngineError, EngineErrorKind, Extent, Made, StoredAs};
use crate::graph::{RelationName, folded, literal, quoted};
use crate::project::TRASH_SCHEMA;

/// What is known of something in the trash beyond its place.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub built_at: i64,
    /// Of a view.
    query: Option<String>,
}

/// The trash of one database.
pub(super) struct Trash<'c> {
    pub connection: &'c Arc<Connection>,
    pub state: &'c State,
}

impl Trash<'_> {
    /// Compares a record with what stands in its place.
    pub(super) fn condition(&self, made: &Made) -> Result<Condition, EngineError> {
        let Some(relation) = self.relation(made) else {
            let found = self.state.read_object(self.connection, &made.asset)?;
            return Ok(if found.is_some() { Condition::AsMade } else { Condition::Gone });
        };
        let is_view = made.stored_as == StoredAs::View;
        let columns = match self.connection.is_view(&relation)? {
            None => return Ok(Condition::Gone),
            Some(found) if found != is_view => return Ok(Condition::OtherKind),
            Some(false) => content::columns(&self.connection.table_columns(&relation)?),
            // A view whose upstreams are gone has no columns to compare.
            Some(true) => match self.connection.prepare(&format!("from {relation}")) {
                Ok(view) => content::columns(&view.columns()),
                Err(_) => return Ok(Condition::AsMade),
            },
        };
        let place = made.relation.as_deref().unwrap_or_default();
        let written = self.state.written(self.connection, place, &content::method())?;
        if columns != written.columns {
            return Ok(Condition::OtherColumns);
        }
        if is_view {
            let found = catalog::relation(self.connection, &relation)?.and_then(|found| found.definition);
            let is_same = written.definition.is_none() || written.definition == found;
            return Ok(if is_same { Condition::AsMade } else { Condition::OtherQuery });
        }
        let is_same = self.has_rows(&relation, &written, made.rows)?;
        Ok(if is_same { Condition::AsMade } else { Condition::OtherRows })
    }

    /// Whether a table holds what was written: by its content, or by how many rows there are where that was not recorded.
    fn has_rows(&self, table: &RelationName, written: &Written, rows: Option<u64>) -> Result<bool, EngineError> {
        if written.hash.is_some() {
            let found = content::content(self.connection, table, false, Extent::Rows)?;
            return Ok(found.hash == written.hash);
        }
        let count = number(self.connection, &format!("select count(*) from {table}"))?;
        Ok(rows.is_none_or(|rows| i64::try_from(rows).ok() == count))
    }

    /// Moves all of these into the trash, or none.
    pub(super) fn collect(&self, garbage: &[Made]) -> Result<(), EngineError> {
        self.in_one_step(|| {
            self.connection.execute(&format!("create schema if not exists {}", self.schema(TRASH_SCHEMA)))?;
            let mut taken = self.taken_names()?;
            // All copies come first: views bind only as long as what they read stands.
            for made in garbage {
                self.copy(made, &mut taken)?;
            }
            garbage.iter().try_for_each(|made| self.remove(made))
        })
    }

    /// Moves all of these back to where they were, or none.
    pub(super) fn restore(&self, ids: &[i64]) -> Result<(), EngineError> {
        let rows = self.rows(ids)?;
        self.in_one_step(|| {
            let (views, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.stored_as == StoredAs::View);
            others.into_iter().try_for_each(|row| self.bring_back(row))?;
            self.bring_back_views(views)?;
            self.forget(&rows)
        })
    }

    /// Drops all of these for good.
    pub(super) fn empty(&self, ids: &[i64]) -> Result<(), EngineError> {
        let rows = self.rows(ids)?;
        self.in_one_step(|| self.forget(&rows))
    }

    fn copy(&self, made: &Made, taken: &mut HashSet<String>) -> Result<(), EngineError> {
        let (rows, bytes, built_at) = (made.rows, made.bytes, made.built_at);
        let mut details = Details { rows, bytes, built_at, query: None };
        let mut place = None;
        if let Some(relation) = self.relation(made) {
            let name = free_name(&relation.identifier, taken);
            let copy = self.in_trash(&name);
            if made.stored_as == StoredAs::View {
                let query = self.query_of(&relation)?;
                if self.connection.prepare(&format!("from {relation}")).is_ok() {
                    self.connection.execute(&format!("create view {copy} as {query}"))?;
                    place = Some(name);
                }
                details.query = Some(query);
            } else {
                self.connection.execute(&format!("create table {copy} as from {relation}"))?;
                place = Some(name);
            }
        }
        let mut insert = self.connection.prepare(&self.state.insert_trash())?;
        insert.bind(1, &BindValue::Text(&made.asset))?;
        insert.bind(2, &BindValue::Text(made.stored_as.as_str()))?;
        insert.bind(3, &made.relation.as_deref().map_or(BindValue::Null, BindValue::Text))?;
        insert.bind(4, &place.as_deref().map_or(BindValue::Null, BindValue::Text))?;
        insert.bind(5, &BindValue::Text(&json(&details)))?;
        insert.run().map(|_| ())
    }

    fn remove(&self, made: &Made) -> Result<(), EngineError> {
        match self.relation(made) {
            Some(relation) => self.connection.execute(&format!("drop {} {relation}", made.stored_as.as_str())),
            None => {
                let mut delete = self.connection.prepare(&self.state.delete_object())?;
                delete.bind(1, &BindValue::Text(&made.asset))?;
                delete.run().map(|_| ())
            }
        }
    }

    /// The query of a view, from the statement that DuckDB keeps of it.
    fn query_of(&self, view: &RelationName) -> Result<String, EngineError> {
        let statement = format!(
            "select sql from duckdb_views() where database_name = current_database()
            and {} = {} and {} = {}",
            state::folded("schema_name"),
            literal(&folded(&view.schema)),
            state::folded("view_name"),
            literal(&folded(&view.identifier))
        );
        let chunk = self.connection.prepare(&statement)?.run()?.next_chunk()?;
        let text = chunk.and_then(|chunk| String::from_utf8(chunk.bytes(0, 0)?).ok()).unwrap_or_default();
        let query = after_as(&text).map(|query| query.trim().trim_end_matches(';').to_owned());
        query.ok_or_else(|| publish_error(format!("the query of the view {view} cannot be read")))
    }

    fn bring_back(&self, row: &TrashRow) -> Result<(), EngineError> {
        let (Some(relation), Some(place)) = (self.relation_of(row), &row.place) else {
            return self.connection.execute(&self.state.restore_object(row.id));
        };
        self.connection.execute(&format!("create schema if not exists {}", self.schema(&relation.schema)))?;
        self.connection.execute(&format!("create table {relation} as from {}", self.in_trash(place)))
    }

    /// Views may read each other: those that bind come first, again and again.
    fn bring_back_views(&self, mut views: Vec<&TrashRow>) -> Result<(), EngineError> {
        while !views.is_empty() {
            let (ready, waiting): (Vec<&TrashRow>, Vec<&TrashRow>) =
                views.into_iter().partition(|row| self.connection.prepare(row.query()).is_ok());
            if ready.is_empty() {
                let names: Vec<String> = waiting.iter().map(|row| format!("`{}`", row.asset)).collect();
                let why = waiting.first().and_then(|row| self.connection.prepare(row.query()).err());
                let why = why.map(|error| error.message).unwrap_or_default();
                return Err(publish_error(format!("the view {} reads what is not there: {why}", names.join(", "))));
            }
            for row in ready {
                let Some(relation) = self.relation_of(row) else { continue };
                self.connection.execute(&format!("create schema if not exists {}", self.schema(&relation.schema)))?;
                self.connection.execute(&format!("create view {relation} as {}", row.query()))?;
            }
            views = waiting;
        }
        Ok(())
    }

    /// Drops what the trash holds of these, and the schema when nothing is left in it.
    fn forget(&self, rows: &[TrashRow]) -> Result<(), EngineError> {
        for row in rows {
            if let Some(place) = &row.place {
                let kind = row.stored_as.as_str();
                self.connection.execute(&format!("drop {kind} if exists {}", self.in_trash(place)))?;
            }
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.connection.execute(&self.state.delete_trash(&ids))?;
        if self.taken_names()?.is_empty() {
            self.connection.execute(&format!("drop schema if exists {}", self.schema(TRASH_SCHEMA)))?;
        }
        Ok(())
    }

    fn rows(&self, ids: &[i64]) -> Result<Vec<TrashRow>, EngineError> {
        let rows = self.state.trash(self.connection)?;
        Ok(rows.into_iter().filter(|row| ids.contains(&row.id)).collect())
    }

    /// The names in the trash's schema, in lower case.
    fn taken_names(&self) -> Result<HashSet<String>, EngineError> {
        let relations = catalog::relations(self.connection, self.state.database())?;
        let inside = relations.into_iter().filter(|found| {
            found.relation.database.is_none() && found.relation.schema.eq_ignore_ascii_case(TRASH_SCHEMA)
        });
        Ok(inside.map(|found| folded(&found.relation.identifier)).collect())
    }

    /// Where a record says that something stands.
    fn relation(&self, made: &Made) -> Option<RelationName> {
        Some(self.state.written_out(&RelationName::from_text(made.relation.as_deref()?)?))
    }

    /// Where something in the trash stood.
    fn relation_of(&self, row: &TrashRow) -> Option<RelationName> {
        Some(self.state.written_out(&RelationName::from_text(row.relation.as_deref()?)?))
    }

    fn in_trash(&self, name: &str) -> String {
        format!("{}.{}", self.schema(TRASH_SCHEMA), quoted(name))
    }

    /// A schema of the own database.
    fn schema(&self, name: &str) -> String {
        format!("{}.{}", quoted(self.state.database()), quoted(name))
    }

    fn in_one_step(&self, work: impl FnOnce() -> Result<(), EngineError>) -> Result<(), EngineError> {
        self.connection.execute("begin transaction")?;
        let done = work().and_then(|()| self.connection.execute("commit"));
        if done.is_err() {
            // It fails only when DuckDB has rolled back by itself.
            let _ = self.connection.execute("rollback");
        }
        done
    }
}

impl TrashRow {
    fn query(&self) -> &str {
        self.details.query.as_deref().unwrap_or_default()
    }
}

/// The name, with a number when the trash has one like it.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let names = (1..).map(|number| if number == 1 { name.to_owned() } else { format!("{name}_{number}") });
    let mut free = names.filter(|name| !taken.contains(&folded(name)));
    let name = free.next().unwrap_or_default();
    taken.insert(folded(&name));
    name
}

/// What follows the first word `AS` outside of quotes: DuckDB writes `CREATE VIEW "schema"."name" AS ...`.
fn after_as(statement: &str) -> Option<&str> {
    let mut is_quoted = false;
    statement.char_indices().find_map(|(start, letter)| {
        is_quoted ^= letter == '"';
        let rest = &statement[start..];
        (!is_quoted).then(|| rest.strip_prefix(" AS ")).flatten()
    })
}

fn publish_error(message: String) -> EngineError {
    error_from_text(EngineErrorKind::Publish, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_view_is_what_follows_its_name() {
        assert_eq!(after_as("CREATE VIEW a AS SELECT 1 AS x;"), Some("SELECT 1 AS x;"));
        assert_eq!(after_as(r#"CREATE VIEW "o AS "."a"" AS " AS FROM t"#), Some("FROM t"));
        assert_eq!(after_as("CREATE VIEW a"), None);
    }

    #[test]
    fn names_in_the_trash_differ() {
        let mut taken = HashSet::from(["a".to_owned()]);
        let names = ["A", "a", "b"].map(|name| free_name(name, &mut taken));
        assert_eq!(names, ["A_2", "a_3", "b"]);
    }
}
