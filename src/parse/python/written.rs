//! Where a module writes the arguments of its decorators, though only importing it tells what they are: one of them may be
//! made by code, and the others stand in the text.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Decorator, Expr, Stmt};
use ruff_text_size::Ranged;

use super::arguments::parts;
use super::constants::Constants;
use super::{literal, span};
use crate::document::Content;
use crate::parse::{ParsedAsset, ParsedBody};
use crate::source::{Place, SourceFile, Span};

/// The arguments of decorators, by the line of the function's name.
#[derive(Debug, Clone, Default)]
pub struct WrittenArguments(HashMap<usize, Written>);

/// What the decorators of one function write.
#[derive(Debug, Clone, Default)]
struct Written {
    /// Each argument by its name, and what it holds as in `PythonBody::config_places`.
    places: BTreeMap<String, Span>,
    /// The columns of `reads=`, by parameter and column.
    reads: BTreeMap<(String, String), Span>,
}

impl WrittenArguments {
    pub(super) fn of(file: &Arc<SourceFile>, body: &[Stmt], constants: &Constants<'_>) -> Self {
        let mut finder = Finder { file, constants, found: WrittenArguments::default() };
        finder.visit_body(body);
        finder.found
    }

    /// Gives assets that an import told the places of what the text says of them.
    pub fn place(&self, assets: &mut [ParsedAsset]) {
        for asset in assets {
            let (ParsedBody::Python(body), Some(written)) = (&mut asset.body, self.0.get(&asset.place.position().line))
            else {
                continue;
            };
            body.config_places = written.places.clone();
            for parameter in &mut body.parameters {
                for column in parameter.reads.iter_mut().flatten() {
                    let key = (parameter.name.clone(), column.name.clone());
                    column.span = written.reads.get(&key).copied().unwrap_or(column.span);
                }
            }
        }
    }
}

struct Finder<'a> {
    file: &'a Arc<SourceFile>,
    constants: &'a Constants<'a>,
    found: WrittenArguments,
}

impl Finder<'_> {
    fn decorator(&self, decorator: &Decorator, written: &mut Written) {
        let Expr::Call(call) = &decorator.expression else { return };
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else { continue };
            written.places.insert(name.to_string(), span(name.range()));
            if matches!(name.as_str(), "columns" | "constraints") {
                written.places.extend(displayed(name, &keyword.value));
            }
            let Ok(value) = literal::read(&keyword.value, self.constants) else { continue };
            match (name.as_str(), &value.content) {
                ("columns" | "constraints", content) => written.places.extend(parts(name, content)),
                ("reads", Content::Table(entries)) => {
                    for entry in entries {
                        let columns = match &entry.value.content {
                            Content::List(items) => items.as_slice(),
                            _ => std::slice::from_ref(&entry.value),
                        };
                        for column in columns {
                            if let Content::Text(text) = &column.content {
                                written.reads.insert((entry.key.to_string(), text.to_string()), column.span);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The parts of a value whose other parts may be made by code.
fn displayed(argument: &str, value: &Expr) -> Vec<(String, Span)> {
    let parts: Vec<(String, Span)> = match value {
        Expr::Dict(dict) => {
            let keys = dict.items.iter().filter_map(|item| match &item.key {
                Some(Expr::StringLiteral(key)) => Some((key.value.to_str().to_owned(), span(key.range()))),
                _ => None,
            });
            keys.collect()
        }
        // Behind a star nobody can count.
        Expr::List(list) => {
            let counted = list.elts.iter().take_while(|item| !item.is_starred_expr()).enumerate();
            counted.map(|(index, item)| (index.to_string(), span(item.range()))).collect()
        }
        _ => Vec::new(),
    };
    parts.into_iter().map(|(part, span)| (format!("{argument}.{part}"), span)).collect()
}

impl<'a> Visitor<'a> for Finder<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::FunctionDef(function) = statement
            && !function.decorator_list.is_empty()
        {
            let mut written = Written::default();
            function.decorator_list.iter().for_each(|decorator| self.decorator(decorator, &mut written));
            let line = Place::new(self.file, span(function.name.range())).position().line;
            self.found.0.insert(line, written);
        }
        walk_stmt(self, statement);
    }
}
