use std::sync::Arc;

use super::super::tests::{engine, project, record, relation};
use crate::engine::{Access, BuildSource, Content, Engine, Extent, WhenLocked, open};

/// A database in memory, which has types that a file has only in a newer format.
fn in_memory() -> Arc<dyn Engine> {
    let mut project = project(std::path::Path::new("/"));
    project.target.database = None;
    let engine = open(&project, Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap();
    engine.prepare(&std::collections::BTreeSet::new(), 1).unwrap();
    engine
}

/// The content of a query's rows as a table called `content`.
fn content(engine: &Arc<dyn Engine>, query: &str) -> Content {
    let mut session = engine.session().unwrap();
    session.build(&relation("content"), BuildSource::Query(query.to_owned()), Extent::Columns).unwrap();
    session.content(&relation("content"), Extent::Rows).unwrap()
}

/// The hash of its rows.
fn hash(engine: &Arc<dyn Engine>, query: &str) -> String {
    content(engine, query).hash.unwrap()
}

#[test]
fn hashes_are_of_what_is_in_a_table() {
    let engine = in_memory();
    let version = |query: &str| hash(&engine, query);
    let rows = "select range as id, if(range % 3 = 0, null, 'text ' || range) as name from range(10000)";
    let same = version(rows);
    assert_eq!(version(&format!("{rows} order by hash(range)")), same, "the order of rows");
    for other in [
        format!("{rows} where range <> 77"),
        format!("{rows} union all select 77, 'text 77'"),
        format!("{rows} union all (select 77, 'text 77' union all select 77, 'text 77')"),
        format!("select id, if(id = 77, null, name) as name from ({rows})"),
        format!("select id, name as called from ({rows})"),
        format!("select id::integer as id, name from ({rows})"),
        format!("select name, id from ({rows})"),
        format!("from ({rows}) limit 0"),
        // Two rows trade a value.
        format!("select id, case id when 1 then 'text 2' when 2 then 'text 1' else name end as name from ({rows})"),
    ] {
        assert_ne!(version(&other), same, "{other}");
    }
    assert_eq!(version("select 1 as x where false"), version("select 2 as x where false"));
    assert_ne!(version("select 1 as x, 2 as y"), version("select 2 as x, 1 as y"));
    assert_ne!(version("select null as x, 1 as y"), version("select 1 as x, null as y"));
    assert_ne!(version("select 0 as x"), version("select 0 as x where false"));
    assert_ne!(version("select null as x"), version("from (values (null), (null)) v(x)"));
}

#[test]
fn hashes_of_all_types_are_the_same_each_time() {
    let engine = in_memory();
    let rows = "select *, row_number() over () as number from test_all_types()";
    let names = "select * exclude (number) from";
    let turned = format!("{names} ({rows}) order by number desc");
    assert_eq!(hash(&engine, &format!("{names} ({rows})")), hash(&engine, &turned));
    for value in [
        "{'a': [1.5, 'nan'::double]}",
        "map {'k': '2020-01-01 00:00:00+01'::timestamptz}",
        "'b'::enum('a', 'b')",
        "{'a': [range, null], 'b': 'text ' || range}::variant",
        "if(range % 2 = 0, range::variant, [range]::variant)",
        "'{\"a\": [1, null]}'::json",
        "('POINT(' || range || ' 2)')::geometry",
        "range::bignum",
        "union_value(number := range)",
        "[{'a': [range]}, null, {'a': null}]",
        "array_value(range, null, 1)",
        "map {[range]: {'deep': map {range: [[range]]}}}",
        "to_months(range::integer)",
    ] {
        let query = format!("select {value} as x from range(5000)");
        let other = format!("{query} order by hash(range)");
        assert_eq!(hash(&engine, &query), hash(&engine, &other), "{value}");
        let fewer = format!("{query} where range <> 4999 union all (select {value} from range(1))");
        assert!(!value.contains("range") || hash(&engine, &query) != hash(&engine, &fewer), "{value}");
    }
}

/// Values of one type that are different to whoever reads them.
#[test]
fn different_values_hash_differently() {
    let engine = in_memory();
    for (logical, values) in [
        ("integer[]", vec!["null", "[]", "[null]", "[0]", "[0, 0]", "[null, null]", "[0, null]", "[null, 0]"]),
        ("integer[][]", vec!["null", "[]", "[[]]", "[null]", "[[null]]", "[[1], [2]]", "[[1, 2]]", "[[1, 2], []]"]),
        ("integer[2]", vec!["null", "[0, 0]", "[null, 0]", "[0, null]", "[null, null]"]),
        ("integer[][2]", vec!["null", "[[1], [2, 3]]", "[[1, 2], [3]]", "[null, []]", "[[], null]"]),
        ("struct(a integer)", vec!["null", "{'a': null}", "{'a': 0}"]),
        ("struct(a integer)[]", vec!["null", "[]", "[null]", "[{'a': null}]", "[{'a': 0}]", "[{'a': 0}, {'a': 0}]"]),
        ("struct(a integer, b integer)", vec!["{'a': 1, 'b': 2}", "{'a': 2, 'b': 1}", "{'a': null, 'b': 1}"]),
        ("map(varchar, integer)", vec!["null", "map {}", "map {'a': null}", "map {'a': 0}", "map {'a': 0, 'b': 0}"]),
        (
            "union(a integer, b integer)",
            vec!["null", "union_value(a := 1)", "union_value(b := 1)", "union_value(a := null::integer)"],
        ),
        ("interval", vec!["null", "interval 1 month", "interval 30 days", "interval 720 hours"]),
        ("varchar", vec!["null", "''", "'a'", "'A'", "'a '", "chr(0)", "'NULL'"]),
        ("varchar[]", vec!["['a', 'b']", "['a, b']", "['ab', '']", "['', 'ab']", "['NULL']", "[null]"]),
        ("blob", vec!["null", "''", "'\\x00'", "'\\x00\\x00'"]),
        ("bit", vec!["null", "'0'", "'00'", "'1'", "'01'"]),
        ("timetz", vec!["'12:00:00+00'", "'12:00:00+01'", "'13:00:00+01'"]),
        ("bignum", vec!["null", "0", "1", "-1"]),
        ("json", vec!["null", "'null'", "'1'", "'\"1\"'", "'[1]'"]),
        ("double", vec!["null", "0", "1", "-1", "'nan'", "'inf'", "'-inf'"]),
        (
            "variant",
            vec![
                "null",
                "1::integer",
                "'1'",
                "[]::integer[]",
                "[null]::integer[]",
                "[[1], [2]]",
                "[[1, 2]]",
                "{'a': 1}",
            ],
        ),
    ] {
        let hashes: Vec<String> =
            values.iter().map(|value| hash(&engine, &format!("select ({value})::{logical} as x"))).collect();
        for (index, one) in hashes.iter().enumerate() {
            for (other_index, other) in hashes.iter().enumerate().skip(index + 1) {
                assert_ne!(one, other, "{logical}: {} and {}", values[index], values[other_index]);
            }
        }
    }
}

/// What is equal to the engine, or written in another way only.
#[test]
fn equal_values_hash_alike() {
    let engine = in_memory();
    for (one, other) in [
        ("0.0::double", "'-0.0'::double"),
        ("0.0::float", "'-0.0'::float"),
        ("[0.0::double]", "['-0.0'::double]"),
        ("'nan'::double", "-('nan'::double)"),
        ("'nan'::float", "'inf'::float - 'inf'::float"),
        ("{'x': 'nan'::double}", "{'x': -('nan'::double)}"),
        ("1.50::decimal(4, 2)", "1.5::decimal(4, 2)"),
        ("timestamptz '2024-01-01 00:00:00+00'", "timestamptz '2024-01-01 02:00:00+02'"),
        ("'a'::enum('a', 'b')", "lower('A')::enum('a', 'b')"),
        ("'a' collate nocase", "'a'"),
    ] {
        let version = |value: &str| hash(&engine, &format!("select {value} as x"));
        assert_eq!(version(one), version(other), "{one} and {other}");
    }
    // The dictionary is part of an enum's type, and by the type also of the version.
    let version = |labels: &str| hash(&engine, &format!("select 'a'::enum({labels}) as x"));
    assert_ne!(version("'a', 'b'"), version("'b', 'a'"));
    assert_ne!(hash(&engine, "select 1.5::decimal(4, 1) as x"), hash(&engine, "select 1.5::decimal(4, 2) as x"));
}

/// DuckDB leaves bytes between their parts as they are, so each one is another: that builds too much, and hides nothing.
#[test]
fn states_of_aggregates_have_hashes_too() {
    let engine = in_memory();
    let mut session = engine.session().unwrap();
    let query = BuildSource::Query("select sum(range) export_state as s from range(5000)".to_owned());
    let built = session.build(&relation("states"), query, Extent::Rows).unwrap();
    assert_eq!(session.content(&relation("states"), Extent::Rows).unwrap(), built);
}

#[test]
fn hashes_do_not_depend_on_where_and_how_rows_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let query =
        "select range as id, 'name ' || range % 7 as name, {'a': range, 'b': ['x', null]} as v, [range % 3] as l,
        '2024-01-01 00:00:00+01'::timestamptz + to_seconds(range) as at from range(30000)";
    let before = {
        let engine = engine(folder.path());
        let before = hash(&engine, query);
        let mut session = engine.session().unwrap();
        session.build(&relation("content"), BuildSource::Query(query.to_owned()), Extent::Columns).unwrap();
        session.publish(&[record("content")], &[]).unwrap();
        before
    };
    // Opening folds the log into the file, where columns are compressed.
    let engine = engine(folder.path());
    let mut session = engine.session().unwrap();
    for setting in ["select 1", "set timezone = 'Asia/Tokyo'", "set default_collation = 'nocase'"] {
        session.columns(&format!("{setting}; select 1")).unwrap();
        let found = session.content(&relation("content"), Extent::Rows).unwrap();
        assert_eq!((found.hash.as_deref(), found.rows), (Some(before.as_str()), Some(30000)), "{setting}");
    }
}

