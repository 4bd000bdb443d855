//! Python modules: functions under `@asset`, `@source` and `@check`, found in the syntax tree without importing anything.

mod ahead;
mod arguments;
mod check;
#[cfg(test)]
mod check_tests;
mod constants;
pub(crate) mod depth;
mod docstring;
mod function;
mod imports;
mod literal;
mod slips;
mod source;
#[cfg(test)]
mod tests;
mod uses;
mod walk;
mod written;

use std::collections::HashMap;
use std::sync::Arc;

use ruff_python_ast::{Mod, Stmt};
use ruff_python_parser::{Mode, ParseError, ParseOptions, Parsed};
use ruff_text_size::TextRange;

use super::{AssetName, ParsedAsset, ParsedBody, ParsedPythonCheck, ParsedPythonSource};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Place, SourceFile, Span};
pub use ahead::{Import, first_imports};
use constants::Constants;
pub(crate) use imports::Imports;
pub(crate) use walk::never_runs_on_import;
use walk::{Declared, Walk};
pub use written::WrittenArguments;

/// What reading a module's syntax tree tells.
#[derive(Debug)]
pub struct ParsedModule {
    pub sources: Vec<ParsedPythonSource>,
    pub checks: Vec<ParsedPythonCheck>,
    pub assets: ModuleAssets,
}

/// The assets of a module.
#[derive(Debug)]
pub enum ModuleAssets {
    /// All of them (none, for a module of helpers).
    Read(Vec<ParsedAsset>),
    /// The module makes assets in a way that only importing it can tell, and why.
    NeedsImport { because: String, place: Place, written: WrittenArguments },
}

/// How dbt's Python models start; dbt takes the name from the file.
const DBT_MODEL: &str = "def model(";

/// What only importing the module can tell: the reason and the text that shows it.
#[derive(Debug, Clone)]
struct Unreadable {
    because: String,
    range: TextRange,
}

impl Unreadable {
    /// Nothing is imported to know its checks, so what cannot be read of one is an error.
    fn of_check(self, file: &Arc<SourceFile>) -> Diagnostic {
        let problem = Diagnostic::error(Code::AssetArgument, self.because).at(place(file, self.range));
        problem.hint("checks are read from the file's text: write it out, above a function of the module")
    }
}

/// The assets that a module declares.
///
/// A module whose text does not say `dovetail` (and holds no decorator that would, and no model of dbt's) declares none and is not
/// even parsed; neither is `conftest.py`.
/// Errors: `DT0301` for every syntax error, `DT0302` to `DT0304`, `DT0307`, `DT0505` and `DT0507` for wrong
/// declarations.
pub fn parse(file: &Arc<SourceFile>) -> Result<ParsedModule, Diagnostics> {
    let is_test_setup = file.path().file_name().is_some_and(|name| name == "conftest.py");
    let is_ours = ["dovetail", DBT_MODEL, "@asset", "@source", "@check"].iter().any(|word| file.text().contains(word));
    if is_test_setup || !is_ours {
        return Ok(ParsedModule::of_helpers());
    }
    let parsed = ruff_python_parser::parse_unchecked(file.text(), ParseOptions::from(Mode::Module));
    let depth = depth::bound(parsed.tokens());
    if depth > depth::MOST {
        // Walking or even dropping a tree this deep could exhaust the stack.
        std::mem::forget(parsed);
        let message = "expressions or blocks stand too deep in each other";
        return Err(Diagnostic::error(Code::PythonSyntax, message).at(Place::start_of(file)).into());
    }
    if depth > depth::SHALLOW { read_on_own_stack(file, parsed) } else { read(file, &parsed) }
}

fn read_on_own_stack(file: &Arc<SourceFile>, parsed: Parsed<Mod>) -> Result<ParsedModule, Diagnostics> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(depth::STACK);
        let work = builder.spawn_scoped(scope, move || read(file, &parsed));
        work.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| {
            let message = "the module is too deep to be read on this machine";
            Err(Diagnostic::error(Code::PythonSyntax, message).at(Place::start_of(file)).into())
        })
    })
}

fn read(file: &Arc<SourceFile>, parsed: &Parsed<Mod>) -> Result<ParsedModule, Diagnostics> {
    if !parsed.errors().is_empty() {
        return Err(syntax_errors(file, parsed.errors()));
    }
    match parsed.syntax() {
        Mod::Module(module) => declarations(file, &module.body),
        Mod::Expression(_) => Ok(ParsedModule::of_helpers()),
    }
}

