//! Runs that are published as one: all of it becomes visible at the end, or nothing does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dovetail::compile::{Compiled, compile};
use dovetail::engine::{Access, BuildSource, Engine, Extent, StagedAsset, WhenLocked, open};
use dovetail::execute::{Cancellation, Event, RunContext, RunOptions, execute};
use dovetail::fingerprint::code_versions;
use dovetail::graph::RelationName;
use dovetail::plan::plan_run;
use dovetail::project::{LoadOptions, Publish};

use crate::harness::{Project, Said, assert_said};

fn shown(project: &Project, sql: &str) -> String {
    let said = project.run(&["show", "--inline", sql, "--output", "csv", "--limit", "100000"]);
    assert_eq!(said.code, 0, "{said}");
    said.stdout
}

fn done(project: &Project, arguments: &[&str]) -> Said {
    let said = project.run(arguments);
    assert_eq!(said.code, 0, "{said}");
    said
}

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

/// All names in the database's own schemas.
fn names(project: &Project) -> String {
    let tables = "select table_name from information_schema.tables where table_schema <> 'dovetail' order by all";
    shown(project, tables).lines().skip(1).collect::<Vec<_>>().join(" ")
}

/// Every kind of asset and every way of naming one.
fn example() -> Project {
    Project::new()
        .file("seeds/codes.csv", "code,g\n1,1\n2,1\n")
        .file("models/base.sql", "select codes.code, g from codes where codes.g >= 0")
        .file("models/seen.sql", "{{ config(materialized='view') }} select base.code, base.g from {{ ref('base') }}")
        .file("models/inline.sql", "{{ config(materialized='ephemeral') }} select seen.code, g from seen")
        .file("models/total.sql", "{{ config(alias='sums') }} select max(inline.g) as g, count(*) as n from inline")
        .file(
            "models/qualified.sql",
            "select {{ ref('base') }}.g, {{ ref('total') }}.n from {{ ref('base') }}, {{ ref('total') }}",
        )
        .file("models/aliased.sql", "select b.g from base as b join {{ ref('total') }} t on b.g = t.g")
        .file("models/quoted.sql", "select g, '{{ ref('base') }}' as source from query_table('{{ ref('base') }}')")
        .file(
            "models/summed.sql",
            "from (summarize {{ ref('base') }}) select column_name, max as g where column_name = 'g'",
        )
        .file("models/parts.sql", "select max(g) as g from {{ ref('base').schema }}.{{ ref('base').identifier }}")
}

const GENERATIONS: &str = "select distinct g::int as g from (select g from codes union all select g from base
    union all select g from seen union all select g from sums union all select g from qualified
    union all select g from aliased union all select g from quoted union all select g::int from summed
    union all select g from parts) order by g";

#[test]
fn everything_reads_what_is_staged_and_is_published_at_the_end() {
    let project = example();
    done(&project, &["run"]);
    let before = names(&project);
    write(&project, "seeds/codes.csv", "code,g\n1,2\n2,2\n3,2\n");
    let said = done(&project, &["run", "--atomic", "--threads", "3"]);
    assert!(said.stderr.contains("done: 9 materialized in "), "{said}");
    assert_eq!(shown(&project, GENERATIONS), "g\n2\n");
    assert_eq!(names(&project), before);
    assert_eq!(shown(&project, "select distinct source from quoted"), "source\n\"\"\"main\"\".\"\"base\"\"\"\n");
    let kinds = "select table_type, count(*) as n from information_schema.tables
        where table_schema = 'main' group by all order by all";
    assert_eq!(shown(&project, kinds), "table_type,n\nBASE TABLE,8\nVIEW,1\n");
    // What is recorded is what a run that publishes each asset records.
    done(&project, &["status"]);
    assert!(done(&project, &["reconcile"]).stderr.contains("nothing to do"));
    let records = "select count(*) as n, count(distinct run) as runs, count(distinct data_version) as data,
        count(*) filter (relation like '%staged%') as staged from dovetail.assets";
    assert_eq!(shown(&project, records), "n,runs,data,staged\n9,1,7,0\n");
    assert_eq!(shown(&project, "select count(*) as n from dovetail.staged"), "n\n0\n");
}

#[test]
fn the_first_run_may_be_published_as_one() {
    let project = example();
    done(&project, &["run", "--atomic"]);
    assert_eq!(shown(&project, GENERATIONS), "g\n1\n");
    assert!(!names(&project).contains("staged"));
}

