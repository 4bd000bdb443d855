//! Finds uses of `asset` and `check` that are not the decorator of a module's function: factories, other names, lambdas.

use std::collections::HashSet;

use ruff_python_ast::visitor::{Visitor, walk_arguments, walk_expr, walk_parameters, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use super::Unreadable;
use super::imports::Imports;
use super::walk::Word;

pub struct Uses<'a> {
    imports: &'a Imports<'a>,
    /// The first use that only importing the module can follow.
    pub first: Option<Unreadable>,
    /// Uses of `check`, none of which can be followed.
    pub checks: Vec<Unreadable>,
    /// Where the name of `check` is given to something else.
    pub renamed_checks: Vec<Unreadable>,
    /// Lambdas given to `asset` or `check`.
    pub lambdas: Vec<(Word, TextRange)>,
    /// Names that the functions around this place bind for themselves.
    shadows: Vec<HashSet<&'a str>>,
    functions: Vec<&'a str>,
    loops: usize,
}

impl<'a> Uses<'a> {
    pub fn new(imports: &'a Imports<'a>) -> Self {
        Uses {
            imports,
            first: None,
            checks: Vec::new(),
            renamed_checks: Vec::new(),
            lambdas: Vec::new(),
            shadows: Vec::new(),
            functions: Vec::new(),
            loops: 0,
        }
    }

    /// A function's parameters and body.
    pub fn function(&mut self, function: &'a StmtFunctionDef) {
        walk_parameters(self, &function.parameters);
        let mut bound = Bound::default();
        bound.parameters(&function.parameters);
        bound.visit_body(&function.body);
        self.shadows.push(bound.0);
        self.functions.push(&function.name);
        self.visit_body(&function.body);
        self.functions.pop();
        self.shadows.pop();
    }

    fn is_shadowed(&self, name: &str) -> bool {
        self.shadows.iter().any(|names| names.contains(name))
    }

    /// Whether it is `asset` or `check`, and which.
    fn word(&self, expression: &Expr) -> Option<Word> {
        let base = match expression {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => match attribute.value.as_ref() {
                Expr::Name(name) => name.id.as_str(),
                _ => "",
            },
            _ => return None,
        };
        let is_check = || self.imports.is_check(expression).then_some("check");
        let word = self.imports.is_asset(expression).then_some("asset").or_else(is_check)?;
        (!self.is_shadowed(base)).then_some(word)
    }

    /// Notes a use of `asset` or `check` that is `what` in the module's own statements.
    fn note(&mut self, word: Word, range: TextRange, what: &str) {
        let because = match (self.functions.last(), self.loops) {
            (Some(function), _) => format!("`{word}` is used inside the function `{function}`"),
            (None, 0) => what.to_string(),
            (None, _) => format!("`{word}` is used in a loop"),
        };
        let reason = Unreadable { because, range };
        if word == "asset" {
            self.first.get_or_insert(reason);
        } else if self.checks.iter().all(|noted| noted.range != range) {
            self.checks.push(reason);
        }
    }

    fn call(&mut self, call: &'a ruff_python_ast::ExprCall) {
        let callee = match call.func.as_ref() {
            Expr::Call(inner) => inner.func.as_ref(),
            callee => callee,
        };
        if let Some(word) = self.word(callee)
            && let Some(lambda) = call.arguments.args.iter().find(|argument| matches!(argument, Expr::Lambda(_)))
        {
            self.lambdas.push((word, lambda.range()));
            walk_arguments(self, &call.arguments);
            return;
        }
        if let Some(word) = self.word(&call.func) {
            self.note(word, call.func.range(), &format!("`{word}(...)` is called like a function"));
        }
        self.visit_expr(&call.func);
        self.visit_arguments(&call.arguments);
    }

    /// `a = asset`, `dv = dovetail`.
    fn renames_module(&self, value: &Expr) -> bool {
        matches!(value, Expr::Name(name) if self.imports.is_module_name(&name.id) && !self.is_shadowed(&name.id))
    }
}

impl<'a> Visitor<'a> for Uses<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                self.function(function);
            }
            Stmt::For(_) | Stmt::While(_) => {
                self.loops += 1;
                walk_stmt(self, statement);
                self.loops -= 1;
            }
            Stmt::Assign(assign) if self.renames_module(&assign.value) => {
                self.note("asset", assign.range, "the package `dovetail` gets another name");
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => return self.call(call),
            Expr::Name(name) if self.is_shadowed(&name.id) => return,
            Expr::Name(name) if name.ctx == ExprContext::Load && self.imports.may_be_asset(&name.id) => {
                self.note("asset", name.range, "`asset` may come from another module of the project");
            }
            Expr::Name(name) if name.ctx != ExprContext::Load && self.imports.is_asset_name(&name.id) => {
                self.note("asset", name.range, "the name of `asset` is given to something else");
            }
            Expr::Name(name) if name.ctx != ExprContext::Load && self.imports.is_check_name(&name.id) => {
                let because = "the name of `check` is given to something else".to_string();
                self.renamed_checks.push(Unreadable { because, range: name.range });
            }
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                let mut bound = Bound::default();
                bound.visit_expr(expression);
                self.shadows.push(bound.0);
                self.loops += 1;
                walk_expr(self, expression);
                self.loops -= 1;
                self.shadows.pop();
                return;
            }
            Expr::Lambda(lambda) => {
                let mut bound = Bound::default();
                lambda.parameters.iter().for_each(|parameters| bound.parameters(parameters));
                self.shadows.push(bound.0);
                walk_expr(self, expression);
                self.shadows.pop();
                return;
            }
            _ => {}
        }
        let is_bound = matches!(expression, Expr::Name(name) if name.ctx != ExprContext::Load);
        if let Some(word) = self.word(expression).filter(|_| !is_bound) {
            self.note(word, expression.range(), &format!("`{word}` is used as a value"));
            return;
        }
        walk_expr(self, expression);
    }
}

/// The names that a function binds.
#[derive(Default)]
struct Bound<'a>(HashSet<&'a str>);

impl<'a> Bound<'a> {
    fn parameters(&mut self, parameters: &'a Parameters) {
        self.0.extend(parameters.iter().map(|parameter| parameter.name().as_str()));
    }
}

impl<'a> Visitor<'a> for Bound<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.ctx == ExprContext::Store
        {
            self.0.insert(&name.id);
        }
        walk_expr(self, expression);
    }
}
