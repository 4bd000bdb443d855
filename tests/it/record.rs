//! What a run writes down beside the data: code and data versions, inputs, columns.

use crate::harness::Project;

fn shown(project: &Project, sql: &str) -> String {
    let said = project.run(&["show", "--inline", sql, "--output", "csv", "--limit", "1000"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout
}

fn run(project: &Project, arguments: &[&str]) {
    let said = project.run(&[&["run"], arguments].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

fn example() -> Project {
    Project::new()
        .file("seeds/codes.csv", "code,name\n1,one\n2,two\n")
        .file("models/seen.sql", "{{ config(materialized='view') }} select code, name from codes where code > 0")
        .file("models/inline.sql", "{{ config(materialized='ephemeral') }} select * from seen")
        .file("models/total.sql", "select count(*) as n, max(name) as last from inline")
}

const VERSIONS: &str = "select asset, code_version, data_version, inputs from dovetail.assets order by asset";

#[test]
fn what_was_computed_from_what_is_recorded() {
    let project = example();
    run(&project, &[]);
    let assets =
        "select asset, materialized, replace(relation, '\"', '') as relation, row_count, json_keys(inputs) as reads,
        code_version is not null as coded, data_version is not null as versioned from dovetail.assets order by asset";
    assert_eq!(
        shown(&project, assets),
        "asset,materialized,relation,row_count,reads,coded,versioned\n\
         codes,table,main.codes,2,[seeds/codes.csv],true,true\n\
         seen,view,main.seen,,[codes],true,false\n\
         total,table,main.total,1,[seen],true,true\n"
    );
    let columns = "select * from dovetail.columns order by all";
    assert_eq!(
        shown(&project, columns),
        "asset,position,name,type\ncodes,0,code,BIGINT\ncodes,1,name,VARCHAR\nseen,0,code,BIGINT\nseen,1,name,VARCHAR\n\
         total,0,n,BIGINT\ntotal,1,last,VARCHAR\n"
    );
    assert_eq!(shown(&project, "select materialized, row_count from dovetail.runs"), "materialized,row_count\n3,3\n");
}

#[test]
fn equal_code_and_data_have_equal_versions() {
    let project = example();
    run(&project, &[]);
    let before = shown(&project, VERSIONS);
    write(&project, "models/total.sql", "-- all of it\nSELECT count(*) AS n,\n  max(name) AS last FROM inline");
    run(&project, &[]);
    assert_eq!(shown(&project, VERSIONS), before);
    // One asset alone: what it reads is known from before.
    run(&project, &["--select", "total"]);
    assert_eq!(shown(&project, VERSIONS), before);
}

#[test]
fn a_change_of_data_is_seen_through_views() {
    let project = example();
    run(&project, &[]);
    let before = shown(&project, VERSIONS);
    write(&project, "seeds/codes.csv", "code,name\n1,one\n2,two\n-1,none\n");
    run(&project, &[]);
    let after = shown(&project, VERSIONS);
    let changed = |name: &str, column: usize| {
        let cell = |text: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.splitn(4, ',').nth(column).unwrap().to_owned()
        };
        cell(&before) != cell(&after)
    };
    assert!(changed("codes,", 2) && !changed("codes,", 1));
    assert!(!changed("seen,", 1) && changed("seen,", 3));
    // The row is filtered away: what `total` read is another version, what it holds is the same.
    assert!(changed("total,", 3) && !changed("total,", 2) && !changed("total,", 1));
}

#[test]
fn files_in_calls_are_inputs() {
    let project = Project::new()
        .file("data/a.csv", "x\n1\n")
        .file("models/read.sql", "select * from read_csv('data/a.csv')")
        .file("models/below.sql", "select * from read");
    run(&project, &[]);
    let inputs = "select asset, json_keys(inputs) as reads, inputs->'read'->>'data' is not null as known
        from dovetail.assets order by asset";
    assert_eq!(shown(&project, inputs), "asset,reads,known\nbelow,[read],true\nread,[data/a.csv],false\n");
}

#[test]
fn secrets_are_not_written_down() {
    let project = Project::new()
        .env("MY_TOKEN", "correcthorse")
        .file("models/a.sql", "select length('{{ env_var('MY_TOKEN') }}') as n");
    run(&project, &[]);
    let code = shown(&project, "select details->>'code' as code from dovetail.materializations");
    assert!(code.contains("length(") && !code.contains("correcthorse"), "{code}");
}

/// DuckDB compares texts as a setting says, and names of assets are compared letter by letter.
#[test]
fn names_are_told_apart_whatever_the_collation_is() {
    let project = Project::new()
        .file("dovetail.toml", "[targets.dev]\nsettings = { default_collation = 'NOCASE' }\n")
        .file("models/a.sql", "select 1 as x")
        .file("models/A.sql", "{{ config(schema='other') }} select 2 as x")
        .file("models/é.sql", "select 3 as x")
        .file("models/É.sql", "select 4 as x, 'b' = 'B' as same");
    let ok = |arguments: &[&str]| {
        let said = project.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said}");
        said.stdout
    };
    ok(&["run"]);
    ok(&["status", "--verify"]);
    let newest =
        "select string_agg(asset, ' ' order by asset collate c) as names, count(distinct relation collate c) as n";
    assert_eq!(
        ok(&["show", "--inline", &format!("{newest} from dovetail.assets"), "-o", "csv"]),
        "names,n\nA a É é,4\n"
    );
    std::fs::write(project.root().join("models/a.sql"), "select error('no') as x").unwrap();
    assert_eq!(project.run(&["run", "--atomic", "-s", "a"]).code, 1);
    let status = project.run(&["status"]).stdout;
    let fresh = status.lines().filter(|line| line.contains(" fresh")).count();
    assert!(fresh == 3 && status.contains("a  stale"), "{status}");
    assert_eq!(ok(&["history", "A", "-o", "json"]).lines().count(), 1);
    assert_eq!(ok(&["history", "a", "-o", "json"]).lines().count(), 2);
    // The setting is the target's all the same.
    assert_eq!(ok(&["show", "É", "-o", "csv"]), "x,same\n4,true\n");
    std::fs::remove_file(project.root().join("models/a.sql")).unwrap();
    std::fs::write(project.root().join("models/b.sql"), "{{ config(renamed_from='a') }} select 1 as x").unwrap();
    ok(&["run", "-s", "b"]);
    assert_eq!(ok(&["history", "A", "-o", "json"]).lines().count(), 1);
    assert_eq!(ok(&["history", "b", "-o", "json"]).lines().count(), 3);
    ok(&["status"]);
}