#[test]
fn a_table_may_have_thousands_of_columns() {
    let engine = in_memory();
    let columns: Vec<String> = (0..3000).map(|number| format!("{number} as c{number}")).collect();
    let query = format!("select {}", columns.join(", "));
    let other = format!("select {}", columns.join(", ").replace("2999 as", "2998 as"));
    assert_ne!(hash(&engine, &query), hash(&engine, &other));
}

#[test]
fn columns_alone_cost_no_look_at_the_rows() {
    let engine = in_memory();
    let mut session = engine.session().unwrap();
    session.build(&relation("a"), BuildSource::Query("select 1 as x".to_owned()), Extent::Columns).unwrap();
    let content = session.content(&relation("a"), Extent::Columns).unwrap();
    assert_eq!((content.columns.len(), content.hash, content.rows), (1, None, None));
}

/// What the catalog tells is what was recorded, so that nothing calls itself altered.
#[test]
fn the_catalog_tells_columns_as_they_are_recorded() {
    let engine = in_memory();
    let query = "select *, {'k': 1} as \"a \"\"name\"\"\", 'a' collate nocase as c, [map {'a': 1.5}] as m,
        union_value(u := 1) as u, 'POINT(1 2)'::geometry as g, 1::variant as v, '1'::json as j, ['x'::blob] as b,
        [1.5::decimal(5, 2)] as d, array_value(array_value(1, 2), array_value(3, 4)) as \"end\"
        from test_all_types()";
    let recorded = content(&engine, query).columns;
    let mut session = engine.session().unwrap();
    session.build(&relation("content"), BuildSource::Query(query.to_owned()), Extent::Columns).unwrap();
    session.build(&relation("seen"), BuildSource::View("select 1 as x".to_owned()), Extent::Columns).unwrap();
    session.publish(&[record("content")], &[]).unwrap();
    let relations = engine.relations().unwrap();
    let found = |name: &str| relations.iter().find(|found| found.relation == relation(name)).unwrap();
    assert_eq!(found("content").columns, recorded);
    assert_eq!(found("content").rows, Some(3));
    assert!(found("seen").is_view && found("seen").rows.is_none());
}
