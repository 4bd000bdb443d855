//! What dovetail sees of data that it does not make: ages, tables of others, files in calls of table functions.

use serde_json::{Value, json};

use crate::harness::{Project, Said};

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

/// The lines of `status`.
fn lines(project: &Project) -> Vec<Value> {
    let said = project.run(&["status", "--output", "json"]);
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(project: &Project, asset: &str) -> Value {
    lines(project).into_iter().find(|line| line["asset"] == asset).unwrap()
}

/// `asset state cause: detail` of what is not fresh.
fn unfresh(project: &Project) -> Vec<String> {
    let causes = |line: &Value| {
        let causes = line["causes"].as_array().unwrap().clone();
        let word =
            |cause: Value| format!("{}: {}", cause["cause"].as_str().unwrap(), cause["detail"].as_str().unwrap());
        causes.into_iter().map(word).collect::<Vec<_>>().join("; ")
    };
    let told = |line: Value| {
        format!("{} {} {}", line["asset"].as_str().unwrap(), line["state"].as_str().unwrap(), causes(&line))
    };
    lines(project).into_iter().filter(|line| line["state"] != "fresh").map(told).collect()
}

fn outcomes(said: &Said) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    said.stderr.lines().filter(|line| ["ok ", "same "].iter().any(|word| line.starts_with(word))).map(words).collect()
}

