//! The queries of DuckDB's own test suite, read from a folder of its `.test` files.

use std::path::{Path, PathBuf};

use dovetail::parse::sql::table_spans;
use duckdb::Connection;

use super::compare::{Tally, compare};

/// One record of a test file.
enum Record {
    Statement(String),
    Query(String),
}

/// All test files below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "test" || extension == "test_slow") {
            found.push(path);
        }
    }
    found
}

/// Makes the tables that a test file makes, without their rows, and compares each of its queries.
pub fn run(text: &str, tally: &mut Tally) {
    let connection = super::plan::connection();
    connection.execute_batch("set enable_external_access = false; set threads = 1; set memory_limit = '2GB'").unwrap();
    let file = File::of(text, &connection);
    for record in records(text) {
        match record {
            Record::Query(sql) => file.query(&sql, tally),
            Record::Statement(sql) if is_query(&sql) => file.query(&sql, tally),
            Record::Statement(sql) => statement(&connection, &sql),
        }
    }
}

/// A test file, and what its statements may have made.
struct File<'c> {
    connection: &'c Connection,
    has_views: bool,
    has_computed: bool,
    has_macros: bool,
}

impl<'c> File<'c> {
    fn of(text: &str, connection: &'c Connection) -> Self {
        let text = text.to_lowercase();
        File {
            connection,
            has_views: text.contains(" view "),
            has_computed: text.contains("generated") || text.contains(" as (") || text.contains(" as("),
            has_macros: text.contains(" macro ") || text.contains(" function "),
        }
    }

    fn query(&self, sql: &str, tally: &mut Tally) {
        let (connection, sql) = (self.connection, sql.trim().trim_end_matches(';'));
        if !is_query(sql) || (sql.contains('{') && sql.contains("__")) {
            return;
        }
        let names = table_spans(sql).unwrap_or_default();
        // A view is read as `check` has it read: as a table of its columns, and so is a table with computed columns.
        let twins = self.has_views || self.has_computed;
        if twins {
            let _ = connection.execute_batch("begin");
            names.iter().for_each(|(parts, _)| self.twin(parts));
        }
        if names.iter().any(|(parts, _)| is_catalog(parts)) || (self.has_macros && calls_macro(connection, sql)) {
            tally.unjudged += 1;
        } else {
            compare(connection, sql, tally);
        }
        if twins {
            let _ = connection.execute_batch("rollback");
        }
    }

    fn twin(&self, parts: &[String]) {
        let connection = self.connection;
        let quoted = |parts: &[String]| {
            parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect::<Vec<_>>().join(".")
        };
        let Some((last, before)) = parts.split_last() else { return };
        let views = "select count(*) > 0 from duckdb_views() where not internal and lower(view_name) = lower(?)";
        let tables = "select count(*) > 0 from duckdb_tables() where lower(table_name) = lower(?) and regexp_matches(lower(sql), 'generated| as ?\\(')";
        let is_view = self.has_views && asked(connection, views, last);
        let is_computed = self.has_computed && asked(connection, tables, last);
        if is_view || is_computed {
            let kind = if is_view { "view" } else { "table" };
            let (name, other) = (quoted(parts), quoted(&[before, &["dovetail_twin".to_owned()]].concat()));
            let renamed = quoted(std::slice::from_ref(last));
            let _ = connection.execute_batch(&format!(
                "create table {other} as from {name} with no data; drop {kind} {name}; alter table {other} rename to {renamed}"
            ));
        }
    }
}

fn asked(connection: &Connection, sql: &str, name: &str) -> bool {
    connection.query_row(sql, [name], |row| row.get(0)).unwrap_or(false)
}

/// Whether it is one of DuckDB's own views: no relation of a project, and its plan reads functions.
fn is_catalog(parts: &[String]) -> bool {
    let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let schemas = ["information_schema", "pg_catalog"];
    let own = ["duckdb_", "pg_", "sqlite_", "pragma_"];
    parts.iter().any(|part| schemas.contains(&part.as_str()) || own.iter().any(|own| part.starts_with(own)))
}

/// Whether it calls a macro that the test made: what stands in it is no part of the query's text.
fn calls_macro(connection: &Connection, sql: &str) -> bool {
    let found =
        "select count(*) > 0 from duckdb_functions() where not internal and contains(lower($1), lower(function_name))";
    asked(connection, found, sql)
}

fn statement(connection: &Connection, sql: &str) {
    let lower = sql.trim_start().to_lowercase();
    const DEFINE: [&str; 8] = ["create", "drop", "alter", "set ", "use ", "reset", "attach ':memory:'", "pragma"];
    const LEFT: [&str; 8] = [
        "pragma enable_verification",
        "pragma verify",
        "set threads",
        "set memory",
        "set enable_ext",
        "set debug",
        "create index",
        "create unique",
    ];
    if !DEFINE.iter().any(|word| lower.starts_with(word)) || LEFT.iter().any(|word| lower.starts_with(word)) {
        return;
    }
    let sql = sql.trim().trim_end_matches(';');
    let fills = lower.starts_with("create") && lower.contains("table") && lower.contains(" as");
    let empty = fills.then(|| connection.execute_batch(&format!("{sql} with no data")));
    let is_made = matches!(empty, Some(Ok(())));
    if !(is_made || fills && lower.contains("range(")) {
        let _ = connection.execute_batch(sql);
    }
}

fn is_query(sql: &str) -> bool {
    let start = sql.trim_start().trim_start_matches('(').trim_start().to_lowercase();
    ["select", "with", "from", "values", "pivot", "unpivot", "table "].iter().any(|word| start.starts_with(word))
}

fn records(text: &str) -> Vec<Record> {
    let mut found = Vec::new();
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["foreach", name, values @ ..] if !values.is_empty() => {
                variables.push(((*name).to_owned(), values[0].to_owned()))
            }
            ["loop", name, start, ..] => variables.push(((*name).to_owned(), (*start).to_owned())),
            ["endloop"] => {
                variables.pop();
            }
            [kind @ ("statement" | "query"), more @ ..] => {
                let mut sql = String::new();
                for line in lines.by_ref() {
                    if line.trim().is_empty() || line.starts_with("----") {
                        break;
                    }
                    sql += line;
                    sql.push('\n');
                }
                for (name, value) in &variables {
                    sql = sql.replace(&format!("${{{name}}}"), value).replace(&format!("{{{name}}}"), value);
                }
                if more.first() != Some(&"error") {
                    found.push(if *kind == "query" { Record::Query(sql) } else { Record::Statement(sql) });
                }
            }
            _ => {}
        }
    }
    found
}
