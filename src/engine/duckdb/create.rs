//! Makes a table of a query, and sums its rows on their way: what a data version is made of, without reading the table
//! once more, which takes longer than making a small one.

use std::sync::Arc;

use super::error::error_from_text;
use super::parts::{Passed, RowHashes};
use super::raw::Connection;
use super::tally::Tally;
use super::{content, state};
use crate::engine::{Content, EngineError, EngineErrorKind, Extent};
use crate::graph::RelationName;

/// What a statement has made.
pub(super) struct Made {
    rows: Option<u64>,
    passed: Option<Passed>,
}

/// Runs `head` and `query` as one statement. An error's place is counted from the query's start.
///
/// `hashes` are expressions for hashes of a row, where rows are to be summed.
pub(super) fn run(
    connection: &Connection,
    head: &str,
    query: &str,
    hashes: Option<RowHashes>,
) -> Result<Made, EngineError> {
    let Some(hashes) = hashes.filter(|_| !pivots(query)) else {
        return Ok(Made { rows: statement(connection, head, query, "")?, passed: None });
    };
    let all = hashes.all();
    let tally = Tally::start(all.len());
    let (before, after) = tally.around(&all);
    match statement(connection, &format!("{head}{before}"), query, &after) {
        Ok(rows) => all_passed(rows, Passed { sums: tally.sums(), hashes }),
        // Not every statement can stand in parentheses. It was not begun, and what is wrong is said of it alone.
        Err(error) if error.kind == EngineErrorKind::Query => {
            Ok(Made { rows: statement(connection, head, query, "")?, passed: None })
        }
        Err(error) => Err(error),
    }
}

