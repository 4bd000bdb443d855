//! Resolving and compiling small projects.

use serde_json::json;

use super::testing::*;
use super::*;
use crate::diagnostic::{Diagnostics, Warned};
use crate::engine;
use crate::parse::{AssetProperties, FileFormat, Parsed, ParsedAsset, ParsedProperties, ParsedSource, Section};
use crate::project::{Attachment, FolderDefaults, Project};

fn graph(assets: Vec<ParsedAsset>) -> AssetGraph {
    resolve_assets(assets).map_err(shown).unwrap().value
}

fn errors(result: Result<Warned<AssetGraph>, Diagnostics>) -> String {
    shown(result.map(|_| ()).unwrap_err())
}

fn sql<'a>(graph: &'a AssetGraph, name: &str) -> &'a CompiledSql {
    match &graph.node(graph.find(name).unwrap()).body {
        Body::Sql(sql) => sql,
        other => panic!("{other:?}"),
    }
}

fn upstream(graph: &AssetGraph, name: &str) -> String {
    let names = graph.upstream(graph.find(name).unwrap()).map(|id| graph.node(id).name.to_string());
    names.collect::<Vec<_>>().join(" ")
}

fn source(source: &str, table: &str, location: SourceLocation) -> ParsedSource {
    let file = SourceFile::new("models/sources.yml", format!("{source}.{table}"));
    ParsedSource {
        source: source.to_owned(),
        table: table.to_owned(),
        place: Place::new(&file, Span::new(0, file.text().len())),
        description: None,
        location,
        config: Values::new(),
        columns: Vec::new(),
        checks: Vec::new(),
    }
}

fn table(schema: Option<&str>, identifier: &str) -> SourceLocation {
    SourceLocation::Table { database: None, schema: schema.map(str::to_owned), identifier: identifier.to_owned() }
}

fn csv(path: &str) -> SourceLocation {
    let options = values(json!({"delim": ";"}));
    SourceLocation::Files { path: path.to_owned(), format: FileFormat::Csv, options }
}

fn described(section: Section, name: &str, config: serde_json::Value) -> AssetProperties {
    let file = SourceFile::new("models/models.yml", format!("  - name: {name}"));
    AssetProperties {
        name: name.to_owned(),
        place: Place::new(&file, Span::new(10, 10 + name.len())),
        section,
        description: Some("from the property file".to_owned()),
        config: values(config),
        config_places: std::collections::BTreeMap::new(),
        columns: Vec::new(),
        constraints: Vec::new(),
        checks: Vec::new(),
    }
}

fn with_sources(assets: Vec<ParsedAsset>, sources: Vec<ParsedSource>) -> Parsed {
    Parsed { assets, properties: ParsedProperties { sources, ..ParsedProperties::default() }, ..Parsed::default() }
}

fn attached() -> Project {
    let mut project = project();
    let attach = |alias: &str, kind: Option<&str>| Attachment {
        alias: alias.to_owned(),
        path: String::new(),
        kind: kind.map(str::to_owned),
        read_only: true,
    };
    project.target.attach = vec![attach("lake", None), attach("crm", Some("postgres"))];
    project
}

