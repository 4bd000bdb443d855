//! A database in memory with the names and settings of a project's databases, to run assets on made-up rows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::raw::{Connection, Database};
use super::{DuckDb, OWN_SETTINGS, SESSION_SETTINGS, binder, library, lock, settings, tally};
use crate::engine::{Engine, EngineError, Sandbox, SchemaName};
use crate::graph::{RelationName, folded, quoted};
use crate::project::Project;

pub(in crate::engine) fn sandbox(
    project: &Project,
    schemas: &BTreeSet<SchemaName>,
) -> Result<Box<dyn Sandbox>, EngineError> {
    library::load()?;
    let mut at_open = settings::at_open(project);
    at_open.push(("arrow_lossless_conversion".to_owned(), "true".to_owned()));
    // Tests are small, and several of these databases work at once.
    if !project.target.settings.contains_key("threads") {
        at_open.push(("threads".to_owned(), "1".to_owned()));
    }
    let database = Arc::new(Database::open(None, &at_open)?);
    let connection = database.connect()?;
    connection.execute(SESSION_SETTINGS)?;
    let in_own = binder::attach_names(&connection, project)?;
    let per_session = settings::apply_without_data(&connection, project)?;
    let session_settings: Vec<String> = in_own.iter().cloned().chain(per_session).collect();
    if let Some(in_own) = &in_own {
        connection.execute(in_own)?;
    }
    connection.execute(OWN_SETTINGS)?;
    tally::register(&connection)?;
    for (database, schema) in schemas {
        let database = database.as_ref().map(|name| format!("{}.", quoted(name))).unwrap_or_default();
        connection.execute(&format!("create schema if not exists {database}{}", quoted(schema)))?;
    }
    let own = Arc::clone(&connection);
    let engine = DuckDb::over(database, connection, session_settings, (Duration::ZERO, None))?;
    Ok(Box::new(DuckDbSandbox { engine, connection: own }))
}

struct DuckDbSandbox {
    engine: Arc<DuckDb>,
    connection: Arc<Connection>,
}

/// The names under which a clock is asked, with what each gives of the moment `{}`. Macros of these names are found before
/// the engine's own functions, in views, in macros and behind words such as `current_date` too.
const CLOCKS: [(&str, &str); 8] = [
    ("now", "{}"),
    ("transaction_timestamp", "{}"),
    ("get_current_timestamp", "{}"),
    ("today", "cast({} as date)"),
    ("current_date", "cast({} as date)"),
    ("current_localtimestamp", "cast({} as timestamp)"),
    ("current_localtime", "cast(cast({} as timestamp) as time)"),
    ("get_current_time", "cast({} as timetz)"),
];

impl Sandbox for DuckDbSandbox {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine) as Arc<dyn Engine>
    }

    fn run(&self, statements: &str) -> Result<(), EngineError> {
        self.connection.execute(statements)
    }

    fn count(&self, query: &str) -> Result<u64, EngineError> {
        let chunk = self.connection.run(query)?.next_chunk()?;
        let count = chunk.and_then(|chunk| chunk.big_int(0, 0));
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    fn freeze(&self, moment: &str) -> Result<(), EngineError> {
        let moment = format!("cast('{moment}' as timestamptz)");
        let mut script = String::new();
        // A search path of the project's own may lead elsewhere first.
        for schema in self.schemas_in_view()? {
            for (name, gives) in CLOCKS {
                let gives = gives.replace("{}", &moment);
                script.push_str(&format!("create or replace macro {schema}.{}() as {gives};", quoted(name)));
            }
            script.push_str(&format!(
                "create or replace macro {schema}.age(a) as system.main.age(cast(cast({moment} as date) as timestamp), a), \
                 (a, b) as system.main.age(a, b);"
            ));
        }
        self.connection.execute(&script)
    }

    fn clear(&self, made: &[RelationName], is_frozen: bool) -> Result<(), EngineError> {
        lock(&self.engine.built).clear();
        let drop = |relation: &RelationName| format!("drop table if exists {relation};");
        self.connection.execute(&made.iter().rev().map(drop).collect::<String>())?;
        if is_frozen {
            for schema in self.schemas_in_view()? {
                let drop = |name: &str| format!("drop macro if exists {schema}.{};", quoted(name));
                let script: String = CLOCKS.iter().map(|(name, _)| *name).chain(["age"]).map(drop).collect();
                self.connection.execute(&script)?;
            }
        }
        Ok(())
    }
}

impl DuckDbSandbox {
    /// Where sessions look for functions first.
    fn schemas_in_view(&self) -> Result<Vec<String>, EngineError> {
        let session = self.engine.connect()?;
        let mut rows = session.run("select current_database(), current_schema()")?;
        let chunk = rows.next_chunk()?;
        let cell = |column: u64| {
            let bytes = chunk.as_ref().and_then(|chunk| chunk.bytes(column, 0));
            bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
        };
        let (database, schema) = (cell(0), cell(1));
        let mut schemas = vec![format!("{}.{}", quoted(&database), quoted(&schema))];
        if folded(&schema) != "main" {
            schemas.push(format!("{}.main", quoted(&database)));
        }
        Ok(schemas)
    }
}
