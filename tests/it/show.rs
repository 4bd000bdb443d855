//! `dovetail compile`, `show` and `debug`.

use crate::harness::{Project, assert_said};

fn project() -> Project {
    Project::new()
        .file(
            "models/numbers.sql",
            "{{ config(materialized='table') }}\nselect i, i / 3 as third from range(20) t(i)\n",
        )
        .file(
            "models/small.sql",
            "{{ config(materialized='ephemeral') }}\nselect * from numbers where i < {{ var('limit', 3) }} -- few\n",
        )
        .file("models/doubled.sql", "select i * 2 as doubled from {{ ref('small') }}\n")
}

fn built() -> Project {
    let project = project();
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{said}");
    project
}

#[test]
fn compile_prints_and_writes() {
    let project = project().file("target/compiled/models/gone.sql", "");
    assert_said!(project.run(&["compile"]));
    assert!(project.exists("target/compiled/models/doubled.sql"));
    assert!(!project.exists("target/compiled/models/gone.sql"));
}

#[test]
fn compile_one() {
    assert_said!(project().run(&["compile", "-s", "doubled", "--vars", "limit=7"]));
}

#[test]
fn compile_inline() {
    assert_said!(project().run(&["compile", "--inline", "select * from {{ ref('numbers') }}"]));
}

#[test]
fn compile_hides_secrets() {
    let project = Project::new()
        .file("models/a.sql", "select '{{ env_var(\"API_TOKEN\") }}' as x")
        .env("API_TOKEN", "s3cr3t-value");
    let said = project.run(&["compile"]);
    assert!(said.stdout.contains("***") && !said.stdout.contains("s3cr3t"), "{said}");
    assert!(!project.read("target/compiled/models/a.sql").contains("s3cr3t"));
}

#[test]
fn show_before_a_run() {
    assert_said!(project().run(&["show", "numbers"]));
}

#[test]
fn show_needs_no_database_for_a_query_of_its_own() {
    assert_said!(project().run(&["show", "--inline", "select 42 as answer, null as nothing"]));
}

#[test]
fn show_table() {
    assert_said!(built().run(&["show", "numbers", "--limit", "3"]));
}

#[test]
fn show_ephemeral_as_json() {
    assert_said!(built().run(&["show", "small", "-o", "json"]));
}

#[test]
fn show_inline_as_csv() {
    assert_said!(built().run(&[
        "show",
        "--inline",
        "select * from {{ ref('doubled') }} order by 1 desc -- all",
        "-o",
        "csv"
    ]));
}

#[test]
fn show_many_types() {
    let query = "select 1::hugeint as huge, 1.50::decimal(9,2) as money, 'x\ny' as text, null as missing, true as flag,
        date '2024-02-29' as day, timestamp '2024-02-29 12:00:00' as moment, [1, null] as list, {'a': 1, 'b': 'x'} as pair,
        map {'k': 1} as lookup, interval 3 days as span, '\\xAA'::blob as bytes,
        '00000000-0000-0000-0000-000000000001'::uuid as id, 'a'::enum('a', 'b') as letter, 1 as twice, 2 as twice";
    assert_said!(project().run(&["show", "--inline", query]));
    assert_said!(project().run(&["show", "--inline", query, "-o", "json"]));
    assert_said!(project().run(&["show", "--inline", query, "-o", "csv"]));
}

#[test]
fn show_fits_the_terminal() {
    let wide = "select repeat('long ', 20) as text, 1 as one, repeat('x', 50) as more, 2 as two, 3 as last";
    assert_said!(project().terminal(30).run(&["show", "--inline", wide]));
    let piped = project().env("COLUMNS", "30").run(&["show", "--inline", wide]);
    assert!(piped.stdout.contains(&"x".repeat(50)) && piped.stderr.is_empty(), "{piped}");
}

#[test]
fn show_no_rows() {
    assert_said!(project().run(&["show", "--inline", "select 1 as x where false"]));
    assert_said!(project().run(&["show", "--inline", "select 1 as x where false", "-o", "csv"]));
}

#[test]
fn show_wrong_column() {
    assert_said!(built().run(&["show", "--inline", "select i,\n  nothing\nfrom {{ ref('numbers') }}"]));
}

#[test]
fn show_unknown_name() {
    assert_said!(project().run(&["show", "number"]));
}

#[test]
fn debug_says_what_is_there() {
    assert_said!(project().run(&["debug"]));
}

#[test]
fn debug_says_what_is_wrong() {
    assert_said!(project().file("models/broken.sql", "select * from nowhere").run(&["debug"]));
}

#[test]
fn json_holds_every_value() {
    let project = project();
    // The digits of a BIGNUM are valid JSON, but more than this parser takes.
    let said = project.run(&["show", "--inline", "select * exclude bignum from test_all_types()", "-o", "json"]);
    assert_eq!(said.code, 0, "{said}");
    let rows: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).expect("a row is valid JSON")).collect();
    assert_eq!(rows.len(), 3);
    let query = "select 170141183460469231731687303715884105727::hugeint as huge, 'infinity'::timestamp as ever,
        date '0044-03-15 (BC)' as ides, timestamptz '2024-01-01 00:00:00+00' as moment,
        {'t': [timestamptz '2024-01-01 00:00:00+00']} as nested, 'inf'::double as much, 'nan'::float as odd,
        1 as \"a\"\"b\", 1 as twice, 2 as twice";
    assert_said!(project.run(&["show", "--inline", &query.replace('\\', ""), "-o", "json"]));
    assert_said!(project.run(&[
        "show",
        "--inline",
        "select '' as empty, null as nothing, 'a \"b\"' as q",
        "-o",
        "csv"
    ]));
}
