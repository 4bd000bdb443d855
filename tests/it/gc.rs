//! `gc`: what nothing declares any more goes to the trash and comes back, and nothing else is touched.

use crate::harness::{Project, Said};

fn built() -> Project {
    let project = Project::new()
        .file("models/base.sql", "select 1 as x union all select 2")
        .file("models/seen.sql", "{{ config(materialized='view', schema='shown') }} select x as \"X AS y\" from base")
        .file("models/above.sql", "{{ config(materialized='view') }} select * from seen")
        .file("models/kept.sql", "select 1 as x");
    assert_eq!(project.run(&["run"]).code, 0);
    project
}

fn remove(project: &Project, names: &[&str]) {
    for name in names {
        std::fs::rename(path(project, name), project.root().join(format!("{name}.away"))).unwrap();
    }
}

fn put_back(project: &Project, names: &[&str]) {
    for name in names {
        std::fs::rename(project.root().join(format!("{name}.away")), path(project, name)).unwrap();
    }
}

fn path(project: &Project, name: &str) -> std::path::PathBuf {
    project.root().join(format!("models/{name}.sql"))
}

/// `asset state stored_as relation` of each line.
fn gc(project: &Project, arguments: &[&str]) -> Vec<String> {
    let said = ok(project, &[&["gc", "--output", "json"], arguments].concat());
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap_or("-").replace('"', "");
    lines.map(|line| ["asset", "state", "stored_as", "relation"].map(|key| text(&line, key)).join(" ")).collect()
}

fn ok(project: &Project, arguments: &[&str]) -> Said {
    let said = project.run(arguments);
    assert_eq!(said.code, 0, "{said}");
    said
}

/// The first column of a query, as another program sees it.
fn found(project: &Project, sql: &str) -> String {
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    let mut statement = connection.prepare(&format!("select columns(*)::varchar from ({sql})")).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join(" ")
}

fn by_hand(project: &Project, sql: &str) {
    duckdb::Connection::open(project.root().join("project.duckdb")).unwrap().execute_batch(sql).unwrap();
}

const STANDING: &str = "select table_schema || '.' || table_name as name from information_schema.tables
    where table_schema <> 'dovetail' order by all";

#[test]
fn a_removed_file_is_an_orphan_that_goes_to_the_trash_and_comes_back() {
    let project = built();
    let before = (found(&project, STANDING), found(&project, "select * from main.above order by all"));
    remove(&project, &["base", "seen", "above"]);
    let orphans = ["above view main.above", "base table main.base", "seen view shown.seen"];
    let with = |state: &str| orphans.map(|line| line.replacen(' ', &format!(" {state} "), 1)).to_vec();
    assert_eq!(gc(&project, &[]), with("orphaned"));
    assert_eq!(found(&project, STANDING), before.0, "listing changes nothing");
    assert_eq!(gc(&project, &["--yes"]), with("trashed"));
    assert_eq!(found(&project, STANDING), "dovetail_trash.above dovetail_trash.base dovetail_trash.seen main.kept");
    assert_eq!(gc(&project, &["--yes"]), Vec::<String>::new());
    let said = ok(&project, &["status"]);
    assert!(said.stderr.contains("all 1 up to date"), "{said}");

    let mut back = gc(&project, &["--restore"]);
    back.sort();
    assert_eq!(back, with("restored"));
    assert_eq!((found(&project, STANDING), found(&project, "select * from main.above order by all")), before);
    put_back(&project, &["base", "seen", "above"]);
    // Fresh without being built again.
    let said = ok(&project, &["reconcile"]);
    assert!(said.stderr.contains("nothing to do"), "{said}");
}

#[test]
fn status_names_the_way() {
    let project = built();
    remove(&project, &["above"]);
    let said = project.run(&["status"]);
    assert!(
        said.code == 1 && said.stderr.contains("1 of 4 orphaned; `dovetail gc --yes` moves them to the trash"),
        "{said}"
    );
}

#[test]
fn a_table_that_moved_leaves_its_old_one_behind() {
    let project = built();
    std::fs::write(path(&project, "kept"), "{{ config(alias='elsewhere') }} select 1 as x").unwrap();
    assert_eq!(gc(&project, &[]), ["kept orphaned table main.kept"], "before it is built in the new place");
    ok(&project, &["reconcile"]);
    assert_eq!(gc(&project, &["--yes"]), ["kept trashed table main.kept"]);
    assert_eq!(found(&project, "from main.elsewhere"), "1");
    // Twice in the trash, under names of their own; what comes back is what was moved last.
    std::fs::write(path(&project, "kept"), "select 2 as x").unwrap();
    ok(&project, &["reconcile"]);
    std::fs::write(path(&project, "kept"), "{{ config(alias='elsewhere') }} select 1 as x").unwrap();
    ok(&project, &["reconcile"]);
    assert_eq!(gc(&project, &["--yes"]), ["kept trashed table main.kept"]);
    assert_eq!(gc(&project, &["--empty"]).len(), 2);
    assert_eq!(gc(&project, &["--restore", "kept"]), ["kept restored table main.kept"]);
    assert_eq!(found(&project, "from main.kept"), "2");
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let project = built();
    by_hand(
        &project,
        "create table mine as select 1 as x; drop table base; create table base as select 'other' as name;
        drop view above; create table above as select 1 as \"X AS y\"",
    );
    remove(&project, &["base", "seen", "above", "kept"]);
    let (moved, left) = (
        ["kept trashed table main.kept", "seen trashed view shown.seen"],
        ["above replaced view main.above", "base replaced table main.base"],
    );
    assert_eq!(gc(&project, &["--yes"]), [moved, left].concat());
    let said = ok(&project, &["gc"]);
    assert!(said.stderr.contains("2 left alone: dovetail did not make what stands there now"), "{said}");
    assert_eq!(found(&project, "from main.base"), "other");
    assert_eq!(found(&project, "from main.mine"), "1");
}

