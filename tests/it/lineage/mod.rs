//! Column lineage, with DuckDB's own plans as its judge.

mod commands;
mod compare;
mod corpus;
mod graph;
mod plan;
mod random;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use compare::Tally;

/// The stack of a thread that follows plans as deep as DuckDB makes them.
const STACK: usize = 512 << 20;

/// How many queries are made at random; `DOVETAIL_LINEAGE_QUERIES` may ask for more.
const QUERIES: u64 = 400;

#[test]
fn queries_made_at_random() {
    let count = std::env::var("DOVETAIL_LINEAGE_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(QUERIES);
    let connection = plan::connection();
    connection.execute_batch(random::TABLES).unwrap();
    let mut tally = Tally::default();
    for seed in 1..=count {
        compare::compare(&connection, &random::Generator::new(seed).query(), &mut tally);
    }
    let wrong: Vec<&String> = tally.notes.iter().filter(|note| !note.starts_with("UNJUDGED")).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} columns: {}",
        wrong.len(),
        tally.columns,
        wrong.iter().take(20).map(|note| note.as_str()).collect::<String>()
    );
    assert!(
        tally.queries as u64 >= count * 8 / 10,
        "DuckDB refuses {} of {count} queries: {:?}",
        tally.unjudged,
        tally.notes.iter().take(5).collect::<Vec<_>>()
    );
}

/// Syntax that no random query has.
#[test]
fn queries_of_duckdbs_own_syntax() {
    let connection = plan::connection();
    connection
        .execute_batch(
            "create table t (a integer, b integer, \"Ab\" integer, s struct(x integer, y struct(z integer, w varchar)),
             l struct(p integer, q integer[], r struct(v integer)[])[], n integer[][]);
             create table u (a integer, c integer)",
        )
        .unwrap();
    let mut tally = Tally::default();
    for query in [
        "unpivot u on columns(* exclude a)",
        "from (unpivot t on columns('^a') into name k value v)",
        "select columns(c -> c like 'a%') from t",
        "select columns(lambda c: c not like 'A%' and c not in ('s', 'l', 'n')) from t",
        "select columns(lambda c: c ilike 'A_' or starts_with(c, 'b')) + 1 from t",
        "select columns(lambda c: lower(c) = 'ab' or not (c <> 'b')) from t",
        "select max(columns(lambda c: contains(upper(c), 'B'))) from t",
        "select a from query_table('u') where c > 1",
        "select q.x from query_table('main.\"u\"') as q(x)",
        "with u as (select b as c from t) select c from query_table('u')",
        "select unnest(s, recursive := true) from t",
        "select unnest(l, recursive := true), a from t",
        "select unnest(n, recursive := true) as m from t",
        "unpivot (select cast(columns(*) as varchar) from u) on columns(*)",
        "select sum((s).x), sum(t.l[1].p), max('') from t",
        "pivot u on a in (1 as one, 2) using sum(c)",
        "pivot t on a in (1, 2) using sum(b), max(\"Ab\") group by b",
        "from (select a, b, \"Ab\" from t) pivot (sum(b), max(\"Ab\") as m for a in (1, 2 as two))",
        "from u union all select b, \"Ab\" from t",
        "select (u).c from u",
    ] {
        compare::compare(&connection, query, &mut tally);
    }
    assert_eq!(tally.notes, Vec::<String>::new());
    assert_eq!(tally.queries, 20);
}

/// The tracer's list of aggregates is DuckDB's.
#[test]
fn every_aggregate_of_duckdb_is_one() {
    let connection = plan::connection();
    connection.execute_batch("create table t (a integer, b integer)").unwrap();
    let mut statement = connection
        .prepare("select distinct function_name from duckdb_functions() where function_type = 'aggregate' and regexp_full_match(function_name, '[a-z_0-9]+') order by 1")
        .unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for name in names.map(Result::unwrap) {
        // Where an aggregate is known, the filter decides what goes into it and not which rows come out.
        let lineage = dovetail::lineage::trace(&format!("select {name}(a) from t where b > 1"), &|name| {
            compare::columns(&connection, name)
        });
        assert!(lineage.unwrap().rows.is_empty(), "{name}");
    }
}

