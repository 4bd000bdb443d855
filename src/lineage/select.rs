//! One select: where its rows come from, what it makes of them, and what decides which there are.

use std::cell::RefCell;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Function, GroupByExpr, GroupByWithModifier, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    Value, Visit, Visitor, WildcardAdditionalOptions,
};

use super::aggregates::is_aggregate;
use super::flow::{Column, Flow, Open, Table};
use super::naming::name_of;
use super::pivoted::aliased_name;
use super::query::Tail;
use super::scope::{Alias, AliasState, Scope};
use super::tracer::Tracer;

/// A select's list.
#[derive(Default)]
struct Projection {
    columns: Vec<Column>,
    /// Of each column, whether it is made by an aggregate: those that `group by all` does not group by.
    aggregates: Vec<bool>,
    open: Open,
}

impl Tracer<'_> {
    pub fn select(&mut self, select: &Select, outer: &Scope<'_>, tail: Tail<'_>) -> Table {
        let outside = std::mem::take(&mut self.unnested);
        let table = self.select_alone(select, outer, tail);
        self.unnested = outside;
        table
    }

    fn select_alone(&mut self, select: &Select, outer: &Scope<'_>, tail: Tail<'_>) -> Table {
        if is_foreign(select) {
            return Table::unknown("the query is written in a way that is not followed");
        }
        let mut rows = Flow::default();
        let mut scope = Scope::below(outer);
        for table in &select.from {
            let joined = self.joined(table, &scope);
            rows.decide(&joined.rows);
            scope.add(joined);
        }
        scope.windows = &select.named_window;
        scope.aliases = select.projection.iter().filter_map(|item| alias(item, &select.group_by)).collect();
        if let Some(condition) = &select.selection {
            let flow = self.expression(condition, &scope);
            rows.decide(&flow);
        }
        let is_grouped =
            !matches!(&select.group_by, GroupByExpr::Expressions(keys, more) if keys.is_empty() && more.is_empty());
        let aggregated = if is_grouped { None } else { aggregates(select, tail) };
        if let Some(calls) = aggregated {
            // Whatever the rows are, one comes out: they decide only what the aggregates hold. An aggregate of nothing but
            // columns of an outer query is that query's.
            let is_own = |name: &Name| scope.is_own(&name.iter().map(String::as_str).collect::<Vec<_>>());
            scope.aggregated = Some(match calls.iter().all(|names| names.is_empty() || names.iter().any(is_own)) {
                true => std::mem::take(&mut rows),
                false => rows.clone(),
            });
        }
        let mut projection = self.projection(select, &scope);
        self.groups(&select.group_by, &projection, &scope, &mut rows);
        if makes_totals(&select.group_by) {
            projection.columns.iter_mut().for_each(|column| column.flow.is_padded = true);
        }
        if let Some(condition) = &select.having {
            let flow = self.having(condition, &scope);
            rows.decide(&flow);
        }
        if let Some(condition) = &select.qualify {
            let flow = self.expression(condition, &scope);
            rows.decide(&flow);
        }
        self.distinct(select, &projection, &scope, tail, &mut rows);
        if let Some(order) = tail.order.filter(|_| tail.order_decides) {
            match &order.kind {
                OrderByKind::All(_) => projection.columns.iter().for_each(|column| rows.decide(&column.flow)),
                OrderByKind::Expressions(expressions) => {
                    for order in expressions {
                        let flow = self.in_list(&order.expr, &projection, &scope);
                        rows.decide(&flow);
                    }
                }
            }
        }
        for flow in std::mem::take(&mut self.unnested) {
            rows.decide(&flow);
        }
        Table { columns: projection.columns, rows, open: projection.open }
    }

    fn projection(&mut self, select: &Select, scope: &Scope<'_>) -> Projection {
        let mut projection = Projection::default();
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            let (columns, open) = self.star(scope, None, &WildcardAdditionalOptions::default());
            projection.push(columns, open, false);
            return projection;
        }
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let columns = self.item(expression, None, scope);
                    projection.push(columns, Open::No, holds_aggregate(expression));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let mut columns = self.item(expr, Some(&alias.value), scope);
                    if let [column] = columns.as_mut_slice()
                        && column.is_named(&alias.value)
                    {
                        column.name = aliased_name(select, expr, alias);
                    }
                    projection.push(columns, Open::No, holds_aggregate(expr));
                }
                SelectItem::Wildcard(options) => {
                    let (columns, open) = self.star(scope, None, options);
                    projection.push(columns, open, false);
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    let (columns, open) = self.star(scope, Some(kind), options);
                    projection.push(columns, open, false);
                }
                SelectItem::ExprWithAliases { .. } => {
                    projection.open = Open::Unknown("one expression has several names".into());
                }
            }
        }
        if !self.step(projection.columns.len()) {
            projection =
                Projection { open: Open::Unknown("there are too many columns".into()), ..Projection::default() };
        }
        projection
    }

    fn groups(&mut self, by: &GroupByExpr, projection: &Projection, scope: &Scope<'_>, rows: &mut Flow) {
        let modifiers = match by {
            GroupByExpr::All(modifiers) => {
                let grouped = projection.columns.iter().zip(&projection.aggregates).filter(|(_, made)| !**made);
                grouped.for_each(|(column, _)| rows.decide(&column.flow));
                modifiers
            }
            GroupByExpr::Expressions(keys, modifiers) => {
                keys.iter().for_each(|key| self.group(key, projection, scope, rows));
                modifiers
            }
        };
        for modifier in modifiers {
            if let GroupByWithModifier::GroupingSets(sets) = modifier {
                self.group(sets, projection, scope, rows);
            }
        }
    }

    fn group(&mut self, key: &Expr, projection: &Projection, scope: &Scope<'_>, rows: &mut Flow) {
        match key {
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter().flatten().for_each(|key| self.group(key, projection, scope, rows));
            }
            Expr::Tuple(keys) => keys.iter().for_each(|key| self.group(key, projection, scope, rows)),
            key => {
                let flow = match position(key) {
                    Some(position) => projection.flow(position),
                    None => self.expression(key, scope),
                };
                rows.decide(&flow);
            }
        }
    }

    /// Names are those of the list here, but for columns that are groups.
    fn having(&mut self, condition: &Expr, scope: &Scope<'_>) -> Flow {
        scope.prefers_aliases.set(true);
        let flow = self.expression(condition, scope);
        scope.prefers_aliases.set(false);
        flow
    }

    fn distinct(
        &mut self,
        select: &Select,
        projection: &Projection,
        scope: &Scope<'_>,
        tail: Tail<'_>,
        rows: &mut Flow,
    ) {
        match &select.distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => projection.columns.iter().for_each(|column| rows.decide(&column.flow)),
            Some(Distinct::On(keys)) => {
                let order = match tail.order.map(|order| &order.kind) {
                    Some(OrderByKind::Expressions(orders)) => orders.as_slice(),
                    _ => &[],
                };
                for key in keys.iter().chain(order.iter().map(|order| &order.expr)) {
                    let flow = self.in_list(key, projection, scope);
                    rows.decide(&flow);
                }
            }
        }
    }

    /// What orders rows: a column of the list by its number or name, or an expression.
    fn in_list(&mut self, expression: &Expr, projection: &Projection, scope: &Scope<'_>) -> Flow {
        if let Some(position) = position(expression) {
            return projection.flow(position);
        }
        let named = match expression {
            Expr::Identifier(name) => {
                scope.aliases.iter().position(|alias| alias.name.eq_ignore_ascii_case(&name.value))
            }
            _ => None,
        };
        match named {
            Some(index) => self.alias(scope, index),
            None => self.expression(expression, scope),
        }
    }
}

