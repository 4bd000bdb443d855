//! A syntax tree without what changes nothing: docstrings and other constants that stand alone, `pass`, annotations of
//! local variables (Python never evaluates them), and the arguments of `@asset`, `@source` and
//! `@check` that are seen elsewhere.

use std::cell::Cell;
use std::collections::HashSet;

use ruff_python_ast::visitor::transformer::{Transformer, walk_stmt};
use ruff_python_ast::visitor::{Visitor, walk_stmt as visit_inner};
use ruff_python_ast::{Decorator, ExceptHandler, Expr, ModModule, Stmt, StmtAssign, StmtIf};
use ruff_text_size::{TextRange, TextSize};

use crate::parse::python::Imports;

/// The arguments of `@asset` that are code of the asset; the others become its config, its name and its inputs.
const KEPT_ARGUMENTS: [&str; 2] = ["io_manager", "data_version"];

/// Strips a module. `keeps_docstrings` is for modules that read them.
pub(super) fn normalize(module: &mut ModModule, keeps_docstrings: bool) {
    let ours = our_decorators(&module.body);
    let normalizer = Normalizer { ours, keeps_docstrings, in_function: Cell::new(false) };
    for statement in &mut module.body {
        normalizer.visit_stmt(statement);
    }
    module.body.retain(|statement| normalizer.means_something(statement));
}

/// Where dovetail's decorators start.
fn our_decorators(body: &[Stmt]) -> HashSet<TextSize> {
    let imports = Imports::of(body);
    let mut finder = DecoratorFinder { imports: &imports, found: HashSet::new() };
    if imports.may_declare() {
        finder.visit_body(body);
    }
    finder.found
}

struct DecoratorFinder<'a> {
    imports: &'a Imports<'a>,
    found: HashSet<TextSize>,
}

impl<'a> Visitor<'a> for DecoratorFinder<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::FunctionDef(function) = statement {
            let is_ours = |decorator: &&Decorator| {
                let expression = match &decorator.expression {
                    Expr::Call(call) => call.func.as_ref(),
                    expression => expression,
                };
                let imports = self.imports;
                imports.is_asset(expression) || imports.is_source(expression) || imports.is_check(expression)
            };
            self.found.extend(function.decorator_list.iter().filter(is_ours).map(|decorator| decorator.range.start()));
        }
        visit_inner(self, statement);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

struct Normalizer {
    ours: HashSet<TextSize>,
    keeps_docstrings: bool,
    in_function: Cell<bool>,
}

impl Normalizer {
    fn means_something(&self, statement: &Stmt) -> bool {
        match statement {
            Stmt::Pass(_) => false,
            Stmt::Expr(statement) => match statement.value.as_ref() {
                Expr::StringLiteral(_) => self.keeps_docstrings,
                value => !value.is_literal_expr(),
            },
            // Without a value it declares a name, which is local either way.
            Stmt::AnnAssign(assign) if self.in_function.get() => assign.value.is_some(),
            _ => true,
        }
    }

    /// Whether the decorator still says something.
    fn strip(&self, decorator: &mut Decorator) -> bool {
        if !self.ours.contains(&decorator.range.start()) {
            return true;
        }
        let Expr::Call(call) = &mut decorator.expression else { return false };
        call.arguments.args = Default::default();
        let keywords = &mut call.arguments.keywords;
        // `data_version="off"` changes nothing that is computed.
        let is_code = |name: &str, value: &Expr| {
            KEPT_ARGUMENTS.contains(&name) && (name != "data_version" || !value.is_literal_expr())
        };
        keywords.retain(|keyword| keyword.arg.as_ref().is_some_and(|name| is_code(name, &keyword.value)));
        !keywords.is_empty()
    }

    fn bodies(&self, statement: &mut Stmt) {
        match statement {
            Stmt::FunctionDef(inner) => inner.body.retain(|statement| self.means_something(statement)),
            Stmt::ClassDef(inner) => inner.body.retain(|statement| self.means_something(statement)),
            Stmt::With(inner) => inner.body.retain(|statement| self.means_something(statement)),
            Stmt::For(inner) => {
                inner.body.retain(|statement| self.means_something(statement));
                inner.orelse.retain(|statement| self.means_something(statement));
            }
            Stmt::While(inner) => {
                inner.body.retain(|statement| self.means_something(statement));
                inner.orelse.retain(|statement| self.means_something(statement));
            }
            Stmt::If(inner) => {
                inner.body.retain(|statement| self.means_something(statement));
                for clause in &mut inner.elif_else_clauses {
                    clause.body.retain(|statement| self.means_something(statement));
                }
            }
            Stmt::Try(inner) => {
                inner.body.retain(|statement| self.means_something(statement));
                inner.orelse.retain(|statement| self.means_something(statement));
                inner.finalbody.retain(|statement| self.means_something(statement));
                for ExceptHandler::ExceptHandler(handler) in &mut inner.handlers {
                    handler.body.retain(|statement| self.means_something(statement));
                }
            }
            _ => {}
        }
    }
}

impl Transformer for Normalizer {
    fn visit_stmt(&self, statement: &mut Stmt) {
        let is_definition = matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_));
        let before = self.in_function.get();
        if is_definition {
            self.in_function.set(matches!(statement, Stmt::FunctionDef(_)));
        }
        if let Stmt::FunctionDef(function) = statement {
            function.decorator_list.retain_mut(|decorator| self.strip(decorator));
        }
        walk_stmt(self, statement);
        self.bodies(statement);
        if let Stmt::If(condition) = statement {
            chain(condition);
        }
        self.in_function.set(before);
        if before && !is_definition {
            forget_annotation(statement);
        }
    }

    /// No expression holds a statement.
    fn visit_expr(&self, _: &mut Expr) {}
}

/// `else:` with nothing but an `if` in it is `elif`.
fn chain(condition: &mut StmtIf) {
    let Some(last) = condition.elif_else_clauses.last_mut().filter(|clause| clause.test.is_none()) else { return };
    if !matches!(last.body.as_slice(), [Stmt::If(_)]) {
        return;
    }
    let Some(Stmt::If(inner)) = last.body.pop() else { return };
    last.test = Some(*inner.test);
    last.body = inner.body;
    condition.elif_else_clauses.extend(inner.elif_else_clauses);
}

/// `x: int = 1` is `x = 1` where `x` is a local name.
fn forget_annotation(statement: &mut Stmt) {
    let Stmt::AnnAssign(assign) = statement else { return };
    if !matches!(assign.target.as_ref(), Expr::Name(_)) {
        return;
    }
    let Some(value) = assign.value.take() else { return };
    let nothing = Expr::EllipsisLiteral(ruff_python_ast::ExprEllipsisLiteral {
        range: TextRange::default(),
        node_index: Default::default(),
    });
    let target = std::mem::replace(assign.target.as_mut(), nothing);
    let (range, node_index) = (assign.range, Default::default());
    *statement = Stmt::Assign(StmtAssign { range, node_index, targets: [target].into_iter().collect(), value });
}