#[test]
fn names_in_sql_are_found_in_every_form() {
    let assets = vec![
        model("models/orders.sql", "from [[raw.Orders]], [[Raw.items as]] i", json!({})),
        model("models/fct.sql", "from [[ORDERS]]", json!({"alias": "facts", "schema": "marts"})),
        model("models/a.sql", "from [[facts]] where facts.x", json!({})),
        model("models/b.sql", "from [[marts.facts]]", json!({})),
        model("models/c.sql", "from [[shop.marts.FACTS]]", json!({})),
        model("models/d.sql", "from [[fct]] where fct.x", json!({})),
        model("models/e.sql", "from [[legacy]], [[raw.files]], [[files.events]]", json!({})),
        model(
            "models/f.sql",
            "from [[duckdb_tables]], [[information_schema.tables]], [[shop.pg_catalog.pg_class]]",
            json!({}),
        ),
        model(
            "models/g.sql",
            "from [['data/x.csv']], [['s3://b/*.parquet']], [[lake.t]], [[crm.sales.t]], [[lake.t]]",
            json!({}),
        ),
        model("models/h.sql", "from [[shop.orders]], {ref shop orders} x", json!({})),
    ];
    let sources = vec![
        source("raw", "orders", table(None, "orders")),
        source("raw", "items", table(Some("landing"), "itm")),
        source("old", "legacy", table(Some("main"), "legacy")),
        source("raw", "files", csv("data/*.csv")),
        source("files", "events", csv("/abs/e.csv")),
    ];
    let graph = resolve_parsed(&attached(), with_sources(assets, sources)).map_err(shown).unwrap().value;
    let compiled: Vec<String> = "orders fct a b c d e f g h"
        .split(' ')
        .map(|name| format!("{name}: {}\n   <- {}", sql(&graph, name).text, upstream(&graph, name)))
        .collect();
    insta::assert_snapshot!(compiled.join("\n"));
    let lake = graph.node(graph.find("lake.main.t").unwrap());
    assert!(lake.is_implicit() && lake.relation.to_string() == "\"lake\".\"main\".\"t\"");
    assert_eq!(graph.from_item(graph.find("data/x.csv").unwrap()), "'/srv/shop/data/x.csv'");
    assert_eq!(graph.from_item(graph.find("raw.files").unwrap()), "read_csv('/srv/shop/data/*.csv', delim=';')");
}

#[test]
fn calls_are_replaced_wherever_they_were_printed() {
    let assets = vec![
        model("models/one.sql", "select 1 as x -- one", json!({"materialized": "ephemeral"})),
        model(
            "models/two.sql",
            "from {ref one} where one.x = {ref one}.x",
            json!({"materialized": "ephemeral", "alias": "zwei"}),
        ),
        model(
            "models/three.sql",
            "/* {ref two} */ -- {ref one}\nselect '{this}' as t, {this.database}.x\nfrom {ref two}, {ref two} /* c */ t2, [[one as]] o, [[two]] -- end",
            json!({"schema": "it's"}),
        ),
        model("models/four.sql", "from {source raw.files} join {source raw.orders} using (id)", json!({})),
    ];
    let sources =
        vec![source("raw", "orders", table(None, "orders")), source("raw", "files", csv("https://x.y/z.csv"))];
    let graph = resolve_parsed(&project(), with_sources(assets, sources)).map_err(shown).unwrap().value;
    insta::assert_snapshot!(["one", "two", "three", "four"].map(|name| sql(&graph, name).text.clone()).join("\n---\n"));
    assert_eq!(upstream(&graph, "three"), "one two");
}

#[test]
fn edits_lead_back_to_the_rendered_text() {
    let graph = graph(vec![
        model("models/a.sql", "select 1 as x", json!({})),
        model("models/b.sql", "/* {ref a} */ select a.x\nfrom [[a]] where missing  ", json!({})),
    ]);
    let compiled = sql(&graph, "b");
    assert_eq!(compiled.statement(), "/* \"main\".\"a\" */ select a.x\nfrom \"main\".\"a\" where missing");
    let rendered = "/* {ref a} */ select a.x\nfrom a where missing";
    let compiled_offset = compiled.text.find("missing").unwrap();
    assert_eq!(Some(compiled.rendered_offset(compiled_offset)), rendered.find("missing"));
    assert_eq!(Some(compiled.rendered_offset(compiled.text.rfind("\"a\"").unwrap())), rendered.find("a where"));
}