#[test]
fn a_failure_publishes_nothing_and_leaves_something_to_look_at() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as g")
        .file("models/seen.sql", "{{ config(materialized='view') }} select g from base")
        .file("models/below.sql", "select g, null as error_if from seen");
    done(&project, &["run"]);
    write(&project, "models/base.sql", "select 2 as g");
    write(&project, "models/below.sql", "select g,\n  error('no luck') as error_if from seen");
    assert_said!(project.run(&["run", "--atomic", "--threads", "1"]));
    let values = "select (from base) as base, (from seen) as seen, (select g from below) as below";
    assert_eq!(shown(&project, values), "base,seen,below\n1,1,1\n");
    // The staged world.
    let staged = |arguments: &[&str]| project.run(&[&["show", "--output", "csv", "--staged"], arguments].concat());
    assert_eq!(staged(&["base"]).stdout, "g\n2\n");
    assert_eq!(staged(&["seen"]).stdout, "g\n2\n");
    let inline = staged(&["--inline", "select base.g, (from seen) as seen, b.g as t from {{ ref('base') }}, below b"]);
    assert_eq!(inline.stdout, "g,seen,t\n2,2,1\n", "{inline}");
    assert_said!(staged(&["below"]));
    // It is nobody's orphan, and what failed is to be done again, with what was built in vain.
    let status = project.run(&["status"]);
    assert!(!status.stdout.contains("staged__") && !status.stdout.contains("orphan"), "{status}");
    let failed = "select asset, outcome from dovetail.failures order by asset";
    assert_eq!(shown(&project, failed), "asset,outcome\nbase,skipped\nbelow,failed\nseen,skipped\n");
    let records = "select count(distinct run) as runs from dovetail.materializations";
    assert_eq!(shown(&project, records), "runs\n1\n");
    assert!(names(&project).contains("base__staged_"));
    // Until the next run, of whatever kind.
    write(&project, "models/below.sql", "select g, null as error_if from seen");
    done(&project, &["reconcile"]);
    assert_eq!(names(&project), "base below seen");
    assert_eq!(shown(&project, values), "base,seen,below\n2,2,2\n");
    assert_said!(staged(&["base"]));
}

#[test]
fn retry_publishes_as_the_run_did_that_it_takes_up() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as g")
        .file("models/below.sql", "select g from base")
        .file("models/last.sql", "select g from below");
    done(&project, &["run"]);
    write(&project, "models/base.sql", "select 2 as g");
    write(&project, "models/last.sql", "select g, error('no luck') as e from below");
    assert_eq!(project.run(&["run", "--atomic"]).code, 1);
    // It fails again: still nothing is published.
    let said = project.run(&["retry"]);
    assert!(said.code == 1 && said.stderr.contains("nothing is published"), "{said}");
    assert_eq!(shown(&project, "from base"), "g\n1\n");
    write(&project, "models/last.sql", "select g, 3 as h from below");
    assert!(done(&project, &["retry"]).stderr.contains("3 materialized"));
    assert_eq!(shown(&project, "select base.g, h from base, last"), "g,h\n2,3\n");
    // And a run that was published asset by asset may be taken up as one.
    write(&project, "models/base.sql", "select error('no') as g");
    assert_eq!(project.run(&["run"]).code, 1);
    write(&project, "models/base.sql", "select 4 as g");
    write(&project, "models/last.sql", "select error('no') as h from below");
    assert!(project.run(&["retry", "--atomic"]).stderr.contains("nothing is published"));
    assert_eq!(shown(&project, "from base"), "g\n2\n");
}

#[test]
fn columns_without_a_name_are_called_as_they_would_be() {
    let project = Project::new()
        .file("models/base.sql", "select range as x from range(3)")
        .file("models/rep.sql", "select (select max(x) from base), x in (from base), x from base -- all of them")
        .file("models/v.sql", "{{ config(materialized='view') }} select (select max(x) from base), x from base")
        .file("models/fromv.sql", "select * from v");
    let columns = "select table_name, column_name from duckdb_columns() where schema_name = 'main' order by all";
    done(&project, &["run"]);
    let apart = shown(&project, columns);
    done(&project, &["run", "--atomic"]);
    assert_eq!(shown(&project, columns), apart);
    done(&project, &["status", "--verify"]);
}

