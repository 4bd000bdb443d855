//! Expressions: what a value comes from.

use std::ops::ControlFlow;

use recursive::recursive;
use sqlparser::ast::{
    AccessExpr, DataType, Expr, Function, FunctionArguments, LambdaFunction, LambdaSyntax, Query, Subscript, Value,
    Visit, Visitor,
};

use super::flow::{Flow, Form};
use super::scope::{AliasState, Meaning, Scope};
use super::star::columns_call;
use super::tracer::Tracer;

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
            Expr::Identifier(name) => {
                let flow = self.name(&[&name.value], scope);
                self.place(Some(name), &flow);
                flow
            }
            Expr::CompoundIdentifier(names) => {
                let parts: Vec<&str> = names.iter().map(|part| part.value.as_str()).collect();
                let flow = self.name(&parts, scope);
                self.place(names.last(), &flow);
                flow
            }
            Expr::Value(value) => match &value.value {
                // The end of `a[b:c]`, which our parser takes for a parameter.
                Value::Placeholder(text) if text.starts_with(':') => self.name(&[&text[1..]], scope),
                // `@a`, which our parser takes for a parameter too.
                Value::Placeholder(_) => Flow::unknown("an operator in front of a name is not followed"),
                _ => Flow::default(),
            },
            Expr::TypedString(_) => Flow::default(),
            Expr::BinaryOp { .. } => self.chain(expression, scope),
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::Exists { subquery, .. } => self.exists(subquery, scope),
            Expr::InSubquery { expr, subquery, .. } => {
                let mut flow = self.expression(expr, scope).computed();
                flow.absorb(&self.scalar(subquery, scope));
                flow
            }
            Expr::Function(function) if value_function(function).is_some_and(|name| is_column(name, scope)) => {
                let flow = self.name(&[value_function(function).unwrap_or_default()], scope);
                self.place(function.name.0.last().and_then(|part| part.as_ident()), &flow);
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
            Expr::Array(array) => Flow { form: Form::List, ..self.all(&array.elem, scope) },
            Expr::Cast { expr, data_type: DataType::Array(_), .. } => {
                Flow { form: Form::List, ..self.expression(expr, scope) }
            }
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
            // `b: a`, which our parser takes for a field of `b`.
            Expr::JsonAccess { .. } => {
                self.give_up("a name in front of its value is not followed");
                Flow::default()
            }
            Expr::Wildcard(_) => self.everything(scope, None),
            Expr::QualifiedWildcard(name, _) => self.everything(scope, Some(name)),
            other => self.parts(other, scope),
        }
    }

    pub fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>, scope: &Scope<'_>) -> Flow {
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
        self.look_around(parts, scope);
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
    pub fn scalar(&mut self, query: &Query, scope: &Scope<'_>) -> Flow {
        let table = self.query(query, scope, false);
        self.need_all(&table);
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

    pub fn lambda(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>, binds: bool) -> Flow {
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
        self.need_field(root, chain, scope);
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

/// `current_date` and its like, where they are written without parentheses.
fn value_function(function: &Function) -> Option<&str> {
    let [part] = function.name.0.as_slice() else { return None };
    let name = part.as_ident().map(|name| name.value.as_str())?;
    let is_known = VALUE_FUNCTIONS.iter().any(|known| name.eq_ignore_ascii_case(known));
    (is_known && matches!(function.args, FunctionArguments::None)).then_some(name)
}

/// Whether a name is in view as a column, which the engine takes first.
fn is_column(name: &str, scope: &Scope<'_>) -> bool {
    !matches!(scope.find(&[name], &mut |_, _| Flow::default()), Meaning::Nothing)
}
