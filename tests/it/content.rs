//! Data versions, drift, declared columns and renames: what counts as a change of what an asset holds.

use crate::harness::{Project, Said};

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

fn ok(project: &Project, arguments: &[&str]) -> Said {
    let said = project.run(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {said}");
    said
}

fn shown(project: &Project, sql: &str) -> String {
    ok(project, &["show", "--inline", sql, "--output", "csv", "--limit", "1000"]).stdout
}

/// `asset state: causes` of what is not fresh.
fn status(project: &Project, arguments: &[&str]) -> Vec<String> {
    let said = project.run(&[&["status", "--output", "json"], arguments].concat());
    assert!(said.code < 2, "{said}");
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let unfresh = lines.filter(|line| line["state"] != "fresh").map(|line| {
        let cause = |cause: &serde_json::Value| {
            format!("{}, {}", cause["cause"].as_str().unwrap(), cause["detail"].as_str().unwrap())
        };
        let causes: Vec<String> = line["causes"].as_array().unwrap().iter().map(cause).collect();
        format!("{} {}: {}", line["asset"].as_str().unwrap(), line["state"].as_str().unwrap(), causes.join("; "))
    });
    unfresh.collect()
}

/// What was done, by asset.
fn reconcile(project: &Project, arguments: &[&str]) -> Vec<String> {
    let said = ok(project, &[&["reconcile", "--threads", "1"], arguments].concat());
    let known = ["ok ", "same ", "failed ", "skipped "];
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let done = said.stderr.lines().filter(|line| known.iter().any(|word| line.starts_with(word))).map(words).collect();
    let again = ok(project, &[&["reconcile"], arguments].concat());
    assert!(again.stderr.contains("nothing to do"), "{again}");
    done
}

/// Another program at work on the database.
fn by_hand(project: &Project, sql: &str) {
    // Any command that asks the engine loads its library, which this process has not done when the test is alone in it.
    assert_eq!(project.run(&["show", "--inline", "select 1 as x"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// `codes` -> `a` -> `b`.
fn chain() -> Project {
    Project::new()
        .file("seeds/codes.csv", "code,name\n1,one\n2,two\n")
        .file("models/a.sql", "select code, name from codes")
        .file("models/b.sql", "select sum(code) as total from a")
}

fn built() -> Project {
    let project = chain();
    ok(&project, &["run"]);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    project
}

const VERSIONS: &str = "select asset, details->>'data_version' as version, details->>'data_method' as method,
    details->>'data_hash' is not null as kept
    from dovetail.materializations qualify row_number() over (partition by asset order by rowid desc) = 1
    order by asset";

/// What an older engine would have recorded.
fn as_by_an_older_engine(project: &Project) {
    by_hand(
        project,
        "update dovetail.materializations set details = json_merge_patch(details, json_object(
            'data_method', 'content 1, DuckDB 0.1', 'data_version', 'old of ' || asset));
        update dovetail.materializations
            set details = json_merge_patch(details, '{\"inputs\": {\"codes\": {\"data\": \"old of codes\"}}}')
            where asset = 'a';
        update dovetail.materializations
            set details = json_merge_patch(details, '{\"inputs\": {\"a\": {\"data\": \"old of a\"}}}')
            where asset = 'b'",
    );
}

#[test]
fn another_way_to_hash_makes_nothing_stale() {
    let project = built();
    as_by_an_older_engine(&project);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    // Nothing can be compared, so nothing is called altered.
    assert_eq!(status(&project, &["--verify"]), Vec::<String>::new());
}

#[test]
fn equal_content_keeps_its_version_across_ways_to_hash() {
    let project = built();
    as_by_an_older_engine(&project);
    write(&project, "models/a.sql", "select code, name from codes where code > 0");
    assert_eq!(reconcile(&project, &[]), ["ok a", "same b"]);
    let versions = shown(&project, VERSIONS);
    let method = format!("\"content 2, DuckDB {}\"", engine_version(&project));
    assert!(versions.contains(&format!("a,old of a,{method},true\n")), "{versions}");
    assert!(versions.contains("b,old of b,\"content 1, DuckDB 0.1\",false\n"), "{versions}");
    // From now on by the new way alone: the version is kept for as long as the content is.
    write(&project, "models/a.sql", "select code, name from codes where code > -1");
    assert_eq!(reconcile(&project, &[]), ["ok a", "same b"]);
    assert!(shown(&project, VERSIONS).contains("a,old of a,"));
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    assert_eq!(reconcile(&project, &[]), ["ok a", "ok b"]);
    let versions = shown(&project, VERSIONS);
    assert!(!versions.contains("old of a") && !versions.contains("old of b"), "{versions}");
}

#[test]
fn other_content_is_another_version_across_ways_to_hash() {
    let project = built();
    as_by_an_older_engine(&project);
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    assert_eq!(reconcile(&project, &[]), ["ok a", "ok b"]);
    assert!(!shown(&project, VERSIONS).contains("old of a"));
}

#[test]
fn what_was_altered_by_hand_keeps_no_version_across_ways_to_hash() {
    let project = built();
    as_by_an_older_engine(&project);
    // What it comes out as now stands there already, but it is not what `b` has read.
    by_hand(&project, "create or replace table a as select code, name from codes where code > 1");
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    assert_eq!(reconcile(&project, &[]), ["ok a", "ok b"]);
    assert_eq!(shown(&project, "from b"), "total\n2\n");
}

fn engine_version(project: &Project) -> String {
    shown(project, "select ltrim(version(), 'v') as v").lines().nth(1).unwrap().to_owned()
}

#[test]
fn without_versions_each_build_is_a_change() {
    let project = chain()
        .file("models/a.sql", "{{ config(data_version='off') }} select code, name from codes")
        .file("models/c.sql", "select * from b");
    ok(&project, &["run"]);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    ok(&project, &["run", "--select", "a"]);
    assert_eq!(
        status(&project, &[]),
        ["b stale: upstream, `a` changed", "c pending: upstream, `b` is stale"],
        "built again"
    );
    assert_eq!(reconcile(&project, &[]), ["ok b", "same c"]);
    let methods = "select details->>'data_method' as method from dovetail.materializations where asset = 'a' limit 1";
    assert_eq!(shown(&project, methods), "method\noff\n");
}

#[test]
fn versions_are_switched_off_wherever_config_stands() {
    let folder = "[models.inner]\ndata_version = \"off\"\n[seeds]\ndata_version = \"off\"\n";
    let project = Project::new()
        .file("dovetail.toml", folder)
        .file("seeds/codes.csv", "code\n1\n")
        .file("models/inner/one.sql", "select 1 as x")
        .file("models/inner/two.sql", "{{ config(data_version=none) }} select 1 as x")
        .file("models/three.sql", "select 1 as x")
        .file("models/four.sql", "select 1 as x")
        .file("models/about.yml", "models:\n  - name: four\n    config: {data_version: off}\n");
    ok(&project, &["run"]);
    let off = "select asset from dovetail.materializations where details->>'data_method' = 'off' order by asset";
    assert_eq!(shown(&project, off), "asset\ncodes\nfour\none\n");
}

#[test]
fn other_words_for_versions_are_errors() {
    let project = Project::new()
        .file("dovetail.toml", "[models]\ndata_version = \"none\"\n")
        .file("models/a.sql", "select 1 as x")
        .file("models/b.sql", "{{ config(data_version=3) }} select 1 as x");
    let said = project.run(&["ls"]);
    assert_eq!(said.code, 2, "{said}");
    for text in ["`data_version` of `a` cannot be `none`", "`data_version` of `b` is a number", "write `\"off\"`"] {
        assert!(said.stderr.contains(text), "{said}");
    }
}

#[test]
fn columns_that_were_altered_by_hand_are_drift() {
    let project = built();
    by_hand(&project, "alter table a add column more integer; alter table a alter name type varchar[] using [name]");
    let drifted = "a drifted: drift, column `name` is VARCHAR[], and was VARCHAR; drift, column `more` was added";
    assert_eq!(status(&project, &[]), [drifted, "b pending: upstream, `a` is drifted"]);
    // It is as it was again, so what reads it is too.
    assert_eq!(reconcile(&project, &[]), ["ok a", "same b"]);
    assert_eq!(shown(&project, "from a"), "code,name\n1,one\n2,two\n");
    by_hand(&project, "alter table a drop column name");
    assert_eq!(status(&project, &["--select", "a"]), ["a drifted: drift, column `name` is gone"]);
}

#[test]
fn views_that_were_replaced_by_hand_are_drift() {
    let project = Project::new()
        .file("models/base.sql", "select range as x from range(3)")
        .file(
            "models/seen.sql",
            "{{ config(materialized='view') }} select x::tinyint as x, 'a' as \"b \"\"c\"\"\" from base",
        )
        .file("models/total.sql", "select sum(x) as total from seen");
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    // As it was, and with the same columns.
    by_hand(
        &project,
        "create or replace view seen as select x::tinyint as x, 'a' as \"b \"\"c\"\"\" from \"main\".base",
    );
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    by_hand(&project, "create or replace view seen as select (x + 1)::tinyint as x, 'a' as \"b \"\"c\"\"\" from base");
    let drifted = "seen drifted: drift, its query is not the one that was written";
    assert_eq!(status(&project, &[]), [drifted, "total pending: upstream, `seen` is drifted"]);
    by_hand(&project, "create or replace view seen(x, c) as select x::tinyint, 'a' from base");
    assert_eq!(status(&project, &[]), [drifted, "total pending: upstream, `seen` is drifted"]);
    assert_eq!(project.run(&["reconcile"]).code, 0);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    // The newest definition counts, also of a run that is published as one.
    assert_eq!(project.run(&["run", "--atomic"]).code, 0);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn rows_that_were_added_by_hand_are_drift() {
    let project = built();
    by_hand(&project, "insert into a values (3, 'three')");
    let drifted = "a drifted: drift, 2 rows were written, and the catalog counts 3";
    assert_eq!(status(&project, &["--select", "a"]), [drifted]);
    assert_eq!(reconcile(&project, &[]), ["ok a", "same b"]);
    assert_eq!(shown(&project, "from a"), "code,name\n1,one\n2,two\n");
}

#[test]
fn rows_that_were_changed_by_hand_are_seen_by_who_reads_them() {
    let project = built();
    by_hand(&project, "update a set name = 'other' where code = 1; update b set total = 7");
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    let drifted = |name: &str| format!("{name} drifted: drift, its rows are not those that were written");
    assert_eq!(status(&project, &["--verify"]), [drifted("a"), drifted("b")]);
    let plan = ok(&project, &["plan", "--verify"]);
    assert!(plan.stdout.contains("its rows are not those that were written"), "{plan}");
    assert_eq!(reconcile(&project, &["--verify"]), ["ok a", "ok b"]);
    assert_eq!(shown(&project, "select a.name, b.total from a, b order by all"), "name,total\none,3\ntwo,3\n");
}

#[test]
fn a_table_of_every_type_does_not_drift() {
    let types = "select * from test_all_types()";
    let project = Project::new().file("models/types.sql", types);
    ok(&project, &["run"]);
    assert_eq!(status(&project, &["--verify"]), Vec::<String>::new());
}

#[test]
fn a_rename_keeps_history() {
    let project = built();
    std::fs::rename(project.root().join("models/a.sql"), project.root().join("models/codes_in_use.sql")).unwrap();
    write(
        &project,
        "models/codes_in_use.sql",
        "{{ config(renamed_from='a') }} select code, name from codes where code > 0",
    );
    write(&project, "models/b.sql", "select sum(code) as total from codes_in_use");
    let states = status(&project, &[]);
    assert_eq!(states[1], "codes_in_use stale: config, renamed from `a`; code, sql changed");
    assert!(states.len() == 2 && states[0].starts_with("b stale"), "{states:?}");
    assert_eq!(reconcile(&project, &[]), ["ok codes_in_use", "ok b"]);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    let history = "select asset, count(*) as n from dovetail.materializations group by asset order by asset";
    assert_eq!(shown(&project, history), "asset,n\nb,2\ncodes,1\ncodes_in_use,2\n");
    let tables = "select table_name from information_schema.tables where table_schema = 'main' order by 1";
    assert_eq!(shown(&project, tables), "table_name\nb\ncodes\ncodes_in_use\n");
    // What the old name's version was is known still: it is the same content.
    let versions = "select count(distinct details->>'data_version') as n from dovetail.materializations
        where asset = 'codes_in_use'";
    assert_eq!(shown(&project, versions), "n\n1\n");
    // The name of before may go from the config, or stay.
    write(&project, "models/codes_in_use.sql", "select code, name from codes where code > 0");
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn a_rename_alone_is_carried_out_too() {
    let project = built();
    std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
    let project =
        project.file("models/sum.sql", "{{ config(renamed_from=['older', 'b']) }} select sum(code) as total from a");
    assert_eq!(status(&project, &[]), ["sum stale: config, renamed from `b`"]);
    assert_eq!(reconcile(&project, &[]), ["ok sum"]);
    assert_eq!(shown(&project, "from sum"), "total\n3\n");
    // Where it stands under the name of before, only its history moves.
    std::fs::remove_file(project.root().join("models/sum.sql")).unwrap();
    let project = project
        .file("models/last.sql", "{{ config(renamed_from='sum', alias='sum') }} select sum(code) as total from a");
    assert_eq!(status(&project, &[]), ["last stale: config, renamed from `sum`"]);
    assert_eq!(reconcile(&project, &[]), ["ok last"]);
    assert_eq!(shown(&project, "from last"), "total\n3\n");
    let history = "select count(*) as n from dovetail.materializations where asset = 'last'";
    assert_eq!(shown(&project, history), "n\n3\n");
}

#[test]
fn failures_go_over_to_the_new_name() {
    let project = built();
    write(&project, "models/b.sql", "select error('no') as total from a");
    assert_eq!(project.run(&["reconcile"]).code, 1);
    std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
    let project = project.file("models/sum.sql", "{{ config(renamed_from='b') }} select sum(code) as total from a");
    let [state] = status(&project, &[]).try_into().unwrap();
    assert!(state.starts_with("sum stale: config, renamed from `b`; failed, last time: `b` failed"), "{state}");
    assert_eq!(reconcile(&project, &[]), ["ok sum"]);
    assert_eq!(shown(&project, "select distinct asset from dovetail.failures"), "asset\nsum\n");
}

#[test]
fn a_rename_drops_nothing_that_somebody_else_made() {
    let project = built();
    std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
    let project = project.file("models/sum.sql", "{{ config(renamed_from='b') }} select sum(code) as total from a");
    by_hand(&project, "create or replace table b as select 'precious' as mine");
    assert_eq!(reconcile(&project, &[]), ["ok sum"]);
    let mine = "select table_name from duckdb_columns() where column_name = 'mine'";
    assert_eq!(shown(&project, mine), "table_name\nb\n");
}

#[test]
fn renames_do_not_meet() {
    let mut project = Project::new();
    let query = |number: usize| format!("select {number} as x, {{'a': 1}} as s");
    for number in 0..40 {
        project = project.file(&format!("models/a{number}.sql"), query(number));
    }
    ok(&project, &["run"]);
    for number in 0..40 {
        std::fs::remove_file(project.root().join(format!("models/a{number}.sql"))).unwrap();
        let config = format!("{{{{ config(renamed_from='a{number}') }}}} ");
        project = project.file(&format!("models/b{number}.sql"), config + &query(number));
    }
    ok(&project, &["reconcile", "--threads", "4"]);
    assert_eq!(shown(&project, "select count(*) as n from duckdb_tables() where schema_name = 'main'"), "n\n40\n");
}

#[test]
fn settings_of_the_target_do_not_turn_the_state_around() {
    let settings = "[targets.dev]\nsettings = { default_order = 'desc' }\n";
    let project = Project::new().file("dovetail.toml", settings);
    for value in [1, 2] {
        let path = project.root().join("models/a.sql");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("select {value} as x")).unwrap();
        ok(&project, &["run"]);
        std::fs::remove_file(path).unwrap();
        ok(&project, &["gc", "--yes"]);
    }
    let project = project.file("models/a.sql", "select 2 as x");
    ok(&project, &["gc", "--restore"]);
    assert_eq!(shown(&project, "from a"), "x\n2\n");
}

#[test]
fn a_rename_that_is_told_too_late_takes_nothing_over() {
    let project = built();
    std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
    let project = project.file("models/sum.sql", "select sum(code) as total from a");
    assert_eq!(reconcile(&project, &[]), ["ok sum"]);
    let project = project.file("models/sum.sql", "{{ config(renamed_from='b') }} select sum(code) as total from a");
    let said = project.run(&["gc"]);
    assert!(said.stdout.contains("\"b\""), "the old table is nobody's: {said}");
}

#[test]
fn an_old_name_is_given_to_one_asset_that_has_no_other() {
    let project = chain()
        .file("models/c.sql", "{{ config(renamed_from='a') }} select 1 as x")
        .file("models/d.sql", "{{ config(renamed_from='gone') }} select 1 as x")
        .file("models/e.sql", "{{ config(renamed_from=['gone', 'e']) }} select 1 as x");
    let said = project.run(&["ls"]);
    assert_eq!(said.code, 2, "{said}");
    for text in [
        "`c` cannot be renamed from `a`: an asset of that name exists",
        "`e` cannot be renamed from `gone`: so is `d`",
        "`e` cannot be renamed from `e`: an asset of that name exists",
    ] {
        assert!(said.stderr.contains(text), "{text}: {said}");
    }
}

#[test]
fn what_somebody_else_made_is_not_dropped_by_a_rename() {
    let project = built();
    std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
    by_hand(&project, "drop table b; create view b as select 1 as mine");
    let project = project.file("models/sum.sql", "{{ config(renamed_from='b') }} select sum(code) as total from a");
    reconcile(&project, &[]);
    let views = "select table_type from information_schema.tables where table_name = 'b'";
    assert_eq!(shown(&project, views), "table_type\nVIEW\n");
}
