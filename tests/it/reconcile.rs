//! `status`, `plan` and `reconcile`: what is up to date, what would be done, and that no more is done.

use crate::harness::{Project, Said, assert_said};

fn a_to_c() -> Project {
    Project::new()
        .file("seeds/codes.csv", "code,name\n1,one\n2,two\n")
        .file("macros/limits.sql", "{% macro least() %}0{% endmacro %}")
        .file("models/a.sql", "select code, name from codes where code > {{ least() }}")
        .file("models/b.sql", "{{ config(materialized='view') }} select code from a")
        .file("models/c.sql", "select sum(code) as total from b")
        .file("models/apart.sql", "select {{ var('size', 1) }} as size")
}

fn built() -> Project {
    let project = a_to_c();
    assert_eq!(project.run(&["run"]).code, 0);
    project
}

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

/// `asset state` of what is not fresh, and the causes.
fn status(project: &Project, arguments: &[&str]) -> Vec<String> {
    let said = project.run(&[&["status", "--output", "json"], arguments].concat());
    let lines: Vec<serde_json::Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let unfresh: Vec<String> = lines
        .iter()
        .filter(|line| line["state"] != "fresh")
        .map(|line| {
            let causes: Vec<_> =
                line["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str()).collect();
            let causes: Vec<_> = causes.into_iter().flatten().collect();
            format!("{} {} {}", line["asset"].as_str().unwrap(), line["state"].as_str().unwrap(), causes.join("+"))
        })
        .collect();
    assert_eq!(said.code, u8::from(!unfresh.is_empty()), "{}", said.stderr);
    unfresh
}

fn outcomes(said: &Said) -> Vec<String> {
    let known = ["ok ", "same ", "failed ", "skipped "];
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    said.stderr.lines().filter(|line| known.iter().any(|word| line.starts_with(word))).map(words).collect()
}

fn reconcile(project: &Project) -> Vec<String> {
    let said = project.run(&["reconcile", "--threads", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(status(project, &[]), Vec::<String>::new(), "after reconciling");
    let again = project.run(&["reconcile"]);
    assert!(again.code == 0 && again.stderr.contains("nothing to do"), "{}", again.stderr);
    outcomes(&said)
}

fn shown(project: &Project, sql: &str) -> String {
    project.run(&["show", "--inline", sql, "--output", "csv"]).stdout
}

#[test]
fn a_new_project_is_missing_and_then_fresh() {
    let project = a_to_c();
    let missing = ["a missing missing", "apart missing missing", "b missing missing", "c missing missing"];
    assert_eq!(status(&project, &["--exclude", "codes"]), missing);
    let mut done = reconcile(&project);
    done.sort();
    assert_eq!(done, ["ok a", "ok apart", "ok b", "ok c", "ok codes"]);
}

#[test]
fn what_has_no_meaning_changes_nothing() {
    let project = built();
    write(&project, "models/a.sql", "-- those that count\nSELECT code, name\nFROM codes WHERE code > {{ least() }}");
    write(&project, "macros/limits.sql", "{# none #}{% macro least() -%} 0 {%- endmacro %}");
    write(&project, "models/about.yml", "models:\n  - name: a\n    description: Codes. # really\n");
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn an_edit_marks_what_it_changes_and_what_reads_it() {
    let project = built();
    write(&project, "models/a.sql", "select code, upper(name) as name from codes where code > {{ least() }}");
    assert_eq!(status(&project, &[]), ["a stale code", "b pending upstream", "c pending upstream"]);
    // The new names reach `b`, which shows `a` as it is: its columns are what they were.
    assert_eq!(reconcile(&project), ["ok a", "same b", "ok c"]);
}

#[test]
fn equal_content_cuts_the_rest_off() {
    let project = built();
    write(&project, "models/a.sql", "select code, name from codes where code >= 1");
    assert_eq!(reconcile(&project), ["ok a", "same b", "same c"]);
}

#[test]
fn macro_and_variable_edits_mark_their_users() {
    let project = built();
    write(&project, "macros/limits.sql", "{% macro least() %}1{% endmacro %}");
    assert_eq!(status(&project, &[]), ["a stale code", "b pending upstream", "c pending upstream"]);
    assert_eq!(reconcile(&project), ["ok a", "same b", "ok c"]);
    assert_eq!(shown(&project, "from c"), "total\n2\n");
    assert_eq!(status(&project, &["--vars", "size=2"]), ["apart stale code"]);
}

#[test]
fn a_row_of_a_seed_marks_its_readers() {
    let project = built();
    write(&project, "seeds/codes.csv", "code,name\n1,one\n2,two\n3,three\n");
    assert_eq!(status(&project, &["--select", "codes", "a"]), ["a pending upstream", "codes stale source"]);
    assert_eq!(reconcile(&project), ["ok codes", "ok a", "same b", "ok c"]);
    assert_eq!(shown(&project, "from c"), "total\n6\n");
    // Written anew, the same.
    write(&project, "seeds/codes.csv", "code,name\n1,one\n2,two\n3,three\n");
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn a_column_that_comes_makes_views_anew() {
    let project = built();
    write(&project, "models/b.sql", "{{ config(materialized='view') }} select * from a");
    assert_eq!(reconcile(&project), ["ok b", "ok c"]);
    write(&project, "models/a.sql", "select code, name, 1 as more from codes where code > {{ least() }}");
    assert_eq!(reconcile(&project), ["ok a", "ok b", "ok c"]);
    assert_eq!(shown(&project, "select more from b limit 1"), "more\n1\n");
}

#[test]
fn what_is_dropped_or_replaced_by_hand_is_seen() {
    let project = built();
    by_hand(&project, "drop table a cascade");
    assert_eq!(status(&project, &["--select", "a"]), ["a missing missing"]);
    reconcile(&project);
    by_hand(&project, "drop table c; create view c as select 1 as total");
    assert_eq!(status(&project, &[]), ["c drifted drift"]);
    assert_eq!(reconcile(&project), ["ok c"]);
}

/// Another program at work on the database.
fn by_hand(project: &Project, sql: &str) {
    // Any command that asks the engine loads its library, which this process has not done when the test is alone in it.
    assert_eq!(project.run(&["show", "--inline", "select 1 as x"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn config_that_changes_the_result_counts() {
    let project = built();
    write(&project, "models/about.yml", "models:\n  - name: c\n    config: {tags: [daily], materialized: view}\n");
    assert_eq!(status(&project, &[]), ["c stale config"]);
    assert_eq!(reconcile(&project), ["ok c"]);
}

#[test]
fn settings_that_change_what_queries_give_count() {
    let project = Project::new()
        .file("models/a.sql", "select * from (values (1), (null)) v(x) order by x limit 1")
        .file("models/inner.sql", "{{ config(materialized='ephemeral') }} select 1 as y")
        .file("models/b.sql", "select y from inner");
    assert_eq!(project.run(&["run"]).code, 0);
    write(
        &project,
        "dovetail.toml",
        "[targets.dev]\nthreads = 1\nsettings = { memory_limit = '1GB', Worker_Threads = 2 }\n",
    );
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    write(&project, "dovetail.toml", "[targets.dev]\nsettings = { default_null_order = 'nulls_first' }\n");
    let said = project.run(&["plan"]);
    assert!(said.stdout.contains("config setting default_null_order is new"), "{said}");
    assert_eq!(status(&project, &[]), ["a stale config", "b stale config"]);
    assert_eq!(reconcile(&project), ["ok a", "ok b"]);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn a_failure_keeps_the_old_and_stays_stale() {
    let project = built();
    write(&project, "models/a.sql", "select code, error('no') as name from codes where code > {{ least() }}");
    let said = project.run(&["reconcile"]);
    assert_eq!((said.code, outcomes(&said)), (1, ["failed a", "skipped b", "skipped c"].map(str::to_owned).to_vec()));
    assert_eq!(status(&project, &["--select", "a"]), ["a stale code+failed"]);
    assert_eq!(shown(&project, "from c"), "total\n3\n");
    let runs = "select command, status, materialized, failed, skipped from dovetail.runs order by started_at";
    assert_eq!(
        shown(&project, runs),
        "command,status,materialized,failed,skipped\nrun,ok,5,0,0\nreconcile,failed,0,1,2\n"
    );
    // Mended by what had failed for a reason outside of the project: it is tried again.
    write(&project, "models/a.sql", "select code, name from codes where code > {{ least() }}");
    assert_eq!(status(&project, &["--select", "a"]), ["a stale failed"]);
    assert_eq!(reconcile(&project), ["ok a", "same b", "same c"]);
}

#[test]
fn a_removed_file_leaves_an_orphan() {
    let project = built();
    std::fs::remove_file(project.root().join("models/apart.sql")).unwrap();
    assert_eq!(status(&project, &[]), ["apart orphaned "]);
}

#[test]
fn files_that_sources_read_are_observed() {
    let project = Project::new()
        .file("data/x.csv", "x\n1\n")
        .file(
            "models/s.yml",
            "sources:\n  - name: raw\n    tables:\n      - {name: x, external: {location: data/x.csv}}\n",
        )
        .file("models/read.sql", "select * from {{ source('raw', 'x') }}")
        .file("models/direct.sql", "select * from 'data/x.csv'");
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    write(&project, "data/x.csv", "x\n2\n");
    assert_eq!(status(&project, &[]), ["direct stale source", "read stale source"]);
    reconcile(&project);
}

#[test]
fn the_plan_says_what_and_why() {
    let project = built();
    write(&project, "models/a.sql", "select code, 'x' as name from codes where code > {{ least() }}");
    let said = project.run(&["plan", "--output", "json"]);
    assert_eq!(said.code, 0);
    let lines: Vec<serde_json::Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<_> =
        lines.iter().map(|line| format!("{} {} {}", line["order"], line["action"], line["asset"])).collect();
    assert_eq!(steps, [r#"1 "build" "a""#, r#"2 "check" "b""#, r#"3 "check" "c""#]);
    assert_eq!(lines[0]["causes"][0]["detail"], "sql changed");
    assert_eq!(lines[1]["causes"][0]["detail"], "`a` is stale");
    let none = project.run(&["plan", "--select", "apart"]);
    assert!(none.stdout.is_empty() && none.stderr.contains("nothing to do"), "{}", none.stderr);
}

#[test]
fn what_dovetail_did_not_make_is_not_replaced_without_a_word() {
    let project = Project::new().file("models/precious.sql", "select 1 as x").file("models/other.sql", "select 1 as x");
    by_hand(
        &project,
        "create table precious as select 42 as y; create schema far; create view far.other as select 1 as y",
    );
    assert_said!(project.run(&["plan"]));
    let said = project.run(&["run"]);
    assert!(said.stderr.contains("`precious` replaces a table that dovetail did not make\n"), "{said}");
    assert!(!project.run(&["run"]).stderr.contains("did not make"));
    // What moves to where something stands already.
    write(&project, "models/other.sql", "{{ config(schema='far') }} select 1 as x");
    let said = project.run(&["status", "--select", "other"]);
    let told = "config relation changed; a view stands there that dovetail did not make, and building it replaces that";
    assert!(said.stdout.contains(told), "{said}");
    let said = project.run(&["reconcile"]);
    assert!(said.stderr.contains("`other` replaces a view that dovetail did not make\n"), "{said}");
    assert_eq!(status(&project, &["--select", "other"]), Vec::<String>::new());
}

/// A stale asset that is not selected, and what reads it.
fn a_is_stale() -> Project {
    let project = built();
    write(&project, "models/a.sql", "select code + 1 as code, name from codes where code > {{ least() }}");
    project
}

/// `action asset` of the plan's lines.
fn actions(project: &Project, arguments: &[&str]) -> Vec<String> {
    let said = project.run(&[&["plan", "--output", "json"], arguments].concat());
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| format!("{} {}", line["action"].as_str().unwrap(), line["asset"].as_str().unwrap())).collect()
}

#[test]
fn what_waits_for_something_that_is_not_selected_says_so() {
    let project = a_is_stale();
    assert_said!(project.run(&["plan", "--select", "b"]));
    let said = project.run(&["reconcile", "--select", "b"]);
    let waits = "`b` stays pending: it waits for `a`, which is stale and not selected; `--select +b` takes it along";
    assert_eq!((said.code, said.stderr.as_str()), (0, format!("{waits}\nnothing to do\n").as_str()));
    assert_eq!(status(&project, &["--select", "b"]), ["b pending upstream"]);
    // What reads what waits, waits as well: no step claims to know better.
    assert_eq!(actions(&project, &["--exclude", "a"]), ["wait b", "wait c"]);
    let said = project.run(&["reconcile", "--exclude", "a"]);
    assert!(said.stderr.starts_with("2 stay pending, waiting for what is not selected, such as `b` for `a`"), "{said}");
    let said = project.run(&["reconcile", "--select", "+b", "--threads", "1"]);
    assert_eq!(outcomes(&said), ["ok a", "same b"], "{said}");
}

#[test]
fn a_view_that_is_not_selected_shows_what_is_built_under_it() {
    let project = a_is_stale();
    assert_eq!(actions(&project, &["--select", "a", "c"]), ["build a", "check c"]);
    assert_eq!(outcomes(&project.run(&["reconcile", "--select", "a", "c"])), ["ok a", "ok c"]);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
}

#[test]
fn what_also_reads_something_that_is_built_is_checked_and_waits() {
    let project = built();
    write(&project, "models/both.sql", "select total, size from c, apart");
    reconcile(&project);
    write(&project, "models/c.sql", "select sum(code + 1) as total from b");
    write(&project, "models/apart.sql", "select {{ var('size', 1) }} + 0 as size");
    assert_eq!(actions(&project, &["--exclude", "c"]), ["build apart", "check both"]);
    let said = project.run(&["reconcile", "--exclude", "c"]);
    let told = "same    both   what was built of what it reads came out as it was; `c` was not\n";
    assert!(said.stderr.contains(told) && said.stderr.starts_with("`both` stays pending"), "{said}");
    assert_eq!(status(&project, &["--select", "both"]), ["both pending upstream"]);
}

/// A project of models `m0`, `m1`, ... over one seed, each reading some of those before it.
struct Random {
    state: u64,
    models: Vec<String>,
    seed: String,
}

impl Random {
    fn next(&mut self, bound: u64) -> u64 {
        // Any generator that repeats will do: xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound
    }

    fn model(&mut self, index: usize) -> String {
        let kind = ["table", "table", "view", "ephemeral"][self.next(4) as usize];
        let upstream = |number: u64| if number == 0 { "codes".to_owned() } else { format!("m{}", number - 1) };
        let (one, other) = (upstream(self.next(index as u64 + 1)), upstream(self.next(index as u64 + 1)));
        let factor = self.next(2);
        let query = match self.next(4) {
            0 => format!("select code * {factor} as code, name from {one}"),
            1 => format!("select code, name from {one} union all select code, name from {other}"),
            2 => format!("select * from {one} where code > {factor}"),
            _ => format!("select max(o.code) as code, o.name from {one} o join {other} using (name) group by o.name"),
        };
        format!("{{{{ config(materialized='{kind}') }}}} {query}")
    }

    fn edit(&mut self) {
        match self.next(5) {
            0 => {
                let row = format!("{},n{}\n", self.next(4), self.next(3));
                self.seed.push_str(&row);
            }
            1 => self.models.push(String::new()),
            2 => self.seed = "code,name\n1,n1\n".to_owned(),
            _ => {}
        }
        let index = self.next(self.models.len() as u64) as usize;
        self.models[index] = self.model(index);
        for index in 0..self.models.len() {
            if self.models[index].is_empty() {
                self.models[index] = self.model(index);
            }
        }
    }

    fn write(&self, project: &Project) {
        write(project, "seeds/codes.csv", &self.seed);
        for (index, model) in self.models.iter().enumerate() {
            write(project, &format!("models/m{index}.sql"), model);
        }
    }
}

/// Every asset's rows, sorted.
fn rows(project: &Project, models: usize) -> Vec<String> {
    (0..models).map(|index| shown(project, &format!("select * from m{index} order by all"))).collect()
}

#[test]
fn reconciling_gives_what_building_anew_gives() {
    let sequences = std::env::var("DOVETAIL_EDIT_SEQUENCES").ok().and_then(|count| count.parse().ok()).unwrap_or(8);
    for sequence in 1..=sequences {
        let mut random = Random {
            state: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(sequence),
            models: vec![String::new(); 5],
            seed: "code,name\n1,n1\n2,n2\n".to_owned(),
        };
        let project = Project::new().file("seeds/codes.csv", "").file("models/m0.sql", "");
        for _ in 0..4 {
            random.edit();
            random.write(&project);
            let said = project.run(&["reconcile"]);
            assert_eq!(said.code, 0, "sequence {sequence}: {}", said.stderr);
            let again = project.run(&["reconcile"]);
            assert!(again.stderr.contains("nothing to do"), "sequence {sequence}: {}", again.stderr);
            let anew = Project::new().file("seeds/codes.csv", "").file("models/m0.sql", "");
            random.write(&anew);
            assert_eq!(anew.run(&["run"]).code, 0);
            let count = random.models.len();
            assert_eq!(rows(&project, count), rows(&anew, count), "sequence {sequence}: {:#?}", random.models);
        }
    }
}

#[test]
fn changes_are_seen_through_views_over_sources() {
    let project = Project::new()
        .file("data/x.csv", "x\n1\n")
        .file(
            "models/s.yml",
            "sources:\n  - name: raw\n    tables:\n      - {name: x, external: {location: data/x.csv}}\n",
        )
        .file("models/seen.sql", "{{ config(materialized='view') }} select * from {{ source('raw', 'x') }}")
        .file("models/upper.sql", "{{ config(materialized='view') }} select * from seen")
        .file("models/total.sql", "select sum(x) as total from upper");
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    write(&project, "data/x.csv", "x\n2\n");
    assert!(status(&project, &[]).contains(&"total stale upstream".to_owned()), "{:?}", status(&project, &[]));
    reconcile(&project);
    assert_eq!(shown(&project, "from total"), "total\n2\n");
}

#[test]
fn an_edit_of_a_view_over_what_is_only_counted_is_seen() {
    let project = Project::new().file("models/s.yml", "sources:\n  - name: raw\n    tables: [{name: x}]\n");
    by_hand(&project, "create schema raw; create table raw.x as select 1 as x");
    let project = project
        .file("models/seen.sql", "{{ config(materialized='view') }} select x from {{ source('raw', 'x') }}")
        .file("models/total.sql", "select sum(x) as total from seen");
    assert_eq!(project.run(&["run"]).code, 0);
    let said = project.run(&["status", "--select", "total"]);
    assert!(said.code == 0 && said.stdout.contains("observed by the number of rows only: raw.x"), "{said}");
    write(
        &project,
        "models/seen.sql",
        "{{ config(materialized='view') }} select x + 1 as x from {{ source('raw', 'x') }}",
    );
    assert_eq!(status(&project, &[]), ["seen stale code", "total pending upstream"]);
    assert_eq!(reconcile(&project), ["ok seen", "ok total"]);
    assert_eq!(shown(&project, "from total"), "total\n2\n");
}

#[test]
fn a_table_of_an_attached_database_hides_nothing() {
    let project =
        built().file("dovetail.toml", "[targets.dev]\nattach = [{ path = 'other.duckdb', alias = 'other' }]\n");
    let other = project.root().join("other.duckdb");
    duckdb::Connection::open(&other).unwrap().execute_batch("create table c as select 1 as total").unwrap();
    assert_eq!(status(&project, &[]), Vec::<String>::new());
    by_hand(&project, "drop table c");
    assert_eq!(status(&project, &[]), ["c missing missing"]);
    assert_eq!(reconcile(&project), ["ok c"]);
}

#[test]
fn a_project_without_assets_is_not_called_up_to_date() {
    let project = Project::new().file("models/nothing.txt", "");
    for command in ["status", "plan", "reconcile"] {
        let said = project.run(&[command]);
        assert!(said.code == 2 && said.stderr.contains("DT0007"), "{command}: {said}");
    }
}

#[test]
fn an_orphan_is_named_with_what_to_do() {
    let project = built();
    std::fs::remove_file(project.root().join("models/apart.sql")).unwrap();
    let said = project.run(&["status"]);
    assert_eq!(said.stdout.lines().last(), Some("apart  orphaned  nothing declares it any more"));
    assert!(said.stderr.contains("1 of 5 orphaned; `dovetail gc --yes` moves them"), "{}", said.stderr);
}

#[test]
fn a_table_that_another_asset_was_built_over_is_built_again() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/c.sql", "select * from a");
    assert_eq!(project.run(&["run"]).code, 0);
    let remove = |path: &str| std::fs::remove_file(project.root().join(path)).unwrap();
    remove("models/a.sql");
    write(&project, "models/c.sql", "select 1 as x");
    write(&project, "models/b.sql", "{{ config(alias='a') }} select 2 as x");
    assert_eq!(reconcile(&project), ["ok b", "ok c"]);
    remove("models/b.sql");
    write(&project, "models/a.sql", "select 1 as x");
    write(&project, "models/c.sql", "select * from a");
    assert_eq!(status(&project, &[]), ["a drifted drift", "c stale code+upstream"]);
    // What it read was not what the record of `a` speaks of.
    assert_eq!(project.run(&["run", "--select", "c"]).code, 0);
    assert_eq!(shown(&project, "from c"), "x\n2\n");
    assert_eq!(reconcile(&project), ["ok a", "ok c"]);
    assert_eq!(shown(&project, "from c"), "x\n1\n");
}

#[test]
fn what_is_read_from_a_table_that_was_altered_by_hand_is_built_again() {
    let project = built();
    by_hand(&project, "drop view b; create view b as select 40 as code");
    assert_eq!(status(&project, &["--select", "b"]), ["b drifted drift"]);
    assert_eq!(project.run(&["run", "--select", "c"]).code, 0);
    assert_eq!(shown(&project, "from c"), "total\n40\n");
    assert_eq!(reconcile(&project), ["ok b", "ok c"]);
    assert_eq!(shown(&project, "from c"), "total\n3\n");
    by_hand(&project, "drop view b; create table b as select 40 as code");
    assert_eq!(project.run(&["run", "--select", "c"]).code, 0);
    assert_eq!(shown(&project, "from c"), "total\n40\n");
    assert_eq!(status(&project, &[]), ["b drifted drift", "c stale upstream"]);
    // What it read is gone, and nobody knows what that was.
    assert_eq!(reconcile(&project), ["ok b", "ok c"]);
    assert_eq!(shown(&project, "from c"), "total\n3\n");
    by_hand(&project, "insert into a values (7, 'seven')");
    assert_eq!(project.run(&["run", "--select", "c"]).code, 0);
    assert_eq!(shown(&project, "from c"), "total\n10\n");
    assert_eq!(reconcile(&project), ["ok a", "same b", "ok c"]);
    assert_eq!(shown(&project, "from c"), "total\n3\n");
}

#[test]
fn two_projects_in_one_database_leave_each_other_alone() {
    let one = Project::new().file("models/a.sql", "select 1 as x").file("models/shared.sql", "select 1 as y");
    let path = one.root().join("shared.duckdb").display().to_string();
    let settings = |name: &str| format!("name = '{name}'\ntarget = 'dev'\n[targets.dev]\ndatabase = '{path}'\n");
    write(&one, "dovetail.toml", &settings("one"));
    let two = Project::new()
        .file("dovetail.toml", settings("two"))
        .file("models/b.sql", "select 2 as x")
        .file("models/shared.sql", "select 2 as y");
    assert_eq!(one.run(&["run"]).code, 0);
    assert_eq!(two.run(&["run", "--select", "b"]).code, 0);
    assert_eq!(status(&one, &[]), Vec::<String>::new());
    assert!(one.run(&["gc"]).stdout.is_empty() && two.run(&["gc"]).stdout.is_empty());
    assert_eq!(two.run(&["run", "--select", "shared"]).code, 0);
    let why = one.run(&["why", "shared"]);
    assert!(why.stdout.contains("the project `two` built it last"), "{why}");
}

#[test]
fn a_state_that_lost_a_table_is_said_to_be_damaged() {
    for table in ["format", "materializations", "objects", "run_log", "failures", "staged", "trash", "definitions"] {
        let project = built();
        by_hand(&project, &format!("drop table dovetail.{table}"));
        for command in ["status", "plan", "reconcile", "run"] {
            let said = project.run(&[command]);
            let is_said = said.stderr.contains("DT0707") && said.stderr.contains(table);
            assert!(said.code == 2 && is_said, "{table}: {command} {said}");
        }
    }
}

#[test]
fn config_as_deep_as_it_can_be_written_is_read_back() {
    let deep =
        "{% set deep = namespace(value=1) %}{% for _ in range(124) %}{% set deep.value = [deep.value] %}{% endfor %}";
    let project = Project::new()
        .file("models/a.sql", format!("{deep}{{{{ config(meta={{'deep': deep.value}}) }}}}select 1 as x"));
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(status(&project, &[]), [""; 0]);
    assert_eq!(project.run(&["history", "a"]).code, 0);
}

#[test]
fn a_row_of_the_state_that_cannot_be_read_is_damage_and_not_nothing() {
    let spoilt = |table: &str, what: &str, commands: &[&[&str]], said: &str| {
        let project = built();
        std::fs::remove_file(project.root().join("models/c.sql")).unwrap();
        assert_eq!(project.run(&["gc", "--yes"]).code, 0);
        by_hand(&project, &format!("update dovetail.{table} set {what}"));
        for command in commands {
            let output = project.run(command);
            let is_said = ["DT0707", &format!("`dovetail.{table}`"), said].map(|part| output.stderr.contains(part));
            assert!(output.code == 2 && is_said == [true; 3], "{what}: {command:?} {output}");
        }
    };
    let state: [&[&str]; 7] =
        [&["status"], &["plan"], &["why", "a"], &["history", "a"], &["reconcile"], &["run"], &["gc"]];
    for details in ["'[]'", "'\"?\"'", "json_merge_patch(details, '{\"inputs\": 3}')"] {
        let what = format!("details = {details} where asset = 'a'");
        let commands = if details.starts_with('j') { &state[..6] } else { &state };
        spoilt("materializations", &what, commands, "the details of `a`");
    }
    spoilt("materializations", "metadata = '3'", &[&["history", "a"]], "the metadata of `a` in run ");
    spoilt("run_log", "details = '3'", &[&["history", "a"], &["retry"]], "the details of run ");
    spoilt("run_log", "details = '{\"publish\": \"never\"}'", &[&["retry"]], "unknown variant `never`");
    spoilt("trash", "details = '3'", &[&["gc", "--restore"]], "the details of `c`");
    spoilt("trash", "stored_as = 'ship'", &[&["gc", "--restore"]], "it says `ship`");
}
