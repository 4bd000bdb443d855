//! DuckDB's own binder at work on nothing: a database in memory with the names of the project's databases.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::content::named_columns;
use super::raw::{Connection, Database, LogicalType, Prepared};
use super::session::as_subquery;
use super::{SESSION_SETTINGS, csv, library, refusal, settings, types};
use crate::engine::{Binder, BinderSession, Bound, Column, EngineError, SchemaName};
use crate::graph::{RelationName, folded, quoted};
use crate::project::{Project, Values};

/// The name of a database in memory.
const IN_MEMORY: &str = "memory";

/// Plans are never run.
const WITHOUT_OPTIMIZER: &str = "pragma disable_optimizer";
const WITH_OPTIMIZER: &str = "pragma enable_optimizer";

pub(in crate::engine) fn binder(
    project: &Project,
    schemas: &BTreeSet<SchemaName>,
) -> Result<Box<dyn Binder>, EngineError> {
    library::load()?;
    let database = Arc::new(Database::open(None, &settings::at_open(project))?);
    let connection = database.connect()?;
    connection.execute(SESSION_SETTINGS)?;
    let in_own = attach_names(&connection, project)?;
    let settings = settings::apply_without_data(&connection, project)?;
    // A search path of the project's own comes last, as in a session of a run.
    let session_settings = in_own.into_iter().chain(settings).chain([WITHOUT_OPTIMIZER.to_owned()]).collect();
    let binder = DuckDbBinder { database, session_settings };
    let connection = binder.connect()?;
    for (database, schema) in schemas {
        let database = database.as_ref().map(|name| format!("{}.", quoted(name))).unwrap_or_default();
        connection.execute(&format!("create schema if not exists {database}{}", quoted(schema)))?;
    }
    Ok(Box::new(binder))
}

/// Attaches empty databases under the names of the project's; gives the statement by which a session is in its own one.
pub(super) fn attach_names(connection: &Connection, project: &Project) -> Result<Option<String>, EngineError> {
    let own = project.target.catalog();
    let attached = project.target.attach.iter().map(|attachment| attachment.alias.as_str());
    // A file such as `.duckdb` has a database without a name.
    let is_new = |name: &&str| !name.is_empty() && !name.eq_ignore_ascii_case(IN_MEMORY);
    for name in attached.chain([own.as_str()]).filter(is_new) {
        connection.execute(&format!("attach ':memory:' as {}", quoted(name)))?;
    }
    Ok(is_new(&own.as_str()).then(|| format!("use {}.main", quoted(&own))))
}

struct DuckDbBinder {
    database: Arc<Database>,
    session_settings: Vec<String>,
}

impl DuckDbBinder {
    fn connect(&self) -> Result<Arc<Connection>, EngineError> {
        settings::connect(&self.database, &self.session_settings)
    }
}

impl Binder for DuckDbBinder {
    fn session(&self) -> Result<Box<dyn BinderSession>, EngineError> {
        Ok(Box::new(DuckDbBinderSession { connection: self.connect()? }))
    }
}

struct DuckDbBinderSession {
    connection: Arc<Connection>,
}

