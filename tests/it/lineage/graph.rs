//! Columns through the graph of a project, with a Python asset in its middle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use dovetail::compile::{Compiled, compile_project};
use dovetail::engine::Column;
use dovetail::lineage::{ColumnGraph, Effect, How};
use dovetail::project::{LoadOptions, load};

use crate::harness::Project;

/// `orders` (a seed) -> `stg_orders` -> `totals` (Python) -> `report`, which joins a source.
fn compiled(arguments: &str) -> (Project, Compiled) {
    let function = format!(
        "from dovetail import asset\n\n\n@asset({arguments})\ndef totals(stg_orders):\n    return stg_orders\n"
    );
    let project = Project::example().file("models/totals.py", function);
    let compiled = compiled_project(&project);
    (project, compiled)
}

fn compiled_project(project: &Project) -> Compiled {
    let options = LoadOptions { target: None, threads: None, vars: BTreeMap::new(), environment: Arc::default() };
    let loaded = load(&project.root(), &options).unwrap_or_else(|_| panic!("the project loads"));
    compile_project(loaded, None, None).unwrap_or_else(|_| panic!("the project compiles"))
}

fn column_graph(compiled: &Compiled) -> ColumnGraph<'_> {
    let known: [(&str, &[&str]); 4] = [
        ("orders", &["id", "customer", "amount"]),
        ("stg_orders", &["id", "customer", "amount"]),
        ("totals", &["customer", "total"]),
        ("raw.regions", &["customer", "region"]),
    ];
    let column = |name: &&str| Column { name: (*name).to_owned(), engine_type: "INTEGER".to_owned() };
    let columns: HashMap<_, Vec<Column>> = known
        .iter()
        .map(|(asset, names)| (compiled.graph.find(asset).unwrap(), names.iter().map(column).collect()))
        .collect();
    ColumnGraph::of(&compiled.graph, columns)
}

#[test]
fn python_makes_all_of_all_unless_it_says_what_it_reads() {
    let (_project, all) = compiled("");
    let (_told, said) = compiled("reads={'stg_orders': ['AMOUNT']}");
    let id = |name: &str| all.graph.find(name).unwrap();
    let upstream = |columns: &ColumnGraph<'_>, asset: &str, column: &str| {
        let found = columns.upstream(&columns.find(id(asset), column).unwrap());
        let values: Vec<String> = found.values.iter().map(|step| columns.written(&step.column)).collect();
        values.join(" ")
    };
    let columns = column_graph(&all);
    let total = columns.column(&columns.find(id("report"), "Total").unwrap()).unwrap();
    assert_eq!((total.how, total.name.as_str()), (How::Copied, "total"));
    let all =
        "totals.total stg_orders.amount stg_orders.customer stg_orders.id orders.amount orders.customer orders.id";
    assert_eq!(upstream(&columns, "report", "total"), all);
    let told = column_graph(&said);
    assert_eq!(upstream(&told, "report", "total"), "totals.total stg_orders.amount orders.amount");
}

#[test]
fn what_python_says_it_reads_breaks_and_what_it_does_not_say_may() {
    let (_project, all) = compiled("");
    let (_told, said) = compiled("reads={'stg_orders': 'amount'}");
    let id = |name: &str| all.graph.find(name).unwrap();
    let impact = |columns: &ColumnGraph<'_>, asset: &str, column: &str| {
        let affected = columns.impact(&columns.find(id(asset), column).unwrap());
        let line = |one: &dovetail::lineage::Affected| (all.graph.node(one.asset).name.to_string(), one.effect);
        affected.iter().map(line).collect::<Vec<_>>()
    };
    let owned =
        |list: &[(&str, Effect)]| list.iter().map(|(name, effect)| ((*name).to_owned(), *effect)).collect::<Vec<_>>();
    let columns = column_graph(&all);
    let expected = owned(&[("totals", Effect::MayBreak), ("report", Effect::Recomputes)]);
    assert_eq!(impact(&columns, "stg_orders", "amount"), expected);
    let told = column_graph(&said);
    let expected = owned(&[("totals", Effect::Breaks), ("report", Effect::Recomputes)]);
    assert_eq!(impact(&told, "stg_orders", "amount"), expected);
    assert_eq!(impact(&told, "stg_orders", "id"), owned(&[]));
    // `report` joins by `customer`, and takes `region` by its star.
    assert_eq!(impact(&told, "raw.regions", "customer"), owned(&[("report", Effect::Breaks)]));
    assert_eq!(impact(&told, "raw.regions", "region"), owned(&[("report", Effect::Recomputes)]));
}

