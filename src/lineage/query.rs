//! Queries: common table expressions, set operations, order and limit.

use std::rc::Rc;

use recursive::recursive;
use sqlparser::ast::{
    Cte, Expr, LimitClause, OrderBy, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Values, With,
};

use super::flow::{Column, Flow, Form, Open, Table};
use super::scope::Scope;
use super::tracer::Tracer;

/// What follows the body of a query.
#[derive(Clone, Copy)]
pub(super) struct Tail<'s> {
    pub order: Option<&'s OrderBy>,
    /// Whether the order decides which rows there are: where a limit cuts them off, or where something reads the query.
    pub order_decides: bool,
}

impl Tracer<'_> {
    /// `is_last` says that nothing reads the rows: without a limit, their order then decides nothing.
    #[recursive]
    pub fn query(&mut self, query: &Query, outer: &Scope<'_>, is_last: bool) -> Table {
        if !self.step(1) || !query.pipe_operators.is_empty() {
            return Table::unknown("the query is written in a way that is not followed");
        }
        let mut scope = Scope::below(outer);
        if let Some(with) = &query.with {
            self.definitions(with, &mut scope);
        }
        let cuts = query.limit_clause.is_some() || query.fetch.is_some();
        let tail = Tail { order: query.order_by.as_ref(), order_decides: cuts || !is_last };
        let mut table = match &*query.body {
            SetExpr::Select(select) => self.select(select, &scope, tail),
            body => {
                let table = self.body(body, &scope, is_last && !cuts);
                self.ordered(table, tail)
            }
        };
        for limit in query.limit_clause.iter().flat_map(limits) {
            let flow = self.expression(limit, &scope);
            table.rows.decide(&flow);
        }
        table
    }

    #[recursive]
    fn body(&mut self, body: &SetExpr, scope: &Scope<'_>, is_last: bool) -> Table {
        match body {
            SetExpr::Select(select) => self.select(select, scope, Tail { order: None, order_decides: false }),
            SetExpr::Query(query) => self.query(query, scope, is_last),
            SetExpr::Values(values) => self.values(values, scope),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let left = self.body(left, scope, false);
                let right = self.body(right, scope, false);
                self.combined(left, right, *op, *set_quantifier)
            }
            SetExpr::Table(_) | SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Table::unknown("the statement is no query that is followed")
            }
        }
    }

    fn values(&mut self, values: &Values, scope: &Scope<'_>) -> Table {
        let mut columns: Vec<Column> = Vec::new();
        for row in &values.rows {
            for (position, expression) in row.iter().enumerate() {
                let flow = self.expression(expression, scope).computed();
                match columns.get_mut(position) {
                    Some(column) => column.flow.absorb(&flow),
                    None => columns.push(Column { name: Some(format!("col{position}").into()), flow }),
                }
            }
        }
        Table { columns, ..Table::default() }
    }

    fn definitions(&mut self, with: &With, scope: &mut Scope<'_>) {
        for cte in &with.cte_tables {
            let table = match &*cte.query.body {
                SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } if with.recursive => {
                    self.recursive(cte, (left, right, *set_quantifier), scope)
                }
                _ => {
                    let table = self.query(&cte.query, scope, false);
                    let table = self.named(table, cte);
                    self.with_names_once(table)
                }
            };
            scope.definitions.push((cte.alias.name.value.clone(), table));
        }
    }

    /// What the rows so far come from is what those of the next round come from, until nothing is added.
    fn recursive(
        &mut self,
        cte: &Cte,
        (left, right, quantifier): (&SetExpr, &SetExpr, SetQuantifier),
        outer: &Scope<'_>,
    ) -> Table {
        let mut scope = Scope::below(outer);
        if let Some(with) = &cte.query.with {
            self.definitions(with, &mut scope);
        }
        let table = self.body(left, &scope, false);
        let mut table = self.named(table, cte);
        while self.step(1) {
            let mut round = Scope::below(&scope);
            round.definitions.push((cte.alias.name.value.clone(), table.clone()));
            let next = self.body(right, &round, false);
            let tail = Tail { order: cte.query.order_by.as_ref(), order_decides: true };
            let next = self.combined(table.clone(), next, SetOperator::Union, quantifier);
            let next = self.named(next, cte);
            let next = self.ordered(next, tail);
            if next == table {
                break;
            }
            table = next;
        }
        table
    }

    fn combined(&mut self, left: Table, right: Table, op: SetOperator, quantifier: SetQuantifier) -> Table {
        if !is_by_name(quantifier) {
            self.need_as_many(&left, &right);
        }
        combined(left, right, op, quantifier)
    }

    /// A common table expression may name its columns.
    fn named(&mut self, table: Table, cte: &Cte) -> Table {
        self.need_first(&table, cte.alias.columns.len());
        table.renamed(cte.alias.columns.iter().map(|column| column.name.value.as_str()))
    }

    /// A query of several parts is ordered by its own columns alone.
    fn ordered(&mut self, mut table: Table, tail: Tail<'_>) -> Table {
        let Some(order) = tail.order.filter(|_| tail.order_decides) else { return table };
        let flows: Vec<Flow> = match &order.kind {
            OrderByKind::All(_) => table.columns.iter().map(|column| column.flow.clone()).collect(),
            OrderByKind::Expressions(expressions) => {
                expressions.iter().map(|order| self.output_order(&order.expr, &table)).collect()
            }
        };
        flows.iter().for_each(|flow| table.rows.decide(flow));
        table
    }

    fn output_order(&mut self, expression: &Expr, table: &Table) -> Flow {
        if let Some(position) = super::select::position(expression) {
            return table.columns.get(position).map_or_else(Flow::default, |column| column.flow.clone());
        }
        let binding = super::scope::Binding {
            name: String::new(),
            qualifiers: Vec::new(),
            has_alias: true,
            is_relation: false,
            columns: table.columns.clone(),
            open: table.open.clone(),
        };
        let scope = Scope { bindings: vec![binding], ..Scope::default() };
        self.expression(expression, &scope)
    }
}

