//! Where a statement names columns of what it reads: the same lookup that tells where its columns come from.

use super::ephemeral::Direct;
use super::graph::column_id;
use super::scope::Scope;
use super::tracer::Tracer;
use super::{ColumnId, Columns, on_own_stack};
use crate::engine::Column;
use crate::graph::{AssetGraph, CompiledSql, NodeId};
use crate::parse::sql::syntax_tree;
use crate::source::Span;

/// A name in a statement that stands for columns of what the statement reads, be it by way of its own subqueries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedColumn {
    /// In the statement; the column's name without what qualifies it.
    pub span: Span,
    /// What its values come from; nothing where they come from no column.
    pub columns: Vec<ColumnId>,
    /// Whether it has the values of a column as they are: it is another name of that column, or the same.
    pub is_copy: bool,
}

/// The names of columns in a model's statement, in order. `columns` are those of its upstreams, as far as they are known.
///
/// Nothing where the statement is written in a way that is not followed: what is not certain is left out.
pub fn named_columns(
    graph: &AssetGraph,
    reader: NodeId,
    sql: &CompiledSql,
    columns: &dyn Fn(NodeId) -> Option<Vec<Column>>,
) -> Vec<NamedColumn> {
    let is_known = |id: NodeId| columns(id).is_some_and(|known| !known.is_empty());
    let direct = Direct::of(graph, reader, sql, &is_known);
    let lookup = |name: &[String]| columns(direct.find(name)?).filter(|known| !known.is_empty());
    let id = |(relation, column): (Vec<String>, String)| Some(column_id(direct.find(&relation)?, &column));
    let named = names(&direct.statement, &lookup).into_iter();
    named
        .filter_map(|Name { span, columns, is_copy }| {
            let columns = columns.into_iter().filter_map(id).collect();
            Some(NamedColumn { span: direct.compiled(span)?, columns, is_copy })
        })
        .collect()
}

/// A name and the columns of relations, by the names of both.
struct Name {
    span: Span,
    columns: Vec<(Vec<String>, String)>,
    is_copy: bool,
}

fn names(statement: &str, relations: &Columns<'_>) -> Vec<Name> {
    on_own_stack(statement, || names_here(statement, relations)).unwrap_or_default()
}

fn names_here(statement: &str, relations: &Columns<'_>) -> Vec<Name> {
    let Some(tree) = syntax_tree(statement) else { return Vec::new() };
    let Some(places) = &tree.places else { return Vec::new() };
    let mut tracer = Tracer::new(relations);
    tracer.places = Some(Vec::new());
    tracer.query(&tree.query, &Scope::default(), true);
    let column = |source: super::Source| {
        let read = tracer.read.get(source.relation as usize)?;
        let (name, _) = read.columns.get(source.column as usize)?;
        Some((read.name.clone(), name.to_string()))
    };
    let placed = tracer.places.iter().flatten().filter_map(|placed| {
        let span = places.place(placed.span)?;
        Some(Name { span, columns: placed.values.iter().filter_map(column).collect(), is_copy: placed.is_copy })
    });
    let mut named: Vec<Name> = placed.collect();
    // What is looked at more than once is the same each time, or more than it was.
    named.sort_by_key(|named| (named.span, std::cmp::Reverse(named.columns.len())));
    named.dedup_by_key(|named| named.span);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name=relation.column` of each name, with `~` in front of what is only made of its columns.
    fn shown(statement: &str) -> Vec<String> {
        let column = |name: &str| Column { name: name.to_owned(), engine_type: "INTEGER".to_owned() };
        let relations = |name: &[String]| match name.last()?.as_str() {
            "orders" => Some(["id", "amount", "customer"].map(column).to_vec()),
            "customers" => Some(["customer", "region"].map(column).to_vec()),
            _ => None,
        };
        let shown = |name: Name| {
            let columns = name.columns.iter().map(|(relation, column)| format!("{}.{column}", relation.join(".")));
            let sign = if name.is_copy { "" } else { "~" };
            format!("{}={sign}{}", &statement[name.span.start..name.span.end], columns.collect::<Vec<_>>().join("+"))
        };
        names(statement, &relations).into_iter().map(shown).collect()
    }

    #[test]
    fn names_stand_for_columns_through_subqueries() {
        assert_eq!(
            shown("-- ä\nselect o.id, amount + 1 as more from main.orders as o where customer = 'ö'"),
            ["id=main.orders.id", "amount=main.orders.amount", "customer=main.orders.customer"]
        );
        assert_eq!(
            shown("with a as (select id as key, id + amount as both from orders) select key, a.both, nothing from a"),
            ["id=orders.id", "id=orders.id", "amount=orders.amount", "key=orders.id", "both=~orders.id+orders.amount"]
        );
        assert_eq!(
            shown("from orders join customers c on orders.customer = c.customer select region"),
            ["customer=orders.customer", "customer=customers.customer", "region=customers.region"]
        );
    }

    #[test]
    fn stars_and_joins_name_columns_too() {
        assert_eq!(
            shown("select * exclude (amount) from orders join customers using (customer)"),
            ["amount=orders.amount", "customer=orders.customer+customers.customer"]
        );
        assert_eq!(
            shown("select o.* exclude id replace (amount + 1 as amount) from orders as o"),
            ["id=orders.id", "amount=orders.amount", "amount=orders.amount"]
        );
    }

    #[test]
    fn quoted_names_are_marked_as_a_whole() {
        assert_eq!(
            shown("select o.\"amount\", \"id\" as \"x y\" from orders o"),
            ["\"amount\"=orders.amount", "\"id\"=orders.id"]
        );
    }

    #[test]
    fn names_keep_their_places_where_the_text_is_put_in_other_words() {
        assert_eq!(shown("from orders where amount > 1"), ["amount=orders.amount"]);
        assert_eq!(shown("select id from orders asof join customers on amount >= region")[..1], ["id=orders.id"]);
        assert!(shown("this is no query").is_empty());
    }
}
