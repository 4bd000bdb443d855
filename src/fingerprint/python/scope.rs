//! The names that a function or a block binds, by Python's rules: a name that is bound anywhere in a function is local
//! everywhere in it.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Comprehension, ExceptHandler, Expr, ExprContext, Identifier, Parameters, Pattern, Stmt};

use super::imports::{Imported, Importer, Target};

/// Names with the targets of their imports; none for values.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub names: HashMap<String, Vec<Target>>,
    pub stars: Vec<String>,
}

impl Bound {
    pub fn of_parameters(parameters: &Parameters) -> Self {
        let names = parameters.iter().map(|parameter| (parameter.name().to_string(), Vec::new())).collect();
        Bound { names, stars: Vec::new() }
    }

    /// What a comprehension's targets bind.
    pub fn of_targets<'a>(comprehensions: impl Iterator<Item = &'a Comprehension>) -> Self {
        let mut finder = Finder::new(Importer { name: "", is_package: false });
        comprehensions.for_each(|comprehension| finder.visit_expr(&comprehension.target));
        finder.bound
    }

    /// What statements bind in the scope that they stand in.
    pub fn of_body(body: &[Stmt], importer: Importer<'_>) -> Self {
        let mut finder = Finder::new(importer);
        finder.visit_body(body);
        finder.bound.names.retain(|name, _| !finder.elsewhere.contains(name));
        finder.bound
    }

    pub fn and(mut self, other: Bound) -> Self {
        for (name, targets) in other.names {
            self.names.entry(name).or_default().extend(targets);
        }
        self.stars.extend(other.stars);
        self
    }
}

struct Finder<'i> {
    importer: Importer<'i>,
    bound: Bound,
    /// Under `global` or `nonlocal`.
    elsewhere: HashSet<String>,
}

impl<'i> Finder<'i> {
    fn new(importer: Importer<'i>) -> Self {
        Finder { importer, bound: Bound::default(), elsewhere: HashSet::new() }
    }

    fn bind(&mut self, name: &str) {
        self.bound.names.entry(name.to_owned()).or_default();
    }

    fn imported(&mut self, imported: Imported) {
        for (name, target) in imported.bound {
            self.bound.names.entry(name).or_default().push(target);
        }
        self.bound.stars.extend(imported.stars);
    }

    /// A comprehension keeps its targets to itself, but `:=` in it binds outside of it.
    fn comprehension(&mut self, expression: &Expr) {
        let mut inner = Walruses(Vec::new());
        walk_expr(&mut inner, expression);
        inner.0.iter().for_each(|name| self.bind(name));
    }
}

impl<'a> Visitor<'a> for Finder<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.bind(&function.name),
            Stmt::ClassDef(class) => self.bind(&class.name),
            Stmt::Import(import) => self.imported(self.importer.import(import)),
            Stmt::ImportFrom(import) => self.imported(self.importer.import_from(import)),
            Stmt::Global(global) => self.elsewhere.extend(global.names.iter().map(ToString::to_string)),
            Stmt::Nonlocal(nonlocal) => self.elsewhere.extend(nonlocal.names.iter().map(ToString::to_string)),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx != ExprContext::Load => self.bind(&name.id),
            Expr::Lambda(_) => {}
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                self.comprehension(expression);
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        inner.name.iter().for_each(|name| self.bind(name));
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        name_of(pattern).into_iter().for_each(|name| self.bind(name));
        walk_pattern(self, pattern);
    }
}

/// The name that a pattern by itself binds.
pub(super) fn name_of(pattern: &Pattern) -> Option<&Identifier> {
    match pattern {
        Pattern::MatchStar(star) => star.name.as_ref(),
        Pattern::MatchAs(bound) => bound.name.as_ref(),
        Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
        _ => None,
    }
}

/// The targets of `:=`.
struct Walruses<'a>(Vec<&'a str>);

impl<'a> Visitor<'a> for Walruses<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Named(named) => {
                if let Expr::Name(name) = named.target.as_ref() {
                    self.0.push(&name.id);
                }
                self.visit_expr(&named.value);
            }
            Expr::Lambda(_) => {}
            _ => walk_expr(self, expression),
        }
    }
}