/// What an editor asks: names in the text of a model that reads an ephemeral one.
#[test]
fn names_stand_for_columns_of_ephemeral_models() {
    let project = Project::new()
        .file("models/t.sql", "select 1 as a, 2 as b")
        .file("models/eph.sql", "{{ config(materialized='ephemeral') }}\nselect a, b as c from t -- it ends so")
        .file("models/r.sql", "select x.a, c + b as d from {{ ref('eph') }} as x, t, eph as y where y.c > t.a");
    let compiled = compiled_project(&project);
    let graph = &compiled.graph;
    let id = |name: &str| graph.find(name).unwrap();
    let column = |name: &&str| Column { name: (*name).to_owned(), engine_type: "INTEGER".to_owned() };
    let columns = |asset| {
        let known: &[&str] = if asset == id("t") { &["a", "b"] } else { &["a", "c"] };
        Some(known.iter().map(column).collect())
    };
    let dovetail::graph::Body::Sql(sql) = &graph.node(id("r")).body else { panic!("a model") };
    let named = dovetail::lineage::named_columns(graph, id("r"), sql, &columns);
    let told: Vec<String> = named
        .iter()
        .map(|named| {
            let read = named.columns.iter().map(|column| format!("{}.{}", graph.node(column.asset).name, column.name));
            let text = &sql.statement()[named.span.start..named.span.end];
            format!("{text}={}", read.collect::<Vec<_>>().join("+"))
        })
        .collect();
    // Which of two `c` is meant is not certain.
    assert_eq!(told, ["a=eph.a", "b=t.b", "c=eph.c", "a=t.a"]);
}

/// `t`, an ephemeral model of it and a function that takes columns of that; what the function reads of `t`, and whether it
/// would read the same if `t` had one column more.
fn read_through(ephemeral: &str, arguments: &str, parameters: &str) -> (String, bool) {
    let function = format!("from dovetail import asset\n\n\n@asset({arguments})\ndef f({parameters}):\n    return 1\n");
    let project = Project::new()
        .file("models/t.sql", "select 1 as id, 2 as amount, 3 as other")
        .file("models/eph.sql", format!("{{{{ config(materialized='ephemeral') }}}}\n{ephemeral}"))
        .file("models/f.py", function);
    let compiled = compiled_project(&project);
    let graph = &compiled.graph;
    let (t, f) = (graph.find("t").unwrap(), graph.find("f").unwrap());
    let column = |name: &&str| Column { name: (*name).to_owned(), engine_type: "INTEGER".to_owned() };
    let columns = |id| (id == t).then(|| ["id", "amount", "other"].iter().map(column).collect());
    let read = dovetail::lineage::read_columns(graph, f, &columns);
    let told = read.get(&t).map_or_else(|| "all".to_owned(), |set| set.iter().cloned().collect::<Vec<_>>().join(" "));
    (told, dovetail::lineage::reads_by_name(graph, f, (t, &read), &columns))
}

#[test]
fn functions_read_columns_through_ephemeral_models() {
    let reads = |columns: &str| format!("reads={{'eph': {columns}}}");
    for (ephemeral, arguments, parameters, expected) in [
        ("select * from t", reads("['ID']"), "eph", ("id", true)),
        ("select * from t where amount > 1", reads("['id']"), "eph", ("amount id", true)),
        ("select id + other as \"my id\" from t", reads("['my id']"), "eph", ("id other", true)),
        ("select id, amount from t", String::new(), "eph", ("amount id", true)),
        ("select * from t", String::new(), "eph", ("amount id other", false)),
        ("select distinct * from t", reads("['id']"), "eph", ("amount id other", false)),
        ("select * from t order by amount limit 3", reads("['id']"), "eph", ("amount id", true)),
        // What is not certain is read whole.
        ("select * from t limit 3", reads("['id']"), "eph", ("all", false)),
        ("select * from t", reads("['id']"), "eph, t", ("all", false)),
        ("select * from t", "reads={'eph': ['id'], 't': ['other']}".to_owned(), "eph, t", ("id other", true)),
        ("select * from t", "reads={'eph': ['id']}, deps=['t']".to_owned(), "eph", ("all", false)),
        ("select rowid as id from t", reads("['id']"), "eph", ("all", false)),
        ("from t as x(id, b)", reads("['id']"), "eph", ("id", false)),
    ] {
        let (told, by_name) = read_through(ephemeral, &arguments, parameters);
        let is_all = expected.0 == "all";
        assert_eq!((told.as_str(), is_all || by_name == expected.1), (expected.0, true), "{ephemeral} {arguments}");
    }
}

