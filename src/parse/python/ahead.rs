//! The imports with which a module begins.

use std::sync::Arc;

use ruff_python_ast::{Expr, Stmt, StmtImportFrom};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use super::depth;
use crate::source::SourceFile;

/// A module that an import statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its dotted name.
    pub module: String,
    /// What is taken from it: names of its own, or modules inside of it.
    pub names: Vec<String>,
}

/// The imports before which nothing runs that could change what they do, in the order of the text.
///
/// A relative import ends them, and so does anything else but a text that stands alone. None where the module is no
/// Python, or too deep to be read on any stack.
pub fn first_imports(file: &Arc<SourceFile>) -> Vec<Import> {
    let parsed = parse_unchecked(file.text(), ParseOptions::from(Mode::Module));
    if depth::bound(parsed.tokens()) > depth::SHALLOW {
        // Dropping a tree this deep could exhaust the stack.
        std::mem::forget(parsed);
        return Vec::new();
    }
    if !parsed.errors().is_empty() {
        return Vec::new();
    }
    let body = parsed.syntax().as_module().map(|module| module.body.as_slice()).unwrap_or_default();
    body.iter().map_while(imports).flatten().collect()
}

/// What a statement imports; `None` where it does something else.
fn imports(statement: &Stmt) -> Option<Vec<Import>> {
    match statement {
        Stmt::Import(import) => {
            let modules = import.names.iter().map(|alias| alias.name.to_string());
            Some(modules.map(|module| Import { module, names: Vec::new() }).collect())
        }
        Stmt::ImportFrom(StmtImportFrom { module: Some(module), names, level: 0, .. }) => {
            let names = names.iter().map(|alias| alias.name.to_string()).filter(|name| name != "*").collect();
            Some(vec![Import { module: module.to_string(), names }])
        }
        Stmt::Expr(text) if matches!(*text.value, Expr::StringLiteral(_)) => Some(Vec::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Vec<String> {
        let found = first_imports(&SourceFile::new("models/module.py", text));
        found.iter().map(|import| format!("{}: {}", import.module, import.names.join(" "))).collect()
    }

    #[test]
    fn imports_are_taken_until_something_else_runs() {
        let text = "'''Delays.'''\nfrom __future__ import annotations\nimport os, numpy as np\n\
                    from sklearn import ensemble as forest, svm\nfrom polars import *\nos.environ['A'] = '1'\nimport torch\n";
        let expected = ["__future__: annotations", "os: ", "numpy: ", "sklearn: ensemble svm", "polars: "];
        assert_eq!(first(text), expected);
    }

    #[test]
    fn modules_of_the_same_folder_and_what_follows_them_are_not_taken() {
        assert_eq!(first("import a.b\nfrom . import helpers\nimport c\n"), ["a.b: "]);
    }

    #[test]
    fn what_is_no_python_or_too_deep_imports_nothing() {
        assert!(first("import a\ndef broken(:\n").is_empty());
        assert!(first(&format!("import a\nx = {}1{}\n", "(".repeat(5000), ")".repeat(5000))).is_empty());
    }
}
