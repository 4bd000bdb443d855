use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatchIterator;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use serde_json::json;

use crate::engine::{
    Access, BatchReader, BuildSource, Engine, EngineErrorKind, Extent, Inputs, MaterializationRecord, Session,
    StoredObject, WhenLocked, open,
};
use crate::graph::RelationName;
use crate::project::{Attachment, Paths, Project, Target, Values};

pub(super) fn project(folder: &Path) -> Project {
    Project {
        name: "test".to_owned(),
        root: folder.to_owned(),
        paths: Paths { models: vec![], seeds: vec![], macros: vec![], tests: vec![], target: "target".into() },
        target: Target {
            name: "dev".to_owned(),
            is_one_of_several: false,
            database: Some(folder.join("test.duckdb")),
            schema: "main".to_owned(),
            threads: 2,
            publish: Default::default(),
            settings: Values::new(),
            extensions: vec![],
            attach: vec![],
            secrets: vec![],
        },
        vars: Values::new(),
        folder_defaults: vec![],
        counts_packages: false,
        environment: Arc::new(BTreeMap::new()),
        file: None,
        overrides: None,
    }
}

pub(super) fn engine(folder: &Path) -> Arc<dyn Engine> {
    let engine = open(&project(folder), Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap();
    engine.prepare(&BTreeSet::from([(None, "main".to_owned())]), 1).unwrap();
    engine
}

pub(super) fn relation(name: &str) -> RelationName {
    RelationName { database: None, schema: "main".to_owned(), identifier: name.to_owned() }
}

pub(super) fn record(asset: &str) -> MaterializationRecord {
    MaterializationRecord {
        asset: asset.to_owned(),
        project: "test".to_owned(),
        run: "run".to_owned(),
        kind: "sql",
        materialized: "table",
        relation: Some(format!("main.{asset}")),
        columns: vec![],
        code_version: "code".to_owned(),
        code_parts: BTreeMap::new(),
        code: None,
        config: None,
        packages: BTreeMap::new(),
        bytes: None,
        inputs: Inputs::new(),
        data_version: None,
        data_method: None,
        data_hash: None,
        parts: vec![],
        started_at: 0,
        seconds: 0.5,
        rows: Some(1),
        metadata: Values::new(),
    }
}

fn text(engine: &Arc<dyn Engine>, sql: &str) -> String {
    let batches: Vec<_> = read(engine, sql).map(Result::unwrap).collect();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

fn read(engine: &Arc<dyn Engine>, sql: &str) -> BatchReader {
    engine.session().unwrap().query(sql).unwrap()
}

fn stream(reader: BatchReader) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(reader)
}

#[test]
fn a_build_is_invisible_until_it_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    let built = session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    assert_eq!(built.rows, Some(1));
    assert!(engine.session().unwrap().query("from a").is_err());
    session.publish(&[record("a")], &[]).unwrap();
    assert!(text(&engine, "from a").contains("| 1 |"));
    session.build(&relation("a"), BuildSource::Query("select 2 as x".to_owned()), Extent::Columns).unwrap();
    session.abandon();
    assert!(text(&engine, "from a").contains("| 1 |"));
    assert!(text(&engine, "select asset, seconds from dovetail.materializations").contains("| a     | 0.5"));
}

#[test]
fn a_record_is_published_with_its_table_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let (mut one, mut other) = (engine.session().unwrap(), engine.session().unwrap());
    let build = |session: &mut Box<dyn Session>, number: u8| {
        session.build(&relation("a"), BuildSource::Query(format!("select {number} as x")), Extent::Columns).map(|_| ())
    };
    build(&mut one, 0).unwrap();
    one.publish(&[record("a")], &[]).unwrap();
    let recorded = |run: &str| MaterializationRecord {
        run: run.to_owned(),
        started_at: 1_000_001,
        rows: None,
        metadata: Values::from([("it's".to_owned(), json!("é"))]),
        ..record("a")
    };
    // Two transactions replace one table: the second is refused when it builds or when it publishes.
    build(&mut one, 1).unwrap();
    let refused = build(&mut other, 2).and_then(|()| {
        one.publish(&[recorded("one")], &[])?;
        other.publish(&[recorded("two")], &[])
    });
    assert!(refused.is_err());
    other.abandon();
    let _ = one.publish(&[recorded("one")], &[]);
    build(&mut other, 3).unwrap();
    other.publish(&[recorded("three")], &[]).unwrap();
    drop((one, other));
    assert!(text(&engine, "from a").contains("| 3 |"));
    let newest = "select run, epoch_us(started_at) as at, row_count, metadata->>'it''s' as metadata, kind
        from dovetail.materializations order by rowid";
    let found = text(&engine, newest);
    assert!(found.contains("| three | 1000001 |           | é        | sql  |"), "{found}");
    assert!(!found.contains("two"), "{found}");
}