impl BinderSession for DuckDbBinderSession {
    fn make_twin(&mut self, relation: &RelationName, columns: &[Column]) -> Result<(), EngineError> {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.engine_type)).collect();
        self.connection.execute(&format!("create or replace table {relation} ({})", columns.join(", ")))
    }

    fn bind(&mut self, query: &str) -> Bound {
        let subquery = as_subquery(query);
        // `from (` stands before a statement that is no query by itself.
        let before = if subquery.len() == query.len() { 0 } else { "from (".len() };
        let prepared = self.connection.prepare_only(&subquery).or_else(|_| self.prepare_as_a_run_does(&subquery));
        match prepared {
            Ok(Some(prepared)) => as_made(columns(&prepared.columns())),
            Ok(None) => Bound::Unknown("its columns depend on the data (`pivot` without a list)".to_owned()),
            Err(error) => refusal::bound(
                query,
                &EngineError { offset: error.offset.and_then(|offset| offset.checked_sub(before)), ..error },
            ),
        }
    }

    fn csv_columns(&mut self, path: &Path, options: &Values) -> Result<Vec<Column>, EngineError> {
        csv::check_header(path, options)?;
        Ok(columns(&self.connection.prepare(&csv::query(path, options))?.columns()))
    }

    fn declared(&mut self, columns: &[(&str, &str)]) -> Vec<Result<Column, String>> {
        let null = |(name, declared): &(&str, &str)| format!("cast(null as {declared}\n) as {}", quoted(name));
        let of = |connection: &Arc<Connection>, chosen: &[(&str, &str)]| {
            let nulls: Vec<String> = chosen.iter().map(null).collect();
            let prepared = connection.prepare_only(&format!("select {}", nulls.join(", ")))?;
            Ok(prepared.map(|prepared| self::columns(&prepared.columns())).unwrap_or_default())
        };
        // All at once; one by one only where one of them is wrong.
        let together: Result<Vec<Column>, EngineError> = of(&self.connection, columns);
        match together {
            Ok(together) if together.len() == columns.len() => together.into_iter().map(Ok).collect(),
            _ => columns
                .iter()
                .map(|column| {
                    let alone: Result<Vec<Column>, EngineError> = of(&self.connection, &[*column]);
                    let alone = alone.map_err(|error| error.message.lines().next().unwrap_or_default().to_owned())?;
                    match <[Column; 1]>::try_from(alone) {
                        Ok([column]) => Ok(column),
                        Err(_) => Err("it is no type".to_owned()),
                    }
                })
                .collect(),
        }
    }

    fn is_of(&mut self, engine_type: &str, value: &str) -> bool {
        self.connection.execute(&format!("select cast({value} as {engine_type})")).is_ok()
    }
}

impl DuckDbBinderSession {
    /// With the optimizer: what only fails without it is not wrong.
    fn prepare_as_a_run_does(&self, query: &str) -> Result<Option<Prepared>, EngineError> {
        self.connection.execute(WITH_OPTIMIZER)?;
        let prepared = self.connection.prepare_only(query);
        self.connection.execute(WITHOUT_OPTIMIZER)?;
        prepared
    }
}

/// What stands here has no types that others do not know.
fn columns(typed: &[(String, LogicalType)]) -> Vec<Column> {
    named_columns(typed, &|_| false)
}

/// The columns of a query as a table of it has them: names that come again get a number, and what is always null is an
/// integer.
fn as_made(columns: Vec<Column>) -> Bound {
    let mut counts: HashMap<String, usize> = HashMap::with_capacity(columns.len());
    let mut made = Vec::with_capacity(columns.len());
    for Column { name, engine_type } in columns {
        if engine_type.contains(types::UNKNOWN) {
            return Bound::Unknown(format!("the type of its column `{name}` has no name here"));
        }
        made.push(Column { name: unique(name, &mut counts), engine_type: types::with_integer_nulls(&engine_type) });
    }
    Bound::Columns(made)
}

