//! Selections over a small project, and laws over random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{Facts, Selection};
use crate::diagnostic::{Code, Warned};
use crate::graph::testing::{function, model, project, random_graph, resolve_assets, resolve_parsed, seed, shown};
use crate::graph::{AssetGraph, NodeId};
use crate::parse::{AssetProperties, Parsed, ParsedProperties, ParsedSource, Section, SourceLocation};
use crate::project::Values;
use crate::source::{Place, SourceFile};

/// raw.orders -> stg_orders -> orders -> report; countries -> customers -> orders, report; tidy after report.
fn shop() -> AssetGraph {
    let properties = SourceFile::new("models/staging/sources.yml", "");
    let source = |table: &str| ParsedSource {
        source: "raw".to_owned(),
        table: table.to_owned(),
        place: Place::start_of(&properties),
        description: None,
        location: SourceLocation::Table { database: None, schema: None, identifier: table.to_owned() },
        config: Values::new(),
        columns: Vec::new(),
    };
    let described = AssetProperties {
        name: "customers".to_owned(),
        place: Place::start_of(&SourceFile::new("models/marts/marts.yml", "")),
        section: Section::Models,
        description: None,
        config: Values::new(),
        config_places: std::collections::BTreeMap::new(),
        columns: Vec::new(),
        constraints: Vec::new(),
    };
    let assets = vec![
        model(
            "models/staging/stg_orders.sql",
            "from {source raw.orders}",
            json!({"materialized": "view", "tags": "a"}),
        ),
        model("models/marts/orders.sql", "from [[stg_orders]], [[customers]]", json!({"tags": ["a", "nightly"]})),
        model("models/marts/eu/customers.sql", "from [[countries]]", json!({"meta": {"level": 3, "pii": true}})),
        model("models/report.sql", "from [[orders]], [[customers]], [['data/x.csv']]", json!({"group": "finance"})),
        function("models/ml/tidy.py", "tidy", &[], &["report"], json!({"owner": "team:ops"})),
        seed("seeds/countries.csv"),
    ];
    let properties = ParsedProperties {
        assets: vec![described],
        sources: vec![source("orders"), source("refunds")],
        ..ParsedProperties::default()
    };
    resolve_parsed(&project(), Parsed { assets, properties, ..Parsed::default() }).map_err(shown).unwrap().value
}

fn words(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}

fn evaluate(graph: &AssetGraph, select: &str, exclude: &str) -> Result<Warned<BTreeSet<NodeId>>, String> {
    let selection = Selection::parse(&words(select), &words(exclude)).map_err(shown)?;
    selection.evaluate(graph, &Facts::default()).map_err(shown)
}

