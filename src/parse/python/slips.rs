//! Mistakes that Python's grammar allows and that running the module would show: names given twice, and decorators that
//! look like dovetail's.

use std::collections::HashSet;
use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Arguments, Expr, ExprContext, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::imports::Imports;
use super::place;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::SourceFile;

/// Reports the mistakes of a module.
pub fn check<'a>(file: &'a Arc<SourceFile>, imports: &'a Imports<'a>, body: &'a [Stmt], problems: &mut Diagnostics) {
    let mut slips = Slips { file, imports, problems, suspects: Vec::new(), bound: HashSet::new() };
    slips.visit_body(body);
    let Slips { suspects, bound, .. } = slips;
    for (is_ours, name, problem) in suspects {
        // A name of the module's own is a decorator of its own.
        if is_ours || !bound.contains(name) {
            problems.push(problem);
        }
    }
}

struct Slips<'a, 'p> {
    file: &'a Arc<SourceFile>,
    imports: &'a Imports<'a>,
    problems: &'p mut Diagnostics,
    /// Decorators near dovetail's: whether they are attributes of dovetail, the name, and what to say.
    suspects: Vec<(bool, &'a str, Diagnostic)>,
    /// Every name that the module binds, wherever it does.
    bound: HashSet<&'a str>,
}

impl<'a> Slips<'a, '_> {
    fn decorators(&mut self, function: &'a StmtFunctionDef) {
        for decorator in &function.decorator_list {
            let expression = match &decorator.expression {
                Expr::Call(call) => call.func.as_ref(),
                expression => expression,
            };
            let (is_ours, name) = match expression {
                Expr::Name(name) if !self.imports.may_be_imported(&name.id) => (false, name.id.as_str()),
                Expr::Attribute(attribute) if self.imports.is_module(&attribute.value) => {
                    (true, attribute.attr.as_str())
                }
                _ => continue,
            };
            let known = ["asset", "source", "check"];
            let itself = known.into_iter().find(|known| *known == name && !is_ours);
            let Some(near) = itself.or_else(|| did_you_mean(name, known)) else { continue };
            let text = super::text_of(self.file, expression.range());
            let meant = format!("{}{near}", text.strip_suffix(name).unwrap_or_default());
            let message = format!("`@{text}` on `{}` is not defined in this module", function.name);
            let hint = if name == near {
                format!("`from dovetail import {near}`")
            } else {
                format!("did you mean `@{meant}`?")
            };
            let problem = Diagnostic::error(Code::MisspeltDecorator, message);
            self.suspects.push((is_ours, name, problem.at(place(self.file, expression.range())).hint(hint)));
        }
    }

    fn twice(&mut self, what: &str, name: &str, range: ruff_text_size::TextRange) {
        let message = format!("not valid Python: {what} `{name}` is given twice");
        self.problems.push(Diagnostic::error(Code::PythonSyntax, message).at(place(self.file, range)));
    }
}

impl<'a> Visitor<'a> for Slips<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.decorators(function);
                self.bound.insert(&function.name);
            }
            Stmt::ClassDef(class) => {
                self.bound.insert(&class.name);
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.ctx == ExprContext::Store
        {
            self.bound.insert(&name.id);
        }
        walk_expr(self, expression);
    }

    fn visit_parameters(&mut self, parameters: &'a Parameters) {
        let mut names = HashSet::new();
        for parameter in parameters.iter() {
            self.bound.insert(parameter.name());
            if !names.insert(parameter.name().as_str()) {
                self.twice("the parameter", parameter.name(), parameter.name().range);
            }
        }
        ruff_python_ast::visitor::walk_parameters(self, parameters);
    }

    fn visit_arguments(&mut self, arguments: &'a Arguments) {
        let mut names = HashSet::new();
        for name in arguments.keywords.iter().filter_map(|keyword| keyword.arg.as_ref()) {
            if !names.insert(name.as_str()) {
                self.twice("the argument", name, name.range);
            }
        }
        ruff_python_ast::visitor::walk_arguments(self, arguments);
    }
}

/// dbt's Python models, `def model(dbt, session)`.
pub fn dbt_model(file: &Arc<SourceFile>, body: &[Stmt]) -> Option<Diagnostic> {
    let function = body.iter().find_map(|statement| match statement {
        Stmt::FunctionDef(function) if function.name.as_str() == "model" => Some(function),
        _ => None,
    })?;
    let first = function.parameters.iter().next()?;
    let is_asset = !function.decorator_list.is_empty();
    if is_asset || first.name().as_str() != "dbt" {
        return None;
    }
    let name = file.stem();
    let problem = Diagnostic::error(Code::Unsupported, format!("dbt's Python models are not supported yet: `{name}`"));
    let problem = problem.at(place(file, function.name.range));
    Some(problem.hint(format!(
        "write `from dovetail import asset`, and `@asset` above `def {name}(upstream):`; \
         each parameter receives the data of the asset of that name"
    )))
}
