//! Functions after `from`, and pivots, which are functions of a table.

use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, Ident, ObjectName, PivotValueSource, TableAlias, Value, Visit,
    Visitor,
};

use super::flow::{Column, Flow, Form, Open, Table};
use super::from::bound;
use super::pivoted::pivoted_name;
use super::scope::{Joined, Scope};
use super::star::columns_call;
use super::structs::fields;
use super::tracer::Tracer;
use crate::parse::sql::{makes_rows, names_files};

/// Functions whose columns are always the same.
const KNOWN: [(&str, &[&str]); 7] = [
    ("range", &["range"]),
    ("generate_series", &["generate_series"]),
    ("unnest", &["unnest"]),
    ("glob", &["file"]),
    ("json_each", &["key", "value", "type", "atom", "id", "parent", "fullkey", "path"]),
    ("json_tree", &["key", "value", "type", "atom", "id", "parent", "fullkey", "path"]),
    ("generate_subscripts", &["generate_subscripts"]),
];

impl Tracer<'_> {
    /// A function's rows come from its arguments, how many there are too.
    pub fn table_function(
        &mut self,
        name: &ObjectName,
        arguments: &[FunctionArg],
        with_ordinality: bool,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Joined {
        let function = name.0.last().and_then(|part| part.as_ident()).map_or("", |name| name.value.as_str());
        let expressions: Vec<&Expr> = arguments.iter().filter_map(expression).collect();
        if function.eq_ignore_ascii_case("unnest") {
            let expressions: Vec<Expr> = expressions.into_iter().cloned().collect();
            return self.unnest(&expressions, with_ordinality, alias, scope);
        }
        if let (true, [Expr::Value(value)]) = (function.eq_ignore_ascii_case("query_table"), expressions.as_slice())
            && let Value::SingleQuotedString(text) = &value.value
            && let Some(parts) = name_parts(text)
        {
            return self.named_by_text(&parts, alias, scope);
        }
        let mut flow = Flow::default();
        for expression in &expressions {
            flow.absorb(&self.expression(expression, scope));
        }
        let known = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(function));
        let mut table = match (known, expressions.first()) {
            (Some((_, columns)), _) => made(columns, &flow),
            (None, Some(Expr::Value(value))) if reads_rows(function) => match &value.value {
                Value::SingleQuotedString(path) => self.relation(std::slice::from_ref(path)),
                _ => Table::unknown(format!("what `{function}` reads is not known")),
            },
            // What describes a file has none of its columns.
            (None, _) if makes_rows(function) || (names_files(function) && !reads_rows(function)) => {
                Table { open: Open::Made(Box::new(flow.clone().computed())), ..Table::default() }
            }
            (None, _) => {
                let reason: Rc<str> = format!("the columns of `{function}(...)` are not known").into();
                Table { open: Open::Unknown(Rc::clone(&reason)), rows: Flow::unknown(reason), ..Table::default() }
            }
        };
        if with_ordinality {
            table.columns.push(Column { name: Some("ordinality".into()), flow: Flow::default() });
        }
        table.rows.decide(&flow);
        bound(table, function, alias)
    }

    /// `query_table('t')`, which is a subquery without a name.
    fn named_by_text(&mut self, parts: &[String], alias: Option<&TableAlias>, scope: &Scope<'_>) -> Joined {
        let local = if let [name] = parts { scope.definition(name).cloned() } else { None };
        let table = local.unwrap_or_else(|| self.relation(parts));
        self.need_first(&table, alias.map_or(0, |alias| alias.columns.len()));
        bound(table, "", alias)
    }

    pub fn unnest(
        &mut self,
        lists: &[Expr],
        with_ordinality: bool,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Joined {
        let mut table = Table::default();
        for list in lists {
            let flow = self.expression(list, scope);
            table.rows.decide(&flow);
            if let Form::Copy(None) | Form::Computed = flow.form {
                // If it is a struct, there are more columns.
                table.open = Open::Made(Box::new(flow.clone().computed()));
            }
            match fields(&flow) {
                Some(columns) => table.columns.extend(columns),
                None => table.columns.push(Column { name: Some("unnest".into()), flow: flow.computed() }),
            }
        }
        if with_ordinality {
            table.columns.push(Column { name: Some("ordinality".into()), flow: Flow::default() });
        }
        bound(table, "unnest", alias)
    }

    /// `pivot (sum(a) for b in ('x', 'y'))`: all columns that it does not name group, and each value makes one column of
    /// each aggregate, for whose rows the value's column decides.
    pub fn pivot(
        &mut self,
        pivoted: Joined,
        (aggregates, columns, values): (&[ExprWithAlias], &[Expr], &PivotValueSource),
        alias: Option<&TableAlias>,
        outer: &Scope<'_>,
    ) -> Joined {
        let PivotValueSource::List(values) = values else { return unfollowed(alias) };
        let mut scope = Scope::below(outer);
        let mut rows = pivoted.rows.clone();
        scope.add(pivoted);
        let Some((all, Open::No)) = Some(self.star(&scope, None, &Default::default())) else {
            return unfollowed(alias);
        };
        let [column] = columns else { return unfollowed(alias) };
        let key = self.expression(column, &scope);
        let flows: Vec<Flow> = aggregates.iter().map(|one| self.expression(&one.expr, &scope)).collect();
        let mut used = Names::default();
        let _ = column.visit(&mut used);
        aggregates.iter().for_each(|one| {
            let _ = one.expr.visit(&mut used);
        });
        let is_used = |column: &Column| used.0.iter().any(|name| column.is_named(name));
        let mut made: Vec<Column> = all.into_iter().filter(|column| !is_used(column)).collect();
        made.iter().for_each(|column| rows.decide(&column.flow));
        for value in values {
            for (flow, aggregate) in flows.iter().zip(aggregates) {
                let mut flow = flow.clone().computed();
                flow.decide(&key);
                made.push(Column { name: pivoted_name(value, aggregate, aggregates.len()), flow });
            }
        }
        bound(Table { columns: made, rows, open: Open::No }, "", alias)
    }

    /// `unpivot (value for name in (a, b))`: a row for each of the columns, of which the values become one.
    pub fn unpivot(
        &mut self,
        unpivoted: Joined,
        (value, name, columns): (&Expr, &Ident, &[ExprWithAlias]),
        alias: Option<&TableAlias>,
    ) -> Joined {
        let mut scope = Scope::default();
        let mut rows = unpivoted.rows.clone();
        scope.add(unpivoted);
        let (all, Open::No) = self.star(&scope, None, &Default::default()) else { return unfollowed(alias) };
        let Expr::Identifier(value) = value else { return unfollowed(alias) };
        let (mut names, mut flow): (Vec<Rc<str>>, _) = (Vec::new(), Flow::default());
        for column in columns {
            match (&column.expr, columns_call(&column.expr)) {
                (Expr::Identifier(name), _) => {
                    names.push(name.value.as_str().into());
                    flow.absorb(&self.expression(&column.expr, &scope));
                }
                (_, Some(call)) => {
                    for column in self.chosen(call, &scope) {
                        let Some(name) = column.name else { return unfollowed(alias) };
                        names.push(name);
                        flow.absorb(&column.flow);
                    }
                }
                _ => return unfollowed(alias),
            }
        }
        let mut made: Vec<Column> =
            all.into_iter().filter(|column| !names.iter().any(|name| column.is_named(name))).collect();
        rows.decide(&flow);
        // Rows without a value are left out, and of two columns of its name the engine looks at the one that is carried along.
        made.iter().filter(|column| column.is_named(&value.value)).for_each(|column| rows.decide(&column.flow));
        made.push(Column { name: Some(name.value.as_str().into()), flow: Flow::default() });
        made.push(Column { name: Some(value.value.as_str().into()), flow });
        bound(Table { columns: made, rows, open: Open::No }, "", alias)
    }
}