fn limits(clause: &LimitClause) -> Vec<&Expr> {
    match clause {
        LimitClause::LimitOffset { limit, offset, limit_by } => {
            limit.iter().chain(offset.iter().map(|offset| &offset.value)).chain(limit_by).collect()
        }
        LimitClause::OffsetCommaLimit { offset, limit } => vec![offset, limit],
    }
}

/// Both sides of a set operation. Where rows are compared, all of their columns decide which there are.
fn combined(mut left: Table, right: Table, op: SetOperator, quantifier: SetQuantifier) -> Table {
    let by_name = is_by_name(quantifier);
    let compares = op != SetOperator::Union || !matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    left.rows.absorb(&right.rows);
    if compares {
        left.columns.iter().chain(&right.columns).for_each(|column| left.rows.decide(&column.flow));
    }
    let open = match (&left.open, &right.open) {
        (Open::No, Open::No) => Open::No,
        (Open::Unknown(reason), _) | (_, Open::Unknown(reason)) => Open::Unknown(Rc::clone(reason)),
        _ => Open::Unknown("a star stands for columns that nobody knows".into()),
    };
    if op != SetOperator::Union {
        // Both sides are given types that hold either.
        let pairs = left.columns.iter_mut().zip(&right.columns);
        pairs.filter(|(one, two)| one.flow.form != two.flow.form).for_each(|(one, _)| one.flow.form = Form::Computed);
    } else if by_name {
        unite_by_name(&mut left.columns, right.columns);
    } else {
        unite(&mut left.columns, &right.columns);
    }
    Table { open, ..left }
}

fn is_by_name(quantifier: SetQuantifier) -> bool {
    matches!(quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName)
}

fn unite(left: &mut [Column], right: &[Column]) {
    for (column, other) in left.iter_mut().zip(right) {
        column.flow.unite(&other.flow);
    }
}

/// A column that only one side has is null in the rows of the other.
fn unite_by_name(left: &mut Vec<Column>, right: Vec<Column>) {
    let is_common =
        |column: &Column| right.iter().any(|other| other.name.as_ref().is_some_and(|name| column.is_named(name)));
    left.iter_mut().filter(|column| !is_common(column)).for_each(|column| column.flow.is_padded = true);
    for other in right {
        let same = |column: &&mut Column| other.name.as_ref().is_some_and(|name| column.is_named(name));
        match left.iter_mut().find(same) {
            Some(column) => column.flow.unite(&other.flow),
            None => left.push(Column { flow: other.flow.computed(), ..other }),
        }
    }
}
