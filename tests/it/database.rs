//! What a run says about its database: upstreams that are not there, files, settings and secrets.

use crate::harness::{Project, assert_said};

#[test]
fn an_upstream_that_was_never_built_is_named_at_its_place() {
    let project = Project::new()
        .file("models/up.sql", "{{ config(materialized='table') }}\nselect 1 as é")
        .file("models/down.sql", "select 'é' as x,\n  u.*\nfrom {{ ref('up') }} as u");
    assert_said!(project.run(&["run", "-q", "-s", "down"]));
}

#[test]
fn a_model_that_reads_itself_at_its_first_run() {
    let project = Project::new().file("models/a.sql", "{{ config(materialized='table') }}\nselect * from {{ this }}");
    assert_said!(project.run(&["run", "-q"]));
}

#[test]
fn a_database_that_was_never_finished_is_begun_anew() {
    let mut header = vec![0; 8192];
    header[8..12].copy_from_slice(b"DUCK");
    for unfinished in [vec![], vec![0; 4096], header] {
        let project = Project::new().file("dovetail.toml", "name = 'p'").file("models/a.sql", "select 1 as x");
        let project = project.file("p.duckdb", unfinished);
        assert_eq!(project.run(&["status"]).stdout, "a  missing   it was never built\n");
        let said = project.run(&["run"]);
        assert_eq!(said.code, 0, "{said}");
    }
    // What somebody else has written stays.
    let project = Project::new().file("dovetail.toml", "name = 'p'").file("models/a.sql", "select 1 as x");
    let project = project.file("p.duckdb", "the notes of somebody");
    assert_eq!(project.run(&["run"]).code, 2);
    assert_eq!(project.read("p.duckdb"), "the notes of somebody");
}

#[test]
fn files_are_found_from_any_folder() {
    let project = Project::new()
        .file("data/x.csv", "a\n1\n")
        .file("models/one.sql", "select a from read_csv('data/x.csv')")
        .file("models/many.sql", "select a from read_csv('data/*.csv')")
        .file("models/written.sql", "select 1 as x");
    let root = project.root();
    let said = project.run_in(std::path::Path::new("models"), &["run", "--project-dir", &root.to_string_lossy()]);
    assert_eq!(said.code, 0, "{said}");
}

#[test]
fn secrets_stay_secret_and_words_stay_whole() {
    let toml = |value: &str| {
        format!("[targets.dev.secrets.lake]\ntype = 's3'\nkey_id = '{value}'\nnothing_known = 'x{value}'\n")
    };
    for value in ["k", "long-enough"] {
        let project = Project::new().file("models/a.sql", "select 1 as x").file("dovetail.toml", toml(value));
        let said = project.run(&["run"]);
        assert_eq!(said.code, 2, "{said}");
        assert!(said.stderr.contains("the secret `lake` was refused"), "{said}");
        assert!(!said.stderr.contains("long-enough"), "{said}");
    }
}

#[test]
fn what_cannot_be_opened_is_shown_in_the_config() {
    for (toml, code, line) in [
        ("[targets.dev]\nsettings = { nope = 1 }\n", "DT0703", "dovetail.toml:2:14"),
        ("[targets.dev]\nattach = [{ path = 'gone.duckdb', alias = 'other' }]\n", "DT0703", "dovetail.toml:2:44"),
        ("[targets.dev]\ndatabase = 'nodir/x.duckdb'\n", "DT0701", "dovetail.toml:2:1"),
    ] {
        let project = Project::new().file("models/a.sql", "select 1 as x").file("dovetail.toml", toml);
        let said = project.run(&["run"]);
        assert_eq!(said.code, 2, "{said}");
        assert!(said.stderr.contains(code) && said.stderr.contains(line) && said.stderr.contains("hint: "), "{said}");
    }
}

#[test]
fn assets_stand_in_the_own_database_only() {
    let project = Project::new()
        .file("dovetail.toml", "[targets.dev]\nattach = [{ path = 'other.duckdb', read_only = false }]\n")
        .file("models/own.sql", "{{ config(database='project') }} select 1 as x")
        .file("models/away.sql", "{{ config(database='other') }} select 1 as x");
    assert_said!(project.run(&["run"]));
    std::fs::remove_file(project.root().join("models/away.sql")).unwrap();
    assert_eq!(project.run(&["run"]).code, 0);
}