/// Another program at work on a database of the project's folder.
fn by_hand(project: &Project, database: &str, sql: &str) {
    // Any command that asks the engine loads its library, which this process has not done when the test is alone in it.
    let loader = Project::new().file("models/one.sql", "select 1 as x");
    assert_eq!(loader.run(&["show", "--inline", "select 1 as x"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join(database)).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn built(project: Project) -> Project {
    let said = project.run(&["run", "--threads", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(unfresh(&project), Vec::<String>::new());
    project
}

/// A table of the project's own database that others fill, read by `read`; `observe` goes to its property file.
fn over_a_table(observe: &str) -> Project {
    let project = Project::new().file("models/read.sql", "select count(*) as n from {{ source('raw', 'x') }}").file(
        "models/s.yml",
        format!(
            "sources:\n  - name: raw\n    tables:\n      - name: x\n        description: Others fill it.\n{observe}"
        ),
    );
    let rows = "create schema raw; create table raw.x as select 1 as id, timestamptz '2013-01-01 00:00:00Z' as at";
    by_hand(&project, "project.duckdb", rows);
    built(project)
}

const CHANGED: &str = "read stale source: `raw.x` changed";

#[test]
fn what_is_too_old_is_stale_and_equal_content_below_is_not() {
    let project = built(
        Project::new()
            .file("models/ingest.sql", "{{ config(max_age='1d') }} select 1 as x")
            .file("models/below.sql", "select x from ingest"),
    );
    let due = line(&project, "ingest");
    assert_eq!((&due["rule"], &due["unobserved"]), (&json!("max_age"), &json!([])));
    assert!(due["due"].as_str().unwrap().ends_with('Z'), "{due}");
    assert!(project.run(&["status"]).stdout.contains("ingest  fresh     (by `max_age` until 2"));
    let moved = "update dovetail.materializations set started_at = started_at - interval";
    by_hand(&project, "project.duckdb", &format!("{moved} '25 hours 10 minutes'"));
    assert_eq!(
        unfresh(&project),
        ["below pending upstream: `ingest` is stale", "ingest stale age: it is 1 day 1 hour old, and may be 1 day",]
    );
    assert_eq!(outcomes(&project.run(&["reconcile", "--threads", "1"])), ["ok ingest", "same below"]);
    assert_eq!(unfresh(&project), Vec::<String>::new());
    // A clock that was moved back: what was built in the future is not old.
    by_hand(&project, "project.duckdb", &format!("{moved} '-100 days'"));
    assert_eq!(unfresh(&project), Vec::<String>::new());
}

#[test]
fn a_length_of_time_that_is_none_is_told_at_its_place() {
    let project = Project::new()
        .file("dovetail.toml", "[models.eu]\nmax_age = '2 weeks'\n")
        .file("models/a.sql", "{{ config(max_age='soon') }} select 1 as x")
        .file("models/b.sql", "select 1 as x")
        .file("models/b.yml", "models:\n  - name: b\n    config: {max_age: 0}\n")
        .file("models/c.py", "from dovetail import asset\n\n@asset(max_age='1w')\ndef c():\n    return None\n");
    let toml = project.run(&["ls"]).stderr;
    assert!(toml.contains("dovetail.toml:2:11") && toml.contains("`max_age` is not a length of time"), "{toml}");
    write(&project, "dovetail.toml", "");
    let files = project.run(&["ls"]).stderr;
    for place in ["models/b.yml:3:23", "models/c.py:3:16"] {
        assert!(files.contains(place), "{place}: {files}");
    }
    write(&project, "models/b.yml", "");
    write(&project, "models/c.py", "");
    let template = project.run(&["ls"]).stderr;
    assert!(template.contains("models/a.sql:1:") && template.contains("`max_age` of `a`"), "{template}");
}

#[test]
fn tables_of_others_are_counted() {
    let project = over_a_table("");
    let said = project.run(&["status"]);
    assert!(said.stdout.contains("(observed by the number of rows only: raw.x)"), "{}", said.stdout);
    let fresh = line(&project, "read");
    assert_eq!((&fresh["counted"], &fresh["unobserved"]), (&json!(["raw.x"]), &json!([])));
    by_hand(&project, "project.duckdb", "update raw.x set id = 2");
    assert_eq!(unfresh(&project), Vec::<String>::new());
    by_hand(&project, "project.duckdb", "insert into raw.x values (3, null)");
    assert_eq!(unfresh(&project), [CHANGED]);
    assert_eq!(outcomes(&project.run(&["reconcile"])), ["ok read"]);
    assert_eq!(unfresh(&project), Vec::<String>::new());
    by_hand(&project, "project.duckdb", "alter table raw.x alter id type varchar");
    assert_eq!(unfresh(&project), [CHANGED]);
}

#[test]
fn tables_of_others_are_looked_at_as_closely_as_asked() {
    let project = over_a_table("        observe: hash\n");
    assert_eq!(line(&project, "read")["counted"], json!([]));
    by_hand(&project, "project.duckdb", "update raw.x set id = 2");
    assert_eq!(unfresh(&project), [CHANGED]);
    by_hand(&project, "project.duckdb", "update raw.x set id = 1");
    assert_eq!(unfresh(&project), Vec::<String>::new());
    let properties = project.read("models/s.yml");
    write(&project, "models/s.yml", &properties.replace("hash", "at"));
    assert_eq!(unfresh(&project), ["read stale source: `raw.x` is observed in another way"]);
}

#[test]
fn a_column_that_grows_is_enough() {
    for observe in
        ["        config: {observe: AT}\n", "        loaded_at_field: at\n", "        observe: '\"at\"::date'\n"]
    {
        let project = over_a_table(observe);
        by_hand(&project, "project.duckdb", "update raw.x set id = 2");
        assert_eq!(unfresh(&project), Vec::<String>::new(), "{observe}");
        by_hand(&project, "project.duckdb", "update raw.x set \"at\" = \"at\" + interval '1 day'");
        assert_eq!(unfresh(&project), [CHANGED], "{observe}");
    }
}

#[test]
fn a_source_may_be_left_alone() {
    let project = over_a_table("        observe: off\n");
    by_hand(&project, "project.duckdb", "insert into raw.x values (3, null)");
    assert_eq!(unfresh(&project), Vec::<String>::new());
    assert!(project.run(&["status"]).stdout.contains("(not observed: raw.x)"));
}

#[test]
fn what_cannot_be_read_has_no_version() {
    let project = over_a_table("");
    by_hand(&project, "project.duckdb", "drop table raw.x");
    let said = project.run(&["status"]);
    assert!(
        said.code == 0 && said.stdout.contains("(not observed: raw.x (Catalog Error: Table with name x does not exist"),
        "{said}"
    );
    write(&project, "models/s.yml", "sources:\n  - name: raw\n    tables: [{name: x, observe: 3}]\n");
    let said = project.run(&["status"]);
    assert!(said.code == 2 && said.stderr.contains("models/s.yml:3:33"), "{said}");
}

#[test]
fn what_was_not_observed_when_it_was_read_may_have_changed() {
    let project = over_a_table("        observe: off\n");
    let properties = project.read("models/s.yml");
    write(&project, "models/s.yml", &properties.replace("off", "count"));
    assert_eq!(unfresh(&project), ["read stale source: `raw.x` was read in a version that is not known"]);
    assert_eq!(outcomes(&project.run(&["reconcile"])), ["ok read"]);
    assert_eq!(unfresh(&project), Vec::<String>::new());
}

#[test]
fn tables_of_attached_databases_are_observed_without_being_declared() {
    let project = Project::new()
        .file("dovetail.toml", "[targets.dev]\nattach = [{ path = 'other.duckdb', alias = 'other' }]\n")
        .file("models/seen.sql", "{{ config(materialized='view') }} select x from other.main.t")
        .file("models/total.sql", "select sum(x) as total from seen");
    by_hand(&project, "other.duckdb", "create table t as select 1 as x");
    let project = built(project);
    assert_eq!(line(&project, "total")["counted"], json!(["other.main.t"]));
    by_hand(&project, "other.duckdb", "insert into t values (2)");
    assert_eq!(
        unfresh(&project),
        ["seen stale source: `other.main.t` changed", "total stale upstream: `seen` changed"]
    );
    assert_eq!(project.run(&["reconcile"]).code, 0);
    assert_eq!(unfresh(&project), Vec::<String>::new());
    // Another file with a table of the same name, columns and number of rows.
    by_hand(&project, "moved.duckdb", "create table t as select 3 as x union all select 4");
    write(&project, "dovetail.toml", "[targets.dev]\nattach = [{ path = 'moved.duckdb', alias = 'other' }]\n");
    assert_eq!(
        unfresh(&project),
        ["seen stale source: `other.main.t` changed", "total stale upstream: `seen` changed"]
    );
}

#[test]
fn files_in_calls_of_table_functions_are_sources() {
    let project = built(
        Project::new()
            .file("flights.csv", "x\n1\n")
            .file("data/a.json", "[{\"y\": 1}]")
            .file("data/plain", "z\n1\n")
            .file("models/one.sql", "select x from read_csv('flights.csv', header = true)")
            .file("models/inner.sql", "{{ config(materialized='ephemeral') }} from read_json_auto(['data/*.json'])")
            .file("models/two.sql", "select * from inner, (select 1 from read_csv('./data/plain'))")
            // DuckDB's own parser is asked here.
            .file("models/three.sql", "select x from read_csv('flights.csv') limit 100%")
            .file("models/four.sql", "select * from range(3), read_csv('fl' || 'ights.csv')"),
    );
    let sources: Vec<String> =
        project.run(&["ls", "--select", "kind:source"]).stdout.lines().map(str::to_owned).collect();
    assert_eq!(sources.len(), 3, "{sources:?}");
    write(&project, "data/b.json", "[{\"y\": 2}]");
    assert_eq!(unfresh(&project), ["two stale source: `data/*.json` changed"]);
    write(&project, "flights.csv", "x\n2\n");
    let stale = unfresh(&project);
    assert!(stale.contains(&"one stale source: `flights.csv` changed".to_owned()), "{stale:?}");
    assert!(stale.contains(&"three stale source: `flights.csv` changed".to_owned()), "{stale:?}");
    assert_eq!(line(&project, "four")["unobserved"], json!(["read_csv(...)"]));
    assert_eq!(line(&project, "one")["unobserved"], json!([]));
    assert_eq!(project.run(&["reconcile"]).code, 0);
    assert_eq!(unfresh(&project), Vec::<String>::new());
    write(&project, "data/plain", "z\n2\n");
    assert_eq!(unfresh(&project), ["two stale source: `./data/plain` changed"]);
}

#[test]
fn addresses_are_not_observed_unless_they_should() {
    let address = "https://127.0.0.1:1/x.csv";
    let project = Project::new()
        .file("models/a.sql", format!("select * from read_csv('{address}')"))
        .file("models/b.sql", "select * from {{ source('raw', 'x') }}")
        .file(
            "models/s.yml",
            format!("sources:\n  - name: raw\n    tables: [{{name: x, external: {{location: '{address}'}}}}]\n"),
        );
    for asset in ["a", "b"] {
        let unobserved = line(&project, asset)["unobserved"].clone();
        assert_eq!(unobserved.as_array().map(Vec::len), Some(1), "{unobserved}");
    }
}

#[test]
fn local_files_may_be_looked_at_by_the_engine() {
    let project = built(
        Project::new().file("x.csv", "id,v\n1,a\n2,b\n").file("models/b.sql", "from {{ source('raw', 'x') }}").file(
            "models/s.yml",
            "sources:\n  - name: raw\n    tables: [{name: x, external: {location: x.csv}, observe: hash}]\n",
        ),
    );
    write(&project, "x.csv", "id,v\n2,b\n1,a\n");
    assert_eq!(unfresh(&project), Vec::<String>::new());
    write(&project, "x.csv", "id,v\n2,b\n1,c\n");
    assert_eq!(unfresh(&project), ["b stale source: `raw.x` changed"]);
}

#[test]
fn an_asset_that_nobody_can_observe_says_under_which_rule_it_is() {
    let project = Project::new()
        .file("models/a.py", "from dovetail import asset\n\n@asset\ndef a():\n    return None\n\n@asset(max_age=60)\ndef b():\n    return None\n");
    let (asked, aged) = (line(&project, "a"), line(&project, "b"));
    assert_eq!((&asked["rule"], &asked["due"]), (&json!("only when asked"), &json!(null)));
    assert_eq!((&aged["rule"], &aged["due"]), (&json!("max_age"), &json!(null)));
}

#[test]
fn sources_of_python_are_nodes_that_sql_cannot_read() {
    let module = "\
from dovetail import asset, source

def newest():
    return 1

@source(observe=newest, tags=['raw'], owner='team:data', group='g', meta={'a': 1})
def api():
    \"\"\"Where the orders are.\"\"\"
    return 'https://example.org'

@source
def quiet():
    return 1

@asset(deps=['quiet'])
def orders(api):
    return api
";
    let project = Project::new().file("models/m.py", module);
    let listed: Vec<Value> = project
        .run(&["ls", "--output", "json"])
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let api = &listed[0];
    assert_eq!(
        (&api["name"], &api["kind"], &api["relation"], &api["tags"], &api["description"]),
        (&json!("api"), &json!("source"), &json!(null), &json!(["raw"]), &json!("Where the orders are."))
    );
    assert_eq!(listed[1]["upstream"], json!(["api", "quiet"]));
    assert_eq!(project.run(&["ls", "--select", "kind:source"]).stdout, "api\nquiet\n");
    assert_eq!(project.run(&["ls", "--select", "source:api+"]).stdout, "api\norders\n");
    assert_eq!(line(&project, "orders")["unobserved"], json!(["api", "quiet"]));
    let project =
        project.file("models/a.sql", "select * from api").file("models/b.sql", "select * from {{ ref('api') }}");
    let said = project.run(&["ls"]);
    assert_eq!(said.stderr.matches("error[DT0511]").count(), 2, "{}", said.stderr);
    assert!(said.stderr.contains("declared by `@source` here"), "{}", said.stderr);
    let shown = project.run(&["show", "api"]);
    assert!(shown.code == 2 && shown.stderr.contains("DT0511"), "{shown}");
}

#[test]
fn mistakes_in_a_source_are_told() {
    let module = "\
from dovetail import asset, source

@source('x', tag='y', tags=[1], owner=who(), **more)
def api(orders):
    return 1

@asset
@source
def both():
    return 1

class C:
    @source
    def method(self):
        return 1

@sorce
def near():
    return 1
";
    let said = Project::new().file("models/m.py", module).run(&["ls"]).stderr;
    for text in [
        "`@source` takes its arguments by name",
        "unknown argument `tag` in `@source`",
        "`owner=` of `@source` is not a plain value",
        "the arguments of `@source` are made by code",
        "the source `api` has a parameter `orders`",
        "`both` is an asset or a source, not both",
        "`@source` on the method `C.method`",
        "did you mean `@source`?",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn what_reads_a_file_that_is_gone_stays_as_it_is() {
    let project = built(
        Project::new()
            .file("data/one.csv", "x\n1\n")
            .file("data/two.csv", "x\n2\n")
            .file("models/all.sql", "select x from 'data/*.csv'")
            .file("models/one.sql", "select x from read_csv('data/one.csv')")
            .file("models/seen.sql", "{{ config(materialized='view') }} select x from 'data/one.csv'")
            .file("models/through.sql", "select sum(x) as x from seen"),
    );
    std::fs::remove_file(project.root().join("data/one.csv")).unwrap();
    // One of several files is a change like any other.
    assert_eq!(unfresh(&project), ["all stale source: `data/*.csv` changed"]);
    let said = project.run(&["status"]);
    for asset in ["one    ", "seen   ", "through"] {
        let line = format!("{asset}  fresh     (not observed: data/one.csv (the file is gone))");
        assert!(said.stdout.contains(&line), "{said}");
    }
    assert_eq!(outcomes(&project.run(&["reconcile"])), ["ok all"]);
    std::fs::remove_file(project.root().join("data/two.csv")).unwrap();
    assert_eq!(unfresh(&project), Vec::<String>::new());
    let said = project.run(&["status", "--select", "all"]);
    assert!(said.stdout.contains("(not observed: data/*.csv (no file matches it any more))"), "{said}");
    write(&project, "data/one.csv", "x\n3\n");
    let changed = ["all stale source", "one stale source", "seen stale source", "through stale upstream"];
    let found = unfresh(&project);
    assert!(found.iter().zip(changed).all(|(found, changed)| found.starts_with(changed)), "{found:?}");
    assert_eq!(project.run(&["reconcile"]).code, 0);
}

#[test]
fn macros_of_the_database_that_read_tables_are_named() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as v")
        .file("models/direct.sql", "select highest(v) as x from base")
        .file("models/shown.sql", "{{ config(materialized='view') }} select v, TWICE(v) as x from base")
        .file("models/below.sql", "select x from shown")
        .file("models/table_macro.sql", "select v from over(0)")
        .file("models/plain.sql", "select cents(v) as highest from base");
    by_hand(
        &project,
        "project.duckdb",
        "create table t as select 5 as v;
        create macro highest(n) as (select max(v) from t where v > n);
        create macro twice(n) as highest(n) * 2;
        create macro cents(n) as n * 100;
        create macro over(n) as table select v from t where v > n",
    );
    let project = built(project);
    let unobserved = |asset: &str| line(&project, asset)["unobserved"].clone();
    assert_eq!(unobserved("direct"), json!(["highest(...)"]));
    assert_eq!(unobserved("below"), json!(["twice(...)"]));
    assert_eq!(unobserved("table_macro"), json!(["over(...)"]));
    assert_eq!([unobserved("base"), unobserved("plain")], [json!([]), json!([])]);
    let why = project.run(&["why", "direct", "-o", "json"]).stdout;
    assert!(why.contains(r#""unobserved":["highest(...)"]"#), "{why}");
    let lineage = |column: &str| project.run(&["lineage", column]).stderr;
    assert!(lineage("direct.x").contains("`direct`: macros of the database read more than it names: `highest(...)`"));
    assert!(!lineage("plain.highest").contains("macros"));
}

#[test]
fn what_is_observed_is_compared_as_the_target_says() {
    let project = Project::new()
        .file("dovetail.toml", "[targets.dev]\nsettings = { default_collation = 'NOCASE' }\n")
        .file("models/read.sql", "select n from {{ source('raw', 'counted') }}")
        .file("models/s.yml", "sources:\n  - name: raw\n    tables:\n      - name: counted\n        observe: hash\n");
    let rows = "create schema raw; create table raw.x as select 'a' as name;
        create view raw.counted as select count(*) filter (name = 'A') as n from raw.x";
    by_hand(&project, "project.duckdb", rows);
    let project = built(project);
    by_hand(&project, "project.duckdb", "insert into raw.x values ('a')");
    assert_eq!(unfresh(&project), ["read stale source: `raw.counted` changed"]);
}
