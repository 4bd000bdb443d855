//! Unit tests of SQL models: what is run on what, what is told, and what `--update` writes.

use crate::harness::{Project, Said, assert_said};

const ORDERS: &str = "select order_id, customer, amount, ordered_at from raw.orders\n";
const DAILY: &str = "with days as (
  select customer, cast(ordered_at as date) as day, sum(amount) as total from stg_orders group by all
)
select *, rank() over (partition by day order by total desc) as place from days
";
const SOURCES: &str = "sources:\n  - name: raw\n    tables:\n      - name: orders\n        columns:\n          - {name: order_id, data_type: bigint}\n          - {name: customer, data_type: varchar}\n          - {name: amount, data_type: 'decimal(10, 2)'}\n          - {name: ordered_at, data_type: timestamptz}\n";

fn shop() -> Project {
    Project::new()
        .file("dovetail.toml", "[targets.dev]\ndatabase = 'shop.duckdb'\nsettings = { TimeZone = 'Europe/Berlin' }\n")
        .file("models/sources.yml", SOURCES)
        .file("models/stg_orders.sql", ORDERS)
        .file("models/daily.sql", DAILY)
}

fn tested(project: Project, tests: &str) -> Said {
    let project = project.file("models/tests.yml", tests);
    let said = project.run(&["test"]);
    assert!(!project.exists("shop.duckdb"), "nothing opens the database");
    said
}

const WINDOWS: &str = "unit_tests:
  - name: places_by_day
    description: Midnight is midnight in Berlin.
    model: daily
    given:
      - input: ref('stg_orders')
        rows:
          - {customer: Ada, amount: 10.50, ordered_at: '2024-03-30 22:59:59+00'}
          - {customer: Ada, amount: 1.25, ordered_at: '2024-03-30 23:00:00+00'}
          - {customer: Grace, amount: 2, ordered_at: '2024-03-31 21:59:59+00'}
          - {customer: Grace, amount: 5, ordered_at: '2024-03-31 22:00:00+00'}
    expect:
      rows:
        - {customer: Ada, day: 2024-03-30, total: 10.5, place: 1}
        - {customer: Grace, day: 2024-03-31, total: 2.00, place: 1}
        - {customer: Ada, day: 2024-03-31, total: 1.25, place: 2}
        - {customer: Grace, day: 2024-04-01, total: 5, place: 1}
";

#[test]
fn windows_and_time_zones() {
    assert_said!(tested(shop(), WINDOWS));
}

#[test]
fn other_rows_are_shown_by_row_and_column() {
    assert_said!(tested(
        shop(),
        &WINDOWS
            .replace("total: 2.00, place: 1", "total: 2.01, place: 3")
            .replace("{customer: Grace, day: 2024-04-01, total: 5, place: 1}", "{customer: Bob, day: 1999-01-01}")
    ));
}

#[test]
fn a_chain_is_run_from_what_is_given() {
    let tests = "unit_tests:
  - name: from_the_source
    model: daily
    given:
      - input: source('raw', 'orders')
        format: csv
        rows: |
          order_id,customer,amount,ordered_at
          1,Ada,1.10,2024-01-01 12:00:00+01
          2,\"\",2.20,2024-01-01 12:00:00+01
          3,,3.30,2024-01-01 12:00:00+01
    expect:
      format: sql
      rows: |
        select null as customer, 3.3 as total, 1 as place
        union all select '', 2.20, 2
        union all select 'Ada', 1.1, 3
";
    assert_said!(tested(shop(), tests));
}

