//! Selections, as they come from the command line.

use crate::harness::{Project, assert_said};

fn names(args: &[&str]) -> Vec<String> {
    let said = Project::example().run(&[&["ls"], args].concat());
    assert_eq!(said.code, 0, "{said}");
    said.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn unions_intersections_and_neighbours() {
    assert_eq!(names(&["-s", "totals"]), ["totals"]);
    assert_eq!(names(&["-s", "orders totals"]), ["orders", "totals"]);
    assert_eq!(names(&["--select", "orders", "totals"]), ["orders", "totals"]);
    assert_eq!(names(&["--models", "orders", "-m", "totals"]), ["orders", "totals"]);
    assert_eq!(names(&["-s", "tag:daily,kind:python"]), ["totals"]);
    assert_eq!(names(&["-s", "+totals"]), ["orders", "stg_orders", "totals"]);
    assert_eq!(names(&["-s", "+report", "--exclude", "source:raw", "tag:daily"]), ["orders", "stg_orders"]);
    assert_eq!(names(&["-s", "path:models/staging"]), ["stg_orders"]);
    assert_eq!(names(&["-s", "group:finance", "owner:team:ops"]), ["report", "totals"]);
}

#[test]
fn nothing_matches() {
    assert_said!(Project::example().run(&["ls", "-s", "totls"]));
}

#[test]
fn nothing_is_left() {
    assert_said!(Project::example().run(&["ls", "-s", "totals", "--exclude", "tag:daily"]));
}

#[test]
fn wrong_grammar() {
    assert_said!(Project::example().run(&["ls", "-s", "colour:red"]));
}

/// `a` -> `b`, `apart` beside them; built, then `a` is edited.
fn edited() -> Project {
    let project = Project::new()
        .file("models/a.sql", "select 1 as x")
        .file("models/b.sql", "select x from a")
        .file("models/apart.sql", "select 1 as y");
    assert_eq!(project.run(&["run"]).code, 0);
    project.file("models/a.sql", "select 2 as x")
}

fn listed(project: &Project, expression: &str) -> Vec<String> {
    let said = project.run(&["ls", "-s", expression]);
    assert_eq!(said.code, 0, "{expression}: {said}");
    said.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn by_state() {
    let project = edited();
    assert_eq!(listed(&project, "status:stale"), ["a"]);
    assert_eq!(listed(&project, "status:pending"), ["b"]);
    assert_eq!(listed(&project, "status:stale+"), ["a", "b"]);
    assert_eq!(listed(&project, "+b,status:fresh"), Vec::<String>::new());
    assert_eq!(listed(&project, "status:*"), ["a", "apart", "b"]);
    assert_eq!(listed(&project, "status:missing"), Vec::<String>::new());
    let none = project.run(&["run", "-s", "status:missing"]);
    assert!(none.code == 0 && none.stderr.contains("nothing is selected"), "{none}");
    let plan = project.run(&["plan", "-s", "status:stale", "-o", "json"]);
    assert!(plan.stdout.lines().count() == 1 && plan.stdout.starts_with(r#"{"asset":"a""#), "{plan}");
    let ran = project.run(&["run", "-s", "status:stale"]);
    assert!(ran.code == 0 && ran.stderr.contains("done: 1 materialized"), "{ran}");
    let reconciled = project.run(&["reconcile", "-s", "status:stale"]);
    assert!(reconciled.code == 0 && reconciled.stderr.contains("done: 1 materialized"), "{reconciled}");
    assert_eq!(listed(&project, "status:fresh"), ["a", "apart", "b"]);
}

#[test]
fn a_state_needs_no_database_to_be_missing() {
    let project = Project::new().file("models/a.sql", "select 1 as x");
    assert_eq!(listed(&project, "status:missing"), ["a"]);
    assert!(!project.exists("project.duckdb"));
    let ran = project.run(&["run", "-s", "status:missing"]);
    assert!(ran.code == 0 && ran.stderr.contains("done: 1 materialized"), "{ran}");
}

#[test]
fn orphans_are_shown_where_the_state_is() {
    let project = edited();
    std::fs::remove_file(project.root().join("models/apart.sql")).unwrap();
    for (expression, shown) in
        [("status:orphaned", "apart\n"), ("status:orphaned status:stale", "a\napart\n"), ("status:stale", "a\n")]
    {
        let said = project.run(&["status", "-o", "json", "-s", expression]);
        let names: String = said
            .stdout
            .lines()
            .map(|line| {
                format!("{}\n", serde_json::from_str::<serde_json::Value>(line).unwrap()["asset"].as_str().unwrap())
            })
            .collect();
        assert_eq!(names, shown, "{expression}: {said}");
    }
    let plan = project.run(&["plan", "-s", "status:orphaned"]);
    assert!(plan.code == 0 && plan.stdout.contains("leave  apart"), "{plan}");
    assert!(!project.run(&["status", "--exclude", "status:orphaned"]).stdout.contains("apart"));
    assert_eq!(listed(&project, "status:orphaned"), Vec::<String>::new());
}

#[test]
fn by_the_result_of_the_newest_run() {
    let project = edited().file("models/a.sql", "select error('no') as x");
    assert_eq!(listed(&project, "result:ok"), ["a", "apart", "b"]);
    assert_eq!(project.run(&["run"]).code, 1);
    assert_eq!(listed(&project, "result:failed"), ["a"]);
    assert_eq!(listed(&project, "result:skipped"), ["b"]);
    assert_eq!(listed(&project, "result:ok"), ["apart"]);
    let wrong = project.run(&["ls", "-s", "result:faild"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("did you mean `failed`?"), "{wrong}");
}

fn git(project: &Project, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let status = std::process::Command::new("git")
        .arg("-C")
        .arg(project.root())
        .args(identity)
        .args(arguments)
        .output()
        .unwrap();
    assert!(status.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn by_what_changed_since_a_commit() {
    let project = Project::new()
        .file("seeds/codes.csv", "code\n1\n")
        .file("macros/limits.sql", "{% macro least() %}0{% endmacro %}")
        .file("models/helpers.py", "def clean(x):\n    return x\n\n\ndef other(x):\n    return x\n")
        .file(
            "models/p.py",
            "from dovetail import asset\nfrom models.helpers import clean\n\n\n@asset\ndef p(codes):\n    return clean(codes)\n",
        )
        .file("models/a.sql", "select code from codes where code > {{ least() }}")
        .file("models/e.sql", "{{ config(materialized='ephemeral') }} select 1 as x")
        .file("models/b.sql", "select x from e");
    git(&project, &["init", "--quiet", "--initial-branch=main"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    assert_eq!(listed(&project, "changed:main"), Vec::<String>::new());
    let project = project.file("models/a.sql", "-- codes\nSELECT code FROM codes WHERE code > {{ least() }}");
    assert_eq!(listed(&project, "changed:main"), Vec::<String>::new());
    let project = project.file("models/helpers.py", "def clean(x):\n    return x\n\n\ndef other(x):\n    return 2\n");
    assert_eq!(listed(&project, "changed:HEAD"), Vec::<String>::new());
    let project = project.file("models/helpers.py", "def clean(x):\n    return [x]\n\n\ndef other(x):\n    return 2\n");
    assert_eq!(listed(&project, "changed:HEAD"), ["p"]);
    let project = project.file("macros/limits.sql", "{% macro least() %}1{% endmacro %}");
    assert_eq!(listed(&project, "changed:main,kind:sql"), ["a"]);
    let project = project.file("seeds/codes.csv", "code\n2\n").file("models/new.sql", "select 1 as x");
    assert_eq!(listed(&project, "changed:main"), ["a", "codes", "new", "p"]);
    let project = project.file("models/e.sql", "{{ config(materialized='ephemeral') }} select 2 as x");
    assert_eq!(listed(&project, "changed:main,kind:sql"), ["a", "b", "e", "new"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "two"]);
    assert_eq!(listed(&project, "changed:HEAD"), Vec::<String>::new());
    assert_eq!(listed(&project, "changed:HEAD~1,e+"), ["b", "e"]);
    assert_eq!(std::fs::read_dir(project.root().join(".dovetail/cache")).unwrap().count(), 0);
}

#[test]
fn what_git_does_not_know_is_said() {
    let project = edited();
    let said = project.run(&["ls", "-s", "changed:main"]);
    assert!(said.code == 2 && said.stderr.contains("in no git repository"), "{said}");
    git(&project, &["init", "--quiet"]);
    let said = project.run(&["ls", "-s", "a changed:main"]);
    assert!(said.code == 2 && said.stderr.contains("git knows no commit `main`"), "{said}");
    let project = project.file("models/bad.sql", "select from from");
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    std::fs::remove_file(project.root().join("models/bad.sql")).unwrap();
    let said = project.run(&["ls", "-s", "changed:HEAD"]);
    assert!(said.code == 2 && said.stderr.contains("does not compile") && said.stderr.contains("bad.sql"), "{said}");
}
