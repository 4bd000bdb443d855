//! What is offered in SQL that is half written, without an editor.

use super::PROBE;
use super::place::{Asked, asked};
use crate::engine::Column;
use crate::lineage::visible_columns;

fn columns(name: &str) -> Option<Vec<Column>> {
    let column =
        |(name, engine_type): (&str, &str)| Column { name: name.to_owned(), engine_type: engine_type.to_owned() };
    let columns: &[(&str, &str)] = match name {
        "orders" => &[("id", "INTEGER"), ("customer", "VARCHAR"), ("amount", "DOUBLE")],
        "customers" => &[("customer", "VARCHAR"), ("region", "VARCHAR")],
        "nested" => &[("s", "STRUCT(\"a b\" INTEGER, inner STRUCT(x INTEGER, y VARCHAR))"), ("id", "INTEGER")],
        _ => return None,
    };
    Some(columns.iter().map(|one| column(*one)).collect())
}

/// What is offered at `|`: names of columns, or `tables` with the common table expressions.
fn offered(text: &str) -> String {
    let sql = text.replacen('|', PROBE, 1);
    let relations = |name: &[String]| columns(name.last()?);
    let visible = |statement: &str| -> Vec<String> {
        visible_columns(statement, PROBE, &relations).into_iter().map(|column| column.name).collect()
    };
    match asked(&sql, PROBE) {
        Asked::Nothing => "nothing".to_owned(),
        Asked::Table { definitions, qualifiers } => format!("tables {}{}", qualifiers.join("."), definitions.join(" ")),
        Asked::Columns { statements, aliases } => {
            let mut sides = statements.iter().map(|statement| visible(statement));
            let mut names = sides.next().unwrap_or_default();
            sides.for_each(|side| names.retain(|name| side.contains(name)));
            names.extend(aliases);
            names.dedup();
            names.join(" ").trim().to_owned()
        }
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(offered(text), *expected, "{text}");
    }
}

const ORDERS: &str = "id customer amount";

#[test]
fn columns_of_what_is_written_so_far() {
    check(&[
        ("select | from customers where", "customer region"),
        ("select | from customers", "customer region"),
        ("select id, | from orders", ORDERS),
        ("select id, |, from orders where and", ORDERS),
        ("select |, sum( from orders group by", ORDERS),
        ("select sum(| from orders", ORDERS),
        ("select coalesce(id, | \nfrom orders\ngroup by", ORDERS),
        ("select c.| from customers c where", "customer region"),
        ("select * from orders where |", ORDERS),
        ("select * from orders o where o.| and", ORDERS),
        ("select * from orders where id = | group by", ORDERS),
        ("select * from orders where amount * |", ORDERS),
        ("select * from orders where id is distinct from |", ORDERS),
        ("select extract(year from |) from orders, where", ORDERS),
        ("select * from orders a join customers b on a.|", ORDERS),
        ("select * from orders a join customers b on a.customer = b.|", "customer region"),
        ("select * from orders a join customers b on a.customer = b.| where x = ", "customer region"),
        ("from orders select | where (", ORDERS),
        ("select row_number() over (partition by | order by from orders", ORDERS),
        ("select count(*) filter(where |) from orders where", ORDERS),
        ("select case when | from orders", ORDERS),
    ]);
}

#[test]
fn names_of_the_list_where_they_can_be_used() {
    check(&[
        ("select amount as paid from orders order by |", "id customer amount paid"),
        ("select amount as paid, from orders group by |", "id customer amount paid"),
        ("select id from orders union select region from customers order by |", "id"),
        ("select id from orders union all by name select region from customers where order by |", "id region"),
    ]);
}

#[test]
fn stars_and_joins_name_columns_too() {
    check(&[
        ("select * exclude (|) from orders", ORDERS),
        ("select c.* exclude (region, |) from orders o join customers c using (customer)", "customer region"),
        ("select * replace (| as amount) from orders where", ORDERS),
        ("select * replace (1 as |) from orders", ORDERS),
        ("select * rename (| as x) from orders", ORDERS),
        ("select * from orders join customers using (|)", "customer"),
        ("select * from orders join customers using (|", "customer"),
        ("select * from nowhere join orders on true join customers c using (|) where", "customer"),
        ("select * from orders join nowhere using (|)", ""),
    ]);
}

#[test]
fn queries_in_queries_are_told_apart() {
    check(&[
        ("with a as (select | from orders) select", ORDERS),
        ("with a as (select | from orders", ORDERS),
        ("with a as (select id from orders), b as (select | from a", "id"),
        ("with a as (select id, from orders where), b as (select | from a) select", "id"),
        ("with a as (select id as key, id + as total, from orders) select a.| from a where", "key total"),
        ("with a(x, y) as (select id, nvl( from orders) select | from a", "x y"),
        ("with a as (select id from orders), b as (select 1 as one) select b.| from a, b where", "one"),
        ("with a as (select id from orders select | from a", "id"),
        ("with a as (select id from orders, b as (select 1 as one) select | from b", "one"),
        ("with recursive r as (select id from orders union all select | from r) select", "id"),
        ("select * from customers c where exists (select | from orders o where", "id customer amount customer region"),
        ("select (select c.| from orders) from customers c where", "customer region"),
        ("select * from (select id, from orders) as t where t.|", "id"),
        ("select * from (select | from orders) as t where", ORDERS),
        ("select id from orders union select | from customers where", "customer region"),
        ("select * from orders o, lateral (select o.| ) where", ORDERS),
        ("select * from orders o, unnest(o.|", ORDERS),
    ]);
}