#[test]
fn this_is_what_is_published() {
    let project =
        Project::new().file("models/base.sql", "select 1 as g").file("models/grown.sql", "select g from base");
    done(&project, &["run"]);
    write(&project, "models/base.sql", "select 2 as g");
    write(&project, "models/grown.sql", "select g from base union all select g from {{ this }}");
    done(&project, &["run", "--atomic"]);
    assert_eq!(shown(&project, "from grown order by g"), "g\n1\n2\n");
}

#[test]
fn views_that_are_not_part_of_the_run_show_what_is_staged_to_the_rest_of_it() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as g")
        .file("models/low.sql", "{{ config(materialized='view') }} select g from base")
        .file("models/high.sql", "{{ config(materialized='view') }} select low.g from low")
        .file("models/one.sql", "select high.g from high")
        .file("models/two.sql", "select g from {{ ref('high') }}")
        .file("models/apart.sql", "{{ config(materialized='view') }} select g + 10 as g from base");
    done(&project, &["run"]);
    write(&project, "models/base.sql", "select 2 as g");
    let before = names(&project);
    done(&project, &["run", "--atomic", "--threads", "2", "-s", "base", "one", "two"]);
    let values = "select (from one) as one, (from two) as two, (from high) as high, (from apart) as apart";
    assert_eq!(shown(&project, values), "one,two,high,apart\n2,2,2,12\n");
    assert_eq!(names(&project), before);
    // `reconcile` leaves the views alone, whose columns are what they were.
    write(&project, "models/base.sql", "select 3 as g");
    let said = done(&project, &["reconcile", "--atomic"]);
    assert!(said.stderr.contains("same    high") && said.stderr.contains("ok      one"), "{said}");
    assert_eq!(shown(&project, values), "one,two,high,apart\n3,3,3,13\n");
    assert!(done(&project, &["reconcile"]).stderr.contains("nothing to do"));
    // A view that would have to be guessed at.
    write(&project, "models/base.sql", "select 4 as g");
    write(&project, "models/low.sql", "{{ config(materialized='view') }} select g * 2 as g from base");
    let said = project.run(&["run", "--atomic", "-s", "base", "one"]);
    assert!(said.code == 1 && said.stderr.contains("error[DT0505]: `one` reads the view `low`"), "{said}");
    assert_eq!(shown(&project, values), "one,two,high,apart\n3,3,3,13\n");
}

#[test]
fn what_comes_out_as_it_was_is_not_staged() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as g")
        .file("models/b.sql", "select g > 0 as is_more from a")
        .file("models/c.sql", "select is_more, g from b join a on true");
    done(&project, &["run"]);
    write(&project, "models/a.sql", "select 2 as g");
    let said = done(&project, &["reconcile", "--atomic"]);
    assert!(said.stderr.contains("ok      b") && said.stderr.contains("ok      c"), "{said}");
    write(&project, "models/a.sql", "select 1 + 1 as g");
    let said = done(&project, &["reconcile", "--atomic"]);
    assert!(said.stderr.contains("done: 1 materialized, 2 unchanged"), "{said}");
    assert_eq!(names(&project), "a b c");
    done(&project, &["status"]);
}

#[test]
fn tables_become_views_and_views_tables() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/b.sql", "select x from a");
    for (a, b) in [("view", "table"), ("table", "view"), ("view", "view"), ("table", "table")] {
        write(&project, "models/a.sql", &format!("{{{{ config(materialized='{a}') }}}} select 1 as x"));
        write(&project, "models/b.sql", &format!("{{{{ config(materialized='{b}') }}}} select x from a"));
        done(&project, &["run", "--atomic"]);
        assert_eq!(shown(&project, "from b"), "x\n1\n");
        assert_eq!(names(&project), "a b");
        done(&project, &["status"]);
    }
}

#[test]
fn errors_point_into_the_template_all_the_same() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as x")
        .file("models/inline.sql", "{{ config(materialized='ephemeral') }}\nselect x,\n  nope from a")
        .file("models/b.sql", "select a.x, i.x from {{ ref('a') }}\n  join inline i using (x), {{ ref('a') }} as more")
        .file("models/c.sql", "select a.x from {{ ref('a') }}, a as b\n  where nothing = 1");
    let said = project.run(&["run", "--atomic", "-q"]);
    assert!(said.stderr.contains("`inline` reads the column `nope`"), "{said}");
    assert!(said.stderr.contains("models/inline.sql:3:3"), "{said}");
    assert!(said.stderr.contains("models/c.sql:2:9"), "{said}");
}

