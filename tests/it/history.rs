//! `history`, `why` and `retry`: what happened, what it came from, and taking up what did not come out.

use serde_json::Value;

use crate::harness::{Project, Said};

/// `a` -> `b` (a view) -> `c`, over a seed.
fn built() -> Project {
    let project = Project::new()
        .env("USER", "ada")
        .file("seeds/codes.csv", "code,name\n1,one\n2,two\n")
        .file("models/a.sql", "select code, name from codes where code > 0")
        .file("models/b.sql", "{{ config(materialized='view') }} select code from a")
        .file("models/c.sql", "select sum(code) as total from b");
    assert_eq!(project.run(&["run"]).code, 0);
    project
}

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

fn lines(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let said = project.run(&[arguments, &["--output", "json"]].concat());
    assert_eq!(said.code, 0, "{said}");
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The logs of runs, oldest first.
fn logs(project: &Project) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(project.root().join(".dovetail/runs")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn outcomes(said: &Said) -> Vec<String> {
    let known = ["ok ", "same ", "failed ", "skipped "];
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    said.stderr.lines().filter(|line| known.iter().any(|word| line.starts_with(word))).map(words).collect()
}

const BROKEN: &str = "select code, error('no') as name from codes where code > 0";

#[test]
fn runs_are_listed_newest_first_with_what_came_of_them() {
    let project = built();
    write(&project, "models/a.sql", BROKEN);
    assert_eq!(project.run(&["reconcile"]).code, 1);
    let runs = lines(&project, &["history"]);
    let told: Vec<String> = runs
        .iter()
        .map(|run| {
            ["command", "status", "materialized", "failed", "skipped", "user"].map(|key| run[key].to_string()).join(" ")
        })
        .collect();
    assert_eq!(told, [r#""reconcile" "failed" 0 1 2 "ada""#, r#""run" "ok" 4 0 0 "ada""#]);
    assert_eq!(lines(&project, &["history", "--limit", "1"]), runs[..1]);
    let table = project.run(&["history"]).stdout;
    assert!(table.contains("1 failed, 2 skipped") && table.contains("4 ok"), "{table}");
}

#[test]
fn a_log_holds_every_event_and_the_whole_of_an_error() {
    let project = built();
    write(&project, "models/a.sql", BROKEN);
    project.run(&["reconcile"]);
    let text = std::fs::read_to_string(logs(&project).last().unwrap()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    let finished = ["asset_finished"; 3];
    assert_eq!(events, [&["log_started", "run_started", "asset_started"][..], &finished, &["run_finished"]].concat());
    assert!(lines.iter().all(|line| line["at"].as_str().is_some_and(|at| at.ends_with('Z'))), "{text}");
    assert_eq!(lines[0]["assets"], serde_json::json!(["a", "b", "c"]));
    let error = lines.iter().find(|line| line["code"] == "DT0601").unwrap();
    assert!(error["asset"] == "a" && error["path"] == "models/a.sql" && error["line"] == 1, "{error}");
    assert!(lines[0]["pid"] == std::process::id() && lines[0]["host"].is_string(), "{text}");
}

#[test]
fn the_terminal_says_the_same_as_the_log() {
    let project = built();
    let said = project.run(&["run", "--log-format", "json"]);
    let plain = |text: &str| -> Vec<Value> {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines: Vec<Value> = lines.filter(|line| line["event"] != "log_started").collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().shift_remove("at")));
        lines
    };
    let log = std::fs::read_to_string(logs(&project).last().unwrap()).unwrap();
    let events: Vec<Value> = plain(&said.stderr).into_iter().filter(|line| line["event"].is_string()).collect();
    assert_eq!(plain(&log), events);
}

#[test]
fn secrets_reach_no_log() {
    let project = Project::new()
        .env("MY_TOKEN", "correcthorse")
        .file("models/a.sql", "select error('no {{ env_var('MY_TOKEN') }}') as n");
    assert_eq!(project.run(&["run"]).code, 1);
    let text = std::fs::read_to_string(&logs(&project)[0]).unwrap();
    assert!(text.contains("no ***") && !text.contains("correcthorse"), "{text}");
}

#[test]
fn a_log_that_cannot_be_written_is_a_warning() {
    let project = built();
    std::fs::remove_dir_all(project.root().join(".dovetail")).unwrap();
    let project = project.file(".dovetail", "in the way");
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.stderr.matches("warning[DT0009]").count(), 1, "{said}");
    let said = project.run(&["history"]);
    assert!(said.code == 0 && said.stdout.is_empty() && said.stderr.contains("no log of a run"), "{said}");
}

#[test]
fn the_newest_hundred_logs_are_kept() {
    let project = built();
    let folder = project.root().join(".dovetail/runs");
    for number in 0..150 {
        std::fs::write(folder.join(format!("{number:x}-1.jsonl")), "").unwrap();
    }
    std::fs::write(folder.join("notes.jsonl"), "").unwrap();
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(logs(&project).len(), 101);
    assert!(folder.join("notes.jsonl").exists() && !folder.join("33-1.jsonl").exists());
    assert_eq!(lines(&project, &["history"]).len(), 2);
}

#[test]
fn runs_keep_their_order_when_the_clock_is_set_back() {
    let project = built();
    let (old, late) = (logs(&project)[0].clone(), "fffffffffffff-1");
    let text = std::fs::read_to_string(&old).unwrap();
    let run = old.file_stem().unwrap().to_str().unwrap().to_owned();
    std::fs::write(old.with_file_name(format!("{late}.jsonl")), text.replace(&run, late)).unwrap();
    assert_eq!(project.run(&["run", "-s", "c"]).code, 0);
    let runs = lines(&project, &["history"]);
    assert_eq!((runs[0]["materialized"].as_u64(), runs[1]["run"].as_str()), (Some(1), Some(late)));
}

#[test]
fn a_run_that_goes_on_and_one_that_never_ended_are_told_apart() {
    let project = built();
    let path = logs(&project)[0].clone();
    let text = std::fs::read_to_string(&path).unwrap();
    let cut: Vec<&str> = text.lines().take(5).collect();
    std::fs::write(&path, format!("{}\n{{\"at\":\"20", cut.join("\n"))).unwrap();
    let status = || lines(&project, &["history"])[0]["status"].as_str().unwrap().to_owned();
    assert_eq!(status(), "unfinished");
    let writer = std::fs::File::open(&path).unwrap();
    writer.lock().unwrap();
    assert_eq!(status(), "running");
    let said = project.run(&["history"]);
    assert!(said.stderr.contains(&format!("goes on: process {}", std::process::id())), "{said}");
}

#[test]
fn an_asset_has_a_history_with_what_changed() {
    let project = built();
    write(&project, "models/a.sql", "select code, upper(name) as name from codes where code > 1");
    project.run(&["run"]);
    project.run(&["run"]);
    write(&project, "models/a.sql", BROKEN);
    project.run(&["reconcile"]);
    let told = |asset: &str| -> Vec<String> {
        let entries = lines(&project, &["history", asset]);
        entries.iter().map(|entry| format!("{} {} {}", entry["number"], entry["outcome"], entry["changed"])).collect()
    };
    assert_eq!(
        told("a"),
        [
            r#"1 "failed" null"#,
            r#"2 "materialized" {"code":[],"inputs":[],"data":false}"#,
            r#"3 "materialized" {"code":["sql"],"inputs":[],"data":true}"#,
            r#"4 "materialized" null"#
        ]
    );
    assert_eq!(told("c")[2], r#"3 "materialized" {"code":[],"inputs":["b"],"data":true}"#);
    let table = project.run(&["history", "a", "--limit", "3"]);
    assert!(table.stdout.contains("code (sql), data") && table.stdout.contains("ada"), "{table}");
    assert!(!table.stdout.contains("first time") && table.stderr.contains("the newest 3"), "{table}");
}

#[test]
fn two_materializations_differ_in_what_differs() {
    let project = built();
    write(&project, "models/a.sql", "{{ config(tags=['x']) }} select code, 1 as more from codes where code > 1");
    project.run(&["run", "-s", "a"]);
    project.run(&["run", "-s", "a"]);
    let diff = |arguments: &[&str]| project.run(&[&["history", "a", "--diff"], arguments].concat());
    let said = diff(&["3", "1"]);
    assert_eq!(said.code, 0, "{said}");
    for line in ["+select code, 1 as more", "-name VARCHAR", "+more INTEGER", "+tags: [\"x\"]", "-2\n+1"] {
        assert!(said.stdout.contains(line), "no {line} in {said}");
    }
    let same = diff(&["2", "1"]);
    assert!(same.stdout.is_empty() && same.stderr.contains("nothing differs"), "{same}");
    let runs: Vec<String> =
        lines(&project, &["history", "a"]).iter().map(|entry| entry["run"].as_str().unwrap().to_owned()).collect();
    assert_eq!(diff(&[&runs[2], &runs[0]]).stdout, said.stdout);
    assert!(diff(&["zz", "1"]).stderr.contains("no materialization has the number or the run `zz`"));
    assert!(diff(&["6", "1"]).code == 2 && diff(&["6", "1"]).stderr.contains("is the beginning of"));
}

#[test]
fn what_is_gone_keeps_its_history() {
    let project = built();
    std::fs::remove_file(project.root().join("models/c.sql")).unwrap();
    assert_eq!(lines(&project, &["history", "c"]).len(), 1);
    let why = project.run(&["why", "c"]);
    assert!(why.code == 0 && why.stdout.contains("nothing declares it any more"), "{why}");
    let unknown = project.run(&["history", "cc"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("did you mean `c`?"), "{unknown}");
    // Also of a project that does not compile.
    write(&project, "models/b.sql", "select from from");
    assert_eq!(lines(&project, &["history", "a"]).len(), 1);
    let new = project.file("models/b.sql", "select 1 as x").file("models/new.sql", "select 1 as x");
    let never = new.run(&["history", "new"]);
    assert!(never.code == 0 && never.stderr.contains("`new` was never materialized"), "{never}");
}

#[test]
fn why_goes_down_to_the_first_cause() {
    let project = built();
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    let links = lines(&project, &["why", "c"]);
    let told: Vec<String> =
        links.iter().map(|link| format!("{} {} {}", link["depth"], link["asset"], link["state"])).collect();
    assert_eq!(told, [r#"0 "c" "pending""#, r#"1 "b" "pending""#, r#"2 "a" "stale""#]);
    let diff = links[2]["diff"].as_str().unwrap();
    assert!(diff.contains("where code > 0\n+select") && diff.ends_with("where code > 1\n"), "{diff}");
    assert!(links[0]["diff"].is_null() && links[0]["causes"][0]["asset"] == "b");
    let text = project.run(&["why", "c"]).stdout;
    assert!(text.starts_with("`c` is pending\n  upstream: `b` is pending\n  `b` is pending\n    upstream"), "{text}");
    assert!(!text.contains('\u{1b}') && project.run(&["why", "c", "--color", "always"]).stdout.contains("\u{1b}[32m+"));
}

#[test]
fn why_names_each_once_and_what_was_read_when() {
    let project = built().file("models/d.sql", "select total, code from c, b");
    assert_eq!(project.run(&["run"]).code, 0);
    let fresh = lines(&project, &["why", "d"]);
    assert_eq!((fresh.len(), &fresh[0]["state"]), (1, &Value::from("fresh")));
    let inputs = fresh[0]["compared_with"]["inputs"].as_object().unwrap();
    assert_eq!(inputs.keys().collect::<Vec<_>>(), ["b", "c"]);
    write(&project, "seeds/codes.csv", "code,name\n1,one\n");
    let links = lines(&project, &["why", "d"]);
    let mut told: Vec<&str> = links.iter().map(|link| link["asset"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, ["a", "b", "c", "codes", "d"]);
    // An upstream that was built since is no cause itself, but it is where the change came from.
    assert_eq!(project.run(&["reconcile", "-s", "codes", "a"]).code, 0);
    let links = lines(&project, &["why", "c"]);
    assert!(links[0]["state"] == "stale" && links[1]["asset"] == "b" && links[1]["state"] == "fresh", "{links:?}");
    assert!(links[1]["remark"].is_string());
}

#[test]
fn why_explains_everything_that_has_a_name() {
    let project = built()
        .file("models/e.sql", "{{ config(materialized='ephemeral') }} select 1 as x")
        .file("models/s.yml", "sources:\n  - name: raw\n    tables: [{name: x}]\n");
    for (name, words) in [("e", "is ephemeral"), ("raw.x", "is a source"), ("a", "`a` is fresh")] {
        let said = project.run(&["why", name]);
        assert!(said.code == 0 && format!("{said}").contains(words), "{name}: {said}");
    }
    let said = project.run(&["why", "aa"]);
    assert!(said.code == 2 && said.stderr.contains("did you mean `a`?"), "{said}");
    let missing = Project::new().file("models/a.sql", "select 1 as x").run(&["why", "a"]);
    assert!(missing.code == 0 && missing.stdout.contains("missing: it was never built"), "{missing}");
}

#[test]
fn a_failed_asset_keeps_its_old_data_and_retry_does_only_it_and_its_descendants() {
    let project = built().file("models/apart.sql", "select 1 as x");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/a.sql", BROKEN);
    assert_eq!(project.run(&["run"]).code, 1);
    let total = project.run(&["show", "--inline", "from c", "--output", "csv"]);
    assert_eq!(total.stdout, "total\n3\n");
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    let said = project.run(&["retry", "--threads", "1"]);
    assert_eq!((said.code, outcomes(&said)), (0, ["ok a", "ok b", "ok c"].map(str::to_owned).to_vec()));
    assert_eq!(lines(&project, &["history"])[0]["command"], "retry");
    assert_eq!(lines(&project, &["status"]).len(), 5);
    let again = project.run(&["retry"]);
    assert!(again.code == 0 && again.stderr.contains("nothing to retry"), "{again}");
}

#[test]
fn retry_makes_no_database() {
    let project = Project::new().file("models/a.sql", "select 1 as x");
    let said = project.run(&["retry"]);
    assert!(said.code == 0 && said.stderr.contains("nothing to retry"), "{said}");
    assert!(!project.exists("project.duckdb") && !project.exists(".dovetail"));
}

#[test]
fn retry_leaves_out_what_is_gone() {
    let project = built().file("models/bad.sql", "select error('no') as x");
    assert_eq!(project.run(&["run"]).code, 1);
    std::fs::remove_file(project.root().join("models/bad.sql")).unwrap();
    let said = project.run(&["retry"]);
    assert!(said.code == 0 && said.stderr.contains("`bad`") && said.stderr.contains("nothing to retry"), "{said}");
}

#[test]
fn retry_takes_up_a_run_that_was_killed() {
    let project = built();
    let path = logs(&project)[0].clone();
    let text = std::fs::read_to_string(&path).unwrap();
    let end = text.find(r#""event":"run_finished""#).unwrap();
    std::fs::write(&path, &text[..end]).unwrap();
    // As it stands when `c` was being built.
    assert_eq!(project.run(&["show", "--inline", "select 1 as x"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    connection
        .execute_batch(
            "update dovetail.run_log set status = 'running'; delete from dovetail.materializations where asset = 'c'",
        )
        .unwrap();
    drop(connection);
    let log: Vec<&str> = text[..end].lines().filter(|line| !line.contains(r#""asset_finished","asset":"c""#)).collect();
    std::fs::write(&path, log.join("\n")).unwrap();
    let said = project.run(&["retry"]);
    assert_eq!((said.code, outcomes(&said)), (0, vec!["ok c".to_owned()]), "{said}");
    assert!(said.stderr.contains("did not end"), "{said}");
}

#[test]
fn the_plan_estimates_by_the_last_times() {
    let project = built();
    // The median of the last five, so neither the slow one nor what is older counts.
    assert_eq!(project.run(&["show", "--inline", "select 1 as x"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    for seconds in [900, 900, 900, 2, 3, 4, 100, 1] {
        let insert = "insert into dovetail.materializations by name select * replace (? as seconds) from dovetail.materializations where asset = 'a' limit 1";
        connection.execute(insert, [seconds]).unwrap();
    }
    drop(connection);
    write(&project, "models/a.sql", "select code, name from codes where code > 1");
    let project = project.file("models/new.sql", "select 1 as x");
    let plan = lines(&project, &["plan"]);
    let seconds = |asset: &str| plan.iter().find(|line| line["asset"] == asset).unwrap()["seconds"].as_f64();
    assert_eq!((seconds("a"), seconds("new")), (Some(3.0), None));
    let said = project.run(&["plan"]);
    assert!(said.stderr.contains("2 to build (about 3.00 s, and 1 for the first time)"), "{said}");
}

#[test]
fn on_a_terminal_no_time_is_cut() {
    let project = built().terminal(100);
    write(&project, "models/a.sql", BROKEN);
    assert_eq!(project.run(&["reconcile"]).code, 1);
    let starts = |line: &str, from: usize| {
        let date = line.get(from..from + 19).and_then(|text| text.parse::<jiff::civil::DateTime>().ok());
        assert!(date.is_some(), "{line}");
    };
    let runs = project.run(&["history"]).stdout;
    for line in runs.lines().skip(2) {
        starts(line, line.find("  ").unwrap() + 2);
    }
    let asset = project.run(&["history", "a"]).stdout;
    for line in asset.lines().skip(2) {
        starts(line, 3);
    }
    assert!(asset.contains("`a` failed: ") && runs.contains("1 failed, 2 skipped"), "{runs}\n{asset}");
    // Of this project no commit is known.
    assert!(!runs.contains("git") && !asset.contains("git"), "{runs}\n{asset}");
    assert!(runs.lines().chain(asset.lines()).all(|line| line.chars().count() <= 100), "{runs}\n{asset}");
}

#[test]
fn a_long_message_is_one_short_line_of_status() {
    let project = built();
    write(&project, "models/a.sql", &format!("select error('{}') as code, name from codes", "no ".repeat(2000)));
    assert_eq!(project.run(&["reconcile"]).code, 1);
    let status = project.run(&["status", "--select", "a"]).stdout;
    assert!(status.lines().count() == 1 && status.chars().count() < 300 && status.contains("no no…"), "{status}");
    let whole = lines_of(&project, &["status", "--select", "a"]);
    assert!(whole[0]["causes"].to_string().len() > 5000);
}

/// As `lines`, of a command that may exit as it likes.
fn lines_of(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let said = project.run(&[arguments, &["--output", "json"]].concat());
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_failed_under_a_new_name_comes_after_what_the_old_one_was_built_as() {
    let project = Project::new().file("models/old.sql", "select 1 as x");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/old.sql", "select error('one') as x");
    assert_eq!(project.run(&["run"]).code, 1);
    std::fs::remove_file(project.root().join("models/old.sql")).unwrap();
    write(&project, "models/new.sql", "{{ config(renamed_from='old') }} select error('two') as x");
    assert_eq!(project.run(&["run"]).code, 1);
    let status = project.run(&["status"]).stdout;
    assert!(status.contains("renamed from `old`") && status.contains("two") && !status.contains("one"), "{status}");
    write(&project, "models/new.sql", "{{ config(renamed_from='old') }} select 2 as x");
    assert_eq!(project.run(&["run"]).code, 0);
    let told = lines(&project, &["history", "new"]);
    let told: Vec<String> = told.iter().map(|past| format!("{} {}", past["outcome"], past["message"])).collect();
    assert!(told[0].starts_with("\"materialized\"") && told[3].starts_with("\"materialized\""), "{told:?}");
    assert!(told[1].contains("two") && told[2].contains("one"), "{told:?}");
}

#[test]
fn why_reads_the_rows_where_it_is_asked_to() {
    let project = built();
    let database = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    database.execute_batch("update main.a set name = 'other' where code = 1").unwrap();
    drop(database);
    let state = |arguments: &[&str]| lines(&project, arguments)[0]["state"].clone();
    assert_eq!(state(&["why", "a"]), "fresh");
    assert_eq!(state(&["why", "a", "--verify"]), "drifted");
}
