use super::*;

fn project() -> Files {
    files([
        ("dovetail.toml", "[vars]\nday = '2013-01-01'\nunused = 1\n"),
        (
            "macros/money.sql",
            "{% macro cents(column) %}({{ column }} * 100)::int{% endmacro %}\n{% macro other() %}1{% endmacro %}",
        ),
        (
            "models/orders.sql",
            "-- All orders.\nselect 1 as id, {{ cents('price') }} as Cents from read_csv('orders.csv')",
        ),
        ("models/days.sql", "select date '{{ var('day') }}' as day"),
        (
            "models/report.sql",
            "{{ config(materialized='view', tags=['a']) }}\nselect id, count(*) as n from orders group by id",
        ),
        ("models/_schema.yml", "models:\n  - name: report\n    description: One.\n"),
        ("seeds/rates.csv", "a,b\n1,2\n"),
    ])
}

#[test]
fn text_without_meaning_changes_nothing() {
    let project = project();
    let edits = [
        ("models/report.sql", "select id,", "-- why\nSELECT  id /* key */ ,"),
        ("models/report.sql", "group by", "GROUP\nBY"),
        ("models/report.sql", "tags=['a']", "tags=['b'], owner='me', meta={'x': 1}, retries=3"),
        ("models/report.sql", "select id, count(*)", "{# note #}select id, {% set x = 1 %}COUNT(*)"),
        ("models/orders.sql", "-- All orders.", "-- Every order."),
        ("models/_schema.yml", "One.", "Two. # comment"),
        (
            "macros/money.sql",
            "{% macro cents(column) %}",
            "{% macro cents(column, unused=1) %}{# now with a comment #}",
        ),
        ("macros/money.sql", "other() %}1", "other() %}2"),
        ("dovetail.toml", "unused = 1", "unused = 2"),
        ("seeds/rates.csv", "1,2", "3,4"),
    ];
    for (path, old, new) in edits {
        assert_eq!(project.changed(&project.edit(path, old, new)), "", "{old} -> {new}");
    }
    assert_eq!(project.changed(&project), "", "the project's folder means nothing");
}

#[test]
fn meaning_changes_exactly_its_users() {
    let project = project();
    let edits = [
        ("macros/money.sql", "* 100", "* 1000", "orders"),
        ("dovetail.toml", "2013-01-01", "2013-01-02", "days"),
        ("models/orders.sql", "as Cents", "as cents", "orders"),
        ("models/orders.sql", "orders.csv", "order.csv", "orders"),
        ("models/report.sql", "materialized='view'", "materialized='table'", "report"),
        ("models/report.sql", "materialized='view'", "materialized='view', schema='x'", "report"),
        // The relation that `report` reads is called otherwise.
        ("models/orders.sql", "select 1", "{{ config(alias='o') }}select 1", "orders report"),
        (
            "models/_schema.yml",
            "models:",
            "seeds:\n  - name: rates\n    config: {column_types: {a: bigint}}\nmodels:",
            "rates",
        ),
    ];
    for (path, old, new, expected) in edits {
        assert_eq!(project.changed(&project.edit(path, old, new)), expected, "{old} -> {new}");
    }
}

#[test]
fn ephemeral_upstreams_are_part_of_the_statement() {
    let project = project().edit("models/orders.sql", "select 1", "{{ config(materialized='ephemeral') }}select 1");
    assert_eq!(project.changed(&project.edit("models/orders.sql", "select 1", "select 2")), "orders report");
    assert_eq!(project.changed(&project.edit("models/orders.sql", "select 1", "SELECT -- one\n1")), "");
}

#[test]
fn version_stands_for_the_code_and_not_for_the_config() {
    let stated = project().edit("models/report.sql", "tags=['a']", "version='1'");
    assert_eq!(stated.changed(&stated.edit("models/report.sql", "count(*)", "sum(1)")), "");
    assert_eq!(stated.changed(&stated.edit("models/report.sql", "version='1'", "version='2'")), "report");
    assert_eq!(stated.changed(&stated.edit("models/report.sql", "'view'", "'table'")), "report");
}