#[test]
fn rows_of_somebody_else_are_left_alone() {
    let project = built();
    remove(&project, &["base", "seen", "above", "kept"]);
    by_hand(&project, "create or replace table base as select 7 as x union all select 2; insert into kept values (2)");
    let named = ["--yes", "base", "kept"];
    assert_eq!(gc(&project, &named), ["base replaced table main.base", "kept replaced table main.kept"]);
    let said = ok(&project, &["gc"]);
    assert!(said.stdout.contains("left alone: it holds other rows than dovetail wrote"), "{said}");
    by_hand(&project, "delete from kept where x = 2; update base set x = 1 where x = 7");
    assert_eq!(gc(&project, &named), ["base trashed table main.base", "kept trashed table main.kept"]);
}

#[test]
fn views_of_somebody_else_are_left_alone() {
    let project = built();
    remove(&project, &["above"]);
    by_hand(&project, "create or replace view above as select 7::integer as \"X AS y\"");
    assert_eq!(gc(&project, &["--yes"]), ["above replaced view main.above"]);
    let said = ok(&project, &["gc"]);
    assert!(said.stdout.contains("left alone: its query is not the one that dovetail wrote"), "{said}");
}

#[test]
fn a_rename_drops_no_rows_of_somebody_else() {
    for (by, stands) in [("update kept set x = 2", "main.base main.kept main.new"), ("select 1", "main.base main.new")]
    {
        let project = built();
        remove(&project, &["kept", "seen", "above"]);
        let new = "{{ config(renamed_from='kept') }} select 1 as x";
        std::fs::write(project.root().join("models/new.sql"), new).unwrap();
        by_hand(&project, by);
        ok(&project, &["reconcile"]);
        let tables = "select table_schema || '.' || table_name as name from information_schema.tables
            where table_schema = 'main' and table_type = 'BASE TABLE' order by all";
        assert_eq!(found(&project, tables), stands, "{by}");
    }
}

#[test]
fn the_rows_of_what_has_no_version_are_counted() {
    let project = Project::new().file("models/a.sql", "{{ config(data_version='off') }} select 1 as x");
    assert_eq!(project.run(&["run"]).code, 0);
    remove(&project, &["a"]);
    by_hand(&project, "insert into a values (2)");
    assert_eq!(gc(&project, &["--yes"]), ["a replaced table main.a"]);
    by_hand(&project, "delete from a where x = 1");
    assert_eq!(gc(&project, &["--yes"]), ["a trashed table main.a"]);
}

#[test]
fn nothing_is_moved_back_over_something() {
    let project = built();
    remove(&project, &["kept", "above"]);
    assert_eq!(gc(&project, &["--yes"]).len(), 2);
    by_hand(&project, "create table kept as select 5 as x");
    let said = project.run(&["gc", "--restore"]);
    assert!(said.code == 2 && said.stderr.contains("DT0706") && said.stderr.contains("something stands at"), "{said}");
    assert_eq!(found(&project, "from main.kept"), "5");
    assert_eq!(gc(&project, &["--restore", "above"]), ["above restored view main.above"]);
}

#[test]
fn a_view_does_not_come_back_before_what_it_reads() {
    let project = built();
    remove(&project, &["base", "seen", "above"]);
    // The view above is broken when its turn comes, and goes all the same.
    assert_eq!(gc(&project, &["--yes", "base"]).len(), 1);
    assert_eq!(gc(&project, &["--yes"]).len(), 2);
    let said = project.run(&["gc", "--restore", "seen"]);
    assert!(said.code == 2 && said.stderr.contains("the view `seen` reads what is not there"), "{said}");
    assert_eq!(gc(&project, &["--restore"]).len(), 3);
    assert_eq!(found(&project, "select count(*) as n from main.above"), "2");
}

#[test]
fn emptying_asks_first() {
    let project = built();
    remove(&project, &["kept"]);
    assert_eq!(gc(&project, &["--yes"]).len(), 1);
    assert_eq!(gc(&project, &["--empty"]), ["kept trashed table main.kept"]);
    assert_eq!(gc(&project, &["--empty", "--yes"]), ["kept dropped table main.kept"]);
    assert_eq!(gc(&project, &["--restore"]), Vec::<String>::new());
    assert!(!found(&project, STANDING).contains("dovetail_trash"));
}

#[test]
fn names_must_exist() {
    let project = built();
    remove(&project, &["kept"]);
    let said = project.run(&["gc", "kepd", "seen"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("no orphan called `kepd`") && said.stderr.contains("did you mean `kept`?"), "{said}");
    assert!(said.stderr.contains("no orphan called `seen`"), "{said}");
}
