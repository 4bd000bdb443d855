//! Queries whose answer depends on the order in which rows come, without saying which that is: the order may follow a
//! column that they do not read.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArgumentClause, FunctionArguments, NamedWindowExpr, OrderByExpr, OrderByKind,
    Query, Select, SetExpr, Visit, Visitor, WindowFrameUnits, WindowSpec, WindowType,
};

use super::on_own_stack;
use crate::parse::sql::{syntax_tree, words};

/// Aggregates whose value depends on the order of the rows.
const AGGREGATES: [&str; 16] = [
    "any_value",
    "approx_quantile",
    "approx_top_k",
    "arbitrary",
    "array_agg",
    "first",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "last",
    "list",
    "listagg",
    "map_from_entries",
    "mode",
    "reservoir_quantile",
    "string_agg",
];

/// Window functions that tell places of rows apart.
const WINDOWS: [&str; 8] =
    ["cume_dist", "first_value", "lag", "last_value", "lead", "nth_value", "ntile", "row_number"];

/// What takes some rows as they come, of which nothing stays in our parser's tree.
const SAMPLES: [&str; 2] = ["sample", "tablesample"];

/// Whether rows in another order may give another answer; true where nobody knows.
pub(super) fn follows_order(statement: &str) -> bool {
    let samples = || {
        let is_sample = |word: &str| SAMPLES.iter().any(|sample| word.eq_ignore_ascii_case(sample));
        words(statement).iter().any(|(word, _)| is_sample(word))
    };
    let follows = || syntax_tree(statement).is_none_or(|tree| tree.query.visit(&mut Finder).is_break());
    samples() || joins_by_position(statement) || on_own_stack(statement, follows).unwrap_or(true)
}