/// The first error of each line: what follows on the same line is most often the same mistake again.
fn syntax_errors(file: &Arc<SourceFile>, errors: &[ParseError]) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let mut before = None;
    for error in errors {
        let start = error.location.start().to_usize();
        let is_same_line = before.replace(start).and_then(|before| file.text().get(before..start));
        if is_same_line.is_none_or(|between| between.contains('\n')) {
            let message = format!("not valid Python: {}", lowercase_start(&error.error.to_string()));
            problems.push(Diagnostic::error(Code::PythonSyntax, message).at(place(file, error.location)));
        }
    }
    problems.sorted()
}

fn declarations(file: &Arc<SourceFile>, body: &[Stmt]) -> Result<ParsedModule, Diagnostics> {
    if let Some(problem) = slips::dbt_model(file, body) {
        return Err(problem.into());
    }
    let imports = Imports::of(body);
    if !imports.may_declare() {
        let mut problems = Diagnostics::default();
        slips::check(file, &imports, body, &mut problems);
        return if problems.has_errors() { Err(problems.sorted()) } else { Ok(ParsedModule::of_helpers()) };
    }
    let mut walk = Walk::new(file, &imports);
    walk.module(body);
    let mut unreadable = walk.unreadable;
    let mut problems = walk.problems;
    slips::check(file, &imports, body, &mut problems);
    let is_empty = [&walk.declared, &walk.sources, &walk.checks].iter().all(|found| found.is_empty());
    let constants = if is_empty { Constants::default() } else { Constants::of(body) };
    let read_source = |declared| source::read(file, declared, &constants, &mut problems);
    let sources = walk.sources.iter().filter_map(read_source).collect();
    let mut assets = Vec::with_capacity(walk.declared.len());
    if let Some(reason) = under_conditions(&walk.declared).into_iter().next() {
        unreadable.get_or_insert(reason);
    }
    for declared in &walk.declared {
        match function::asset(file, declared, &imports, &constants, &mut problems) {
            Ok(asset) => assets.extend(asset),
            Err(reason) => {
                unreadable.get_or_insert(reason);
            }
        }
    }
    problems.extend(under_conditions(&walk.checks).into_iter().map(|reason| reason.of_check(file)));
    let names = by_function(&assets);
    let read_check = |declared| check::read(file, declared, &names, &imports, &constants, &mut problems);
    let checks = walk.checks.iter().filter_map(read_check).collect();
    let assets = match unreadable {
        _ if problems.has_errors() => return Err(problems.sorted()),
        Some(Unreadable { because, range }) => {
            let place = place(file, range);
            let written = WrittenArguments::of(file, body, &Constants::of(body));
            ModuleAssets::NeedsImport { because, place, written }
        }
        None => ModuleAssets::Read(assets),
    };
    Ok(ParsedModule { sources, checks, assets })
}

/// Functions of which only running the module tells which one stands.
fn under_conditions(declared: &[Declared<'_>]) -> Vec<Unreadable> {
    let mut conditional: HashMap<&str, bool> = HashMap::new();
    let doubtful = declared.iter().filter(|declared| {
        let before = conditional.insert(declared.function.name.as_str(), declared.is_conditional);
        before.is_some_and(|before| before || declared.is_conditional)
    });
    let reason = |declared: &Declared<'_>| {
        let because = format!("`{}` is declared more than once, under conditions", declared.function.name);
        Unreadable { because, range: declared.function.name.range }
    };
    doubtful.map(reason).collect()
}

/// The names of assets, by those of their functions.
fn by_function(assets: &[ParsedAsset]) -> HashMap<String, AssetName> {
    let function = |asset: &ParsedAsset| match &asset.body {
        ParsedBody::Python(body) => Some((body.function.clone(), asset.name.clone())),
        _ => None,
    };
    assets.iter().filter_map(function).collect()
}

impl ParsedModule {
    fn of_helpers() -> Self {
        ParsedModule { sources: Vec::new(), checks: Vec::new(), assets: ModuleAssets::Read(Vec::new()) }
    }
}

fn span(range: TextRange) -> Span {
    Span::new(range.start().to_usize(), range.end().to_usize())
}

fn place(file: &Arc<SourceFile>, range: TextRange) -> Place {
    Place::new(file, span(range))
}

/// The text of a part of the file.
fn text_of(file: &SourceFile, range: TextRange) -> String {
    file.text().get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default().to_string()
}

fn lowercase_start(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !text.starts_with("IPython") => first.to_lowercase().chain(letters).collect(),
        _ => text.to_string(),
    }
}