/// DuckDB makes several statements of a `pivot` without a list, of which the first may be done when the next fails.
fn pivots(query: &str) -> bool {
    let word = "pivot";
    query.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// No row may be lost or doubled on the way, whatever the engine made of the query.
fn all_passed(rows: Option<u64>, passed: Passed) -> Result<Made, EngineError> {
    let count = passed.count();
    match rows {
        Some(rows) if rows < count => {
            let message = format!("{count} rows were computed and {rows} written: DuckDB has lost some on the way");
            Err(error_from_text(EngineErrorKind::Execution, message))
        }
        _ => Ok(Made { rows, passed: Some(passed) }),
    }
}

fn statement(connection: &Connection, before: &str, query: &str, after: &str) -> Result<Option<u64>, EngineError> {
    connection.execute_counting(&format!("{before}{query}{after}")).map_err(|error| EngineError {
        offset: error.offset.and_then(|offset| offset.checked_sub(before.len())).filter(|at| *at <= query.len()),
        ..error
    })
}

/// What a table holds that was made just now.
pub(super) fn made(
    connection: &Arc<Connection>,
    relation: &RelationName,
    made: &Made,
    extent: Extent<'_>,
) -> Result<Content, EngineError> {
    if let Some(passed) = &made.passed {
        let typed = connection.table_columns(relation)?;
        let whole = passed.whole(made.rows, &typed);
        if let Some((sums, parts)) = whole.zip(passed.parts(extent.parts(), &typed)) {
            let columns = content::columns(&typed);
            return Ok(Content { hash: Some(content::hash(&columns, &sums)), columns, rows: made.rows, parts });
        }
    }
    let content = content::content(connection, relation, false, extent)?;
    let rows = match made.rows.or(content.rows) {
        Some(rows) => Some(rows),
        None => state::number(connection, &format!("select count(*) from {relation}"))?
            .and_then(|rows| u64::try_from(rows).ok()),
    };
    Ok(Content { rows, ..content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::PartsAsked;
    use crate::engine::duckdb::raw::Database;
    use crate::engine::duckdb::{library, tally};
    use crate::graph::folded;

    fn connection() -> Arc<Connection> {
        library::load().unwrap();
        let connection = Arc::new(Database::open(None, &[]).unwrap()).connect().unwrap();
        tally::register(&connection).unwrap();
        connection.execute("create table a as select range % 5 as x, range as y from range(100)").unwrap();
        connection.execute("create table b as select range % 7 as x, 'text ' || range as z from range(50)").unwrap();
        connection
    }

    fn relation() -> RelationName {
        RelationName { database: None, schema: "main".to_owned(), identifier: "made".to_owned() }
    }

    /// What the sums on the way say, and what reading the table says.
    fn both(connection: &Arc<Connection>, query: &str) -> (Option<Content>, Content) {
        // A set that the query's result lacks would have the table read.
        connection.execute(&format!("create or replace table made as {query}")).unwrap();
        let expected = connection.table_columns(&relation()).unwrap();
        let expected: Vec<String> = expected.iter().map(|(name, _)| folded(name)).collect();
        let turned: Vec<String> = expected.iter().rev().cloned().collect();
        let parts = vec![Vec::new(), expected[..1].to_vec(), expected.clone(), turned];
        let asked = PartsAsked { expected, parts };
        let extent = Extent::Parts(&asked);
        let result = run(connection, "create or replace table made as ", query, Some(RowHashes::of_any(Some(&asked))));
        let result = result.unwrap();
        let typed = connection.table_columns(&relation()).unwrap();
        let is_summed = |passed: &Passed| {
            passed.whole(result.rows, &typed).is_some() && passed.parts(extent.parts(), &typed).is_some()
        };
        let summed = result.passed.as_ref().is_some_and(is_summed);
        let summed = summed.then(|| made(connection, &relation(), &result, extent).unwrap());
        (summed, content::content(connection, &relation(), false, extent).unwrap())
    }

    #[test]
    fn sums_on_the_way_are_those_of_the_table() {
        let connection = connection();
        for query in [
            "select 1 as x",
            "select null as x, 1 as y",
            "select 1 as x where false",
            "select * from a join b using (x)",
            "select a.y from a join b on a.x = b.x",
            "select a.y from a left join b on a.y = b.x",
            "select x from a where x in (select x from b where x > 2)",
            "select distinct x from a",
            "select x from a union select x from b",
            "select x from a union all select x from b",
            "select x from a except select x from b",
            "select x, sum(y) as total, count(*) from a group by all",
            "select y from a order by x, y desc limit 7",
            "select y, random() as r, uuid() as u from a",
            "select a.y, random() as r from a join b on a.x = b.x",
            "select unnest([x, y]) as u from a",
            "with m as materialized (select x from a) select m.x from m join b using (x)",
            "with recursive r as (select 1 as n union all select n + 1 from r where n < 9) select n from r",
            "select a.x, l.z from a, lateral (select z from b where b.x <= a.x) l",
            "from a semi join b using (x)",
            "from (values (1, 'a'), (2, null)) v(n, t)",
            "select 1 as a, 2 as A, 3 as a_1 -- the same name, and a comment",
            "select x as \"a \"\"b\"\"\", y as \"select\" from a",
            "select range as x, range::varchar as y, range / 3 as z from range(300000)",
        ] {
            let (summed, read) = both(&connection, query);
            assert_eq!(summed, Some(read), "{query}");
        }
    }

    #[test]
    fn columns_that_are_not_hashed_as_they_are_are_read() {
        let connection = connection();
        for query in ["select [x] as l from a", "select {'x': x} as s from a", "select to_days(x::integer) as i from a"]
        {
            assert_eq!(both(&connection, query).0, None, "{query}");
        }
    }

    #[test]
    fn names_of_ours_are_not_taken_for_those_of_the_project() {
        let connection = connection();
        connection.execute("create macro hash(x) as 1::ubigint; create macro __dovetail_tally(a, b) as false").unwrap();
        let (summed, read) = both(&connection, "select y from a");
        assert_eq!((summed.as_ref(), read.rows), (Some(&read), Some(100)));
        assert_ne!(read.hash, both(&connection, "select y + 1 as y from a").1.hash);
    }

    #[test]
    fn statements_that_cannot_stand_in_parentheses_say_what_is_wrong_by_themselves() {
        let connection = connection();
        let fails = |query: &str, hashes: Option<RowHashes>| {
            let error = run(&connection, "create or replace table made as ", query, hashes).map(|_| ()).unwrap_err();
            (error.message, error.offset)
        };
        for query in [
            "select nothing from a",
            "select from",
            "from a) select 1",
            "select 1 as x)) --",
            "pivot a on nothing using sum(y)",
        ] {
            assert_eq!(fails(query, Some(RowHashes::of_any(None))), fails(query, None), "{query}");
        }
    }
}