#[test]
fn tables_and_views_replace_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    for round in 0..2 {
        let mut session = engine.session().unwrap();
        session.build(&relation("a"), BuildSource::Query(format!("select {round} as x")), Extent::Columns).unwrap();
        session.publish(&[record("a")], &[]).unwrap();
        session.build(&relation("a"), BuildSource::View(format!("select {round} + 10 as x")), Extent::Columns).unwrap();
        session.publish(&[record("a")], &[]).unwrap();
    }
    assert!(text(&engine, "from a").contains("| 11 |"));
    let relations = engine.relations().unwrap();
    assert!(relations.iter().any(|found| found.relation == relation("a") && found.is_view), "{relations:?}");
}

#[test]
fn errors_carry_the_offset_in_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    for (sql, marked) in [
        ("select 1 as x,\n  nothere from range(3)", "nothere"),
        ("select 1 as x from missing_table", "missing_table"),
        ("select 1 as x fron range(3)", "fron"),
        ("select no_such_function(1)", "no_such_function"),
    ] {
        let error = session.build(&relation("a"), BuildSource::Query(sql.to_owned()), Extent::Columns).unwrap_err();
        assert_eq!(error.kind, EngineErrorKind::Query, "{error:?}");
        assert!(!error.message.contains("LINE"), "{}", error.message);
        let offset = error.offset.unwrap_or_else(|| panic!("no offset: {error:?}"));
        assert!(sql[offset..].starts_with(marked), "{sql} at {offset}: {error:?}");
        session.abandon();
        let error = session.query(sql).err().unwrap();
        assert!(error.offset.is_some(), "{error:?}");
    }
}

#[test]
fn all_types_survive_the_trip_out_and_in() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    // `variant` and `geometry` have their own test; `bignum` has no Arrow form in this version.
    let sql = "select * exclude (\"time\"), \"time\" from test_all_types()";
    session.build(&relation("before"), BuildSource::Query(sql.to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("before")], &[]).unwrap();
    let reader = read(&engine, "from before");
    let built = session.build(&relation("after"), BuildSource::Stream(stream(reader)), Extent::Rows).unwrap();
    session.publish(&[record("after")], &[]).unwrap();
    let before = session.content(&relation("before"), Extent::Rows).unwrap();
    assert!(before.hash.is_some());
    assert_eq!(built, before, "the hash of rows on their way, and of those in a table");
    let types = |table: &str| text(&engine, &format!("select column_name, column_type from (describe {table})"));
    similar_asserts(&types("before"), &types("after"));
    let difference = text(&engine, "select count(*) as n from (from before except all from after)");
    assert!(difference.contains("| 0 |"), "{difference}");
}

/// Rows are hashed on their way into the table, by several threads, and it must come to what reading it gives.
#[test]
fn a_streams_rows_are_hashed_as_the_table_will_hold_them() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    for query in [
        "select range as id, 'text ' || range % 77 as name, if(range % 5 = 0, null, range / 3) as part from range(500000)",
        "select null as nothing, range % 2 as x from range(3000)",
        "select if(range = 0, '-0'::double, if(range = 1, 'nan', 'inf')::double) as x from range(3)",
        "select 1 as x where false",
        "select range as \"a \"\"name\"\"\", [range, null] as list, {'a': [range]} as s from range(10000)",
        "select 1 as x from range(10000)",
    ] {
        let reader = read(&engine, query);
        let built = session.build(&relation("a"), BuildSource::Stream(stream(reader)), Extent::Rows).unwrap();
        assert_eq!(built, session.content(&relation("a"), Extent::Rows).unwrap(), "{query}");
        session.publish(&[record("a")], &[]).unwrap();
        let reader = read(&engine, query);
        let unread = session.build(&relation("a"), BuildSource::Stream(stream(reader)), Extent::Columns).unwrap();
        assert_eq!((unread.hash, unread.rows), (None, built.rows), "{query}");
        session.abandon();
    }
}

