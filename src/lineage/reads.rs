//! Which columns an asset reads of what stands above it.

use std::collections::{BTreeSet, HashMap};

use super::by_place::reads_by_place;
use super::graph::is_named;
use super::order::follows_order;
use super::{Derivation, Lineage, Source, trace};
use crate::engine::{Column, ColumnSet};
use crate::graph::{AssetGraph, Body, CompiledPython, Materialized, NodeId, folded, quoted};
use crate::parse::ReadColumn;
use crate::parse::sql::words;
use crate::source::Span;

/// The columns that an asset reads of each of its upstreams, for values and to decide rows, where it is certain that it
/// reads no others. Of upstreams that are not in it, it may read everything.
pub type ReadColumns = HashMap<NodeId, ColumnSet>;

/// What an asset reads; `columns` gives those of its upstreams, as far as they are known.
pub fn read_columns(graph: &AssetGraph, id: NodeId, columns: &Known<'_>) -> ReadColumns {
    match &graph.node(id).body {
        Body::Sql(sql) => by_query(graph, id, sql.statement(), columns, false).unwrap_or_default(),
        Body::Python(python) => by_function(graph, id, python, columns, false),
        Body::Seed | Body::Source(_) => ReadColumns::new(),
    }
}

/// The same where upstreams have other columns than they had: nothing is certain of a query for which it matters which others
/// stand beside those that it reads.
pub fn read_columns_that_moved(graph: &AssetGraph, id: NodeId, columns: &Known<'_>) -> ReadColumns {
    match &graph.node(id).body {
        Body::Sql(sql) => by_query(graph, id, sql.statement(), columns, true).unwrap_or_default(),
        Body::Python(python) => by_function(graph, id, python, columns, true),
        Body::Seed | Body::Source(_) => ReadColumns::new(),
    }
}

/// Whether an asset that reads `read` would read the same if an upstream had one column more: it takes its columns by their
/// names.
pub fn reads_by_name(
    graph: &AssetGraph,
    id: NodeId,
    (upstream, read): (NodeId, &ReadColumns),
    columns: &Known<'_>,
) -> bool {
    if let Body::Sql(sql) = &graph.node(id).body
        && names_all(sql.statement())
    {
        return true;
    }
    ignores_others(graph, id, (upstream, read), columns)
}

/// The same, by following the query and not by its look: `select p from p` names no column, and takes all.
pub fn ignores_others(
    graph: &AssetGraph,
    id: NodeId,
    (upstream, read): (NodeId, &ReadColumns),
    columns: &Known<'_>,
) -> bool {
    let with_another = |other: NodeId| {
        let mut found = columns(other)?;
        // No name that anybody can write.
        let another = Column { name: "\u{1}".to_owned(), engine_type: "INTEGER".to_owned() };
        found.extend((other == upstream).then_some(another));
        Some(found)
    };
    *read == read_columns_that_moved(graph, id, &with_another)
}

/// Words without which, and without a star, a query takes no column that it does not name.
const TAKING_ALL: [&str; 7] = ["columns", "describe", "from", "natural", "pivot", "summarize", "unpivot"];

/// Whether that shows at a glance, as it does for most queries.
fn names_all(statement: &str) -> bool {
    let words = words(statement);
    let is = |word: &str, known: &str| word.eq_ignore_ascii_case(known);
    let takes_all = |(word, span): &(String, Span)| {
        let before = statement.get(..span.start).unwrap_or_default().trim_end();
        // `from t` alone takes all; behind what is selected it does not.
        let is_named = is(word, "from") && !before.is_empty() && !before.ends_with('(');
        TAKING_ALL.iter().any(|known| is(word, known)) && !is_named
    };
    !statement.contains('*') && !words.iter().any(takes_all)
}

/// The columns of an upstream, as far as they are known.
type Known<'a> = dyn Fn(NodeId) -> Option<Vec<Column>> + 'a;

/// Names that lead to what stands in tables by other ways than a column of theirs: the number of a row, and the catalog.
const OTHER_WAYS: [&str; 6] =
    ["rowid", "information_schema", "pg_catalog", "sqlite_master", "sqlite_schema", "getvariable"];
const CATALOG: [&str; 2] = ["duckdb_", "pragma_"];

fn goes_other_ways(statement: &str) -> bool {
    words(statement).iter().any(|(word, _)| {
        let word = word.to_ascii_lowercase();
        OTHER_WAYS.contains(&word.as_str()) || CATALOG.iter().any(|prefix| word.starts_with(prefix))
    })
}

