use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::engine::duckdb::tests::{engine, record, relation};
use crate::engine::{BatchReader, BuildSource, Column, EngineErrorKind, Extent, FailingRows, Session, StoredObject};

fn build(session: &mut Box<dyn Session>, name: &str, sql: &str) {
    session.build(&relation(name), BuildSource::Query(sql.to_owned()), Extent::Rows).unwrap();
}

fn reading(session: &mut Box<dyn Session>) -> Box<dyn Session> {
    session.within().session().unwrap()
}

/// The rows and the sum of the first column.
fn count_and_sum(reader: BatchReader) -> (usize, i64) {
    reader.map(Result::unwrap).fold((0, 0), |(rows, sum), batch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        (rows + batch.num_rows(), sum + numbers.iter().flatten().sum::<i64>())
    })
}

#[test]
fn what_is_built_is_seen_within_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select range as x from range(10)");
    let mut within = reading(&mut session);
    assert_eq!(count_and_sum(within.query("from a").unwrap()), (10, 45));
    assert_eq!(within.columns("from a").unwrap(), [Column { name: "x".to_owned(), engine_type: "BIGINT".to_owned() }]);
    assert!(engine.session().unwrap().query("from a").is_err());
    within.abandon();
    drop(within);
    session.publish(&[record("a")], &[]).unwrap();
    assert_eq!(count_and_sum(engine.session().unwrap().query("from a").unwrap()), (10, 45));
}

#[test]
fn two_readers_at_once_both_give_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select range as x from range(300000)");
    let sessions = session.within();
    let (mut one, mut other) = (sessions.session().unwrap(), reading(&mut session));
    let mut first = one.query("from a").unwrap();
    assert_eq!(first.next().unwrap().unwrap().column(0).as_primitive::<Int64Type>().value(0), 0);
    let second = other.query("select x + 1 as x from a").unwrap();
    let thread = std::thread::spawn(move || count_and_sum(second));
    let left: usize = first.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(left, 300_000 - 122_880);
    assert_eq!(thread.join().unwrap(), (300_000, 300_000 * 300_001 / 2));
    // Types that go through DuckDB's own export too.
    let nested = one.query("select [x, x + 1] as pair, uuid() as id from a").unwrap();
    assert_eq!(nested.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 300_000);
}

#[test]
fn nothing_is_left_of_what_is_abandoned_and_nobody_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select range as x from range(200000)");
    let mut within = reading(&mut session);
    let reader = within.query("from a").unwrap();
    session.abandon();
    let over = within.query("select 1 as x").err().unwrap();
    assert_eq!((over.kind, over.message.contains("is over")), (EngineErrorKind::Query, true), "{over:?}");
    assert!(reading(&mut session).query("from a").is_err());
    assert_eq!(count_and_sum(reader).0, 200_000, "a result is complete");
    // Who reads in one transaction does not read in the next.
    let mut within = reading(&mut session);
    build(&mut session, "b", "select 1 as x");
    assert!(within.columns("from b").is_err());
    assert!(reading(&mut session).columns("from b").is_ok());
}

#[test]
fn without_a_transaction_queries_just_run() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select 7 as x");
    session.publish(&[record("a")], &[]).unwrap();
    let mut within = reading(&mut session);
    assert_eq!(count_and_sum(within.query("select x::bigint as x from a").unwrap()), (1, 7));
    assert_eq!(count_and_sum(within.within().session().unwrap().query("select 8::bigint as x").unwrap()), (1, 8));
}

#[test]
fn only_queries_run_within() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select 'x' as kind, 1::bigint as n union all select 'y', 2");
    let mut within = reading(&mut session);
    for sql in [
        "commit",
        "rollback; select 1 as x",
        "drop table a; from a",
        "insert into a values ('z', 3)",
        "insert into a values ('z', 3) returning n",
        "create table b as from a",
        "attach ':memory:' as other",
    ] {
        let error = within.query(sql).err().unwrap_or_else(|| panic!("{sql}"));
        assert_eq!(error.kind, EngineErrorKind::Query, "{sql}: {error:?}");
        assert!(within.columns(sql).is_err(), "{sql}");
    }
    let object = StoredObject { asset: "a".to_owned(), manager: "pickle".to_owned(), payload: vec![] };
    assert!(within.put_object(&object).is_err() && within.publish(&[record("a")], &[]).is_err());
    assert!(within.build(&relation("a"), BuildSource::Query("select 1".to_owned()), Extent::Rows).is_err());
    for query in ["from a", "describe a", "summarize a", "pivot a on kind using sum(n)", "with b as (from a) from b"] {
        assert!(within.query(query).unwrap().all(|batch| batch.is_ok()), "{query}");
    }
    let error = within.query("select nothere from a").err().unwrap();
    assert_eq!(error.offset, Some("select ".len()), "{error:?}");
    // None of these spoilt the transaction.
    session.publish(&[record("a")], &[]).unwrap();
    assert!(engine.session().unwrap().query("select n from a").is_ok());
}

#[test]
fn a_query_that_fails_while_it_runs_spoils_the_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(&mut session, "a", "select 'x' as text");
    assert!(reading(&mut session).query("select text::integer as n from a").is_err());
    assert!(session.publish(&[record("a")], &[]).is_err());
    assert!(engine.session().unwrap().query("from a").is_err());
}

#[test]
fn failing_rows_are_counted_and_the_first_are_kept_as_the_engine_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    build(
        &mut session,
        "a",
        "select range as n, case when range > 0 then timestamp '2024-01-02 03:04:05' end as at,
         1.50::decimal(9, 2) as price, [1, null] as list, {'x': 'y'} as fields, '\\xFF'::blob as bytes from range(5000)",
    );
    let mut within = reading(&mut session);
    let failing = FailingRows::of(within.as_mut(), "from a", 2).unwrap();
    assert_eq!(failing.total, 5000);
    let types: Vec<&str> = failing.columns.iter().map(|column| column.engine_type.as_str()).collect();
    assert_eq!(types, ["BIGINT", "TIMESTAMP", "DECIMAL(9,2)", "INTEGER[]", "STRUCT(\"x\" VARCHAR)", "BLOB"]);
    let texts = |row: usize| failing.rows[row].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(texts(0), ["0", "-", "1.50", "[1, NULL]", "{'x': y}", "\\xFF"]);
    assert_eq!(texts(1)[1], "2024-01-02 03:04:05");
    assert_eq!(failing.rows.len(), 2);

    let counted = FailingRows::of(within.as_mut(), "select n from a where n >= 10 -- all but ten", 0).unwrap();
    assert_eq!((counted.total, counted.rows.len(), counted.columns.len()), (4990, 0, 1));
    let none = FailingRows::of(within.as_mut(), "from a where n < 0", 5).unwrap();
    assert_eq!((none.total, none.rows.len(), none.columns.len()), (0, 0, 6));
    // In the order of the query, and names do not matter.
    let sorted = FailingRows::of(
        within.as_mut(),
        "select n, n as n, 'é' || repeat('x', 2000) as c0 from a order by n desc",
        4999,
    );
    let sorted = sorted.unwrap();
    assert_eq!(sorted.rows[4998][0].as_deref(), Some("1"));
    let cell = sorted.rows[0][2].as_deref().unwrap();
    assert_eq!((cell.chars().count(), cell.starts_with("éx"), cell.ends_with("x…")), (1000, true, true));
}
