//! Calls of functions: arguments, filters, orders and windows.

use recursive::recursive;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause, FunctionArguments,
    Ident, LambdaFunction, LambdaSyntax, NamedWindowExpr, ObjectName, OrderByExpr, WindowFrameBound, WindowSpec,
    WindowType,
};

use super::flow::{Flow, Form};
use super::scope::{Meaning, Scope};
use super::select::calls_aggregate;
use super::structs::makes_list;
use super::tracer::Tracer;

/// Functions that take lambdas; elsewhere `->` takes a value out of JSON.
const LAMBDAS: [&str; 12] = [
    "apply",
    "array_apply",
    "array_filter",
    "array_reduce",
    "array_transform",
    "filter",
    "list_apply",
    "list_filter",
    "list_reduce",
    "list_transform",
    "reduce",
    "columns",
];

impl Tracer<'_> {
    pub fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Flow {
        let name = function.name.0.last().and_then(|part| part.as_ident()).map_or("", |name| name.value.as_str());
        if name.eq_ignore_ascii_case("grouping") || name.eq_ignore_ascii_case("grouping_id") {
            return Flow::default();
        }
        let mut flow = self.subject(&function.name, scope);
        // Inside of an aggregate, names are columns.
        let select = scope.select();
        let prefers_aliases =
            select.prefers_aliases.replace(select.prefers_aliases.get() && !calls_aggregate(function));
        for arguments in [&function.parameters, &function.args] {
            flow.absorb(&self.arguments(name, arguments, scope));
        }
        select.prefers_aliases.set(prefers_aliases);
        for order in &function.within_group {
            flow.absorb(&self.expression(&order.expr, scope));
        }
        if let Some(filter) = &function.filter {
            flow.decide(&self.expression(filter, scope));
        }
        if let Some(over) = &function.over {
            flow.decide(&self.window(over, scope));
        }
        if calls_aggregate(function)
            && let Some(rows) = &scope.select().aggregated
        {
            flow.decide(rows);
        }
        if makes_list(name) {
            flow.form = Form::List;
        }
        if name.eq_ignore_ascii_case("unnest") || name.eq_ignore_ascii_case("unlist") {
            self.unnested.push(flow.clone());
        }
        flow
    }

    /// In `a.lower()`, what stands before the name may be a column.
    fn subject(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Flow {
        let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
        let parts: Vec<&str> = parts.unwrap_or_default().iter().map(|part| part.value.as_str()).collect();
        match parts.split_last() {
            Some((_, before)) if !before.is_empty() => {
                match scope.find(before, &mut |relation, column| self.named_column(relation, column)) {
                    Meaning::Flow(flow) | Meaning::Field(flow) => {
                        self.name_it(&flow);
                        flow.computed()
                    }
                    Meaning::Alias(scope, index) => self.alias(scope, index).computed(),
                    Meaning::Nothing => Flow::default(),
                }
            }
            _ => Flow::default(),
        }
    }

    fn arguments(&mut self, name: &str, arguments: &FunctionArguments, scope: &Scope<'_>) -> Flow {
        let list = match arguments {
            FunctionArguments::None => return Flow::default(),
            FunctionArguments::Subquery(query) => return self.scalar(query, scope),
            FunctionArguments::List(list) => list,
        };
        let mut flow = self.comprehended(name, &list.args, scope);
        for argument in &list.args {
            flow.absorb(&self.argument(name, argument, scope));
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(orders) => flow.decide(&self.orders(orders, scope)),
                FunctionArgumentClause::Where(inner) | FunctionArgumentClause::Limit(inner) => {
                    flow.decide(&self.expression(inner, scope));
                }
                FunctionArgumentClause::Having(bound) => flow.decide(&self.expression(&bound.1, scope)),
                _ => {}
            }
        }
        flow
    }

    /// In the condition of `[e for e in l if e > 1]`, which becomes a call with two lambdas, the engine takes a column `e`
    /// before the variable.
    fn comprehended(&mut self, name: &str, arguments: &[FunctionArg], scope: &Scope<'_>) -> Flow {
        let lambda = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(lambda))) => Some(lambda.clone()),
            _ => None,
        };
        let lambdas: Vec<LambdaFunction> = arguments.iter().filter_map(lambda).collect();
        let mut flow = Flow::default();
        if name.eq_ignore_ascii_case("list_transform") && lambdas.len() > 1 {
            for parameter in lambdas.iter().flat_map(|lambda| lambda.params.iter()) {
                if let Some(column) = scope.chain().find_map(|scope| scope.column(&parameter.name.value)) {
                    self.name_it(&column);
                    flow.absorb(&column);
                }
            }
        }
        flow
    }

    fn argument(&mut self, name: &str, argument: &FunctionArg, scope: &Scope<'_>) -> Flow {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            argument;
        let mut flow = match argument {
            // `f(a = 1)` compares.
            FunctionArg::Named { name, operator: FunctionArgOperator::Equals, .. } => {
                self.name(&[&name.value], scope).computed()
            }
            FunctionArg::ExprNamed { name, operator: FunctionArgOperator::Equals, .. } => {
                self.expression(name, scope).computed()
            }
            _ => Flow::default(),
        };
        flow.absorb(&self.argument_value(name, arg, scope));
        flow
    }

    fn argument_value(&mut self, name: &str, argument: &FunctionArgExpr, scope: &Scope<'_>) -> Flow {
        let counts = name.eq_ignore_ascii_case("count");
        match argument {
            FunctionArgExpr::Expr(Expr::Lambda(lambda)) => {
                let takes = LAMBDAS.iter().any(|known| known.eq_ignore_ascii_case(name));
                self.lambda(lambda, scope, takes || lambda.syntax == LambdaSyntax::LambdaKeyword)
            }
            FunctionArgExpr::Expr(expression) => self.expression(expression, scope),
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) if counts => Flow::default(),
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => self.everything(scope, None),
            FunctionArgExpr::QualifiedWildcard(name) => self.everything(scope, Some(name)),
        }
    }

    fn orders(&mut self, orders: &[OrderByExpr], scope: &Scope<'_>) -> Flow {
        self.all(orders.iter().map(|order| &order.expr), scope)
    }

    fn window(&mut self, window: &WindowType, scope: &Scope<'_>) -> Flow {
        match window {
            WindowType::NamedWindow(name) => self.named_window(name, scope),
            WindowType::WindowSpec(spec) => self.window_spec(spec, scope),
        }
    }

    #[recursive]
    fn named_window(&mut self, name: &Ident, scope: &Scope<'_>) -> Flow {
        let mut windows = scope.chain().flat_map(|scope| scope.windows);
        let found = windows.find(|window| window.0.value.eq_ignore_ascii_case(&name.value));
        match found.map(|window| &window.1) {
            Some(NamedWindowExpr::WindowSpec(spec)) if self.step(1) => self.window_spec(spec, scope),
            Some(NamedWindowExpr::NamedWindow(other)) if self.step(1) => self.named_window(other, scope),
            _ => Flow::unknown(format!("there is no window `{}`", name.value)),
        }
    }

    fn window_spec(&mut self, spec: &WindowSpec, scope: &Scope<'_>) -> Flow {
        let mut flow = self.all(&spec.partition_by, scope);
        flow.absorb(&self.orders(&spec.order_by, scope));
        if let Some(name) = &spec.window_name {
            flow.absorb(&self.named_window(name, scope));
        }
        if let Some(frame) = &spec.window_frame {
            for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                if let WindowFrameBound::Preceding(Some(bound)) | WindowFrameBound::Following(Some(bound)) = bound {
                    flow.absorb(&self.expression(bound, scope));
                }
            }
        }
        flow
    }
}