/// What an asset reads by a query of its own; `None` where anything is not certain: a name that is not followed could mean
/// each column.
fn by_query(
    graph: &AssetGraph,
    id: NodeId,
    statement: &str,
    columns: &Known<'_>,
    columns_moved: bool,
) -> Option<ReadColumns> {
    if columns_moved && reads_by_place(statement) {
        return None;
    }
    if goes_other_ways(statement) || follows_order(statement) || !graph.unseen(id).is_empty() {
        return None;
    }
    let upstreams = graph.reads(id);
    let find = |name: &[String]| upstreams.iter().copied().find(|upstream| is_named(graph, *upstream, name));
    let known = |name: &[String]| columns(find(name)?).filter(|columns| !columns.is_empty());
    let lineage = trace(statement, &known).ok()?;
    if columns_moved && lineage.numbers_names {
        return None;
    }
    let nodes: Option<Vec<NodeId>> = lineage.relations.iter().map(|relation| find(&relation.name)).collect();
    // What is read in a way that names no relation is not in the lineage, and may be read whole.
    let mut read = ReadColumns::new();
    for (node, columns) in nodes?.into_iter().zip(by_relation(&lineage)?) {
        read.entry(node).or_default().extend(columns);
    }
    Some(read)
}

/// What a query reads of each of its relations; `None` where anything is not certain.
fn by_relation(lineage: &Lineage) -> Option<Vec<ColumnSet>> {
    let is_unknown = |derivation: &Derivation| matches!(derivation, Derivation::Unknown(_));
    if lineage.rows_unknown.is_some()
        || lineage.columns.iter().any(|column| is_unknown(&column.derivation))
        || lineage.relations.iter().any(|relation| !relation.is_known)
    {
        return None;
    }
    let mut read = vec![ColumnSet::new(); lineage.relations.len()];
    for source in sources(lineage) {
        let column = lineage.relations.get(source.relation as usize)?.columns.get(source.column as usize)?;
        read.get_mut(source.relation as usize)?.insert(folded(column));
    }
    Some(read)
}

fn sources(lineage: &Lineage) -> BTreeSet<Source> {
    let columns = lineage.columns.iter().flat_map(|column| column.values.iter().chain(&column.rows));
    columns.chain(&lineage.rows).chain(&lineage.named).copied().collect()
}

/// A function is given what `reads=` says, and nothing else, of the upstreams that its parameters receive, unless it reads
/// them in another way too: what `deps=` names is read in ways that nobody knows. An ephemeral one is a query, of which the
/// function is given columns.
fn by_function(
    graph: &AssetGraph,
    id: NodeId,
    python: &CompiledPython,
    columns: &Known<'_>,
    columns_moved: bool,
) -> ReadColumns {
    let is_ephemeral = |id: NodeId| graph.node(id).materialized == Materialized::Ephemeral;
    let beneath = |id: NodeId| if is_ephemeral(id) { graph.reads(id) } else { vec![id] };
    let mut whole: BTreeSet<NodeId> = python.dependencies.iter().flat_map(|dependency| beneath(*dependency)).collect();
    let mut read = ReadColumns::new();
    for (index, upstream) in &python.inputs {
        let reads = python.body.parameters.get(*index).and_then(|parameter| parameter.reads.as_ref());
        let found = match reads {
            _ if is_ephemeral(*upstream) => {
                let list = reads.map_or_else(|| "*".to_owned(), |reads| listed(reads));
                let query = format!("select {list} from {}", graph.from_item(*upstream));
                by_query(graph, id, &query, columns, columns_moved).unwrap_or_default()
            }
            Some(reads) => ReadColumns::from([(*upstream, reads.iter().map(|column| folded(&column.name)).collect())]),
            None => ReadColumns::new(),
        };
        whole.extend(beneath(*upstream).into_iter().filter(|id| !found.contains_key(id)));
        found.into_iter().for_each(|(id, columns)| read.entry(id).or_default().extend(columns));
    }
    read.retain(|id, _| !whole.contains(id));
    read
}