#[test]
fn tables_stand_behind_these_words() {
    check(&[
        ("select * from |", "tables "),
        ("select * from orders, | where", "tables "),
        ("select * from orders o left JOIN |", "tables "),
        ("select * from (|", "tables "),
        ("select * from (orders o join |", "tables "),
        ("select * from raw.|", "tables raw"),
        ("with a as (select 1), b as (select 2 select * from |", "tables a b"),
        ("with a as (select 1), b as (select * from | where x) select", "tables a"),
        ("with a as (select 1) select * from (with b as (select 2) select * from | ) where", "tables b a"),
        ("from |", "tables "),
        ("summarize |", "tables "),
        ("pivot |", "tables "),
    ]);
}

#[test]
fn fields_of_structs() {
    check(&[
        ("select s.| from nested where", "a b inner"),
        ("select n.s.| from nested n where", "a b inner"),
        ("select s.inner.| from nested", "x y"),
        ("select id.| from nested", ""),
    ]);
}

#[test]
fn nothing_where_no_column_can_stand() {
    check(&[
        ("select id | from orders", "nothing"),
        ("select id as | from orders", "nothing"),
        ("select id::| from orders", "nothing"),
        ("select * | from orders", "nothing"),
        ("select * from orders |", "nothing"),
        ("select * from orders o(|) ", "nothing"),
        ("select * from orders limit |", "nothing"),
        ("select 'a | b' from orders", "nothing"),
        ("select a -- from |\n from orders", "nothing"),
        ("|", "nothing"),
        ("with a as (select 1), | select", "nothing"),
        ("select f(x).| from orders", "nothing"),
        ("pivot orders on customer using sum(|", ORDERS),
        ("select * from orders pivot (sum(|) for customer in ('a'))", "nothing"),
    ]);
}

#[test]
fn no_columns_of_other_tables() {
    check(&[
        // What hides a table hides its columns, be it ever so broken.
        ("with orders as (nonsense) select | from orders", ""),
        ("with orders as (select 1 as one, from (((() select orders.| from orders where", "one"),
        ("select o.| from customers c, orders. o where", ""),
        ("select | from nowhere", ""),
        ("select | ", ""),
        ("with a as (select * from orders) select |", ""),
        ("select customers.| from orders where", ""),
        ("select * from orders where id = 1; select | from customers where", "customer region"),
    ]);
}

const QUERIES: &str = include_str!("../../../parse/sql/queries.txt");

/// `table.column` of what is in view in one of the statements, where every table has columns of its own.
fn in_view(statements: &[String]) -> Vec<String> {
    let relations = |name: &[String]| {
        let own = format!("{}_own", name.last()?.to_lowercase());
        Some(["a", &own].map(|name| Column { name: name.to_owned(), engine_type: "INTEGER".to_owned() }).to_vec())
    };
    let visible = statements.iter().flat_map(|statement| visible_columns(statement, PROBE, &relations));
    visible.map(|column| column.name).collect()
}

#[test]
fn what_is_offered_is_what_the_whole_query_has_in_view() {
    let (mut same, mut fewer) = (0, 0);
    for query in QUERIES.lines() {
        for (_, span) in crate::parse::sql::words(query) {
            let (before, behind) = (&query[..span.start], &query[span.end..]);
            let whole = format!("{before}{PROBE}{behind}");
            let expected = in_view(std::slice::from_ref(&whole));
            // What stands behind the cursor may be missing, or in pieces.
            for text in
                [whole.clone(), format!("{before}{PROBE} {}", behind.replacen(')', "", 1)), format!("{before}{PROBE}")]
            {
                let Asked::Columns { statements, .. } = asked(&text, PROBE) else { continue };
                if expected.is_empty() || statements.len() > 1 {
                    continue;
                }
                let offered = in_view(&statements);
                let is_known = |column: &String| expected.contains(column);
                assert!(offered.iter().all(is_known), "{text}: {offered:?} and not {expected:?}, by {statements:?}");
                *if offered.len() == expected.len() { &mut same } else { &mut fewer } += 1;
            }
        }
    }
    assert!(same > 2 * fewer && same > 300, "{same} {fewer}");
}

#[test]
fn whatever_is_cut_off_nothing_panics() {
    let text = "with recursive a(x) as (select s.b, sum(c) filter (where d) from orders o left join (customers c join nested n \
                on true) using (customer) group by all), b as not materialized (from a) select distinct on (id) * exclude (a), \
                'x' from (select 1) t, unnest([1]) union by name (select {'a': 2}) order by 1 limit 3";
    let offsets = || text.char_indices().map(|(offset, _)| offset);
    for offset in offsets() {
        offered(&format!("{}|", &text[..offset]));
        offered(&format!("{}|{}", &text[..offset], &text[offset..]));
        offered(&format!("|{}", &text[offset..]));
        offered(&format!("{} | ){}", &text[..offset], &text[offset..]));
    }
}