fn similar_asserts(one: &str, other: &str) {
    let lines = one.lines().zip(other.lines()).filter(|(one, other)| one != other).collect::<Vec<_>>();
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn empty_streams_make_empty_tables_and_no_columns_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    let reader = read(&engine, "select 1 as x where false");
    let built = session.build(&relation("a"), BuildSource::Stream(stream(reader)), Extent::Columns).unwrap();
    assert_eq!(built.rows, Some(0));
    session.publish(&[record("a")], &[]).unwrap();
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let none = Box::new(RecordBatchIterator::new(std::iter::empty(), schema));
    let error = session.build(&relation("a"), BuildSource::Stream(stream(none)), Extent::Columns).unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::NoColumns);
    session.abandon();
    assert!(text(&engine, "select count(*) as n from a").contains("| 0 |"));
}

#[test]
fn a_failing_stream_leaves_the_old_table() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("a")], &[]).unwrap();
    let good = read(&engine, "select 1 as x").next().unwrap().unwrap();
    let schema = good.schema();
    let items = vec![Ok(good), Err(arrow::error::ArrowError::ComputeError("broken pipe of ours".to_owned()))];
    let reader = Box::new(RecordBatchIterator::new(items, schema));
    let error = session.build(&relation("a"), BuildSource::Stream(stream(reader)), Extent::Columns).unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::Source, "{error:?}");
    assert!(error.message.contains("broken pipe of ours"), "{error:?}");
    session.abandon();
    assert!(text(&engine, "from a").contains("| 1 |"));
    assert!(!text(&engine, "from information_schema.tables").contains("__dovetail"));
}

#[test]
fn objects_are_stored_beside_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    assert_eq!(session.get_object("model").unwrap(), None);
    for payload in [vec![0, 255, 7], vec![]] {
        let object = StoredObject { asset: "model".to_owned(), manager: "pickle".to_owned(), payload };
        session.put_object(&object).unwrap();
        session.publish(&[record("model")], &[]).unwrap();
        assert_eq!(engine.session().unwrap().get_object("model").unwrap(), Some(object));
    }
}

#[test]
fn cancelling_ends_what_runs_and_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    let worker = std::thread::spawn(move || {
        let sql = "select count(*) as n from range(10000000) a, range(1000000) b where a.range + b.range = -1";
        session.build(&relation("a"), BuildSource::Query(sql.to_owned()), Extent::Columns).unwrap_err()
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    engine.cancel();
    assert_eq!(worker.join().unwrap().kind, EngineErrorKind::Cancelled);
    assert!(engine.session().is_err());
}

#[test]
fn statements_that_are_several_inside_duckdb_work() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    let pivot = "pivot (select range % 2 as k, range as v from range(10)) on k using sum(v)";
    let built = session.build(&relation("a"), BuildSource::Query(pivot.to_owned()), Extent::Columns).unwrap();
    assert_eq!(built.rows, Some(1));
    session.publish(&[record("a")], &[]).unwrap();
    let shown = text(&engine, "from a");
    assert!(shown.contains("20 | 25"), "{shown}");
    assert_eq!(text(&engine, pivot), shown);
    session.build(&relation("b"), BuildSource::Query("summarize a".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("b")], &[]).unwrap();
    assert_eq!(
        session.columns(pivot).unwrap().iter().map(|column| &column.engine_type).collect::<Vec<_>>(),
        ["HUGEINT"; 2]
    );
}

#[test]
fn targets_attach_and_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    project.target.settings =
        Values::from([("threads".to_owned(), json!(1)), ("TimeZone".to_owned(), json!("Asia/Tokyo"))]);
    project.target.attach =
        vec![Attachment { alias: "other".to_owned(), path: "other.duckdb".to_owned(), kind: None, read_only: false }];
    let engine = open(&project, Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap();
    let shown = text(&engine, "select current_setting('threads') as n, current_setting('TimeZone') as z");
    assert!(shown.contains("Asia/Tokyo") && shown.contains("| 1 |"), "{shown}");
    assert!(text(&engine, "select database_name from duckdb_databases()").contains("other"));
    let mut wrong = project.clone();
    wrong.target.attach.clear();
    wrong.target.database = None;
    wrong.target.settings = Values::from([("no_such_setting".to_owned(), json!(1))]);
    let error = open(&wrong, Access::ReadWrite, WhenLocked::Fail, &|_| false).err().unwrap();
    assert_eq!(error.kind, EngineErrorKind::Setting);
    assert!(error.message.contains("no_such_setting"), "{error:?}");
}

