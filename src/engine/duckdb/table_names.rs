//! Table names by DuckDB's own parser, for SQL that ours does not know.

use std::sync::{Mutex, OnceLock, PoisonError};

use duckdb::Connection;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{EngineError, EngineErrorKind, FoundNames, FoundTable};
use crate::graph::folded;

/// A connection to nothing, just for its parser.
static PARSER: OnceLock<Result<Mutex<Connection>, String>> = OnceLock::new();

/// Bytes of stack for trees as deep as DuckDB's parser makes them (1,000 levels of expressions).
const STACK: usize = 64 << 20;

/// The base tables and the table functions of one query, in the order in which DuckDB's syntax tree names them; common
/// table expressions are not among them.
///
/// # Errors
/// `EngineErrorKind::Query` with DuckDB's message and, where it tells one, its place, when the text does not parse, is
/// several statements or is none that reads (`PIVOT` without its values is several statements inside of DuckDB).
pub(in crate::engine) fn table_names(statement: &str) -> Result<FoundNames, EngineError> {
    let json = serialized(statement)?;
    // A long chain of operators is a deep tree, which reading and walking follow by recursion.
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || names(&json, statement));
        let reader = reader.map_err(|error| failure(error.to_string(), None))?;
        reader.join().unwrap_or_else(|_| Err(failure("the syntax tree cannot be read".to_owned(), None)))
    })
}

fn names(json: &str, statement: &str) -> Result<FoundNames, EngineError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    let tree = Value::deserialize(&mut reader).map_err(|error| failure(error.to_string(), None))?;
    if tree["error"].as_bool() == Some(true) {
        return Err(refusal(&tree, statement));
    }
    let statements = tree["statements"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [statement] = statements else {
        return Err(failure(format!("expected one statement, found {}", statements.len()), None));
    };
    let mut walk = Walk::default();
    walk.value(statement);
    Ok(walk.found)
}

fn serialized(statement: &str) -> Result<String, EngineError> {
    super::library::load()?;
    let parser = PARSER.get_or_init(|| Connection::open_in_memory().map(Mutex::new).map_err(|error| error.to_string()));
    let connection = parser.as_ref().map_err(|message| failure(message.clone(), None))?;
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    connection
        .query_row("select json_serialize_sql(?::varchar)::varchar", [statement], |row| row.get(0))
        .map_err(|error| failure(error.to_string(), None))
}

fn refusal(tree: &Value, statement: &str) -> EngineError {
    let message = tree["error_message"].as_str().unwrap_or("the statement cannot be read");
    let position = &tree["position"];
    let letters =
        position.as_str().and_then(|text| text.parse().ok()).or(position.as_u64().map(|offset| offset as usize));
    // Places of errors count characters, those of tables count bytes.
    let offset = letters.map(|count| statement.char_indices().nth(count).map_or(statement.len(), |(offset, _)| offset));
    match tree["error_type"].as_str() {
        Some("not implemented") => failure("the statement is not a query".to_owned(), offset),
        _ => failure(message.to_owned(), offset),
    }
}

fn failure(message: String, offset: Option<usize>) -> EngineError {
    EngineError { kind: EngineErrorKind::Query, message, offset }
}

#[derive(Default)]
struct Walk {
    /// Names of the common table expressions in view, innermost last.
    visible: Vec<String>,
    found: FoundNames,
}

impl Walk {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => self.object(fields),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            _ => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) {
        let depth = self.visible.len();
        if let Some(definitions) = fields.get("cte_map").and_then(|map| map["map"].as_array()) {
            definitions.iter().for_each(|definition| self.definition(definition));
        }
        match fields.get("type").and_then(Value::as_str) {
            Some("BASE_TABLE") => self.table(fields),
            Some("TABLE_FUNCTION") => {
                let name = fields.get("function").and_then(|function| function["function_name"].as_str());
                self.found.functions.extend(name.map(str::to_owned));
            }
            _ => {}
        }
        fields.iter().filter(|(key, _)| *key != "cte_map").for_each(|(_, field)| self.value(field));
        self.visible.truncate(depth);
    }

    /// A definition sees those before it, and itself when it is recursive.
    fn definition(&mut self, definition: &Value) {
        let name = folded(definition["key"].as_str().unwrap_or_default());
        let query = &definition["value"]["query"];
        let depth = self.visible.len();
        if query["node"]["type"].as_str() == Some("RECURSIVE_CTE_NODE") {
            self.visible.push(name.clone());
        }
        self.value(&definition["value"]);
        self.visible.truncate(depth);
        self.visible.push(name);
    }

    fn table(&mut self, fields: &Map<String, Value>) {
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let parts: Vec<String> = ["catalog_name", "schema_name", "table_name"]
            .into_iter()
            .map(text)
            .filter(|part| !part.is_empty())
            .collect();
        let is_local = match parts.as_slice() {
            [name] => self.sees(name),
            [schema, name] => schema.eq_ignore_ascii_case("recurring") && self.sees(name),
            _ => false,
        };
        if is_local {
            return;
        }
        // DuckDB writes the greatest number for "unknown".
        let location = fields.get("query_location").and_then(Value::as_u64).filter(|location| *location != u64::MAX);
        let alias = Some(text("alias")).filter(|alias| !alias.is_empty());
        self.found.tables.push(FoundTable { parts, start: location.map(|location| location as usize), alias });
    }

    fn sees(&self, name: &str) -> bool {
        let name = folded(name);
        self.visible.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> Vec<(String, Option<usize>)> {
        table_names(sql).unwrap().tables.into_iter().map(|table| (table.parts.join("."), table.start)).collect()
    }

    #[test]
    fn scopes_and_places() {
        let sql = "with a as (select 'é' from a), b as (from a, c.\"D d\") from b, a.e, x.y.z t";
        let at = |name: &str, text: &str| (name.to_owned(), sql.find(text));
        assert_eq!(names(sql), [at("a", "a), b"), at("c.D d", "c.\"D"), at("a.e", "a.e"), at("x.y.z", "x.y.z")]);
    }

    #[test]
    fn table_functions_are_named() {
        let found = table_names("from main.read_csv('a'), t, lateral (from range(t.x)) where 1 in (from Glob('*'))");
        assert_eq!(found.unwrap().functions, ["read_csv", "range", "glob"]);
    }

    #[test]
    fn errors_have_their_place() {
        let error = table_names("select 'é' fro t where").unwrap_err();
        assert_eq!(error.offset, Some(16));
        assert!(table_names("select 1; select 2").is_err() && table_names("insert into t values (1)").is_err());
    }
}