#[test]
fn python_takes_assets_and_sources() {
    let assets = vec![
        model("models/orders.sql", "select 1", json!({})),
        function(
            "models/p.py",
            "fitted",
            &["orders", "items"],
            &["raw.more", "report"],
            json!({"materialized": "object"}),
        ),
        function("models/p.py", "report", &[], &[], json!({"retries": 2, "retry_delay": "1m", "owner": "ann"})),
        function("models/p.py", "scored", &["fitted", "orders"], &["orders"], json!({})),
    ];
    let sources = vec![source("raw", "items", table(None, "i")), source("raw", "more", table(None, "m"))];
    let graph = resolve_parsed(&project(), with_sources(assets, sources)).map_err(shown).unwrap().value;
    assert_eq!(upstream(&graph, "fitted"), "orders raw.items raw.more report");
    let (fitted, report) = (graph.find("fitted").unwrap(), graph.find("report").unwrap());
    let Body::Python(python) = &graph.node(fitted).body else { panic!() };
    let inputs: Vec<(usize, &str)> =
        python.inputs.iter().map(|(index, id)| (*index, graph.node(*id).name.as_str())).collect();
    assert_eq!(inputs, [(0, "orders"), (1, "raw.items")]);
    let order = graph.nodes.find_edge(report, fitted).unwrap();
    assert_eq!(graph.nodes[order], EdgeKind::Order);
    let data = graph.nodes.find_edge(graph.find("orders").unwrap(), graph.find("scored").unwrap()).unwrap();
    assert_eq!(graph.nodes[data], EdgeKind::Data);
    let retry = graph.node(report).retry;
    assert_eq!((retry.count, retry.delay.as_secs()), (2, 60));
}

#[test]
fn configs_merge_from_folder_to_file() {
    let mut project = project();
    project.folder_defaults = vec![
        FolderDefaults {
            folder: "models".into(),
            config: values(json!({"schema": "base", "tags": "all", "owner": "x"})),
            places: Default::default(),
        },
        FolderDefaults {
            folder: "models/eu".into(),
            config: values(json!({"materialized": "view", "meta": {"a": 1}})),
            places: Default::default(),
        },
    ];
    let parsed = Parsed {
        assets: vec![
            model("models/eu/a.sql", "select 1", json!({"tags": ["own", "all"], "meta": {"c": 3}})),
            model("models/b.sql", "select 1", json!({"enabled": false})),
            seed("seeds/s.csv"),
        ],
        properties: ParsedProperties {
            checks: Vec::new(),
            assets: vec![
                described(Section::Models, "a", json!({"schema": "eu", "tags": "prop", "meta": {"a": 2, "b": 2}})),
                described(Section::Models, "b", json!({})),
                described(Section::Models, "sed", json!({})),
                described(Section::Models, "s", json!({})),
                described(Section::Seeds, "t", json!({})),
            ],
            ..ParsedProperties::default()
        },
        ..Parsed::default()
    };
    let resolved = resolve_parsed(&project, parsed).map_err(shown).unwrap();
    let graph = resolved.value;
    let a = graph.node(graph.find("a").unwrap());
    assert_eq!(a.tags, ["all", "prop", "own"]);
    assert_eq!((a.relation.to_string(), a.materialized), ("\"eu\".\"a\"".to_owned(), Materialized::View));
    assert_eq!(a.config["meta"], json!({"a": 2, "b": 2, "c": 3}));
    assert_eq!(a.config["materialized"], json!("view"));
    assert_eq!((a.owner.as_deref(), a.description.as_deref()), (Some("x"), Some("from the property file")));
    assert_eq!(a.fqn, ["shop", "eu", "a"]);
    assert!(graph.find("b").is_none());
    insta::assert_snapshot!(shown(resolved.warnings));
}

#[test]
fn all_problems_come_at_once() {
    let mut project = attached();
    project.file = Some(SourceFile::new("dovetail.toml", "[models.ml]\nmaterialized = 'view'"));
    project.folder_defaults = vec![FolderDefaults {
        folder: "models/ml".into(),
        config: values(json!({"materialized": "view"})),
        places: [("materialized".to_owned(), Span::new(12, 24))].into(),
    }];
    let parsed = Parsed {
        assets: vec![
            model("models/orders.sql", "from [[ordrs]], [[items]], {source raw.itmes}, {ref other x}", json!({})),
            model("models/eu/orders.sql", "select 1", json!({})),
            model("models/Total.sql", "from [[total]]", json!({"schema": 1, "tags": [1]})),
            model("models/off.sql", "select 1", json!({"enabled": false})),
            model("models/uses.sql", "from {ref off}, [[off]], [[model]], [[lake]]", json!({"database": "lakes"})),
            model("models/snap.sql", "select 1", json!({"materialized": "incremental", "alias": "Same"})),
            model("models/same.sql", "select 1", json!({"materialized": "tabel"})),
            model("models/a.b.sql", "select 1", json!({"schema": "dovetail"})),
            function("models/ml/m.py", "model", &["orderz", "self", "items"], &[], json!({})),
            function("models/p.py", "object", &[], &[], json!({"materialized": "object", "retries": -1})),
            model("models/reads.sql", "from [[object]], [[nothing.at.all]], [[main.eu.facts_table]]", json!({})),
            model("models/facts.sql", "select 1", json!({"alias": "facts_table", "schema": "eu"})),
            seed("seeds/total2.csv"),
        ],
        properties: ParsedProperties {
            checks: Vec::new(),
            assets: vec![described(Section::Models, "same", json!({})), described(Section::Models, "same", json!({}))],
            unit_tests: Vec::new(),
            sources: vec![
                source("raw", "items", table(None, "items")),
                source("raw", "items", table(None, "items")),
                source("old", "items", table(None, "items")),
            ],
        },
        ..Parsed::default()
    };
    insta::assert_snapshot!(errors(resolve_parsed(&project, parsed)));
}

