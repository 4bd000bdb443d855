//! Walks what a module runs when it is imported, and finds the functions under dovetail's decorators.

use std::sync::Arc;

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{Decorator, ExceptHandler, Expr, Stmt, StmtClassDef, StmtFunctionDef, StmtIf};

use super::imports::Imports;
use super::uses::Uses;
use super::{Unreadable, place};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::SourceFile;

/// A function under one of dovetail's decorators.
pub struct Declared<'a> {
    pub function: &'a StmtFunctionDef,
    pub decorator: &'a Decorator,
    /// It stands under `if`, `try` or `match`.
    pub is_conditional: bool,
}

/// `asset`, `source` or `check`.
pub type Word = &'static str;

pub struct Walk<'a> {
    file: &'a Arc<SourceFile>,
    imports: &'a Imports<'a>,
    pub declared: Vec<Declared<'a>>,
    pub sources: Vec<Declared<'a>>,
    pub checks: Vec<Declared<'a>>,
    pub unreadable: Option<Unreadable>,
    pub problems: Diagnostics,
    conditions: usize,
    /// Uses of `check` that cannot be read.
    lost_checks: Vec<Unreadable>,
    /// Where the name of `check` is given to something else.
    renamed_checks: Vec<Unreadable>,
}

impl<'a> Walk<'a> {
    pub fn new(file: &'a Arc<SourceFile>, imports: &'a Imports<'a>) -> Self {
        Walk {
            file,
            imports,
            declared: Vec::new(),
            sources: Vec::new(),
            checks: Vec::new(),
            unreadable: None,
            problems: Diagnostics::default(),
            conditions: 0,
            lost_checks: Vec::new(),
            renamed_checks: Vec::new(),
        }
    }

    pub fn module(&mut self, body: &'a [Stmt]) {
        if let Some((name, range)) = self.imports.clash() {
            self.needs_import(Unreadable { because: format!("`{name}` is imported from two places"), range });
        }
        if let Some((name, range)) = self.imports.clash_of_check() {
            self.renamed_checks.push(Unreadable { because: format!("`{name}` is imported from two places"), range });
        }
        self.body(body);
        // A module that has another use for the name, and no check, is none of our business.
        if self.renamed_checks.is_empty() || !self.checks.is_empty() {
            let lost = self.lost_checks.drain(..).chain(self.renamed_checks.drain(..));
            self.problems.extend(lost.map(|reason| reason.of_check(self.file)));
        }
    }

    fn needs_import(&mut self, reason: Unreadable) {
        self.unreadable.get_or_insert(reason);
    }

