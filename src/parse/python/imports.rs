//! Which names of a module mean dovetail's `asset`, `source` and `check`, however they were imported.

use std::collections::HashSet;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtImport, StmtImportFrom};
use ruff_text_size::TextRange;

#[derive(Debug, Default)]
pub struct Imports<'a> {
    /// Names of the decorator itself.
    assets: HashSet<&'a str>,
    /// Names of the decorator of sources.
    sources: HashSet<&'a str>,
    /// Names of the decorator of checks.
    checks: HashSet<&'a str>,
    /// Names of the package or of its modules.
    modules: HashSet<&'a str>,
    /// Names of the context types.
    contexts: HashSet<&'a str>,
    /// `asset` from another module of the project, which may have it from dovetail.
    passed_on: HashSet<&'a str>,
    /// Names that come from somewhere else.
    foreign: Vec<(&'a str, TextRange)>,
    /// `from somewhere import *`: any name may come from there.
    has_star: bool,
}

impl<'a> Imports<'a> {
    /// The imports anywhere in a module, those inside functions included.
    pub fn of(body: &'a [Stmt]) -> Self {
        let mut imports = Imports::default();
        imports.visit_body(body);
        imports
    }

    pub fn may_declare(&self) -> bool {
        let is_named = [&self.assets, &self.sources, &self.checks, &self.modules].iter().any(|names| !names.is_empty());
        is_named || !self.passed_on.is_empty() || self.has_star
    }

    pub fn is_asset_name(&self, name: &str) -> bool {
        self.assets.contains(name)
    }

    pub fn is_check_name(&self, name: &str) -> bool {
        self.checks.contains(name)
    }

    pub fn is_module_name(&self, name: &str) -> bool {
        self.modules.contains(name)
    }

    /// Whether the expression is dovetail's `asset`.
    pub fn is_asset(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Name(name) => self.is_asset_name(&name.id),
            // `dovetail.asset`, and `dovetail.asset.asset` for the module of that name.
            Expr::Attribute(attribute) if attribute.attr.as_str() == "asset" => {
                self.is_module(&attribute.value) || is_attribute_asset(&attribute.value, self)
            }
            _ => false,
        }
    }

    /// Whether the expression is dovetail's `source`.
    pub fn is_source(&self, expression: &Expr) -> bool {
        self.is_one(expression, &self.sources, "source")
    }

    /// Whether the expression is dovetail's `check`.
    pub fn is_check(&self, expression: &Expr) -> bool {
        self.is_one(expression, &self.checks, "check")
    }

    fn is_one(&self, expression: &Expr, names: &HashSet<&str>, word: &str) -> bool {
        match expression {
            Expr::Name(name) => names.contains(name.id.as_str()),
            Expr::Attribute(attribute) => attribute.attr.as_str() == word && self.is_module(&attribute.value),
            _ => false,
        }
    }

    /// Whether a name may come from an import.
    pub fn may_be_imported(&self, name: &str) -> bool {
        let is_foreign = self.foreign.iter().any(|(foreign, _)| *foreign == name);
        let is_ours = [&self.assets, &self.sources, &self.checks].iter().any(|names| names.contains(name));
        self.has_star || is_foreign || is_ours || self.passed_on.contains(name)
    }

    pub fn is_module(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Name(name) if self.is_module_name(&name.id))
    }

    /// Whether a name may be dovetail's `asset`, which only importing can tell.
    pub fn may_be_asset(&self, name: &str) -> bool {
        let is_bound = self.assets.contains(name) || self.foreign.iter().any(|(foreign, _)| *foreign == name);
        self.passed_on.contains(name) || (self.has_star && name == "asset" && !is_bound)
    }

    /// An import that gives the name of dovetail's `asset` to something else.
    pub fn clash(&self) -> Option<(&'a str, TextRange)> {
        self.foreign.iter().find(|(name, _)| self.assets.contains(name)).copied()
    }

    /// An import that gives the name of dovetail's `check` to something else.
    pub fn clash_of_check(&self) -> Option<(&'a str, TextRange)> {
        self.foreign.iter().find(|(name, _)| self.checks.contains(name)).copied()
    }

    /// Whether an annotation names one of dovetail's context types, be it as one of several or in quotes.
    pub fn is_context(&self, annotation: &Expr) -> bool {
        match annotation {
            Expr::BinOp(either) => self.is_context(&either.left) || self.is_context(&either.right),
            Expr::Subscript(wrapped) => is_called(&wrapped.value, "Optional") && self.is_context(&wrapped.slice),
            Expr::Name(name) => self.contexts.contains(name.id.as_str()),
            Expr::Attribute(attribute) => attribute.attr.ends_with("Context") && self.is_module(&attribute.value),
            Expr::StringLiteral(literal) => {
                literal.value.to_str().split('|').any(|text| self.is_context_text(text.trim()))
            }
            _ => false,
        }
    }

    fn is_context_text(&self, text: &str) -> bool {
        let wrapped = text.rsplit_once("Optional[").and_then(|(_, inner)| inner.strip_suffix(']'));
        let text = wrapped.unwrap_or(text);
        match text.rsplit_once('.') {
            Some((module, name)) => name.ends_with("Context") && self.is_module_name(module),
            None => self.contexts.contains(text),
        }
    }

    fn import(&mut self, statement: &'a StmtImport) {
        for alias in &statement.names {
            let name = alias.name.as_str();
            let package = name.split('.').next().unwrap_or(name);
            let bound = alias.asname.as_ref().map_or(package, |asname| asname.as_str());
            if package == "dovetail" {
                self.modules.insert(bound);
            } else {
                self.foreign.push((bound, alias.range));
            }
        }
    }

    fn import_from(&mut self, statement: &'a StmtImportFrom) {
        let module = statement.module.as_ref().map_or("", |module| module.as_str());
        let is_ours = statement.level == 0 && (module == "dovetail" || module.starts_with("dovetail."));
        for alias in &statement.names {
            let name = alias.name.as_str();
            let bound = alias.asname.as_ref().map_or(name, |asname| asname.as_str());
            match (is_ours, name) {
                (true, "*") => {
                    self.assets.insert("asset");
                    self.sources.insert("source");
                    self.checks.insert("check");
                    self.contexts.extend(["AssetContext", "Context"]);
                }
                (true, "asset") => {
                    self.assets.insert(bound);
                }
                (true, "source") => {
                    self.sources.insert(bound);
                }
                (true, "check") => {
                    self.checks.insert(bound);
                }
                (true, name) if name.ends_with("Context") => {
                    self.contexts.insert(bound);
                }
                (true, _) => {}
                (false, "*") => self.has_star = true,
                (false, "asset") if statement.level > 0 => {
                    self.passed_on.insert(bound);
                }
                (false, _) => self.foreign.push((bound, alias.range)),
            }
        }
    }
}

impl<'a> Visitor<'a> for Imports<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            _ => walk_stmt(self, statement),
        }
    }

    /// Expressions hold no imports.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// Whether an expression is this name, of whatever module.
fn is_called(expression: &Expr, called: &str) -> bool {
    match expression {
        Expr::Name(name) => name.id.as_str() == called,
        Expr::Attribute(attribute) => attribute.attr.as_str() == called,
        _ => false,
    }
}

fn is_attribute_asset(expression: &Expr, imports: &Imports<'_>) -> bool {
    matches!(expression, Expr::Attribute(attribute) if attribute.attr.as_str() == "asset" && imports.is_module(&attribute.value))
}