fn listed(columns: &[ReadColumn]) -> String {
    columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a query reads of `p` (with the columns a, b, c and s) and of `q` (k, x); `?` where that is not certain.
    fn read(query: &str) -> String {
        let columns = |names: &[(&str, &str)]| {
            let column = |(name, kind): &(&str, &str)| Column { name: (*name).into(), engine_type: (*kind).into() };
            Some(names.iter().map(column).collect())
        };
        let known = |name: &[String]| match name.last().map(String::as_str) {
            Some("p") => {
                columns(&[("a", "INTEGER"), ("b", "INTEGER"), ("c", "INTEGER"), ("s", "STRUCT(f INTEGER, g INTEGER)")])
            }
            Some("q") => columns(&[("k", "INTEGER"), ("x", "INTEGER")]),
            Some("clock") => columns(&[("k", "INTEGER"), ("current_date", "DATE"), ("rowid", "INTEGER")]),
            _ => None,
        };
        let Some((lineage, read)) = trace(query, &known).ok().and_then(|lineage| {
            let read = by_relation(&lineage)?;
            Some((lineage, read))
        }) else {
            return "?".to_owned();
        };
        let told = lineage.relations.iter().zip(read).map(|(relation, columns)| {
            let columns: Vec<String> = columns.into_iter().collect();
            format!("{}({})", relation.name.join("."), columns.join(" "))
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nothing_is_left_out() {
        for (query, expected) in [
            ("select a from p", "p(a)"),
            ("select count(*) from p", "p()"),
            ("select 1 from p", "p()"),
            ("select a from p where b > 1", "p(a b)"),
            ("select * from p", "p(a b c s)"),
            ("select s.f from p", "p(s)"),
            ("select a from p qualify row_number() over (partition by b order by c) = 1", "p(a b c)"),
            ("select a from p order by b limit 3", "p(a b)"),
            ("select n from (unpivot p on a, b into name n value c)", "p(a b c)"),
            ("select [c for c in [1, 2] if c > b] as v from p", "p(b c)"),
            ("select distinct on (a) a, b from p order by c", "p(a b c)"),
            ("select first(a order by b) from p", "p(a b)"),
            ("select max_by(a, b) from p", "p(a b)"),
            ("select list(a) filter (where b > 1) from p", "p(a b)"),
            ("select a from p group by a having sum(b) > 1", "p(a b)"),
            ("select a, sum(b) over (order by c rows 1 preceding) from p", "p(a b c)"),
            ("select a, count(*) from p group by rollup (a, b)", "p(a b)"),
            ("select a from p where exists (select 1 from q where q.x = p.b)", "p(a b) q(x)"),
            ("select a, (select max(x) from q where k = b) from p", "p(a b) q(k x)"),
            ("select a from p join q on b = k", "p(a b) q(k)"),
            ("select a from p semi join q on b = k", "p(a b) q(k)"),
            ("select a from p asof join q on b = k and c >= x", "p(a b c) q(k x)"),
            ("select a from p except select k from q", "p(a) q(k)"),
            ("select a from p union all select x from q", "p(a) q(x)"),
            ("select a from (select * from p)", "p(a)"),
            ("with t as (select a, b from p) select a from t", "p(a b)"),
            ("select case when exists (from p) then 1 end from q", "q() p()"),
            ("from p select a where b in (select k from q)", "p(a b) q(k)"),
            ("select a from p, lateral (select x from q where k = b)", "p(a b) q(k x)"),
            ("select p1.a from p p1 join p p2 on p1.b = p2.c", "p(a b c)"),
            ("select k from clock where year(current_date) > 2000", "clock(current_date k)"),
            ("select x from clock natural join q", "?"),
            ("select x from q natural join clock", "q(k x) clock(k)"),
        ] {
            assert_eq!(read(query), expected, "{query}");
        }
    }

    #[test]
    fn most_queries_name_their_columns_at_a_glance() {
        for (query, names) in [
            ("select a, b from p where c > 1", true),
            ("with t as (select a from p) select a from t join q on a = k", true),
            ("select * from p", false),
            ("select a * 2 from p", false),
            ("from p", false),
            ("select a from (from p)", false),
            ("select columns('a') from p", false),
            ("select a from p natural join q", false),
        ] {
            assert_eq!(names_all(query), names, "{query}");
        }
    }

    #[test]
    fn what_takes_whole_rows_reads_all() {
        for query in [
            "select p from p",
            "select @b as v from p",
            "select a from p where @p.b > 10",
            "select b: a from p",
            "select a, (select count(*) from query('from p where b > 10')) as n from p",
            "select a, (select count(*) from nosuch_function('p')) as n from p",
            "select to_json(p) from p",
            "select row(p.*) from p",
            "select count(p) from p",
            "select hash(columns(*)) from p",
            "pivot p on b using sum(a)",
            "unpivot p on a, b into name n value v",
            "summarize p",
            "select * from p natural join q",
            "select * exclude (a) from p",
            "select distinct * from p",
            "select count(*) from (select distinct * from p)",
            "select unnest(p) from p",
            "select struct_pack(p := p) from p",
        ] {
            let told = read(query);
            assert!(told == "?" || told.contains("p(a b c s)"), "{query}: {told}");
        }
    }
}