/// Needs the folder `test` of DuckDB's sources, which is named by `DOVETAIL_DUCKDB_TESTS`; writes all differences to the
/// file that `DOVETAIL_LINEAGE_NOTES` names.
#[test]
#[ignore = "needs DuckDB's test suite"]
fn duckdbs_test_suite() {
    let folder = std::env::var("DOVETAIL_DUCKDB_TESTS").unwrap();
    let tally = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let mut tally = Tally::default();
            for path in corpus::files(Path::new(&folder)) {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                if let Ok(trace) = std::env::var("DOVETAIL_LINEAGE_LAST") {
                    std::fs::write(trace, path.display().to_string()).unwrap();
                }
                corpus::run(&text, &mut tally);
            }
            tally
        })
        .unwrap()
        .join()
        .unwrap();
    if let Ok(path) = std::env::var("DOVETAIL_LINEAGE_NOTES") {
        std::fs::write(path, tally.notes.join("\n")).unwrap();
    }
    let Tally { queries, columns, agree, unknown, forms, names, own, folded, unjudged, .. } = tally;
    let told = columns - unknown;
    let share = agree as f64 / told as f64;
    let line = format!(
        "{queries} queries, {columns} columns, {unknown} unknown, {agree} of {told} agree ({:.2} %), {forms} forms differ, {names} queries with other names, {own} of their own, {folded} folded, {unjudged} queries unjudged",
        share * 100.0
    );
    assert!(share >= 0.995, "{line}");
    say(&line);
}

/// Needs the folder with `tpch.duckdb_extension` and `tpcds.duckdb_extension`, which `DOVETAIL_TPC_EXTENSIONS` names. Says
/// what tracing and judging take.
#[test]
#[ignore = "needs DuckDB's extensions `tpch` and `tpcds`"]
fn tpc_queries() {
    let folder = std::env::var("DOVETAIL_TPC_EXTENSIONS").unwrap();
    for (name, make, count) in [("tpch", "dbgen", 22), ("tpcds", "dsdgen", 99)] {
        let connection = plan::connection();
        connection.execute_batch(&format!("load '{folder}/{name}.duckdb_extension'; call {make}(sf = 0)")).unwrap();
        let mut statement =
            connection.prepare(&format!("select query from {name}_queries() order by query_nr")).unwrap();
        let queries = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let queries: Vec<String> =
            queries.map(|query| query.unwrap().trim().trim_end_matches(';').to_owned()).collect();
        let mut tally = Tally::default();
        queries.iter().for_each(|query| compare::compare(&connection, query, &mut tally));
        assert_eq!(tally.queries, count);
        assert_eq!(tally.agree, tally.columns, "{name}: {}", tally.notes.concat());
        say(&format!("{name}: {} columns agree; {}", tally.columns, times(&connection, &queries)));
    }
}

/// How long a query takes on average, by each way.
fn times(connection: &duckdb::Connection, queries: &[String]) -> String {
    let known = RefCell::new(HashMap::new());
    let columns = |name: &[String]| {
        known.borrow_mut().entry(name.to_vec()).or_insert_with(|| compare::columns(connection, name)).clone()
    };
    let each = |rounds: u32, work: &dyn Fn(&str)| {
        queries.iter().for_each(|query| work(query));
        let started = Instant::now();
        (0..rounds).for_each(|_| queries.iter().for_each(|query| work(query)));
        started.elapsed() / (rounds * queries.len() as u32)
    };
    let traced = each(10, &|query| drop(dovetail::lineage::trace(query, &columns)));
    let bound = each(1, &|query| drop(connection.prepare(query).unwrap()));
    let planned = each(1, &|query| drop(plan::plan_json(connection, query).unwrap()));
    let plans: Vec<String> = queries.iter().map(|query| plan::plan_json(connection, query).unwrap()).collect();
    let started = Instant::now();
    plans.iter().for_each(|json| drop(plan::judge_json(json, false)));
    let judged = started.elapsed() / queries.len() as u32;
    let size = plans.iter().map(String::len).sum::<usize>() / queries.len() / 1024;
    format!(
        "a query takes {traced:?} to trace, {bound:?} to be bound, {planned:?} to be planned as {size} KiB of JSON and {judged:?} to read that"
    )
}

fn say(line: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes()).unwrap();
}