impl Projection {
    fn push(&mut self, columns: Vec<Column>, open: Open, is_aggregate: bool) {
        self.aggregates.extend(columns.iter().map(|_| is_aggregate));
        self.columns.extend(columns);
        if self.open == Open::No {
            self.open = open;
        }
    }

    fn flow(&self, position: usize) -> Flow {
        self.columns.get(position).map_or_else(Flow::default, |column| column.flow.clone())
    }
}

/// Whether there are rows of several groups together, in which what these differ in is NULL.
fn makes_totals(by: &GroupByExpr) -> bool {
    let is_set = |key: &Expr| matches!(key, Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_));
    match by {
        GroupByExpr::All(modifiers) => !modifiers.is_empty(),
        GroupByExpr::Expressions(keys, modifiers) => !modifiers.is_empty() || keys.iter().any(is_set),
    }
}

/// The column of the list that a whole number stands for, counted from zero.
pub(super) fn position(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.to_string().parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

fn alias<'s>(item: &'s SelectItem, groups: &GroupByExpr) -> Option<Alias<'s>> {
    let SelectItem::ExprWithAlias { expr, alias } = item else { return None };
    let is_group = match groups {
        GroupByExpr::All(_) => false,
        GroupByExpr::Expressions(keys, _) => {
            keys.iter().filter_map(name_of).any(|key| key.eq_ignore_ascii_case(&alias.value))
        }
    };
    Some(Alias { name: &alias.value, expression: expr, is_group, state: RefCell::new(AliasState::Unseen) })
}