/// What the compiled statement comes from, with the ephemeral model's query inside, is not less than what the graph tells.
#[test]
fn nothing_is_lost_on_the_way_through_ephemeral_models() {
    let models = [
        "select a, b as c from t where d > 1",
        "select a, sum(b) as c from t where d > 1 group by a",
        "select max(a) as a, sum(b) filter (where d > 1) as c from t",
        "select distinct a, b as c from t",
        "select a, b as c from t order by d",
        "select a, row_number() over (partition by b order by d) as c from t",
        "select * exclude (b, d) rename (b2 as c) from (select *, b + 1 as b2 from t)",
        "select a, c from (select a, b as c from t union select d, a from t)",
        "select x.a, y.b as c from t as x left join t as y on x.a = y.d",
    ];
    let readers = [
        "select * from eph",
        "select c as k from eph where a > 1",
        "select sum(c) as k from eph",
        "select first(c) as k from eph",
        "select a, (select max(c) from eph as inner_ where inner_.a = eph.a) as k from eph limit 3",
        "select 1 as k from t where exists (from eph where eph.a = t.d)",
        "select eph.c as k, t.b from t, eph",
        "with q as (from eph) select k.c from q as k join {{ ref('eph') }} as l using (a)",
    ];
    let column = |name: &&str| Column { name: (*name).to_owned(), engine_type: "INTEGER".to_owned() };
    let known = |names: &[&str]| names.iter().map(column).collect::<Vec<Column>>();
    for (model, reader) in models.iter().flat_map(|model| readers.iter().map(move |reader| (model, reader))) {
        let project = Project::new()
            .file("models/t.sql", "select 1 as a, 2 as b, 3 as d")
            .file("models/eph.sql", format!("{{{{ config(materialized='ephemeral') }}}}\n{model}"))
            .file("models/r.sql", reader);
        let compiled = compiled_project(&project);
        let graph = &compiled.graph;
        let id = |name: &str| graph.find(name).unwrap();
        let columns = HashMap::from([(id("t"), known(&["a", "b", "d"])), (id("eph"), known(&["a", "c"]))]);
        let dovetail::graph::Body::Sql(sql) = &graph.node(id("r")).body else { panic!("a model") };
        let inlined = dovetail::lineage::trace(sql.statement(), &|_| Some(known(&["a", "b", "d"]))).unwrap();
        let columns = ColumnGraph::of(graph, columns);
        let made = &columns.assets[&id("r")].columns;
        assert_eq!(made.len(), inlined.columns.len(), "{model}; {reader}");
        for (made, inlined_column) in made.iter().zip(&inlined.columns) {
            let told = columns.upstream(&made.id);
            let of_table =
                |column: &dovetail::lineage::ColumnId| (column.asset == id("t")).then(|| column.name.clone());
            let values: BTreeSet<String> = told.values.iter().filter_map(|step| of_table(&step.column)).collect();
            let rows: BTreeSet<String> = told.rows.iter().filter_map(of_table).collect();
            let names = |sources: &BTreeSet<dovetail::lineage::Source>| -> BTreeSet<String> {
                sources.iter().map(|source| inlined.relations[0].columns[source.column as usize].clone()).collect()
            };
            assert_eq!(values, names(&inlined_column.values), "{model}; {reader}: {}", made.name);
            let decided: BTreeSet<String> = rows.union(&values).cloned().collect();
            assert!(names(&inlined.rows_of(inlined_column)).is_subset(&decided), "{model}; {reader}: {}", made.name);
        }
    }
}