    fn body(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::If(statement) => self.condition(statement),
            Stmt::With(with) => self.body(&with.body),
            Stmt::Try(statement) => self.under_condition(|walk| {
                walk.body(&statement.body);
                for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
                    walk.body(&handler.body);
                }
                walk.body(&statement.orelse);
                walk.body(&statement.finalbody);
            }),
            Stmt::Match(statement) => self.under_condition(|walk| {
                statement.cases.iter().for_each(|case| walk.body(&case.body));
            }),
            other => self.uses(|uses| uses.visit_stmt(other)),
        }
    }

    fn under_condition(&mut self, walk: impl FnOnce(&mut Self)) {
        self.conditions += 1;
        walk(self);
        self.conditions -= 1;
    }

    fn condition(&mut self, statement: &'a StmtIf) {
        self.under_condition(|walk| {
            if !never_runs_on_import(&statement.test) {
                walk.body(&statement.body);
            }
            for clause in &statement.elif_else_clauses {
                if !clause.test.as_ref().is_some_and(never_runs_on_import) {
                    walk.body(&clause.body);
                }
            }
        });
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        if self.imports.is_asset_name(&function.name) {
            let because = format!("`{}` is defined again", function.name);
            self.needs_import(Unreadable { because, range: function.name.range });
        }
        if self.imports.is_check_name(&function.name) {
            let because = format!("`{}` is defined again", function.name);
            self.renamed_checks.push(Unreadable { because, range: function.name.range });
        }
        let mut found: Option<(&Decorator, Word)> = None;
        for decorator in &function.decorator_list {
            match (self.word(decorator), found) {
                (Some(word), None) => {
                    found = Some((decorator, word));
                    self.decorator_arguments(decorator);
                }
                (Some(word), Some((_, before))) => {
                    let message = match word == before {
                        true => format!("`@{word}` stands twice on `{}`", function.name),
                        false => {
                            let (one, other) = (with_article(before), with_article(word));
                            format!("`{}` is {one} or {other}, not both", function.name)
                        }
                    };
                    let problem = Diagnostic::error(Code::AssetArgument, message);
                    self.problems.push(problem.at(place(self.file, decorator.range)));
                }
                (None, _) => self.uses(|uses| uses.visit_decorator(decorator)),
            }
        }
        self.uses(|uses| uses.function(function));
        if let Some((decorator, word)) = found {
            let declared = Declared { function, decorator, is_conditional: self.conditions > 0 };
            match word {
                "asset" => self.declared.push(declared),
                "source" => self.sources.push(declared),
                _ => self.checks.push(declared),
            }
        }
    }

    fn class(&mut self, class: &'a StmtClassDef) {
        for decorator in &class.decorator_list {
            if let Some(word) = self.word(decorator) {
                let message = format!("`@{word}` on the class `{}`, which is not a function", class.name);
                let problem = Diagnostic::error(Code::NotAFunction, message).at(place(self.file, decorator.range));
                self.problems.push(problem.hint(match word {
                    "check" => "decorate a function that looks at the data",
                    _ => "decorate a function that makes what the class holds",
                }));
            } else {
                self.uses(|uses| uses.visit_decorator(decorator));
            }
        }
        for statement in &class.body {
            match statement {
                Stmt::FunctionDef(method) => self.method(class, method),
                other => self.uses(|uses| uses.visit_stmt(other)),
            }
        }
    }

    fn method(&mut self, class: &'a StmtClassDef, method: &'a StmtFunctionDef) {
        for decorator in &method.decorator_list {
            if let Some(word) = self.word(decorator) {
                let message = format!("`@{word}` on the method `{}.{}`", class.name, method.name);
                let problem = Diagnostic::error(Code::NotAFunction, message).at(place(self.file, decorator.range));
                self.problems
                    .push(problem.hint(format!("move it out of the class: {word} functions stand in the module")));
            } else {
                self.uses(|uses| uses.visit_decorator(decorator));
            }
        }
        self.uses(|uses| uses.function(method));
    }

    /// Which of dovetail's decorators it is.
    fn word(&self, decorator: &Decorator) -> Option<Word> {
        let expression = match &decorator.expression {
            Expr::Call(call) => call.func.as_ref(),
            expression => expression,
        };
        let words: [(Word, bool); 3] = [
            ("asset", self.imports.is_asset(expression)),
            ("source", self.imports.is_source(expression)),
            ("check", self.imports.is_check(expression)),
        ];
        words.into_iter().find_map(|(word, is_it)| is_it.then_some(word))
    }

    /// The decorator itself is a proper use of its word; one among its arguments is not.
    fn decorator_arguments(&mut self, decorator: &'a Decorator) {
        if let Expr::Call(call) = &decorator.expression {
            self.uses(|uses| uses.visit_arguments(&call.arguments));
        }
    }

    fn uses(&mut self, visit: impl FnOnce(&mut Uses<'a>)) {
        let mut uses = Uses::new(self.imports);
        visit(&mut uses);
        for (word, range) in uses.lambdas {
            let problem = Diagnostic::error(Code::NotAFunction, format!("`{word}` on a lambda, which has no name"));
            let problem = problem.at(place(self.file, range));
            self.problems.push(problem.hint(format!("write a function: `@{word}` above `def name(...):`")));
        }
        self.lost_checks.extend(uses.checks);
        self.renamed_checks.extend(uses.renamed_checks);
        if let Some(reason) = uses.first {
            self.needs_import(reason);
        }
    }
}

fn with_article(word: Word) -> &'static str {
    match word {
        "asset" => "an asset",
        "source" => "a source",
        _ => "a check",
    }
}

/// `if TYPE_CHECKING:`, `if __name__ == "__main__":`, `if False:`.
pub fn never_runs_on_import(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(literal) => !literal.value,
        Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        Expr::Compare(compare) => {
            let sides = [Some(compare.left.as_ref()), compare.comparators.first()];
            let is_name = |side: &Expr| matches!(side, Expr::Name(name) if name.id.as_str() == "__name__");
            let is_main = |side: &Expr| matches!(side, Expr::StringLiteral(text) if text.value.to_str() == "__main__");
            let is_equal = matches!(compare.ops.as_ref(), [ruff_python_ast::CmpOp::Eq]);
            is_equal
                && sides.iter().flatten().any(|side| is_name(side))
                && sides.iter().flatten().any(|side| is_main(side))
        }
        _ => false,
    }
}