#[test]
fn what_differs_at_each_invocation_is_left_out_and_named() {
    let project = files([
        (
            "macros/stamp.sql",
            "{% macro stamp() %}'{{ run_started_at }}'::timestamp{% endmacro %}{% macro one() %}1{% endmacro %}",
        ),
        (
            "models/direct.sql",
            "select '{{ invocation_id }}' as run, '{{ run_started_at.strftime('%Y') }}' as year, a from plain",
        ),
        ("models/inner.sql", "{{ config(materialized='ephemeral') }}select {{ stamp() }} as at, a from plain"),
        ("models/outer.sql", "select * from inner where a = {{ one() }}"),
        ("models/plain.sql", "select {{ one() }} as a"),
        (
            "models/clock.sql",
            "select now() as a, current_date as b, \"random\"() as c, t.uuid from (select 1 as uuid) t",
        ),
    ]);
    let versions = project.versions();
    let notes = |name: &str| versions[name].notes.join("\n");
    insta::assert_snapshot!(notes("direct"), @r"
    `invocation_id` differs at each invocation and was left out
    `run_started_at` differs at each invocation and was left out
    ");
    assert_eq!(notes("outer"), "`run_started_at` differs at each invocation and was left out");
    assert_eq!(notes("inner"), notes("outer"));
    assert_eq!(notes("plain"), "");
    insta::assert_snapshot!(notes("clock"), @r"
    `current_date` gives another value each time; the code is the same
    `now()` gives another value each time; the code is the same
    `random()` gives another value each time; the code is the same
    ");
    // Another invocation, another rendering.
    assert_eq!(project.changed(&project), "");
    assert_ne!(versions["direct"].code, project.versions()["direct"].code);
    assert_eq!(project.changed(&project.edit("models/direct.sql", "as year", "as y")), "direct");
    assert_eq!(project.changed(&project.edit("macros/stamp.sql", "::timestamp", "::date")), "inner outer");
}

#[test]
fn code_and_parts_are_for_people() {
    let versions = project().versions();
    assert_eq!(part_names(&versions["report"]), ["config materialized", "config relation", "sql"]);
    assert_eq!(part_names(&versions["rates"]), ["config materialized", "config relation"]);
    assert!(versions["report"].code.starts_with("select id, count(*) as n from"));
    assert_eq!(versions["rates"].code, "");
}

/// These hashes are recorded in people's databases: a new release of a parser must not change them unseen.
#[test]
fn hashes_stay_what_they_are() {
    let versions = files([
        ("models/a.sql", "select 1 as A, 'b' || \"c\" from (select 2 as c)"),
        ("models/b.py", "from dovetail import asset\nimport polars as pl\nN = 1.5\n@asset\ndef b(a: pl.DataFrame):\n    return [f'{x!r}{N:>{N}}' for x in a if x not in (1, None, b'')]\n"),
    ])
    .versions();
    insta::assert_snapshot!(&versions["a"].hash[..16], @"25345efc56be4350");
    insta::assert_snapshot!(&versions["b"].hash[..16], @"55245be1433dabfe");
}

#[test]
fn text_cannot_move_between_parts() {
    use crate::fingerprint::hash::{Part, digest, whole};
    let part = |name: &str, text: &str| Part::text(name, text);
    assert_ne!(whole(&[part("a", "bc")]), whole(&[part("ab", "c")]));
    assert_ne!(whole(&[part("a", "x"), part("b", "")]), whole(&[part("a", "xb"), part("", "")]));
    assert_ne!(digest([&b"ab"[..], b"c"]), digest([&b"a"[..], b"bc"]));
    assert_ne!(digest([&b"ab"[..]]), digest([&b"ab"[..], b""]));
    let one = project().edit("models/report.sql", "select id, count(*) as n", "select 'a' as b, id");
    assert_ne!(
        one.versions()["report"].hash,
        one.edit("models/report.sql", "'a' as b", "'a as b'").versions()["report"].hash
    );
}
