//! `dovetail run` on SQL and seeds: what is materialized, what fails, what is skipped, what stays.

use crate::harness::{Project, Said};

fn status(said: &Said) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let known = ["ok ", "failed ", "skipped ", "stopped "];
    said.stderr.lines().filter(|line| known.iter().any(|word| line.starts_with(word))).map(words).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn shown(project: &Project, sql: &str) -> String {
    let said = project.run(&["show", "--inline", sql, "--output", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout
}

#[test]
fn everything_that_persists_is_materialized() {
    let project = Project::new()
        .file("seeds/codes.csv", "code,name\n1,one\n2,\"two, too\"\n")
        .file("models/base.sql", "{{ config(materialized='ephemeral') }} select code, name from codes -- all")
        .file("models/seen.sql", "{{ config(materialized='view') }} select * from base")
        .file("models/total.sql", "select count(*) as n, max(b.name) as last from base b join seen using (code)");
    let said = project.run(&["run", "--threads", "3"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(status(&said), ["ok codes", "ok seen", "ok total"]);
    assert!(said.stdout.is_empty() && said.stderr.contains("done: 3 materialized in "), "{}", said.stderr);
    assert_eq!(shown(&project, "from total"), "n,last\n2,\"two, too\"\n");
    let records = shown(&project, "select asset, kind, row_count from dovetail.materializations order by started_at");
    assert_eq!(records, "asset,kind,row_count\ncodes,seed,2\nseen,sql,\ntotal,sql,1\n");
}

#[test]
fn a_failure_costs_what_depends_on_it() {
    let project = Project::new()
        .file("models/good.sql", "select 1 as x")
        .file("models/bad.sql", "select 1 as x")
        .file("models/below.sql", "select x from bad")
        .file("models/further.sql", "select x from below union all select x from good")
        .file("models/beside.sql", "select x from good");
    assert_eq!(project.run(&["run"]).code, 0);
    std::fs::write(project.root().join("models/bad.sql"), "select 2 as x,\n  error('no luck') as y").unwrap();
    let said = project.run(&["run"]);
    assert_eq!(said.code, 1);
    let expected = ["failed bad", "ok beside", "ok good", "skipped below", "skipped further"];
    assert_eq!(sorted(status(&said)), expected, "{}", said.stderr);
    assert!(
        said.stderr.contains("error[DT0601]: `bad` failed: ") && said.stderr.contains("no luck"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("done: 2 materialized, 1 failed, 2 skipped in "), "{}", said.stderr);
    assert_eq!(shown(&project, "from bad"), "x\n1\n");
}

#[test]
fn fail_fast_stops_the_rest() {
    let mut project = Project::new().file("models/a_bad.sql", "select error('stop here') as x");
    for index in 0..20 {
        let slow = format!("select sum(a.range * b.range) as x from range({index}, 30000) a, range(30000) b");
        project = project.file(&format!("models/slow_{index}.sql"), slow);
    }
    let said = project.run(&["run", "--fail-fast", "--threads", "2"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(status(&said).iter().filter(|line| line.starts_with("stopped")).count() >= 18, "{}", said.stderr);
}

#[test]
fn retries_try_again() {
    let config = "{{ config(retries=2, retry_delay=0.01) }}";
    let project = Project::new().file("models/a.sql", format!("{config} select error('again') as x"));
    let said = project.run(&["run"]);
    assert_eq!(said.stderr.matches("retry   a: ").count(), 2, "{}", said.stderr);
    assert_eq!((said.code, status(&said)), (1, vec!["failed a".to_owned()]));
}

#[test]
fn a_failure_takes_no_neighbour_with_it() {
    let mut project = Project::new().file("models/base.sql", "select range as x from range(100)");
    for index in 0..30 {
        let query = match index {
            7 => "select error('a bad neighbour') as x from base".to_owned(),
            11 => "select nothing from base".to_owned(),
            13 => "{{ config(retries=1, retry_delay=0.01) }} select error('twice') as x from base".to_owned(),
            17 => "{{ config(materialized='view') }} select x from base".to_owned(),
            _ => format!("select x + {index} as x from base"),
        };
        project = project.file(&format!("models/quick_{index:02}.sql"), query);
    }
    for command in ["run", "reconcile"] {
        let said = project.run(&[command, "--no-check", "--threads", "1"]);
        let failed: Vec<_> = status(&said).into_iter().filter(|line| line.starts_with("failed")).collect();
        assert_eq!(failed, ["failed quick_07", "failed quick_11", "failed quick_13"], "{}", said.stderr);
        assert_eq!((said.code, said.stderr.matches("retry   quick_13: ").count()), (1, 1), "{}", said.stderr);
    }
    let built = "select count(distinct asset) as assets, count(*) as records from dovetail.materializations";
    assert_eq!(shown(&project, built), "assets,records\n28,28\n");
    assert_eq!(shown(&project, "select sum(x) as x from quick_29"), "x\n7850\n");
    assert_eq!(shown(&project, "select sum(x) as x from quick_17"), "x\n4950\n");
}

#[test]
fn what_shares_a_transaction_reads_what_was_published_before_it() {
    // Each layer reads the one before, in a new version: whoever joins must not see an older one.
    let mut project = Project::new();
    for (layer, index) in (0..6).flat_map(|layer| (0..8).map(move |index| (layer, index))) {
        let query = match layer {
            0 => format!("select {index} + {{{{ var('version', 0) }}}} as x"),
            _ => format!("select sum(x) as x from l{}_{index}", layer - 1),
        };
        project = project.file(&format!("models/l{layer}_{index}.sql"), query);
    }
    for version in [100, 200, 300] {
        let said = project.run(&["run", "--threads", "4", "--vars", &format!("version: {version}")]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        for index in 0..8 {
            assert_eq!(shown(&project, &format!("from l5_{index}")), format!("x\n{}\n", version + index));
        }
        let status = project.run(&["status", "--vars", &format!("version: {version}")]);
        assert_eq!(status.code, 0, "{}", status.stdout);
    }
}

#[test]
fn an_upstream_that_was_never_built_is_named() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/b.sql", "select x from a");
    let said = project.run(&["run", "-s", "b"]);
    assert!(said.stderr.contains("DT0608") && said.stderr.contains("--select +b"), "{}", said.stderr);
}

#[test]
fn tables_and_views_change_into_each_other() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/b.sql", "select x from a");
    for (text, rows) in [
        ("{{ config(materialized='view') }} select 2 as x", "x\n2\n"),
        ("select 3 as x, 4 as y", "x\n3\n"),
        ("select 5 as y, 6 as x", "x\n6\n"),
    ] {
        std::fs::write(project.root().join("models/a.sql"), text).unwrap();
        assert_eq!(project.run(&["run"]).code, 0, "{text}");
        assert_eq!(shown(&project, "from b"), rows, "{text}");
    }
}

#[test]
fn a_schema_may_have_the_databases_name() {
    let project = Project::new()
        .file("dovetail.toml", "name = \"dovetail\"\n[models.inner]\nschema = \"dovetail_\"\n")
        .file("models/a.sql", "{{ config(schema='warehouse') }} select 1 as x")
        .file("models/b.sql", "select x + 1 as x from a");
    assert_eq!(project.run(&["run"]).code, 0, "{}", project.run(&["run"]).stderr);
    std::fs::write(project.root().join("dovetail.toml"), "name = \"warehouse\"\n").unwrap();
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(shown(&project, "from b"), "x\n2\n");
}

#[test]
fn a_database_may_have_any_files_name() {
    for (file, name) in
        [("main.duckdb", "main_db"), ("temp", "temp_db"), ("shop.v2.duckdb", "shop"), ("Main.db", "Main")]
    {
        let project = Project::new()
            .file("dovetail.toml", format!("[targets.dev]\ndatabase = \"{file}\"\n"))
            .file("models/long.sql", "{{ config(schema='al', alias='l') }} select '{{ target.database }}' as x")
            .file("models/named.sql", format!("{{{{ config(schema='{name}') }}}} select * from {name}.al.l"));
        let said = project.run(&["run"]);
        assert_eq!(said.code, 0, "{file}: {}", said.stderr);
        let sql = format!("select x, current_database() as y from {name}.{name}.named");
        assert_eq!(shown(&project, &sql), format!("x,y\n{name},{name}\n"));
    }
}

#[test]
fn secrets_stay_secret() {
    for text in [
        "select * from {{ env_var('DB_PASSWORD') }}",
        "{{ exceptions.raise_compiler_error(env_var('DB_PASSWORD')) }}",
        "select error('{{ env_var('DB_PASSWORD') }}') as x",
        "{{ config(tags=[env_var('DB_PASSWORD')]) }} select 1 as x",
        "select '{{ env_var('DB_PASSWORD') | upper }}' as x",
        "select '{{ env_var('QUOTED_KEY') | replace(\"'\", \"''\") }}' as x",
    ] {
        let project = Project::new()
            .file("models/a.sql", text)
            .env("DB_PASSWORD", "topsecret99")
            .env("QUOTED_KEY", "it's secret99");
        for command in [&["ls", "-o", "json"][..], &["run", "-v"], &["compile"]] {
            let said = project.run(command);
            let all = format!("{}{}", said.stdout, said.stderr).to_lowercase();
            assert!(!all.contains("secret99"), "{text} with {command:?}: {all}");
        }
        let compiled = project.root().join("target/compiled/models/a.sql");
        assert!(!std::fs::read_to_string(compiled).unwrap_or_default().to_lowercase().contains("secret99"), "{text}");
    }
}

#[test]
fn events_are_json_lines() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/b.sql", "select nope from a");
    let said = project.run(&["run", "--no-check", "--log-format", "json"]);
    let lines: Vec<serde_json::Value> =
        said.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    let expected =
        ["run_started", "asset_started", "asset_finished", "asset_started", "asset_finished", "run_finished"];
    assert_eq!(events, expected);
    assert!(
        lines.iter().any(|line| line["code"] == "DT0801" && line["line"] == 1 && line["column"] == 8),
        "{lines:#?}"
    );
}