#[test]
fn files_are_made_in_a_form_that_is_quick_to_write_or_in_the_one_that_is_set() {
    let version = |settings: Values| {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(folder.path());
        project.target.settings = settings;
        let engine = open(&project, Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap();
        text(&engine, "select tags['storage_version'] as v from duckdb_databases() where database_name = 'test'")
    };
    assert!(version(Values::new()).contains("v1.2.0"));
    let set = Values::from([("storage_compatibility_version".to_owned(), json!("v1.5.0"))]);
    assert!(version(set).contains("v1.5.0"));
}

#[test]
fn absent_database_and_seed() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&project(folder.path()), Access::ReadOnly, WhenLocked::Fail, &|_| false).err().unwrap();
    assert_eq!(error.kind, EngineErrorKind::NoDatabase);
    let engine = engine(folder.path());
    let path = folder.path().join("it's.csv");
    std::fs::write(&path, "a;b\n1;x\n2;\n").unwrap();
    let options = Values::from([("delim".to_owned(), json!(";")), ("types".to_owned(), json!({"a": "BIGINT"}))]);
    let mut session = engine.session().unwrap();
    let built = session.build(&relation("seed"), BuildSource::Csv { path, options }, Extent::Columns).unwrap();
    assert_eq!(built.rows, Some(2));
}

#[test]
fn state_of_the_first_format_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let engine_before = engine(folder.path());
    let mut session = engine_before.session().unwrap();
    session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("a")], &[]).unwrap();
    drop((session, engine_before));
    // What the first format had.
    let path = folder.path().join("test.duckdb");
    let old = "drop view dovetail.assets; drop view dovetail.columns; drop view dovetail.runs;
        create table dovetail.old as select run, asset, kind, started_at, seconds, row_count, metadata
            from dovetail.materializations;
        drop table dovetail.materializations; alter table dovetail.old rename to materializations;
        update dovetail.format set version = 1";
    super::library::load().unwrap();
    let database = Arc::new(super::raw::Database::open(Some(&path), &[]).unwrap());
    database.connect().unwrap().execute(old).unwrap();
    drop(database);
    let engine = engine(folder.path());
    let known = engine.recorded(Some(&["a", "b"])).unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].code_version.as_deref(), known[0].data_version.as_deref()), (None, None));
    let mut session = engine.session().unwrap();
    session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("a")], &[]).unwrap();
    assert_eq!(engine.recorded(Some(&["a"])).unwrap()[0].code_version.as_deref(), Some("code"));
    assert!(text(&engine, "select version from dovetail.format").contains("| 5 "));
}

#[test]
fn a_state_without_definitions_of_views_gets_them() {
    let folder = tempfile::tempdir().unwrap();
    drop(engine(folder.path()));
    let database = Arc::new(super::raw::Database::open(Some(&folder.path().join("test.duckdb")), &[]).unwrap());
    let old = "drop table dovetail.definitions; update dovetail.format set version = 3";
    database.connect().unwrap().execute(old).unwrap();
    drop(database);
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("a")], &[]).unwrap();
    assert_eq!(engine.recorded(None).unwrap()[0].relation.as_deref(), Some("main.a"));
    assert!(text(&engine, "select version from dovetail.format").contains("| 5 "));
}

#[test]
fn objects_are_told_apart_whatever_the_collation_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    project.target.settings = Values::from([("default_collation".to_owned(), json!("NOCASE"))]);
    let engine = open(&project, Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap();
    engine.prepare(&BTreeSet::new(), 1).unwrap();
    let mut session = engine.session().unwrap();
    let object = |asset: &str| StoredObject {
        asset: asset.to_owned(),
        manager: "pickle".to_owned(),
        payload: asset.as_bytes().to_vec(),
    };
    for asset in ["a", "A", "é", "É"] {
        session.put_object(&object(asset)).unwrap();
        session.publish(&[record(asset)], &[]).unwrap();
    }
    for asset in ["a", "A", "é", "É"] {
        assert_eq!(session.get_object(asset).unwrap(), Some(object(asset)));
    }
    assert_eq!(engine.objects().unwrap().len(), 4);
    assert_eq!(engine.recorded(Some(&["a"])).unwrap().len(), 1);
    assert_eq!(engine.recorded(None).unwrap().len(), 4);
    let compared = text(&engine, "select if('a' = 'A', 'alike', 'apart') as x");
    assert!(compared.contains("alike"), "{compared}");
}
