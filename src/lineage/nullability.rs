//! Which columns hold no NULL for certain: those that an asset promises, and those that hold the values of such columns
//! alone.

use std::collections::{BTreeSet, HashMap};

use petgraph::algo::toposort;

use super::graph::is_named;
use super::order::joins_by_position;
use super::{Derivation, Lineage, trace};
use crate::engine::{Column, ColumnSet};
use crate::graph::{AssetGraph, Body, NodeId, folded};
use crate::parse::Rule;

/// The columns, in lower case, of each of these assets that hold no NULL; `columns` are those of all that they read, however
/// far up.
pub fn never_null(
    graph: &AssetGraph,
    assets: &BTreeSet<NodeId>,
    columns: &dyn Fn(NodeId) -> Option<Vec<Column>>,
) -> HashMap<NodeId, ColumnSet> {
    let mut found: HashMap<NodeId, ColumnSet> = HashMap::new();
    // A graph with a cycle is refused before it gets here.
    for id in toposort(&graph.nodes, None).unwrap_or_default().into_iter().filter(|id| assets.contains(id)) {
        let mut sure = promised(graph, id);
        // The shorter side of a positional join is filled up with NULL.
        if let Body::Sql(sql) = &graph.node(id).body
            && !joins_by_position(sql.statement())
        {
            let upstreams = graph.reads(id);
            let find = |name: &[String]| upstreams.iter().copied().find(|upstream| is_named(graph, *upstream, name));
            let known = |name: &[String]| columns(find(name)?).filter(|columns| !columns.is_empty());
            if let Ok(lineage) = trace(sql.statement(), &known) {
                sure.extend(copied(&lineage, &|relation, column| {
                    find(relation).and_then(|id| found.get(&id)).is_some_and(|sure| sure.contains(&folded(column)))
                }));
            }
        }
        found.insert(id, sure);
    }
    found
}

/// Promises are kept to before a table is published.
fn promised(graph: &AssetGraph, id: NodeId) -> ColumnSet {
    let promises = graph.node(id).constraints.iter();
    let promises = promises.filter(|constraint| matches!(constraint.rule, Rule::NotNull | Rule::PrimaryKey));
    promises.flat_map(|constraint| constraint.columns.iter().map(|column| folded(column))).collect()
}

/// The columns of a query that are nothing but values of sure ones; `is_sure` is asked for a relation's column.
fn copied(lineage: &Lineage, is_sure: &dyn Fn(&[String], &str) -> bool) -> ColumnSet {
    let sure = lineage.columns.iter().filter(|column| {
        let is_copy = matches!(column.derivation, Derivation::Copied | Derivation::Renamed);
        is_copy
            && !column.is_padded
            && !column.values.is_empty()
            && column.values.iter().all(|source| {
                let relation = lineage.relations.get(source.relation as usize);
                let name = relation.and_then(|relation| relation.columns.get(source.column as usize));
                relation.zip(name).is_some_and(|(relation, name)| is_sure(&relation.name, name))
            })
    });
    sure.filter_map(|column| column.name.as_deref().map(folded)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns that hold no NULL where `k` of `p` (k, a) and of `q` (k, x) does not.
    fn sure(query: &str) -> String {
        let columns = |names: [&str; 2]| {
            let column = |name: &str| Column { name: name.to_owned(), engine_type: "INTEGER".to_owned() };
            Some(names.into_iter().map(column).collect())
        };
        let known = |name: &[String]| match name.last().map(String::as_str) {
            Some("p") => columns(["k", "a"]),
            Some("q") => columns(["k", "x"]),
            _ => None,
        };
        let lineage = trace(query, &known).unwrap();
        copied(&lineage, &|_, column| column == "k").into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_that_are_copied_stay_what_they_are() {
        for (query, expected) in [
            ("select * from p", "k"),
            ("select k as key, a from p where a > 1 order by a limit 3", "key"),
            ("select k + 1 as k from p", ""),
            ("select max(k) as k from p", ""),
            ("select k, count(*) from p group by k", "k"),
            ("select k, count(*) from p group by rollup (k)", ""),
            ("select k, count(*) from p group by grouping sets ((k), ())", ""),
            ("select p.k as one, q.k as two from p join q on p.a = q.x", "one two"),
            ("select p.k as one, q.k as two from p left join q on p.a = q.x", "one"),
            ("select p.k as one, q.k as two from p right join q on p.a = q.x", "two"),
            ("select p.k as one, q.k as two from p full join q on p.a = q.x", ""),
            ("select k from p left join q using (k)", "k"),
            ("select k from p right join q using (k)", "k"),
            ("select k from p full join q using (k)", ""),
            ("select q.k from p left join q using (k)", ""),
            ("select * from p semi join q using (k)", "k"),
            ("with t as (select q.k from p left join q on a = x) select k from t", ""),
            ("select k from p union all select k from q", "k"),
            ("select k from p union all select x from q", ""),
            ("select k from p union all select q.k from p left join q on a = x", ""),
            ("select (select k from q limit 1) as k from p", ""),
            ("select lag(k) over (order by a) as k from p", ""),
            ("select case when a = 1 then k end as k from p", ""),
            ("select k from p union all by name select x from q", ""),
            ("select k, a from p union all by name select k from q", "k"),
            ("select * rename (k as a, a as k) from p", "a"),
            ("select q.k, p.k from p left join q on p.k = q.k", "k_1"),
            ("select null::int as k, k from p", "k_1"),
            ("select k from p natural join q", "k"),
            ("select k from p, lateral (select x from q where x = a)", "k"),
            ("select l.k from p left join lateral (select q.k from q where x = a) l on true", ""),
            (
                "select a.k as one, b.k as two, c.k as three from p a left join q b on a.a = b.x join q c on true",
                "one three",
            ),
            ("select a.k as one, c.k as three from p a left join q b on a.a = b.x right join q c on true", "three"),
        ] {
            assert_eq!(sure(query), expected, "{query}");
        }
    }
}
