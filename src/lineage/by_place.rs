//! Queries for which it matters where a column stands among those of its relation.
//!
//! Such a query may mean other columns when others come beside them, though it reads the same ones all in all:
//! `from p union all from q` puts them together in other pairs.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr,
    SetQuantifier, TableFactor, Visit, Visitor,
};

use super::on_own_stack;
use super::select::position;
use super::star::columns_call;
use crate::parse::sql::syntax_tree;

/// Whether a statement takes columns of a star by their place; true where nobody knows.
pub(super) fn reads_by_place(statement: &str) -> bool {
    let reads = || syntax_tree(statement).is_none_or(|tree| tree.query.visit(&mut Finder).is_break());
    on_own_stack(statement, reads).unwrap_or(true)
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        let mut named = tables.filter(|table| !table.alias.columns.is_empty());
        let orders = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(orders)) => orders.as_slice(),
            _ => &[],
        };
        let by_number = |order: &OrderByExpr| position(&order.expr).is_some();
        found(
            named.any(|table| has_star(&table.query.body))
                || (orders.iter().any(by_number) && has_star(&query.body))
                || pairs(&query.body),
        )
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let on = match &select.distinct {
            Some(Distinct::On(keys)) => keys.as_slice(),
            _ => &[],
        };
        let keys = match &select.group_by {
            GroupByExpr::Expressions(keys, _) => keys.as_slice(),
            GroupByExpr::All(_) => &[],
        };
        found(lists_star(select) && on.iter().chain(keys).any(holds_number))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        found(match factor {
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                !alias.columns.is_empty() && has_star(&subquery.body)
            }
            TableFactor::Table { args: None, alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. }
            | TableFactor::Pivot { alias: Some(alias), .. }
            | TableFactor::Unpivot { alias: Some(alias), .. } => !alias.columns.is_empty(),
            _ => false,
        })
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        found(match expression {
            Expr::InSubquery { subquery, .. } => has_star(&subquery.body),
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => match &**right {
                Expr::Subquery(query) => has_star(&query.body),
                _ => false,
            },
            // A pattern chooses them in the order in which they stand.
            _ => columns_call(expression).is_some(),
        })
    }
}

fn found(is_found: bool) -> ControlFlow<()> {
    if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Whether a set operation puts columns of stars side by side.
fn pairs(body: &SetExpr) -> bool {
    let SetExpr::SetOperation { left, set_quantifier, right, .. } = body else { return false };
    let by_name =
        matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName);
    (!by_name && (has_star(left) || has_star(right))) || pairs(left) || pairs(right)
}

/// Whether the columns of a query are those of a star.
pub(super) fn has_star(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => lists_star(select),
        SetExpr::Query(query) => has_star(&query.body),
        SetExpr::SetOperation { left, right, .. } => has_star(left) || has_star(right),
        SetExpr::Values(_) => false,
        _ => true,
    }
}

fn lists_star(select: &Select) -> bool {
    let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    select.flavor == SelectFlavor::FromFirstNoSelect || select.projection.iter().any(is_star)
}

fn holds_number(key: &Expr) -> bool {
    match key {
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => sets.iter().flatten().any(holds_number),
        Expr::Tuple(keys) => keys.iter().any(holds_number),
        key => position(key).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_columns_of_stars_are_found() {
        for query in [
            "from p union all from q",
            "select a from (select * from p union all select a, b from q)",
            "(select 1) except (from p)",
            "select x from p t(x, y)",
            "select x from (from p) t(x, y)",
            "with t(x, y) as (from p) select x from t",
            "select a from (select * from p order by 2 limit 3)",
            "select a from (from p order by 1, b limit 3)",
            "select a from (select distinct on (1) * from p)",
            "select a from (select *, count(*) from p group by rollup (1, 2))",
            "select columns('[ab]') from p",
            "select min(columns(*)) from p",
            "select a from p where (a, b) in (from q)",
            "select a from p where a = any (from q)",
            "select x from (p join q on true) t(x)",
            "with recursive t as (select * from p union all select a + 1, b from t where a < 9) select a from t",
            "this is no query",
        ] {
            assert!(reads_by_place(query), "{query}");
        }
    }

    #[test]
    fn what_names_its_columns_does_not_read_by_place() {
        for query in [
            "select * from p",
            "with t as (select * from p), u as (select a, b from t) select * from u order by a",
            "select a, count(*) from p group by 1 order by 2",
            "select a from p union all select k from q",
            "from p union all by name from q",
            "with t(x) as (select a from p) select x from t",
            "select v from (values (1, 2)) t(v, w), p",
            "select a from p where exists (from q where x = a)",
            "select a from p where a in (select k from q)",
            "select u.x from p, unnest(l) as u(x)",
        ] {
            assert!(!reads_by_place(query), "{query}");
        }
    }
}