#[test]
fn schemas_are_not_called_like_attached_databases() {
    let assets = vec![
        model("models/a.sql", "select 1 as x", json!({"schema": "Lake"})),
        model("models/b.sql", "select 1 as x", json!({"schema": "lakes"})),
        model("models/c.sql", "select 1 as x", json!({"schema": "Dovetail_Trash"})),
    ];
    let in_schema = |schema: &str| SourceLocation::Table {
        database: None,
        schema: Some(schema.to_owned()),
        identifier: "t".into(),
    };
    let sources = vec![
        source("said", "t", in_schema("crm")),
        // Only the attached database has its table, for all that is known.
        source("crm", "t", table(None, "t")),
    ];
    insta::assert_snapshot!(errors(resolve_parsed(&attached(), with_sources(assets, sources))));
}

#[test]
fn cycles_show_their_way() {
    let result = resolve_assets(vec![
        model("models/a.sql", "from [[c]]", json!({})),
        model("models/b.sql", "from {ref a}, [[d]]", json!({})),
        model("models/c.sql", "select * from [[b]]", json!({})),
        model("models/d.sql", "from [[c]]", json!({})),
        model("models/e.sql", "from [[main.e]]", json!({})),
        function("models/p.py", "x", &["y"], &[], json!({})),
        function("models/p.py", "y", &[], &["x"], json!({})),
    ]);
    insta::assert_snapshot!(errors(result));
}

#[test]
fn ephemeral_assets_that_multiply_are_stopped() {
    let wide = |index: usize| {
        let text =
            if index == 0 { "select 1".to_owned() } else { format!("from [[e{0} as]] a, [[e{0} as]] b", index - 1) };
        model(&format!("models/e{index}.sql"), &text, json!({"materialized": "ephemeral"}))
    };
    let problems = errors(resolve_assets((0..40).map(wide).collect()));
    assert!(problems.contains("longer than 16 MiB") && problems.contains("make some of them views"), "{problems}");
}