#[test]
fn it_can_be_said_in_the_config() {
    for (toml, code, staged) in [
        ("publish = 'run'\n", 1, true),
        ("publish = 'run'\n[targets.dev]\npublish = 'asset'\n", 1, false),
        ("[targets.dev]\npublish = 'run'\n", 1, true),
        ("publish = 'asset'\n", 1, false),
        ("publish = 'never'\n", 2, false),
    ] {
        let project = Project::new()
            .file("dovetail.toml", toml)
            .file("models/a.sql", "select 1 as x")
            .file("models/b.sql", "select error('no') as x from a");
        let said = project.run(&["run"]);
        assert_eq!((said.code, said.stderr.contains("nothing is published")), (code, staged), "{toml}: {said}");
    }
    let project = Project::new().file("models/a.sql", "select 1 as x").file("dovetail.toml", "publish = 'never'\n");
    assert_said!(project.run(&["run"]));
}

#[test]
fn an_interrupted_run_and_one_that_failed_fast_publish_nothing() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as x")
        .file("models/b.sql", "select error('no') as x from a")
        .file("models/c.sql", "select sum(i * x) as x from range(3) r(i), b");
    let said = project.run(&["run", "--atomic", "--fail-fast", "--log-format", "json"]);
    assert_eq!(said.code, 1, "{said}");
    let last: serde_json::Value = serde_json::from_str(said.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&last["published"], &last["staged"]), (&serde_json::json!(false), &serde_json::json!(1)), "{said}");
    assert_eq!(last["materialized"], serde_json::json!(0));
    let said = project.run(&["show", "a"]);
    assert!(said.code == 2 && said.stderr.contains("DT0608"), "{said}");
}

fn engine(compiled: &Compiled) -> Arc<dyn Engine> {
    open(&compiled.project, Access::ReadWrite, WhenLocked::Fail, &|_| false).unwrap()
}

fn compiled(project: &Project) -> Compiled {
    compile(&project.root(), &LoadOptions::default(), None, None).unwrap_or_else(|_| panic!("it does not compile"))
}

fn execute_all(project: &Project, engine: &Arc<dyn Engine>, run: &str, sink: &mut dyn FnMut(&Event)) {
    let Compiled { project, graph, templates, modules, .. } = compiled(project);
    let plan = plan_run(&graph, &graph.ids().collect());
    let code_versions = code_versions(&graph, &modules, &project, graph.ids());
    let context = RunContext {
        observer: None,
        packages: std::collections::BTreeMap::new(),
        project,
        graph: Arc::new(graph),
        templates,
        engine: Arc::clone(engine),
        python: None,
        code_versions,
        records: None,
        refused: std::collections::HashMap::new(),
        columns: std::collections::HashMap::new(),
        check_versions: Default::default(),
        checked: Default::default(),
    };
    let options = RunOptions { run: run.to_owned(), threads: 2, publish: Publish::Run, ..RunOptions::default() };
    let summary = execute(context, &plan, &options, &Cancellation::default(), sink).unwrap();
    assert!(summary.is_success(), "{summary:?}");
}

fn numbers(engine: &Arc<dyn Engine>, sql: &str) -> Vec<i64> {
    let mut session = engine.session().unwrap();
    let batches: Vec<_> = session.query(sql).unwrap().collect::<Result<_, _>>().unwrap();
    let values = |batch: &arrow::array::RecordBatch| {
        let column = batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
        column.values().to_vec()
    };
    batches.iter().flat_map(values).collect()
}

