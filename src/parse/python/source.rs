//! A function under `@source` as a source.

use std::sync::Arc;

use ruff_python_ast::{Decorator, Expr, Keyword, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::constants::Constants;
use super::walk::Declared;
use super::{docstring, literal, place, span};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::config::config_value;
use crate::document::{Content, Entry, Node, Reader, Words};
use crate::parse::{AssetName, ParsedPythonSource};
use crate::project::Values;
use crate::source::SourceFile;

const WORDS: Words =
    Words { unknown_key: Code::AssetArgument, wrong_value: Code::AssetArgument, key: "argument", plain_text: false };

const ARGUMENTS: &[&str] = &["observe", "tags", "owner", "group", "meta"];

/// The source, or nothing when something is wrong with it, which goes to `problems`.
pub fn read(
    file: &Arc<SourceFile>,
    declared: &Declared<'_>,
    constants: &Constants<'_>,
    problems: &mut Diagnostics,
) -> Option<ParsedPythonSource> {
    let function = declared.function;
    check_parameters(file, function, problems);
    let mut reader = Reader::new(file, WORDS);
    let (config, is_observed) = arguments(&mut reader, declared.decorator, constants);
    problems.extend(std::mem::take(&mut reader.problems));
    Some(ParsedPythonSource {
        name: AssetName::new(&function.name)?,
        file: Arc::clone(file),
        place: place(file, function.name.range),
        description: docstring::of(&function.body),
        config,
        is_observed,
    })
}

/// Nobody would give them a value.
fn check_parameters(file: &Arc<SourceFile>, function: &StmtFunctionDef, problems: &mut Diagnostics) {
    let parameters = &function.parameters;
    let named = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
    for parameter in named.filter(|parameter| parameter.default.is_none()) {
        let message = format!("the source `{}` has a parameter `{}`", function.name, parameter.name());
        let problem = Diagnostic::error(Code::PythonParameter, message).at(place(file, parameter.range()));
        problems.push(problem.hint("a source reads nothing of the project: its function takes no parameters"));
    }
}

fn arguments(reader: &mut Reader<'_>, decorator: &Decorator, constants: &Constants<'_>) -> (Values, bool) {
    let (mut config, mut is_observed) = (Values::new(), false);
    let Expr::Call(call) = &decorator.expression else { return (config, is_observed) };
    if let Some(positional) = call.arguments.args.first() {
        let problem = reader.problem(span(positional.range()), "`@source` takes its arguments by name");
        reader.report(problem.hint("write `@source(observe=...)`"));
    }
    for keyword in &call.arguments.keywords {
        match keyword.arg.as_ref().map(|name| name.as_str()) {
            Some("observe") => is_observed = !matches!(keyword.value, Expr::NoneLiteral(_)),
            name => config.extend(name.and_then(|name| argument(reader, keyword, name, constants))),
        }
        if keyword.arg.is_none() {
            let problem = reader.problem(span(keyword.range), "the arguments of `@source` are made by code");
            reader.report(problem.hint("write them out: sources are read from the file's text"));
        }
    }
    (config, is_observed)
}

/// The value of one argument as the configuration holds it.
fn argument(
    reader: &mut Reader<'_>,
    keyword: &Keyword,
    name: &str,
    constants: &Constants<'_>,
) -> Option<(String, serde_json::Value)> {
    let key_span = keyword.arg.as_ref().map_or(span(keyword.range), |name| span(name.range));
    if !ARGUMENTS.contains(&name) {
        let value = Node::new(span(keyword.value.range()), Content::Null);
        reader.unknown_key(&Entry { key: name.into(), key_span, value }, "`@source`", ARGUMENTS);
        return None;
    }
    match literal::read(&keyword.value, constants) {
        Ok(node) => Some((name.to_owned(), config_value(reader, name, name, &node)?)),
        Err(range) => {
            let problem = reader.problem(span(range), format!("`{name}=` of `@source` is not a plain value"));
            reader.report(problem.hint("sources are read from the file's text"));
            None
        }
    }
}