/// Other databases' clauses, which our parser knows too.
fn is_foreign(select: &Select) -> bool {
    select.top.is_some()
        || select.into.is_some()
        || select.exclude.is_some()
        || select.prewhere.is_some()
        || select.value_table_mode.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty()
}

/// A dotted name.
type Name = Vec<String>;

/// The names in each call of an aggregate in a select; `None` where it calls none.
fn aggregates(select: &Select, tail: Tail<'_>) -> Option<Vec<Vec<Name>>> {
    let mut finder = AggregateFinder::default();
    let _ = select.projection.visit(&mut finder);
    let _ = select.having.visit(&mut finder);
    let _ = select.qualify.visit(&mut finder);
    if let Some(order) = tail.order {
        let _ = order.visit(&mut finder);
    }
    (finder.found || select.having.is_some()).then_some(finder.calls)
}

fn holds_aggregate(expression: &Expr) -> bool {
    let mut finder = AggregateFinder::default();
    let _ = expression.visit(&mut finder);
    finder.found
}

/// Finds the aggregates that are called, outside of subqueries.
#[derive(Default)]
struct AggregateFinder {
    subqueries: u32,
    /// How many calls of aggregates are being looked at.
    inside: u32,
    found: bool,
    /// The names in each call.
    calls: Vec<Vec<Name>>,
}

impl AggregateFinder {
    fn name(&mut self, name: Name) {
        if let Some(names) = self.calls.last_mut() {
            names.push(name);
        }
    }
}

impl Visitor for AggregateFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            _ if self.subqueries > 0 => {}
            Expr::Function(function) if calls_aggregate(function) => {
                self.found = true;
                if self.inside == 0 {
                    self.calls.push(Vec::new());
                }
                self.inside += 1;
            }
            Expr::Identifier(name) if self.inside > 0 => self.name(vec![name.value.clone()]),
            Expr::CompoundIdentifier(parts) if self.inside > 0 => {
                self.name(parts.iter().map(|part| part.value.clone()).collect());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression
            && self.subqueries == 0
            && calls_aggregate(function)
        {
            self.inside -= 1;
        }
        ControlFlow::Continue(())
    }
}

/// Whether a call makes one value of many rows.
pub(super) fn calls_aggregate(function: &Function) -> bool {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    function.over.is_none() && name.is_some_and(|name| is_aggregate(&name.value))
}