#[test]
fn what_is_misspelt_is_told_where_it_stands() {
    let tests = "unit_tests:
  - name: given_columns
    model: daily
    given:
      - input: stg_orders
        rows:
          - {custmer: Ada, amount: 1, ordered_at: 2024-01-01}
    expect: {rows: []}
  - name: expected_columns
    model: daily
    given:
      - input: stg_orders
        rows: [{customer: Ada, amount: 1, ordered_at: 2024-01-01}]
    expect:
      rows: [{customr: Ada, totl: 1}]
  - name: values
    model: daily
    given:
      - input: stg_orders
        rows: [{customer: Ada, amount: lots, ordered_at: noon}, {amount: 1.005}, {amount: [1]}]
    expect: {rows: []}
  - name: too_much_and_too_little
    model: daily
    given:
      - {input: daily, rows: []}
    expect: {rows: []}
  - name: not_read
    model: daily
    given:
      - {input: stg_orders, rows: []}
      - {input: \"source('raw', 'orders')\", rows: []}
    expect: {rows: []}
";
    assert_said!(tested(shop(), tests));
}

#[test]
fn names_that_do_not_exist_are_mistakes_of_the_project() {
    let tests = "unit_tests:
  - name: one
    model: dayly
    given: []
    expect: {rows: []}
  - name: two
    model: daily
    given:
      - {input: ref('stg_order'), rows: []}
      - {input: stg_orders}
    expect: {rows: []}
  - name: two
    model: daily
    given: [{input: stg_orders, rows: []}, {input: stg_orders, rows: []}]
    expect: {rows: []}
";
    assert_said!(tested(shop(), tests));
    let tests = "unit_tests:
  - name: two
    model: daily
    given:
      - {input: what is this(, rows: []}
      - {input: stg_orders, rows: [], fromat: csv}
    expect: {rows: []}
  - name: three
    model: daily
    given: [{input: stg_orders, rows: []}]
    overrides: {now: soon}
";
    assert_said!(tested(shop(), tests));
    let off = "unit_tests:
  - name: off
    model: nothing_at_all
    config: {enabled: false}
    expect: {rows: []}
";
    assert_said!(tested(shop(), off));
}

#[test]
fn values_are_compared_exactly() {
    let project = Project::new().file(
        "models/values.sql",
        "select *, d * 2 as twice from (values
  (1, 1.10::decimal(20, 4), 'nan'::double, date '2024-02-29', [1, null], {'a': 1, 'b': [date '2024-01-01']}, map {'k': 0.1::decimal(3,2)}, '{\"x\": [1,  2]}'::json, null::varchar),
  (1, 12345678901234.5678, '-inf', null, [], null, map {}, null, ''),
  (2, 0, 0.1, date '0001-01-01', null, {'a': null, 'b': null}, null, 'null', 'NULL')
) v(id, d, f, day, list, struct, map, json, text)\n",
    );
    let tests = "unit_tests:
  - name: exact
    model: values
    expect:
      rows:
        - {id: 2, d: 0, twice: 0.0000, f: 0.1, day: 0001-01-01, struct: {}, json: 'null', text: 'NULL'}
        - id: 1
          d: 1.1
          twice: 2.2000
          f: .nan
          day: 2024-02-29
          list: [1, null]
          struct: {A: 1, b: [2024-01-01]}
          map: {k: 0.10}
          json: {x: [1, 2]}
          text: ~
        - {id: 1, d: 12345678901234.5678, twice: 24691357802469.1356, f: -.inf, list: [], map: {}, text: ''}
  - name: one_digit
    model: values
    expect:
      rows: [{d: 0}, {d: 1.1001}, {d: 12345678901234.5678}]
  - name: inside
    model: values
    expect:
      rows: [{id: 1, list: [1]}, {id: 1, list: []}, {id: 2, list: null}]
  - name: a_field
    model: values
    expect:
      rows: [{struct: {c: 1}}]
";
    assert_said!(tested(project, tests));
}

#[test]
fn duplicates_count_and_order_does_not() {
    let project = Project::new().file("models/few.sql", "select * from (values (2), (1), (1)) v(n)\n");
    let tests = "unit_tests:
  - {name: same, model: few, expect: {rows: [{n: 1}, {n: 2}, {n: 1}]}}
  - {name: fewer, model: few, expect: {rows: [{n: 1}, {n: 2}]}}
  - {name: none, model: few, expect: {rows: []}}
";
    assert_said!(tested(project, tests));
}

#[test]
fn overrides_are_of_the_test_alone() {
    let project = Project::new()
        .file("dovetail.toml", "[vars]\nlimit = 1\n")
        .file("macros/m.sql", "{% macro euro(c) %}{{ twice(c) }}{% endmacro %}\n{% macro twice(c) %}({{ c }} * 2){% endmacro %}\n")
        .file(
            "models/m.sql",
            "select {{ var('limit') }} as l, '{{ env_var('WHO', 'nobody') }}' as who, {{ euro('3') }} as e,\n  {% if is_incremental() %}(select max(l) from {{ this }}){% else %}0{% endif %} as before\n",
        );
    let tests = "unit_tests:
  - {name: plain, model: m, expect: {rows: [{l: 1, who: nobody, e: 6, before: 0}]}}
  - name: other
    model: m
    given: [{input: this, rows: [{l: 41}]}]
    overrides:
      vars: {limit: 7}
      env_vars: {WHO: Ada}
      macros: {is_incremental: true, twice: '33'}
    expect: {rows: [{l: 7, who: Ada, e: 33, before: 41}]}
  - name: misspelt
    model: m
    overrides: {macros: {is_incrementl: true}}
    expect: {rows: []}
  - name: without_this
    model: m
    overrides: {macros: {is_incremental: true}}
    expect: {rows: []}
";
    assert_said!(tested(project, tests));
}

#[test]
fn every_clock_of_sql_says_the_same() {
    let project = Project::new()
        .file("dovetail.toml", "[targets.dev]\nsettings = { TimeZone = 'Europe/Berlin' }\n")
        .file("models/base.sql", "{{ config(materialized='view') }}\nselect now() as n, today() as t from raw.one\n")
        .file("models/s.yml", "sources: [{name: raw, tables: [{name: one}]}]")
        .file(
            "models/inline.sql",
            "{{ config(materialized='ephemeral') }}\nselect current_date as cd, n, t from base\n",
        )
        .file(
            "models/clocks.sql",
            "with c as (select current_timestamp as ct, get_current_timestamp() as g, transaction_timestamp() as tt)
select n = ct and ct = g and g = tt as same, n::varchar as n, t, cd, current_localtimestamp() as l, localtime as lt,
  age(timestamp '2024-02-29') as a, '{{ run_started_at.strftime('%Y-%m-%d %H:%M') }}' as r, current_time::varchar as z
from c, inline\n",
        );
    let tests = "unit_tests:
  - name: leap
    model: clocks
    given: [{input: one, rows: [{x: 1}]}]
    overrides: {now: '2024-03-01 23:30:00+00'}
    expect:
      rows:
        - {same: true, n: '2024-03-02 00:30:00+01', t: 2024-03-02, cd: 2024-03-02, l: '2024-03-02 00:30:00', lt: '00:30:00',
           a: 2 days, r: '2024-03-01 23:30', z: '00:30:00+01'}
";
    assert_said!(tested(project, tests));
}

#[test]
fn ephemeral_models_and_files_may_be_given() {
    let project = Project::new()
        .file("data/x.csv", "a\n1\n")
        .file("seeds/names.csv", "id,name\n1,one\n2,two\n")
        .file("models/s.yml", "sources:\n  - name: files\n    tables: [{name: x, path: data/x.csv}]\n")
        .file(
            "models/eph.sql",
            "{{ config(materialized='ephemeral') }}\nselect a, a + 1 as b from {{ source('files', 'x') }} -- end\n",
        )
        .file("models/two.sql", "{{ config(materialized='ephemeral') }}\nselect eph.a, b from eph\n")
        .file("models/m.sql", "select two.a, b, name from two join names on id = two.a\n");
    let tests = "unit_tests:
  - {name: file, model: m, given: [{input: \"source('files', 'x')\", rows: [{a: 2}]}], expect: {rows: [{a: 2, b: 3, name: two}]}}
  - {name: inner, model: m, given: [{input: eph, rows: [{a: 1, b: 9}]}], expect: {rows: [{a: 1, b: 9, name: one}]}}
  - name: outer
    model: m
    given:
      - {input: two, rows: [{a: 1, b: 8}]}
      - {input: names, rows: [{id: 1, name: uno}]}
    expect: {rows: [{a: 1, b: 8, name: uno}]}
  - {name: seed, model: m, given: [{input: two, rows: [{a: 2}]}, {input: names}], expect: {rows: [{a: 2, name: two}]}}
";
    assert_said!(tested(project, tests));
}

#[test]
fn fixtures_are_files() {
    let project = shop()
        .file("tests/fixtures/orders.csv", "order_id,customer,amount,ordered_at\n1,Ada,x,2024-01-01\n2,Ada\n")
        .file("tests/fixtures/deep/good.csv", "customer,amount,ordered_at\nAda,1,2024-01-01\n")
        .file("tests/fixtures/daily.sql", "select 'Ada' as customer, 2 as total\n");
    let tests = "unit_tests:
  - name: bad
    model: daily
    given: [{input: stg_orders, format: csv, fixture: orders}]
    expect: {format: sql, fixture: daily}
  - name: gone
    model: daily
    given: [{input: stg_orders, format: csv, fixture: nowhere}]
    expect: {format: sql, fixture: daily}
  - name: other
    model: daily
    given: [{input: stg_orders, format: csv, fixture: good}]
    expect: {format: sql, fixture: daily}
";
    assert_said!(tested(project, tests));
}

#[test]
fn an_error_of_the_model_is_told_at_its_line() {
    let project =
        shop().file("models/daily.sql", "select customer,\n  sum(amuont) as total\nfrom stg_orders\ngroup by all\n");
    let tests = "unit_tests:
  - {name: wrong, model: daily, given: [{input: stg_orders, rows: []}], expect: {rows: []}}
";
    assert_said!(tested(project, tests));
    let unknown = Project::new().file("models/m.sql", "select a, b from other.t\n").file(
        "models/s.yml",
        "sources: [{name: other, tables: [{name: t}]}]
unit_tests:
  - {name: some, model: m, given: [{input: t, rows: [{a: 1}]}], expect: {rows: []}}
  - {name: typed, model: m, given: [{input: t, rows: [{a: 1, b: 2024-01-01}]}], expect: {rows: [{a: 1, b: 2024-01-01}]}}
",
    );
    assert_said!(unknown.run(&["test"]));
}

#[test]
fn tests_are_selected_by_name_tag_and_asset() {
    let project =
        Project::new().file("models/a.sql", "select 1 as x\n").file("models/b.sql", "select x from a\n").file(
            "models/t.yml",
            "unit_tests:
  - {name: t1, model: a, config: {tags: quick}, expect: {rows: [{x: 1}]}}
  - {name: t2, model: b, given: [{input: a, rows: []}], expect: {rows: [{x: 1}]}}
",
        );
    let names = |args: &[&str]| {
        let said = project.run(&[&["test", "-o", "json"], args].concat());
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["unit_test"].to_string();
        (said.code, said.stdout.lines().map(line).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(names(&[]), (1, "\"t1\" \"t2\"".to_owned()));
    assert_eq!(names(&["-s", "t1"]), (0, "\"t1\"".to_owned()));
    assert_eq!(names(&["-s", "tag:quick"]), (0, "\"t1\"".to_owned()));
    assert_eq!(names(&["-s", "b"]), (1, "\"t2\"".to_owned()));
    assert_eq!(names(&["-s", "+b", "--exclude", "unit_test:t2"]), (0, "\"t1\"".to_owned()));
    assert_eq!(names(&["-s", "nothing"]).0, 2);
    let said = project.run(&["test", "-o", "json", "--junit", "out/tests.xml"]);
    insta::with_settings!({filters => vec![(r#""seconds":[0-9.]+"#, r#""seconds":[N]"#)]}, {
        insta::assert_snapshot!(said.stdout);
    });
    insta::with_settings!({filters => vec![(r#"time="[0-9.]+""#, r#"time="[TIME]""#)]}, {
        insta::assert_snapshot!(project.read("out/tests.xml"));
    });
}

const BEFORE: &str = "# What is expected.
unit_tests:
  - name: flow   # keep me
    model: m
    expect:
      # and me
      rows:
        - {id: 1, text: old}   # not me
        # nor me

      # but me
    config: {tags: x}
  - name: block
    model: m
    expect:
      rows:
      - id: 1
        text: old
  - name: csv
    model: m
    expect:
      format: csv
      rows: |
        text,id
        old,1

  - name: sql
    model: m
    expect: {format: sql, fixture: m}
  - name: empty
    model: m
    expect:
      rows: []   # none yet
  - {name: one_line, model: m, expect: {rows: [{id: 1}]}}
  - name: quoted
    model: m
    expect:
      format: sql
      rows: \"select 1 as id\"
  - name: right
    model: m
    expect: {rows: [{id: 7}, {id: null}]}
  - name: alias
    model: m
    expect:
      rows: &rows
        - {id: 3}
  - name: last
    model: m
    expect:
      rows:
        - {text: null}";

#[test]
fn expectations_are_rewritten_in_place() {
    let project = Project::new()
        .file("models/m.sql", "select * from (values (7, 'it''s, \"so\" #1'), (null, '')) v(id, text)\n")
        .file("tests/fixtures/m.sql", "select 1 as id\n")
        .file("models/t.yml", BEFORE);
    assert_said!(project.run(&["test", "--update"]));
    insta::assert_snapshot!(format!(
        "{}\n-----\n{}",
        project.read("models/t.yml"),
        project.read("tests/fixtures/m.sql")
    ));
    let again = project.run(&["test"]);
    assert_eq!(again.stderr.matches("DT1104").count(), 1, "{again}");
    assert!(again.stderr.contains("unit test `alias` failed"), "{again}");
}

#[test]
fn nothing_is_rewritten_when_the_model_fails() {
    let tests = "unit_tests:\n  - {name: t, model: m, expect: {rows: [{id: 1}]}}\n";
    let project = Project::new().file("models/m.sql", "select error('no') as id\n").file("models/t.yml", tests);
    assert_said!(project.run(&["test", "--update"]));
    assert_eq!(project.read("models/t.yml"), tests);
}

#[test]
fn overrides_leave_nothing_in_the_cache() {
    let tests: String = (0..6)
        .map(|number| {
            format!("  - {{name: t{number}, model: m, overrides: {{vars: {{x: {number}}}}}, expect: {{rows: [{{x: {number}}}]}}}}\n")
        })
        .collect();
    let project = Project::new()
        .file("models/m.sql", "select {{ var('x', 7) }} as x\n")
        .file("models/t.yml", format!("unit_tests:\n{tests}"));
    let said = project.run(&["test"]);
    assert!(said.code == 0 && said.stderr.contains("6 passed"), "{said}");
    let entries = std::fs::read_dir(project.root().join("target/cache")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(names.filter(|name| name.starts_with("graph-")).count(), 1);
}

#[test]
fn what_an_asset_held_before_is_given_only_where_it_reads_it() {
    let tests = "unit_tests:\n  - {name: t, model: m, given: [{input: this, rows: []}], expect: {rows: [{x: 1}]}}\n";
    assert_said!(tested(Project::new().file("models/m.sql", "select 1 as x\n"), tests));
}
