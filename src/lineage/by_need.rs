//! Columns that a statement cannot do without though no name in it means them: without one, what it pairs with is left over.

use std::collections::HashMap;

use sqlparser::ast::{AccessExpr, Expr};

use super::flow::{Column, Form, Open, Source, Sources, Table};
use super::scope::Scope;
use super::tracer::Tracer;

impl Tracer<'_> {
    /// Both sides of a set operation have as many columns. One that stands on both as often may go.
    pub fn need_as_many(&mut self, left: &Table, right: &Table) {
        if left.open != Open::No || right.open != Open::No {
            return;
        }
        let (ones, others) = (copies(&left.columns), copies(&right.columns));
        let differs = |source: &&Source| ones.get(*source) != others.get(*source);
        for source in ones.keys().chain(others.keys()).filter(differs) {
            self.needed.add(&Sources::one(*source));
        }
    }

    /// A list of new names stands for the first columns, by their places.
    pub fn need_first(&mut self, table: &Table, names: usize) {
        table.columns.iter().take(names).for_each(|column| self.need(column));
    }

    pub fn need(&mut self, column: &Column) {
        if let Form::Copy(_) = column.flow.form {
            self.needed.add(&column.flow.values);
        }
    }

    /// A subquery that gives one value, or is compared with one, has just the columns that it has.
    pub fn need_all(&mut self, table: &Table) {
        self.need_first(table, table.columns.len());
    }

    /// `(t).a` is a field of a row of `t`, where no column has that name.
    pub fn need_field(&mut self, root: &Expr, chain: &[AccessExpr], scope: &Scope<'_>) {
        let [AccessExpr::Dot(Expr::Identifier(field)), ..] = chain else { return };
        let parts: Vec<&str> = match root {
            Expr::Nested(inner) => return self.need_field(inner, chain, scope),
            Expr::Identifier(name) => vec![&name.value],
            Expr::CompoundIdentifier(names) => names.iter().map(|name| name.value.as_str()).collect(),
            _ => return,
        };
        if scope.chain().any(|scope| parts.first().is_none_or(|first| scope.column(first).is_some())) {
            return;
        }
        let binding = scope.chain().flat_map(|scope| &scope.bindings).find(|binding| binding.is_named_by(&parts));
        if let Some(column) = binding.and_then(|binding| binding.column(&field.value)) {
            self.name_it(&column.flow);
        }
    }
}

/// How many of the columns are each column of a relation, as it is.
fn copies(columns: &[Column]) -> HashMap<Source, usize> {
    let mut counts = HashMap::new();
    for flow in columns.iter().map(|column| &column.flow) {
        let mut sources = flow.values.iter();
        if let (Form::Copy(_), Some(source), None) = (&flow.form, sources.next(), sources.next()) {
            *counts.entry(source).or_default() += 1;
        }
    }
    counts
}