#[test]
fn a_reader_that_polls_sees_all_old_or_all_new() {
    let mut project = Project::new();
    for index in 0..40 {
        let kind = if index % 4 == 3 { "view" } else { "table" };
        let from = if index == 0 { "start".to_owned() } else { format!("t{}", index - 1) };
        let model = format!("{{{{ config(materialized='{kind}') }}}} select g from {from}");
        project = project.file(&format!("models/t{index}.sql"), model);
    }
    let project = project.file("models/start.sql", "select 0::bigint as g");
    let engine = engine(&compiled(&project));
    execute_all(&project, &engine, "run0", &mut |_| {});
    let all: Vec<String> = (0..40).map(|index| format!("select g from t{index}")).collect();
    // The newest record stands with the data of its own run.
    let newest = "select replace(max_by(run, rowid), 'run', '')::bigint from dovetail.materializations";
    let all = format!("select distinct g from ({} union all {newest})", all.join(" union all "));
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let poll = || {
            let (mut seen, mut mixed) = (BTreeSet::new(), Vec::new());
            while !over.load(Ordering::SeqCst) {
                match numbers(&engine, &all).as_slice() {
                    [generation] => {
                        seen.insert(*generation);
                    }
                    several => mixed.push(several.to_vec()),
                }
            }
            assert!(mixed.is_empty(), "{mixed:?}");
            seen
        };
        let polling = scope.spawn(poll);
        for generation in 1..=3 {
            write(&project, "models/start.sql", &format!("select {generation}::bigint as g"));
            execute_all(&project, &engine, &format!("run{generation}"), &mut |event| {
                // What is built is not to be seen before all of it is.
                if matches!(event, Event::AssetFinished { .. }) {
                    assert_eq!(numbers(&engine, "select g from start"), [generation - 1]);
                }
            });
            assert_eq!(numbers(&engine, &all), [generation]);
        }
        over.store(true, Ordering::SeqCst);
        polling.join().unwrap()
    });
    assert!(!seen.is_empty(), "nothing was seen");
}

#[test]
fn clearing_touches_nothing_of_the_user() {
    let project = Project::new().file("models/a.sql", "select 1 as x");
    done(&project, &["run"]);
    let engine = engine(&compiled(&project));
    let mut session = engine.session().unwrap();
    let staged = |identifier: &str, is_view: bool| StagedAsset {
        run: "run".to_owned(),
        asset: "a".to_owned(),
        relation: Some(RelationName { database: None, schema: "main".to_owned(), identifier: identifier.to_owned() }),
        is_view,
    };
    let query = || BuildSource::Query("select 1::bigint as x".to_owned());
    for (name, is_view) in [("a__staged_1", false), ("a__staged_2", false), ("a__staged_3", true)] {
        let staged = staged(name, is_view);
        let source = if is_view { BuildSource::View("select 1 as x".to_owned()) } else { query() };
        session.build(staged.relation.as_ref().unwrap(), source, Extent::Columns).unwrap();
        session.stage(&staged, None).unwrap();
    }
    // A name like theirs, one that is gone, and one behind which something else stands now.
    for statement in [
        "create table a__staged_mine as select 7::bigint as x",
        "drop table a__staged_2",
        "drop view a__staged_3",
        "create table a__staged_3 as select 8::bigint as x",
    ] {
        session.query(statement).unwrap().for_each(drop);
    }
    assert_eq!(engine.discard_staged().unwrap().len(), 3);
    assert_eq!(numbers(&engine, "from a__staged_mine union all from a__staged_3 order by x"), [7, 8]);
    assert!(session.query("from a__staged_1").is_err());
    assert!(engine.staged().unwrap().is_empty() && engine.discard_staged().unwrap().is_empty());
}

#[test]
fn a_table_that_a_text_names_is_read_where_it_is_staged() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as g")
        .file("models/other.sql", "{{ config(schema='odd one', alias='it''s') }} select g from base")
        .file("models/above.sql", "select g from query_table('base')")
        .file("models/pair.sql", "select distinct g from query_table(['main.base', 'other'], true)")
        .file("models/local.sql", "with base as (select 7 as g) select g from query_table('base')");
    done(&project, &["run", "--atomic", "--threads", "1"]);
    let values = "select (from above) as a, (from pair) as b, (from local) as l";
    assert_eq!(shown(&project, values), "a,b,l\n1,1,7\n");
    write(&project, "models/base.sql", "select 2 as g");
    done(&project, &["run", "--atomic", "--threads", "3"]);
    assert_eq!(shown(&project, values), "a,b,l\n2,2,7\n");
    write(&project, "models/base.sql", "select 3 as g");
    done(&project, &["reconcile"]);
    assert_eq!(shown(&project, values), "a,b,l\n3,3,7\n");
    let status = done(&project, &["status"]).stdout;
    let unseen: Vec<&str> = status.lines().filter(|line| line.contains("query_table(...)")).collect();
    assert!(unseen.len() == 1 && unseen[0].starts_with("local "), "{status}");
}
