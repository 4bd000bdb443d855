//! What stands in the database, by its catalog.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::content::columns;
use super::raw::{Chunk, Connection};
use super::state::{DEFINITION, number, text};
use super::types::plain_names;
use crate::engine::{Column, EngineError, ExistingRelation, Macro};
use crate::graph::{RelationName, literal};

/// Between the parts of a column, and between columns.
const SEPARATORS: [char; 2] = ['\u{1f}', '\u{1e}'];

/// Everything in one go: the catalog is walked once for the tables and once for their columns, however many there are.
/// Columns carry their number, since ordered aggregates take several times as long.
fn select_relations(own: &str) -> String {
    format!(
        "select nullif(t.database_name, {own}), t.schema_name, t.table_name, 'TABLE', t.estimated_size::bigint,
            case when t.database_name = {own} then d.columns end
        from duckdb_tables() t left join (
            select table_oid,
                string_agg(column_index || chr(31) || column_name || chr(31) || data_type, chr(30)) as columns
            from duckdb_columns() where database_name = {own} and not internal group by all
        ) d using (table_oid)
        where not t.internal and not t.temporary
        union all
        select nullif(database_name, {own}), schema_name, view_name, 'VIEW', null,
            case when database_name = {own} then {DEFINITION} end
        from duckdb_views() where not internal and not temporary"
    )
}

/// Tables and views of the project's own database, which is called `own`, and of attached ones.
pub(super) fn relations(connection: &Arc<Connection>, own: &str) -> Result<Vec<ExistingRelation>, EngineError> {
    let mut result = connection.prepare(&select_relations(&literal(own)))?.run()?;
    let plain = plain_names();
    let (mut relations, mut inexact) = (Vec::new(), Vec::new());
    while let Some(chunk) = result.next_chunk()? {
        for (relation, is_exact) in (0..chunk.len()).filter_map(|row| listed(&chunk, row, &plain)) {
            if !is_exact {
                inexact.push(relations.len());
            }
            relations.push(relation);
        }
    }
    drop(result);
    let mut gone = HashSet::new();
    for index in inexact {
        let relation: &mut ExistingRelation = &mut relations[index];
        match connection.table_columns(&relation.relation) {
            Ok(typed) => relation.columns = columns(&typed),
            // Another session has dropped or replaced it since it was listed.
            Err(_) => _ = gone.insert(index),
        }
    }
    let mut index = 0..relations.len();
    relations.retain(|_| index.next().is_none_or(|index| !gone.contains(&index)));
    Ok(relations)
}

/// What stands under one name, with its rows counted.
pub(super) fn relation(
    connection: &Arc<Connection>,
    relation: &RelationName,
) -> Result<Option<ExistingRelation>, EngineError> {
    let found = |is_view, columns, rows, definition| ExistingRelation {
        relation: relation.clone(),
        is_view,
        columns,
        rows,
        definition,
    };
    match connection.is_view(relation)? {
        None => Ok(None),
        Some(true) => Ok(Some(found(true, Vec::new(), None, definition(connection, relation)?))),
        Some(false) => {
            let rows = number(connection, &format!("select count(*) from {relation}"))?;
            let columns = columns(&connection.table_columns(relation)?);
            Ok(Some(found(false, columns, rows.and_then(|rows| u64::try_from(rows).ok()), None)))
        }
    }
}

/// Names of functions, types and sequences that somebody has made in one of the databases, in lower case.
pub(super) fn definitions(connection: &Connection) -> Result<BTreeSet<String>, EngineError> {
    // What extensions bring is the system's.
    let query = "select lower(function_name) from duckdb_functions() where not internal and database_name <> 'system'
        union select lower(type_name) from duckdb_types() where not internal and database_name <> 'system'
        union select lower(sequence_name) from duckdb_sequences() where not temporary";
    let mut result = connection.run(query)?;
    let mut names = BTreeSet::new();
    while let Some(chunk) = result.next_chunk()? {
        names.extend((0..chunk.len()).filter_map(|row| text(&chunk, 0, row)));
    }
    Ok(names)
}

/// The macros that somebody has made in one of the databases.
pub(super) fn macros(connection: &Connection) -> Result<Vec<Macro>, EngineError> {
    // What extensions bring is the system's.
    let query = "select function_name,
            if(function_type = 'table_macro', macro_definition, 'select ' || macro_definition)
        from duckdb_functions()
        where not internal and database_name <> 'system' and macro_definition is not null";
    let mut result = connection.run(query)?;
    let mut macros = Vec::new();
    while let Some(chunk) = result.next_chunk()? {
        let one = |row| Some(Macro { name: text(&chunk, 0, row)?, query: text(&chunk, 1, row)? });
        macros.extend((0..chunk.len()).filter_map(one));
    }
    Ok(macros)
}

/// The definition of a view.
fn definition(connection: &Arc<Connection>, relation: &RelationName) -> Result<Option<String>, EngineError> {
    let database = relation.database.as_deref().map_or("current_database()".to_owned(), literal);
    let (schema, identifier) = (literal(&relation.schema), literal(&relation.identifier));
    let query = format!(
        "select {DEFINITION} from duckdb_views() where database_name = {database}
            and schema_name = {schema} and view_name = {identifier}"
    );
    let chunk = connection.prepare(&query)?.run()?.next_chunk()?;
    Ok(chunk.and_then(|chunk| text(&chunk, 0, 0)))
}

/// A relation of the listing, and whether its columns' types are written as `types::type_text` writes them.
fn listed(chunk: &Chunk, row: u64, plain: &HashSet<&str>) -> Option<(ExistingRelation, bool)> {
    let part = |column| text(chunk, column, row);
    let relation = RelationName { database: part(0), schema: part(1)?, identifier: part(2)? };
    let is_view = part(3)? == "VIEW";
    let rows = chunk.big_int(4, row).and_then(|rows| u64::try_from(rows).ok());
    let rows = rows.filter(|_| relation.database.is_none());
    let (described, definition) = if is_view { (None, part(5)) } else { (part(5), None) };
    let Some(described) = described else {
        return Some((ExistingRelation { relation, is_view, columns: Vec::new(), rows, definition }, true));
    };
    let columns: Option<Vec<(u32, Column)>> = described.split(SEPARATORS[1]).map(|text| column(text, plain)).collect();
    let is_exact = columns.is_some();
    let mut columns = columns.unwrap_or_default();
    columns.sort_by_key(|(number, _)| *number);
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Some((ExistingRelation { relation, is_view, columns, rows, definition }, is_exact))
}

/// A column with its number; `None` where the type may be written in another way than ours.
fn column(text: &str, plain: &HashSet<&str>) -> Option<(u32, Column)> {
    let (number, rest) = text.split_once(SEPARATORS[0])?;
    let (name, engine_type) = rest.rsplit_once(SEPARATORS[0])?;
    let mut base = engine_type;
    while let Some(inner) = base.strip_suffix(']') {
        base = &inner[..inner.rfind('[')?];
    }
    let is_decimal = base.starts_with("DECIMAL(");
    let column = Column { name: name.to_owned(), engine_type: engine_type.to_owned() };
    (is_decimal || plain.contains(base)).then_some((number.parse().ok()?, column))
}
