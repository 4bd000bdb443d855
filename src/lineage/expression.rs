//! Expressions: what a value comes from.

use std::ops::ControlFlow;

use recursive::recursive;
use sqlparser::ast::NamedWindowExpr;
use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArguments, Ident, LambdaFunction, LambdaSyntax, ObjectName, OrderByExpr, Query, Subscript, Visit, Visitor,
    WindowFrameBound, WindowSpec, WindowType,
};

use super::flow::Flow;
use super::scope::{AliasState, Meaning, Scope};
use super::select::calls_aggregate;
use super::star::columns_call;
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

/// Names without parentheses that are calls where no column has them.
const VALUE_FUNCTIONS: [&str; 11] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

impl Tracer<'_> {
    #[recursive]
    pub fn expression(&mut self, expression: &Expr, scope: &Scope<'_>) -> Flow {
        if !self.step(1) {
            return Flow::unknown("the statement is too large");
        }
        match expression {
            Expr::Nested(inner) => self.expression(inner, scope),
            Expr::Identifier(name) => self.name(&[&name.value], scope),
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                self.name(&parts, scope)
            }
            Expr::Value(_) | Expr::TypedString(_) => Flow::default(),
            Expr::BinaryOp { .. } => self.chain(expression, scope),
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::Exists { subquery, .. } => self.exists(subquery, scope),
            Expr::InSubquery { expr, subquery, .. } => {
                let mut flow = self.expression(expr, scope).computed();
                flow.absorb(&self.scalar(subquery, scope));
                flow
            }
            Expr::Function(function) => match columns_call(expression) {
                Some(call) => self.columns_value(call, scope),
                None => self.function(function, scope),
            },
            Expr::Lambda(lambda) => self.lambda(lambda, scope, lambda.syntax == LambdaSyntax::LambdaKeyword),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, scope),
            Expr::Dictionary(fields) => self.all(fields.iter().map(|field| &*field.value), scope),
            Expr::InList { expr, list, .. } => self.all(std::iter::once(&**expr).chain(list), scope),
            Expr::Array(array) => self.all(&array.elem, scope),
            Expr::Tuple(elements) => self.all(elements, scope),
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                let mut flow = self.expression(left, scope).computed();
                let list = self.expression(right, scope);
                flow.absorb(&list);
                if !is_subquery(right) {
                    // The elements of a list are rows here.
                    flow.decide(&list);
                }
                flow
            }
            Expr::Wildcard(_) => self.everything(scope, None),
            Expr::QualifiedWildcard(name, _) => self.everything(scope, Some(name)),
            other => self.parts(other, scope),
        }
    }

    fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>, scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::default();
        for expression in expressions {
            flow.absorb(&self.expression(expression, scope));
        }
        flow
    }

    /// `a + b + c ...` is a tree as deep as it is long.
    fn chain(&mut self, expression: &Expr, scope: &Scope<'_>) -> Flow {
        let (mut rest, mut flow) = (expression, Flow::default());
        while let Expr::BinaryOp { left, right, .. } = rest {
            flow.absorb(&self.expression(right, scope));
            rest = left;
        }
        flow.absorb(&self.expression(rest, scope));
        flow
    }

    /// What an expression without rules of its own is made of.
    fn parts(&mut self, expression: &Expr, scope: &Scope<'_>) -> Flow {
        let mut parts = Parts { tracer: self, scope, depth: 0, flow: Flow::default() };
        let _ = expression.visit(&mut parts);
        parts.flow
    }

    pub fn name(&mut self, parts: &[&str], scope: &Scope<'_>) -> Flow {
        let meaning = scope.find(parts, &mut |relation, column| self.named_column(relation, column));
        match (meaning, parts) {
            (Meaning::Flow(flow), _) => {
                self.name_it(&flow);
                flow
            }
            (Meaning::Field(flow), _) => {
                self.name_it(&flow);
                flow.computed()
            }
            (Meaning::Alias(scope, index), _) => self.alias(scope, index),
            (Meaning::Nothing, [name]) if VALUE_FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
                Flow::default()
            }
            (Meaning::Nothing, _) => Flow::unknown(format!("nothing here has a column `{}`", parts.join("."))),
        }
    }

    /// What the expression behind an alias comes from.
    pub fn alias(&mut self, scope: &Scope<'_>, index: usize) -> Flow {
        let Some(alias) = scope.aliases.get(index) else { return Flow::default() };
        if let AliasState::Known(flow) = &*alias.state.borrow() {
            return flow.clone();
        }
        alias.state.replace(AliasState::Busy);
        let flow = self.expression(alias.expression, scope);
        alias.state.replace(AliasState::Known(flow.clone()));
        flow
    }

    /// The value of a query; its rows decide that value alone.
    fn scalar(&mut self, query: &Query, scope: &Scope<'_>) -> Flow {
        let table = self.query(query, scope, false);
        let mut flow = Flow::default();
        table.columns.iter().for_each(|column| flow.absorb(&column.flow));
        flow.decide(&table.rows);
        if let super::flow::Open::Unknown(reason) = &table.open {
            flow.absorb(&Flow::unknown(std::rc::Rc::clone(reason)));
        }
        flow
    }

    /// Only which rows there are matters.
    fn exists(&mut self, query: &Query, scope: &Scope<'_>) -> Flow {
        let table = self.query(query, scope, false);
        let mut flow = Flow::default();
        flow.decide(&table.rows);
        flow
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Flow {
        let name = function.name.0.last().and_then(|part| part.as_ident()).map_or("", |name| name.value.as_str());
        if name.eq_ignore_ascii_case("grouping") || name.eq_ignore_ascii_case("grouping_id") {
            return Flow::default();
        }
        let mut flow = self.subject(&function.name, scope);
        for arguments in [&function.parameters, &function.args] {
            flow.absorb(&self.arguments(name, arguments, scope));
        }
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
        let mut flow = Flow::default();
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

    fn lambda(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>, binds: bool) -> Flow {
        let parameters: Vec<&str> = lambda.params.iter().map(|parameter| parameter.name.value.as_str()).collect();
        if binds {
            let inner = Scope { parameters, ..Scope::below(scope) };
            return self.expression(&lambda.body, &inner).computed();
        }
        let mut flow = self.expression(&lambda.body, scope).computed();
        for parameter in parameters {
            flow.absorb(&self.name(&[parameter], scope));
        }
        flow
    }

    fn access(&mut self, root: &Expr, chain: &[AccessExpr], scope: &Scope<'_>) -> Flow {
        let (mut parts, mut rest) = (Vec::new(), chain);
        if let Expr::Identifier(name) = root {
            parts.push(name.value.as_str());
            while let [AccessExpr::Dot(Expr::Identifier(name)), more @ ..] = rest {
                parts.push(&name.value);
                rest = more;
            }
        }
        let root = if parts.is_empty() { self.expression(root, scope) } else { self.name(&parts, scope) };
        let mut flow = if chain.is_empty() { root } else { root.computed() };
        for access in rest {
            match access {
                AccessExpr::Dot(Expr::Function(function)) => flow.absorb(&self.function(function, scope)),
                AccessExpr::Dot(_) => {}
                AccessExpr::Subscript(Subscript::Index { index }) => flow.absorb(&self.expression(index, scope)),
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    flow.absorb(&self.all([lower_bound, upper_bound, stride].into_iter().flatten(), scope));
                }
            }
        }
        flow
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

fn is_subquery(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => is_subquery(inner),
        other => matches!(other, Expr::Subquery(_)),
    }
}

/// Finds the expressions and the queries right below one.
struct Parts<'t, 'a, 's> {
    tracer: &'t mut Tracer<'a>,
    scope: &'s Scope<'s>,
    depth: u32,
    flow: Flow,
}

impl Visitor for Parts<'_, '_, '_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if self.depth == 1 {
            self.flow.absorb(&self.tracer.expression(expression, self.scope));
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 1 {
            self.flow.absorb(&self.tracer.scalar(query, self.scope));
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}
