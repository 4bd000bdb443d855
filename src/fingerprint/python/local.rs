//! What the names of a function hold: something that the function made itself, or anything.

use std::collections::HashMap;

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{
    Alias, Comprehension, Decorator, ExceptHandler, Expr, ExprContext, Parameters, Pattern, Stmt, StmtFunctionDef,
};

use super::scope::name_of;

/// Builtins that give something new, or a number or a text.
const MAKING: [&str; 11] =
    ["bool", "bytearray", "dict", "float", "frozenset", "int", "list", "set", "sorted", "str", "tuple"];

/// A name of a function, with all that is ever bound to it.
#[derive(Debug, Default)]
pub(super) struct Local<'a> {
    /// A parameter, or bound in a way that says nothing of its value.
    pub is_given: bool,
    pub is_imported: bool,
    /// A function that is defined in the function.
    pub is_defined: bool,
    /// `x = value`
    pub values: Vec<&'a Expr>,
    /// `for x in value`, `x, y = value`, `with value as x`
    pub parts: Vec<&'a Expr>,
}

impl Local<'_> {
    /// Made by the function, so that nobody else sees what is changed in it.
    pub fn is_fresh(&self) -> bool {
        let is_known = !self.is_given && !self.is_imported && self.parts.is_empty();
        is_known && (self.is_defined || !self.values.is_empty()) && self.values.iter().all(|value| is_fresh(value))
    }
}

pub(super) type Locals<'a> = HashMap<&'a str, Local<'a>>;

/// Literals, displays, comprehensions, and calls of what makes such.
pub(super) fn is_fresh(value: &Expr) -> bool {
    match value {
        Expr::List(_) | Expr::Dict(_) | Expr::Set(_) | Expr::Tuple(_) | Expr::Lambda(_) => true,
        Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => true,
        Expr::Call(call) => {
            matches!(call.func.as_ref(), Expr::Name(name) if MAKING.binary_search(&name.id.as_str()).is_ok())
        }
        _ => is_literal(value),
    }
}

pub(super) fn is_builtin_type(name: &str) -> bool {
    matches!(name, "object" | "type") || MAKING.binary_search(&name).is_ok()
}

/// What nobody can change.
pub(super) fn is_literal(value: &Expr) -> bool {
    match value {
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_literal),
        Expr::UnaryOp(operation) => is_literal(&operation.operand),
        Expr::BinOp(operation) => is_literal(&operation.left) && is_literal(&operation.right),
        Expr::FString(_) => true,
        _ => value.is_literal_expr(),
    }
}

pub(super) fn locals<'a>(parameters: Option<&'a Parameters>, body: &'a [Stmt]) -> Locals<'a> {
    let mut finder = Finder::default();
    finder.parameters(parameters);
    finder.visit_body(body);
    finder.0
}

/// What the expression of a lambda binds.
pub(super) fn locals_of_lambda<'a>(parameters: Option<&'a Parameters>, body: &'a Expr) -> Locals<'a> {
    let mut finder = Finder::default();
    finder.parameters(parameters);
    finder.visit_expr(body);
    finder.0
}

#[derive(Default)]
struct Finder<'a>(Locals<'a>);

impl<'a> Finder<'a> {
    fn local(&mut self, name: &'a str) -> &mut Local<'a> {
        self.0.entry(name).or_default()
    }

    fn parameters(&mut self, parameters: Option<&'a Parameters>) {
        for parameter in parameters.into_iter().flat_map(Parameters::iter) {
            self.local(parameter.name().as_str()).is_given = true;
        }
    }

    fn assign(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) => self.local(&name.id).values.push(value),
            _ => self.parts(target, value),
        }
    }

    fn parts(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) => self.local(&name.id).parts.push(value),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|inner| self.parts(inner, value)),
            Expr::List(list) => list.elts.iter().for_each(|inner| self.parts(inner, value)),
            Expr::Starred(starred) => self.parts(&starred.value, value),
            _ => self.visit_expr(target),
        }
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        let is_kept = function.decorator_list.iter().all(is_wraps);
        let local = self.local(&function.name);
        local.is_defined |= is_kept;
        local.is_given |= !is_kept;
    }

    fn imported(&mut self, names: &'a [Alias]) {
        for alias in names {
            let whole = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            self.local(whole.split('.').next().unwrap_or(whole)).is_imported = true;
        }
    }

    fn comprehensions(&mut self, generators: &'a [Comprehension]) {
        for generator in generators {
            self.parts(&generator.target, &generator.iter);
            self.visit_expr(&generator.iter);
            generator.ifs.iter().for_each(|condition| self.visit_expr(condition));
        }
    }
}

/// `@functools.wraps(function)` leaves the function that it decorates.
fn is_wraps(decorator: &Decorator) -> bool {
    let Expr::Call(call) = &decorator.expression else { return false };
    match call.func.as_ref() {
        Expr::Name(name) => name.id.as_str() == "wraps",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "wraps",
        _ => false,
    }
}

impl<'a> Visitor<'a> for Finder<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.local(&class.name).is_given = true,
            Stmt::Import(import) => self.imported(&import.names),
            Stmt::ImportFrom(import) => self.imported(&import.names),
            Stmt::Assign(assign) => {
                assign.targets.iter().for_each(|target| self.assign(target, &assign.value));
                self.visit_expr(&assign.value);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assign(&assign.target, value);
                    self.visit_expr(value);
                }
            }
            Stmt::AugAssign(assign) => self.visit_expr(&assign.value),
            Stmt::For(repeat) => {
                self.parts(&repeat.target, &repeat.iter);
                self.visit_expr(&repeat.iter);
                self.visit_body(&repeat.body);
                self.visit_body(&repeat.orelse);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.visit_expr(&item.context_expr);
                    item.optional_vars.iter().for_each(|target| self.parts(target, &item.context_expr));
                }
                self.visit_body(&with.body);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Store => self.local(&name.id).is_given = true,
            Expr::Named(named) => {
                self.parts(&named.target, &named.value);
                self.visit_expr(&named.value);
            }
            Expr::Lambda(_) => {}
            Expr::ListComp(inner) => {
                self.comprehensions(&inner.generators);
                self.visit_expr(&inner.elt);
            }
            Expr::SetComp(inner) => {
                self.comprehensions(&inner.generators);
                self.visit_expr(&inner.elt);
            }
            Expr::Generator(inner) => {
                self.comprehensions(&inner.generators);
                self.visit_expr(&inner.elt);
            }
            Expr::DictComp(inner) => {
                self.comprehensions(&inner.generators);
                inner.key.iter().for_each(|key| self.visit_expr(key));
                self.visit_expr(&inner.value);
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        inner.name.iter().for_each(|name| self.local(name).is_given = true);
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        name_of(pattern).into_iter().for_each(|name| self.local(name).is_given = true);
        walk_pattern(self, pattern);
    }
}
