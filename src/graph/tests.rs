//! Resolving and compiling small projects.

use crate::graph::testing::*;
use crate::graph::*;
use serde_json::json;

#[test]
fn smoke() {
    let graph = resolve_assets(vec![
        model("models/a.sql", "select 1 as x", json!({"materialized": "ephemeral"})),
        model("models/b.sql", "-- {ref a}\nselect * from {ref a} join [[A]] on true -- x", json!({})),
    ]);
    let graph = graph.map_err(shown).unwrap().value;
    let Body::Sql(sql) = &graph.node(graph.find("b").unwrap()).body else { panic!() };
    println!("{} {:?}", sql.text, sql.statement());
}