/// DuckDB itself is asked whether the edited texts mean what they should.
#[test]
fn compiled_sql_runs() {
    let assets = vec![
        model("models/base.sql", "select 1 as id, 'x' as name", json!({"alias": "base_table", "schema": "lo\"w"})),
        model(
            "models/eph.sql",
            "with t as (from [[base]]) select base.id + 1 as id from [[base]] -- c",
            json!({"materialized": "ephemeral"}),
        ),
        model("models/vals.sql", "values (1), (2)", json!({"materialized": "ephemeral"})),
        model(
            "models/all.sql",
            "select eph.id, e.id, v.*, base.name, {ref eph}.id from [[eph]] join {ref eph} e using (id) cross join {ref vals} v \
             left join [[base]] on base.id < eph.id where eph.id in (select id from {ref eph})",
            json!({}),
        ),
        model("models/pivoted.sql", "pivot [[eph]] on id using count(*)", json!({})),
        model("models/firsts.sql", "from {ref eph} select id union all from [[eph]] select eph.id", json!({})),
        model("models/tables.sql", "table [[eph as]] union all (TABLE {ref eph})", json!({})),
        model(
            "models/summaries.sql",
            "select column_name from (summarize [[eph as]]) union all from (summarize {ref eph}) select column_name",
            json!({}),
        ),
        model(
            "models/described.sql",
            "select column_name from (describe [[eph as]]) union all from (desc {ref eph}) select column_name",
            json!({}),
        ),
    ];
    let graph = graph(assets);
    let mut in_memory = project();
    in_memory.target.database = None;
    let engine = engine::open(&in_memory, engine::Access::ReadWrite, engine::WhenLocked::Fail, &|_| false).unwrap();
    let schemas = graph.ids().map(|id| (None, graph.node(id).relation.schema.clone())).collect();
    engine.prepare(&schemas, 1).unwrap();
    let mut session = engine.session().unwrap();
    for id in algebra::topological_order(&graph.nodes) {
        let node = graph.node(id);
        let Body::Sql(sql) = &node.body else { panic!() };
        if node.materialized == Materialized::Table {
            let source = engine::BuildSource::Query(sql.statement().to_owned());
            session
                .build(&node.relation, source, engine::Extent::Columns)
                .map_err(|error| format!("{error}\n{}", sql.text))
                .unwrap();
            let expected = if matches!(node.name.as_str(), "base" | "pivoted") { 1 } else { 2 };
            let batches = session.query(&format!("from {}", graph.from_item(id))).unwrap();
            let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(rows, expected, "{}", node.name);
        }
    }
}

/// Ten thousand models must not take more than an instant, and the order of files must not matter.
#[test]
fn large_graphs_resolve_fast_and_always_alike() {
    let model_of = |index: usize| {
        let text = match index {
            0 => "select 1".to_owned(),
            _ => format!("from [[m{}]], {{ref m{}}}, [[m{}]]", index / 2, index - 1, index / 3),
        };
        model(&format!("models/d{}/m{index}.sql", index % 10), &text, json!({}))
    };
    let assets: Vec<ParsedAsset> = (0..10_000).map(model_of).collect();
    let started = std::time::Instant::now();
    let one = graph(assets.clone());
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    let other = graph(assets.into_iter().rev().collect());
    let names = |graph: &AssetGraph| graph.ids().map(|id| graph.node(id).name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert!(names(&one).is_sorted());
    for id in one.ids() {
        assert!(one.upstream(id).eq(other.upstream(id)) && one.downstream(id).eq(other.downstream(id)));
    }
}

#[test]
fn assets_can_be_read_elsewhere() {
    let graph = graph(vec![
        model("models/a.sql", "select 1 as x", json!({})),
        model("models/inline.sql", "select a.x from [[a]]", json!({"materialized": "ephemeral"})),
        model("models/renamed.sql", "select 2 as x", json!({"alias": "other"})),
        model(
            "models/b.sql",
            "select a.x, '{ref a}' from [[a]] join [[a as]] as c on true, [[inline as]] i, [[renamed]], {ref a} where {ref a}.x = 1",
            json!({}),
        ),
    ]);
    let compiled = sql(&graph, "b");
    assert_eq!(compiled.redirected(&|_| None).statement, compiled.statement());
    let place = |id: NodeId| {
        let relation = &graph.node(id).relation;
        Some(RelationName { identifier: format!("{}_s", relation.identifier), ..relation.clone() })
    };
    let redirected = compiled.redirected(&place);
    assert_eq!(
        redirected.statement,
        "select a.x, '\"main\".\"a\"' from \"main\".\"a_s\" as \"a\" join \"main\".\"a_s\" as c on true, \
         (select a.x from \"main\".\"a_s\" as \"a\") i, \"main\".\"other_s\" as \"renamed\", \
         \"main\".\"a_s\" as \"a\" where \"a\".x = 1"
    );
    // Offsets lead back to the same words.
    for word in ["select", "join", "as c", ") i", "where", "= 1"] {
        let here = redirected.statement.rfind(word).unwrap();
        assert_eq!(redirected.compiled_offset(here), compiled.statement().rfind(word).unwrap(), "{word}");
    }
    // Only what is elsewhere is read elsewhere.
    let other = graph.find("renamed").unwrap();
    let some = compiled.redirected(&|id| place(id).filter(|_| id == other)).statement;
    assert_eq!(some, compiled.statement().replace("\"other\"", "\"other_s\""));
}