/// Whether rows are put together by their number. Our parser takes `positional` for an alias.
pub(super) fn joins_by_position(statement: &str) -> bool {
    words(statement).windows(2).any(|pair| match pair {
        [(one, _), (other, _)] => one.eq_ignore_ascii_case("positional") && other.eq_ignore_ascii_case("join"),
        _ => false,
    })
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let cuts = query.limit_clause.is_some() || query.fetch.is_some();
        let is_ordered = is_ordered(query);
        let is_open = match &*query.body {
            SetExpr::Select(select) => chooses(select) && !is_ordered || names_counting_window(select),
            body => any_select(body, &|select| chooses(select) || names_counting_window(select)),
        };
        found(cuts && !is_ordered || is_open)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => found(is_open(function)),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn found(is_found: bool) -> ControlFlow<()> {
    if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// A call whose value depends on an order that it does not name.
fn is_open(function: &Function) -> bool {
    let name = function.name.0.last().and_then(|part| part.as_ident()).map_or("", |name| name.value.as_str());
    let is_one_of = |known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_ordered = match &function.args {
        FunctionArguments::List(list) => list.clauses.iter().any(|clause| match clause {
            FunctionArgumentClause::OrderBy(order) => orders(order),
            _ => false,
        }),
        // `array(select ...)`
        FunctionArguments::Subquery(query) => return !is_ordered(query),
        FunctionArguments::None => false,
    };
    match &function.over {
        Some(WindowType::WindowSpec(window)) if counts_rows(window) => true,
        Some(_) if !is_one_of(&AGGREGATES) && !is_one_of(&WINDOWS) => false,
        // A named window is looked for nowhere: it may be without an order.
        Some(WindowType::NamedWindow(_)) => true,
        Some(WindowType::WindowSpec(window)) => !orders(&window.order_by),
        None => is_one_of(&AGGREGATES) && !is_ordered && function.within_group.is_empty(),
    }
}

/// `distinct on (a)`
fn chooses(select: &Select) -> bool {
    matches!(select.distinct, Some(Distinct::On(_)))
}

/// Whether something holds for one of the queries that a set operation puts together.
fn any_select(body: &SetExpr, holds: &dyn Fn(&Select) -> bool) -> bool {
    match body {
        SetExpr::Select(select) => holds(select),
        SetExpr::SetOperation { left, right, .. } => any_select(left, holds) || any_select(right, holds),
        _ => false,
    }
}

fn is_ordered(query: &Query) -> bool {
    let is_place = |one: &OrderByExpr| matches!(one.expr, Expr::Value(_));
    query.order_by.as_ref().is_some_and(|order| match &order.kind {
        OrderByKind::All(_) => true,
        OrderByKind::Expressions(order) => orders(order) || order.iter().any(is_place),
    })
}

/// Only what names a column puts rows in an order: `(select null)`, `random()` and `-1` do not.
fn orders(order: &[OrderByExpr]) -> bool {
    order.iter().any(|one| {
        let mut names = Names::default();
        let _ = one.expr.visit(&mut names);
        names.column && !names.query
    })
}

/// What stands in an expression.
#[derive(Default)]
struct Names {
    column: bool,
    query: bool,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.query = true;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        self.column |= matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        ControlFlow::Continue(())
    }
}

/// A window whose frame is so many rows in an order that nobody names.
fn counts_rows(window: &WindowSpec) -> bool {
    let units = window.window_frame.as_ref().map(|frame| frame.units);
    matches!(units, Some(WindowFrameUnits::Rows | WindowFrameUnits::Groups)) && !orders(&window.order_by)
}

/// `window w as (rows ...)`
fn names_counting_window(select: &Select) -> bool {
    select.named_window.iter().any(|window| match &window.1 {
        NamedWindowExpr::WindowSpec(spec) => counts_rows(spec),
        NamedWindowExpr::NamedWindow(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_are_not_named_are_found() {
        for query in [
            "select a from p limit 3",
            "select a from (from p limit 3) order by a",
            "select list(a) from p",
            "select b, string_agg(a, ',') from p group by b",
            "select first(a) from p",
            "select row_number() over () from p",
            "select lag(a) over (partition by b) from p",
            "select sum(a) over w, row_number() over w from p window w as (partition by b)",
            "select distinct on (a) a, b from p",
            "select a from p using sample 3",
            "select a from p tablesample 10%",
            "select p.a from p positional join q",
            "select sum(a) over (rows unbounded preceding) from p",
            "select count(*) over (partition by b rows between 1 preceding and current row) from p",
            "select max(a) over (order by 1 rows unbounded preceding) from p",
            "select sum(a) over w from p window w as (rows unbounded preceding)",
            "select a from p qualify sum(a) over (rows 2 preceding) > 3",
            "select array(select a from p) as l",
            "select array(select a from p limit 2) as l",
            "select list(a order by 1) from p",
            "select row_number() over (order by null) from p",
            "select mode(a) from p",
            "select sum(a) over w from p window w as (rows unbounded preceding) union all select 1",
            "select 1 union all (select 2 union all select distinct on (b) a from p)",
            "select row_number() over (order by (select null)) from p",
            "select row_number() over (order by (1)) from p",
            "select lag(a) over (order by -1) from p",
            "select lag(a) over (order by null::int) from p",
            "select a from p order by random() limit 3",
            "select list(a order by (1)) from p",
            "this is no query",
        ] {
            assert!(follows_order(query), "{query}");
        }
    }

    #[test]
    fn an_order_that_is_named_is_enough() {
        for query in [
            "select a from p order by b limit 3",
            "select list(a order by b) from p",
            "select row_number() over (partition by b order by a) from p",
            "select sum(a) over (partition by b), count(*) over () from p",
            "select max(a), min_by(a, b), count(distinct a) from p",
            "select distinct on (a) a, b from p order by b",
            "select a from p order by all",
            "select sum(a) over (order by b rows unbounded preceding) from p",
            "select sum(a) over (range between unbounded preceding and unbounded following) from p",
            "select array(select a from p order by b) as l",
            "select a from p order by 1 limit 3",
            "select row_number() over (order by p.a + 1) from p",
            "select a from p union all select b from p order by a limit 3",
            "select list_transform(l, lambda x: x + 1) from p",
        ] {
            assert!(!follows_order(query), "{query}");
        }
    }
}
