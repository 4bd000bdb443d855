//! Checks of views: what a view shows becomes visible with the tables below it.

use crate::checks::{rows, write};
use crate::harness::Project;

/// A table, a view over a view over it, a check of the upper one, and a table that reads that.
fn shown(g: i64) -> Project {
    let project = Project::new()
        .file("models/base.sql", base(g))
        .file("models/inner_view.sql", "{{ config(materialized='view') }} select g from base")
        .file("models/v.sql", "{{ config(materialized='view') }} select g from inner_view")
        .file("models/below.sql", "select sum(g) as s from v")
        .file("models/v.yml", "models: [{name: v, data_tests: [{expression: g < 2}]}]");
    assert_eq!(project.run(&["build"]).code, 0);
    project
}

fn base(g: i64) -> String {
    format!("select {g} as g")
}

#[test]
fn what_a_view_would_show_is_asked_before_it_shows_it() {
    let project = shown(1);
    write(&project, "models/base.sql", &base(2));
    for args in [&["build"][..], &["build", "-s", "base"], &["build", "-s", "base", "--atomic"], &["build", "--atomic"]]
    {
        let said = project.run(args);
        assert_eq!(said.code, 1, "{args:?}\n{said}");
        assert!(said.stderr.contains("DT1001"), "{args:?}\n{said}");
        assert_eq!(said.stderr.matches("error[").count(), 1, "{args:?}\n{said}");
        assert_eq!((rows(&project, "base"), rows(&project, "v")), ("g\n1\n".into(), "g\n1\n".into()), "{args:?}");
    }
    let said = project.run(&["reconcile"]);
    assert!(said.code == 1 && said.stderr.contains("`base` is not published"), "{said}");
    write(&project, "models/base.sql", &base(0));
    for args in [&["build", "-s", "base"][..], &["build", "-s", "base", "--atomic"], &["build"]] {
        let said = project.run(args);
        assert!(said.code == 0 && said.stderr.contains("checks: 1 passed"), "{args:?}\n{said}");
    }
    assert_eq!(project.run(&["status"]).code, 0, "{}", project.run(&["status"]));
    assert_eq!(rows(&project, "below"), "s\n0\n");
    let left =
        project.run(&["show", "--inline", "select view_name from duckdb_views() where view_name like '%asked%'"]);
    assert!(left.stderr.contains("no rows"), "{left}");
}

#[test]
fn a_view_that_changes_with_its_table_is_seen_as_it_will_be() {
    let project = shown(1);
    // The column goes, so the view as it stands would fail.
    write(&project, "models/base.sql", "select 1 as h");
    write(&project, "models/inner_view.sql", "{{ config(materialized='view') }} select h as g from base");
    let said = project.run(&["build"]);
    assert!(said.code == 0 && said.stderr.contains("checks: 1 passed"), "{said}");
    write(&project, "models/base.sql", "select 1 as i");
    write(&project, "models/inner_view.sql", "{{ config(materialized='view') }} select i + 5 as g from base");
    let said = project.run(&["build"]);
    assert!(said.code == 1 && said.stderr.contains("`base` is not published"), "{said}");
    assert_eq!(rows(&project, "v"), "g\n1\n");
    // A view alone is guarded as before.
    write(&project, "models/base.sql", "select 1 as h");
    write(&project, "models/inner_view.sql", "{{ config(materialized='view') }} select h as g from base");
    write(&project, "models/v.sql", "{{ config(materialized='view') }} select g + 7 as g from inner_view");
    let said = project.run(&["build"]);
    assert!(said.code == 1 && rows(&project, "v") == "g\n1\n", "{said}");
}

#[test]
fn a_view_that_was_never_built_hides_nothing() {
    let project = Project::new()
        .file("models/base.sql", base(9))
        .file("models/v.sql", "{{ config(materialized='view') }} select g from base")
        .file("models/v.yml", "models: [{name: v, data_tests: [{expression: g < 2}]}]");
    let said = project.run(&["build", "-s", "base"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(rows(&project, "base"), "g\n9\n");
    let said = project.run(&["build"]);
    assert!(said.code == 1 && said.stderr.contains("DT1001"), "{said}");
}

#[test]
fn what_a_view_is_compared_with_is_built_first() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as id")
        .file("models/v.sql", "{{ config(materialized='view') }} select id from base")
        .file("models/last.sql", "select id from v")
        .file(
            "models/v.yml",
            "models: [{name: last, columns: [{name: id, data_tests: [{relationships: {to: ref('v'), field: id}}]}]}]",
        );
    // Neither of a table that is built for the first time, nor of one that is built after it, is asked with `base`.
    for args in [&["build", "-s", "base"][..], &["build"]] {
        let said = project.run(args);
        assert_eq!(said.code, 0, "{args:?}\n{said}");
    }
    write(&project, "models/base.sql", "select 2 as id");
    let said = project.run(&["build"]);
    assert!(said.code == 0 && said.stderr.contains("checks: 1 passed"), "{said}");
    // What stands would have lost its other side.
    write(&project, "models/base.sql", "select 3 as id");
    let said = project.run(&["build", "-s", "base"]);
    assert!(said.code == 1 && said.stderr.contains("`base` is not published"), "{said}");
    let said = project.run(&["build", "-s", "base", "--exclude", "test_type:generic"]);
    assert_eq!(said.code, 0, "{said}");
    // dbt's way of selecting tests does not look through views.
    assert_eq!(project.run(&["ls", "-s", "base,kind:check"]).code, 2);
}

#[test]
fn what_is_left_alone_is_asked_of_what_is_staged() {
    let project = Project::new()
        .file("models/u.sql", "select 5 as x, 1 as k")
        .file("models/mid.sql", "select k from u")
        .file("models/v.sql", "{{ config(materialized='view') }} select x from u, mid")
        .file("models/v.yml", "models: [{name: v, columns: [{name: x, data_tests: [{accepted_values: [5]}]}]}]");
    assert_eq!(project.run(&["build"]).code, 0);
    write(&project, "models/u.sql", "select 99 as x, 1 as k");
    let said = project.run(&["reconcile", "--atomic"]);
    assert!(said.code == 1 && said.stderr.contains("DT1001"), "{said}");
    assert_eq!(rows(&project, "v"), "x\n5\n");
}