/// The parts of `a."b.c"`.
fn name_parts(text: &str) -> Option<Vec<String>> {
    let (mut parts, mut is_quoted) = (vec![String::new()], false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let part = parts.last_mut()?;
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            letter if is_quoted || letter.is_alphanumeric() || letter == '_' => part.push(letter),
            _ => return None,
        }
    }
    (!is_quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// The columns that expressions name.
#[derive(Default)]
struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(name) => self.0.push(name.value.clone()),
            Expr::CompoundIdentifier(parts) => self.0.extend(parts.iter().map(|part| part.value.clone())),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether a function gives the rows of a file.
fn reads_rows(function: &str) -> bool {
    let function = function.to_ascii_lowercase();
    names_files(&function) && (function.starts_with("read_") || function.ends_with("_scan") || function == "st_read")
}

fn unfollowed(alias: Option<&TableAlias>) -> Joined {
    bound(Table::unknown("a pivot is written in a way that is not followed"), "", alias)
}

fn expression(argument: &FunctionArg) -> Option<&Expr> {
    let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) = argument;
    match arg {
        FunctionArgExpr::Expr(expression) if columns_call(expression).is_none() => Some(expression),
        _ => None,
    }
}

fn made(columns: &[&str], flow: &Flow) -> Table {
    let column = |name: &&str| Column { name: Some((*name).into()), flow: flow.clone().computed() };
    Table { columns: columns.iter().map(column).collect(), ..Table::default() }
}