/// The selected names, in order.
fn selected(graph: &AssetGraph, select: &str, exclude: &str) -> String {
    let found = evaluate(graph, select, exclude).unwrap();
    found.value.into_iter().map(|id| graph.node(id).name.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_method_selects() {
    let graph = shop();
    let cases = [
        ("orders", "orders"),
        ("shop.marts.orders", "orders"),
        ("marts", "customers orders"),
        ("marts.eu", "customers"),
        ("marts.eu.customers", "customers"),
        ("eu", ""),
        ("marts.*", "customers orders"),
        ("m*s.or*", "orders"),
        ("stg_*", "stg_orders"),
        ("*orders", "orders stg_orders"),
        ("raw.orders", "raw.orders"),
        ("fqn:marts", "customers orders"),
        ("models/marts", "customers orders"),
        ("./models/marts/", "customers orders"),
        ("path:models/*/*.sql", "orders stg_orders"),
        ("path:models/**/*.sql", "customers data/x.csv orders report stg_orders"),
        ("path:models/marts/marts.yml", "customers"),
        ("path:models/staging/sources.yml", "raw.orders raw.refunds"),
        ("orders.sql", "orders"),
        ("file:tidy.py", "tidy"),
        ("file:stg_*", "stg_orders"),
        ("countries.csv", "countries"),
        ("tag:a", "orders stg_orders"),
        ("tag:nigh*", "orders"),
        ("config.materialized:view", "stg_orders"),
        ("config.materialized:seed", "countries"),
        ("config.tags:nightly", "orders"),
        ("config.meta.level:3", "customers"),
        ("config.meta.pii:True", "customers"),
        ("config.meta.pii:false", ""),
        ("config.meta:3", ""),
        ("resource_type:seed", "countries"),
        ("resource_type:source", "data/x.csv raw.orders raw.refunds"),
        ("kind:python", "tidy"),
        ("kind:s*", "countries customers data/x.csv orders raw.orders raw.refunds report stg_orders"),
        ("source:raw", "raw.orders raw.refunds"),
        ("source:raw.ref*", "raw.refunds"),
        ("source:shop.raw.orders", "raw.orders"),
        ("source:data/*", "data/x.csv"),
        ("source:*", "data/x.csv raw.orders raw.refunds"),
        ("package:this,kind:python", "tidy"),
        ("package:other", ""),
        ("owner:team:ops", "tidy"),
        ("group:fin*", "report"),
    ];
    for (expression, expected) in cases {
        match evaluate(&graph, expression, "") {
            Ok(_) => assert_eq!(selected(&graph, expression, ""), expected, "{expression}"),
            Err(_) => assert_eq!("", expected, "{expression}"),
        }
    }
}

#[test]
fn graph_operators_and_sets() {
    let graph = shop();
    let cases = [
        ("+orders", "", "countries customers orders raw.orders stg_orders"),
        ("1+orders", "", "customers orders stg_orders"),
        ("0+orders", "", "orders"),
        ("stg_orders+", "", "orders report stg_orders tidy"),
        ("stg_orders+1", "", "orders stg_orders"),
        ("1+orders+1", "", "customers orders report stg_orders"),
        ("@stg_orders", "", "countries customers data/x.csv orders raw.orders report stg_orders tidy"),
        ("source:raw.orders+", "", "orders raw.orders report stg_orders tidy"),
        ("1+tag:a", "", "customers orders raw.orders stg_orders"),
        ("tidy report", "", "report tidy"),
        ("tag:a,marts", "", "orders"),
        ("tag:a,marts  tidy", "", "orders tidy"),
        ("+report,kind:sql", "customers stg_orders", "orders report"),
        ("", "+report source:raw", "tidy"),
        ("", "kind:sql,tag:a source:*", "countries customers report tidy"),
    ];
    for (select, exclude, expected) in cases {
        assert_eq!(selected(&graph, select, exclude), expected, "{select} - {exclude}");
    }
    let several = Selection::parse(&["tidy".to_owned(), "tag:a report".to_owned()], &[]).unwrap();
    assert_eq!(several.evaluate(&graph, &Facts::default()).unwrap().value.len(), 4);
}

#[test]
fn mistakes_are_explained() {
    let graph = shop();
    let cases = [
        ("@orders+", "cannot stand together"),
        ("tag:a,,b", "nothing beside the comma"),
        ("orders,", "nothing beside the comma"),
        (",", "nothing beside the comma"),
        ("+", "a name or a value is missing here"),
        ("tag:", "a name or a value is missing here"),
        ("tga:a", "did you mean `tag:`?"),
        ("https://x.y/z", "there is no method `https:`"),
        ("state:modified", "`changed:COMMIT` selects what changed"),
        ("metric:x", "`metric:` is not supported yet"),
        ("config:x", "write `config.materialized:view`"),
        ("tag.x:y", "`tag` takes no `.x`"),
        ("kind:pyhton", "did you mean `python`?"),
        ("resource_type:test", "it can be `model`, `seed`, `source`"),
        ("  ", "empty expression"),
        ("99999999999999999999999+x", "steps are too many"),
    ];
    for (expression, expected) in cases {
        let problem = evaluate(&graph, expression, "").map(|_| ()).unwrap_err();
        assert!(problem.contains(expected) && problem.contains("DT0006"), "{expression}\n{problem}");
    }
    insta::assert_snapshot!(evaluate(&graph, "orders tgs:a,2+customers@ @x+", "").map(|_| ()).unwrap_err());
}

#[test]
fn nothing_is_an_error_and_part_of_nothing_a_warning() {
    let graph = shop();
    insta::assert_snapshot!(evaluate(&graph, "+ordres tag:nihgtly,kind:sql", "").map(|_| ()).unwrap_err());
    let some = evaluate(&graph, "orders ordres tidy,kind:sql", "tag:b").unwrap();
    assert_eq!(some.value.len(), 1);
    let warnings: Vec<String> = some.warnings.into_iter().map(|warning| warning.message).collect();
    assert_eq!(warnings, ["nothing matches `ordres`", "nothing matches `tidy,kind:sql`", "nothing matches `tag:b`"]);
    assert!(evaluate(&graph, "orders", "marts").map(|_| ()).unwrap_err().contains("leaves nothing"));
    let everything = Selection::default()
        .evaluate(&AssetGraph::default(), &Facts::default())
        .map(|_| ())
        .map_err(shown)
        .unwrap_err();
    assert!(everything.contains("DT0007") && everything.contains("the project has no assets"), "{everything}");
}

/// What an expression selects, nothing where it selects nothing.
fn set(graph: &AssetGraph, select: &str, exclude: &str) -> BTreeSet<NodeId> {
    evaluate(graph, select, exclude).map(|found| found.value).unwrap_or_default()
}

/// One part of an expression over the nodes of `random_graph`.
fn part() -> impl Strategy<Value = String> {
    ("(@|[0-3]?\\+)?", "(n[0-9]|n1?|tag:even|tag:odd|n\\[0-4\\]|tag:none)", "(\\+[0-3]?)?").prop_map(
        |(before, name, after)| {
            if before == "@" { format!("@{name}") } else { format!("{before}{name}{after}") }
        },
    )
}

proptest! {
    #[test]
    fn union_intersection_and_exclusion_obey_the_laws_of_sets(
        graph in random_graph(10), a in part(), b in part(), c in part(),
    ) {
        let of = |text: &str| set(&graph, text, "");
        prop_assert_eq!(of(&format!("{a} {a}")), of(&a));
        prop_assert_eq!(of(&format!("{a},{a}")), of(&a));
        prop_assert_eq!(of(&format!("{a} {b}")), &of(&a) | &of(&b));
        prop_assert_eq!(of(&format!("{a} {b}")), of(&format!("{b} {a}")));
        prop_assert_eq!(of(&format!("{a},{b}")), &of(&a) & &of(&b));
        prop_assert_eq!(of(&format!("{a},{b} {a},{c}")), &of(&a) & &of(&format!("{b} {c}")));
        prop_assert_eq!(set(&graph, &a, &format!("{b} {c}")), &set(&graph, &a, &b) & &set(&graph, &a, &c));
        prop_assert_eq!(set(&graph, &a, &format!("{b},{c}")), &set(&graph, &a, &b) | &set(&graph, &a, &c));
        prop_assert_eq!(set(&graph, "", &a), &graph.ids().collect::<BTreeSet<_>>() - &of(&a));
    }

    #[test]
    fn graph_operators_hold_their_node_and_are_closed(graph in random_graph(10), number in 0usize..10) {
        let name = format!("n{number}");
        let down = set(&graph, &format!("{name}+"), "");
        prop_assert!(set(&graph, &name, "").is_subset(&down));
        prop_assert!(down.iter().all(|id| graph.downstream(*id).all(|next| down.contains(&next))));
        let up = set(&graph, &format!("+{name}"), "");
        prop_assert!(up.iter().all(|id| graph.upstream(*id).all(|next| up.contains(&next))));
        prop_assert_eq!(&up & &down, set(&graph, &name, ""));
        let mut family = BTreeSet::new();
        for id in &down {
            family.extend(set(&graph, &format!("+{}", graph.node(*id).name), ""));
        }
        prop_assert_eq!(set(&graph, &format!("@{name}"), ""), family);
    }

    #[test]
    fn more_steps_never_select_less(graph in random_graph(10), number in 0usize..10, steps in 0usize..6) {
        let near = set(&graph, &format!("{steps}+n{number}"), "");
        let far = set(&graph, &format!("{}+n{number}", steps + 1), "");
        prop_assert!(near.is_subset(&far));
        let all = set(&graph, &format!("+n{number}"), "");
        prop_assert!(far.is_subset(&all));
    }

    #[test]
    fn no_expression_panics(graph in random_graph(3), select in "[@+0-9a-z:,. *?\\[\\]/!ü-]{0,16}", exclude in "\\PC{0,8}") {
        let _ = Selection::parse(&[select], &[exclude]).map(|selection| selection.evaluate(&graph, &Facts::default()));
    }
}

#[test]
fn too_many_signs_are_no_names() {
    for text in ["++m1", "m1++", "+@m1", "m1+1+", "2+1+m1", "@@m1"] {
        let problems = Selection::parse(&[text.to_owned()], &[]).expect_err(text).0;
        assert_eq!(problems[0].code, Code::Selection, "{text}");
    }
    assert!(Selection::parse(&["a+b".to_owned()], &[]).is_ok());
}

#[test]
fn hints_know_case_digits_and_paths() {
    let graph = resolve_assets(vec![model("models/marts/m1.sql", "select 1", json!({}))]).unwrap().value;
    let hint = |text: &str| {
        let selection = Selection::parse(&[text.to_owned()], &[]).unwrap();
        selection.evaluate(&graph, &Facts::default()).unwrap_err().0[0].hints.join(";")
    };
    assert_eq!(hint("+M1+2"), "did you mean `m1`?");
    assert_eq!(hint("path:models/mart"), "did you mean `path:models/marts`?");
    assert_eq!(hint("model/marts/m1.sql"), "did you mean `models/marts/m1.sql`?");
    let found = Selection::parse(&["./m1.sql".to_owned()], &[]).unwrap().evaluate(&graph, &Facts::default()).unwrap();
    assert_eq!(found.value.len(), 1);
}

#[test]
fn what_a_selection_asks_is_known_before() {
    let parse = |select: &str, exclude: &str| Selection::parse(&words(select), &words(exclude)).unwrap();
    assert!(parse("orders tag:a", "report").asked().is_nothing());
    let asked = parse("+status:stale,tag:a changed:main", "result:ok changed:v1").asked();
    assert!(asked.states && asked.results);
    assert_eq!(asked.changed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["main", "v1"]);
}

#[test]
fn orphans_belong_to_selections_that_name_them_alone() {
    for (select, exclude, takes) in [
        ("", "", true),
        ("", "orders", false),
        ("orders", "", false),
        ("status:orphaned", "", true),
        ("orders status:*", "", true),
        ("status:orphaned,tag:a", "", false),
        ("status:orphaned", "status:orphaned", false),
    ] {
        let selection = Selection::parse(&words(select), &words(exclude)).unwrap();
        assert_eq!(selection.takes_orphans(), takes, "{select} without {exclude}");
    }
}

#[test]
fn facts_decide_and_may_decide_for_nothing() {
    let graph = shop();
    let id = |name: &str| graph.find(name).unwrap();
    let facts = Facts {
        states: [(id("orders"), "stale"), (id("customers"), "fresh")].into(),
        results: [(id("report"), "failed")].into(),
        changed: [("main".to_owned(), [id("stg_orders")].into())].into(),
        columns: [(id("orders"), ["amount".to_owned()].into()), (id("customers"), ["name".to_owned()].into())].into(),
        reads: [(id("stg_orders"), ["orders.amount".to_owned()].into())].into(),
    };
    let named = |select: &str| -> Vec<&str> {
        let found = Selection::parse(&words(select), &[]).unwrap().evaluate(&graph, &facts).unwrap();
        assert!(found.warnings.0.is_empty(), "{select}");
        let mut names: Vec<&str> = found.value.iter().map(|id| graph.node(*id).name.as_str()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(named("status:stale result:failed"), ["orders", "report"]);
    assert_eq!(named("changed:main+1"), ["orders", "stg_orders"]);
    assert_eq!(named("status:[fs]*,orders"), ["orders"]);
    assert_eq!(named("column:AMO*"), ["orders"]);
    assert_eq!(named("reads:orders.Amount"), ["stg_orders"]);
    assert!(named("reads:customers.Name").is_empty() && named("reads:c*.n?me").is_empty());
    // Nobody knows which columns it has.
    assert!(named("reads:report.anything").is_empty() && named("reads:*.anything").is_empty());
    assert!(Selection::parse(&words("reads:orders"), &[]).is_err());
    for (wrong, near) in [("orders.amuont", "orders.amount"), ("custmers.NAME", "customers.NAME")] {
        let problems = Selection::parse(&words(&format!("reads:{wrong}")), &[]).unwrap().evaluate(&graph, &facts);
        let problem = problems.unwrap_err().0.remove(0);
        assert_eq!(problem.code, Code::NothingSelected);
        assert_eq!(problem.hints, [format!("did you mean `reads:{near}`?")]);
    }
    assert!(named("status:missing").is_empty() && named("status:stale,customers").is_empty());
    let mistake = Selection::parse(&words("status:missing ordres"), &[]).unwrap().evaluate(&graph, &facts);
    assert_eq!(mistake.unwrap_err().0[0].code, Code::NothingSelected);
    assert!(Selection::parse(&words("status:old"), &[]).is_err());
}
