//! A module's constants: names that are bound once, to a literal, and never changed.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, Stmt};

use super::literal;
use crate::document::{Content, Node};

#[derive(Debug, Default)]
pub struct Constants<'a>(HashMap<&'a str, Node<'a>>);

impl<'a> Constants<'a> {
    pub fn of(body: &'a [Stmt]) -> Self {
        let mut bindings = Bindings::default();
        bindings.visit_body(body);
        let mut constants = Constants::default();
        for statement in body {
            let Some((name, value)) = assignment(statement) else { continue };
            if bindings.counts.get(name) != Some(&1) {
                continue;
            }
            let Ok(node) = literal::read(value, &constants) else { continue };
            let can_change = matches!(node.content, Content::List(_) | Content::Table(_));
            if !(can_change && bindings.touched.contains(name)) {
                constants.0.insert(name, node);
            }
        }
        constants
    }

    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.get(name)
    }
}

/// `NAME = value` or `NAME: type = value`.
fn assignment(statement: &Stmt) -> Option<(&str, &Expr)> {
    match statement {
        Stmt::Assign(assign) => match assign.targets.as_slice() {
            [Expr::Name(name)] => Some((name.id.as_str(), &assign.value)),
            _ => None,
        },
        Stmt::AnnAssign(assign) => match assign.target.as_ref() {
            Expr::Name(name) => Some((name.id.as_str(), assign.value.as_deref()?)),
            _ => None,
        },
        _ => None,
    }
}

/// How often each name of the module is bound, and which values may have been changed in place.
#[derive(Default)]
struct Bindings<'a> {
    counts: HashMap<&'a str, usize>,
    touched: HashSet<&'a str>,
    /// Inside a function or class, names are its own.
    inside: usize,
}

impl<'a> Bindings<'a> {
    fn bind(&mut self, name: &'a str) {
        if self.inside == 0 {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}

impl<'a> Visitor<'a> for Bindings<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.bind(&function.name),
            Stmt::ClassDef(class) => self.bind(&class.name),
            Stmt::Import(import) => import.names.iter().for_each(|alias| {
                let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                self.bind(bound.split('.').next().unwrap_or(bound));
            }),
            Stmt::ImportFrom(import) => {
                import.names.iter().for_each(|alias| self.bind(alias.asname.as_ref().unwrap_or(&alias.name)));
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    *self.counts.entry(name.as_str()).or_default() += 1;
                }
            }
            _ => {}
        }
        let is_scope = matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_));
        self.inside += usize::from(is_scope);
        walk_stmt(self, statement);
        self.inside -= usize::from(is_scope);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx != ExprContext::Load => self.bind(&name.id),
            Expr::Attribute(attribute) => {
                if let Expr::Name(name) = attribute.value.as_ref() {
                    self.touched.insert(&name.id);
                }
            }
            Expr::Subscript(subscript) if subscript.ctx != ExprContext::Load => {
                if let Expr::Name(name) = subscript.value.as_ref() {
                    self.touched.insert(&name.id);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