#[test]
fn a_type_that_is_younger_than_the_file_says_what_to_set() {
    let project = Project::new().file("models/a.sql", "select 1 as x,\n  {'k': [2]}::variant as v");
    let said = project.run(&["run"]);
    assert!(said.code == 1 && said.stderr.contains("DT0601"), "{said}");
    let setting = "storage_compatibility_version = \"v1.5.0\"";
    assert!(said.stderr.contains(&format!("hint: set `{setting}`")), "{said}");
    // An old file stays as it is.
    let project = project.file("dovetail.toml", format!("[targets.dev]\nsettings = {{ {setting} }}\n"));
    assert!(project.run(&["run"]).stderr.contains("hint: set `"));
    std::fs::remove_file(project.root().join("project.duckdb")).unwrap();
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{said}");
    let said = project.run(&["show", "a", "-o", "json"]);
    assert!(said.stdout.contains(r#"{"x":1,"v":{"k":[2]}}"#), "{said}");
}

#[test]
fn a_database_that_cannot_be_opened_has_its_own_hint() {
    for (database, hint) in [
        ("none/x.duckdb", "its folder does not exist: make it (`mkdir -p`)"),
        ("models", "that is a folder: name a file in it"),
        ("models/a.sql", "the file is something else: name another one, or move it away"),
    ] {
        let project = Project::new()
            .file("models/a.sql", "select 1 as x")
            .file("dovetail.toml", format!("[targets.dev]\ndatabase = '{database}'\n"));
        for command in ["run", "debug"] {
            let said = project.run(&[command]);
            assert!(said.code == 2 && said.stderr.contains("error[DT0701]"), "{database}: {said}");
            assert!(said.stderr.contains(&format!("hint: {hint}")), "{database}: {said}");
        }
    }
}

/// DuckDB looks for databases and for schemas by the first part of a name.
#[test]
fn a_schema_may_be_called_like_the_database() {
    let config =
        |more: &str| format!("name = 'shop'\n[targets.dev]\ndatabase = 'shop.duckdb'\nschema = 'shop'\n{more}");
    let project = Project::new()
        .file("dovetail.toml", config(""))
        .file("seeds/raw.csv", "x\n1\n2\n")
        .file("models/a.sql", "select x + 1 as x from raw")
        .file("models/v.sql", "{{ config(materialized='view') }} select a.x from a")
        .file("models/b.sql", "select * from v join shop.a using (x)")
        .file("models/left.sql", "select 1 as x")
        .file("models/seen.sql", "{{ config(materialized='view') }} select * from \"left\"");
    let ok = |arguments: &[&str]| {
        let said = project.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said}");
        said
    };
    ok(&["run"]);
    ok(&["run", "--atomic"]);
    ok(&["status", "--verify"]);
    ok(&["check"]);
    assert_eq!(ok(&["show", "b", "-o", "csv"]).stdout, "x\n2\n3\n");
    std::fs::remove_file(project.root().join("models/seen.sql")).unwrap();
    let renamed = "{{ config(renamed_from='left') }} select 1 as x";
    std::fs::rename(project.root().join("models/left.sql"), project.root().join("left.away")).unwrap();
    assert!(ok(&["gc", "--yes"]).stderr.contains("2 moved to the trash"));
    assert!(ok(&["gc", "--restore"]).stderr.contains("2 moved back"));
    std::fs::write(project.root().join("models/right.sql"), renamed).unwrap();
    ok(&["reconcile"]);
    assert!(ok(&["gc", "--yes"]).stderr.contains("1 moved to the trash"), "`left` went when it was renamed");
    ok(&["gc", "--empty", "--yes"]);
    ok(&["status", "--verify"]);
}

#[test]
fn the_database_may_be_called_like_a_schema_of_dovetail() {
    for name in ["dovetail", "dovetail_trash"] {
        let project = Project::new()
            .file("dovetail.toml", format!("name = '{name}'"))
            .file("models/a.sql", "select 1 as x")
            .file("models/b.sql", "select * from a");
        assert_eq!(project.run(&["run"]).code, 0);
        std::fs::remove_file(project.root().join("models/b.sql")).unwrap();
        for arguments in [&["gc", "--yes"][..], &["gc", "--restore"], &["gc", "--yes"], &["gc", "--empty", "--yes"]] {
            let said = project.run(arguments);
            assert_eq!(said.code, 0, "{name} {arguments:?}: {said}");
        }
    }
}