fn unique(name: String, counts: &mut HashMap<String, usize>) -> String {
    let Some(mut count) = counts.get(&folded(&name)).copied() else {
        counts.insert(folded(&name), 1);
        return name;
    };
    loop {
        let numbered = format!("{name}_{count}");
        count += 1;
        if !counts.contains_key(&folded(&numbered)) {
            counts.insert(folded(&name), count);
            counts.insert(folded(&numbered), 1);
            return numbered;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Reason;

    fn session() -> DuckDbBinderSession {
        library::load().unwrap();
        let database = Arc::new(Database::open(None, &[]).unwrap());
        DuckDbBinderSession { connection: DuckDbBinder { database, session_settings: vec![] }.connect().unwrap() }
    }

    fn name(schema: &str, identifier: &str) -> RelationName {
        RelationName { database: None, schema: schema.to_owned(), identifier: identifier.to_owned() }
    }

    /// The columns of the table or view that DuckDB itself makes of a query.
    fn made(session: &DuckDbBinderSession, kind: &str, query: &str) -> Vec<Column> {
        session.connection.execute(&format!("create or replace {kind} made_{kind} as {query}")).unwrap();
        columns(&session.connection.prepare(&format!("from made_{kind}")).unwrap().columns())
    }

    #[test]
    fn columns_are_those_of_the_table_that_would_be_made() {
        let mut session = session();
        for query in [
            "select 1 as a, 2 as a, 3 as \"A\", 4 as a_1, 5 as \"A_1\", 6 as b",
            "select null as n, [] as l, {'NULL': null, 'b': [null]} as s, map {} as m, [[], null] as ll",
            "select 1, 'text', 1.5, 1e3, true, date '2024-01-01', interval 1 day, '{}'::json, 'a'::enum('a', 'NULL')",
            "select {'x\"y': 1} as s, union_value(k := 1) as u, array_value(1, 2) as f, 1::hugeint as h, x'aa' as b",
            "from test_all_types()",
            "from range(3)",
        ] {
            let Bound::Columns(bound) = session.bind(query) else { panic!("{query}") };
            assert_eq!(bound, made(&session, "table", query), "{query}");
            assert_eq!(bound, made(&session, "view", query), "{query}");
            // What is read from a twin is what is read from the table.
            session.make_twin(&name("main", "twin"), &bound).unwrap();
            assert_eq!(session.bind("from twin"), Bound::Columns(bound), "{query}");
        }
    }

    #[test]
    fn statements_that_show_something_are_queries() {
        let mut session = session();
        for query in ["summarize select 1 as x", "describe select 1 as x", "show tables"] {
            let Bound::Columns(bound) = session.bind(query) else { panic!("{query}") };
            assert_eq!(bound, made(&session, "table", &format!("from ({query})")), "{query}");
        }
        let Bound::Refused(refusal) = session.bind("summarize select nothing from range(3)") else { panic!() };
        assert_eq!(refusal.offset, Some("summarize select ".len()));
    }

    #[test]
    fn refusals_say_what_is_about_which_name() {
        let mut session = session();
        session.connection.execute("create table t (id int, s struct(a int)); create table u (id int)").unwrap();
        let text = |text: &str| text.to_owned();
        let near = |name: &str| vec![text(name)];
        for (query, reason, place) in [
            ("select 'é', ix from u", Reason::UnknownColumn { name: text("ix"), near: near("id") }, Some("ix")),
            ("select u.ix from u", Reason::UnknownColumn { name: text("ix"), near: near("id") }, Some("u.ix")),
            ("select * exclude (x) from u", Reason::UnknownColumn { name: text("x"), near: vec![] }, None),
            ("from t join u using (x)", Reason::UnknownColumn { name: text("x"), near: vec![] }, None),
            ("select v.id from u", Reason::UnknownTable { name: text("v"), near: near("u") }, Some("v.id")),
            (
                "select id from t, u",
                Reason::Ambiguous { name: text("id"), choices: vec![text("t.id"), text("u.id")] },
                Some("id from"),
            ),
            ("select id || [1] from u", Reason::Types, Some("id ||")),
            ("select uper('x')", Reason::UnknownFunction { name: text("uper"), near: near("upper") }, Some("uper")),
            ("select 1::foo", Reason::UnknownFunction { name: text("foo"), near: near("bool") }, None),
        ] {
            let Bound::Refused(refusal) = session.bind(query) else { panic!("{query}") };
            if let Some(place) = place {
                assert_eq!(refusal.offset, query.find(place), "{query}");
            }
            match (&refusal.reason, &reason) {
                (Reason::UnknownFunction { name: one, .. }, Reason::UnknownFunction { name: other, .. }) => {
                    assert_eq!(one, other, "{query}");
                }
                _ => assert_eq!(refusal.reason, reason, "{query}: {}", refusal.message),
            }
        }
    }

    #[test]
    fn what_the_binder_does_not_have_is_unknown() {
        let mut session = session();
        for query in [
            "from nowhere",
            "from elsewhere.nowhere",
            "from read_csv('/nowhere/a.csv')",
            "select nextval('a')",
            "pivot (select 1 as a, 2 as b) on a using sum(b)",
        ] {
            assert!(matches!(session.bind(query), Bound::Unknown(_)), "{query}: {:?}", session.bind(query));
        }
    }

    #[test]
    fn declared_types_are_told_in_the_engines_words() {
        let mut session = session();
        let declared =
            session.declared(&[("a", "int"), ("b b", "decimal(9, 2)[]"), ("c", "nosuchtype"), ("d", "text --")]);
        let types: Vec<Option<&str>> =
            declared.iter().map(|column| column.as_ref().ok().map(|column| column.engine_type.as_str())).collect();
        assert_eq!(types, [Some("INTEGER"), Some("DECIMAL(9,2)[]"), None, Some("VARCHAR")]);
    }
}
