//! A module taken apart: each statement by itself, with its hash and with what it names.

use std::collections::HashMap;
use std::sync::Arc;

use ruff_python_ast::comparable::ComparableStmt;
use ruff_python_ast::{Expr, Mod, Stmt, StmtIf};
use ruff_python_parser::{Mode, ParseOptions, Parsed};
use ruff_text_size::Ranged;

use super::given::{self, Given};
use super::imports::{Importer, Target};
use super::local::is_literal;
use super::normal::normalize;
use super::registry::{Calls, calls};
use super::scope::Bound;
use super::standard_library::is_standard;
use super::uses::{Change, Evaluated, GIVEN, Path, Use, Uses, uses, value_path};
use super::words::{CHANGING_METHODS, is_iterator_name, is_pure_method, is_setter_name};
use crate::fingerprint::hash::{self, Digest, digest};
use crate::parse::python::{depth, never_runs_on_import};
use crate::scan::ModuleFile;
use crate::source::{SourceFile, Span};

#[derive(Debug)]
pub(super) struct Module {
    pub name: String,
    pub file: Arc<SourceFile>,
    pub is_package: bool,
    /// In the order of the text.
    pub items: Vec<Item>,
    /// Which items bind a name of the module, and what it stands for where that is an import.
    pub bindings: HashMap<String, Vec<(usize, Vec<Target>)>>,
    /// Modules whose names are all taken over.
    pub stars: Vec<String>,
    /// Its text is no Python.
    pub is_broken: bool,
}

/// One statement of a module.
#[derive(Debug)]
pub(super) struct Item {
    pub kind: ItemKind,
    /// The first name that it binds.
    pub name: String,
    pub digest: Digest,
    pub span: Span,
    pub uses: Vec<Use>,
    /// Runs when the module is imported and may do more than bind its name.
    pub is_effect: bool,
    pub evaluated: Vec<Evaluated>,
    /// Calling it (or being decorated by it) changes what it does not own.
    pub changes: bool,
    /// What else is known of calling it.
    pub calls: Calls,
    /// A number, a text or the like: nobody changes what it holds.
    pub is_literal: bool,
    /// The function that gives its value, where that runs out as it is read: an iterator.
    pub iterates: Option<Path>,
    /// What it changes by way of its imports.
    pub changed_imports: Vec<Change>,
    /// What it takes from a context, if that is what it has.
    pub given: Vec<Given>,
    /// What no reader can follow.
    pub undecidable: Vec<&'static str>,
    /// Statements with effects that stand before it: where it stands among them may matter.
    pub effects_before: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Function,
    Class,
    Constant,
    Import,
    /// An import for the type checker only: it never runs.
    TypingImport,
    Effect,
}

impl ItemKind {
    pub fn word(self) -> &'static str {
        match self {
            ItemKind::Function => "function",
            ItemKind::Class => "class",
            ItemKind::Constant => "constant",
            ItemKind::Import | ItemKind::TypingImport => "import",
            ItemKind::Effect => "module",
        }
    }
}

impl Module {
    pub fn read(name: &str, found: &ModuleFile) -> Self {
        let parsed = ruff_python_parser::parse_unchecked(found.file.text(), ParseOptions::from(Mode::Module));
        let depth = depth::bound(parsed.tokens());
        if depth > depth::MOST {
            // Walking or even dropping a tree this deep could exhaust the stack.
            std::mem::forget(parsed);
            return Module::broken(name, found);
        }
        if depth <= depth::SHALLOW {
            return Module::of(name, found, parsed);
        }
        let read = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().stack_size(depth::STACK);
            let work = builder.spawn_scoped(scope, move || Module::of(name, found, parsed));
            work.ok().and_then(|thread| thread.join().ok())
        });
        read.unwrap_or_else(|| Module::broken(name, found))
    }

    fn empty(name: &str, found: &ModuleFile) -> Self {
        Module {
            name: name.to_owned(),
            file: Arc::clone(&found.file),
            is_package: found.is_package,
            items: Vec::new(),
            bindings: HashMap::new(),
            stars: Vec::new(),
            is_broken: false,
        }
    }

    /// Only its text can be compared.
    fn broken(name: &str, found: &ModuleFile) -> Self {
        Module { is_broken: true, ..Module::empty(name, found) }
    }

    fn of(name: &str, found: &ModuleFile, parsed: Parsed<Mod>) -> Self {
        if !parsed.errors().is_empty() {
            return Module::broken(name, found);
        }
        let Mod::Module(mut syntax) = parsed.into_syntax() else { return Module::broken(name, found) };
        let reads_docstrings = ["__doc__", "getdoc"].iter().any(|word| found.file.text().contains(word));
        normalize(&mut syntax, reads_docstrings);
        let mut module = Module::empty(name, found);
        module.statements(&syntax.body, false);
        module.finish();
        module
    }

    pub fn importer(&self) -> Importer<'_> {
        Importer { name: &self.name, is_package: self.is_package }
    }

    fn statements(&mut self, body: &[Stmt], for_typing: bool) {
        for statement in body {
            match statement {
                Stmt::If(condition) if never_runs_on_import(&condition.test) => self.skipped(condition, for_typing),
                _ => self.statement(statement, for_typing),
            }
        }
    }

    /// `if TYPE_CHECKING:` binds names that only annotations say; what stands under `__main__` is never run.
    fn skipped(&mut self, condition: &StmtIf, for_typing: bool) {
        if !matches!(condition.test.as_ref(), Expr::Compare(_) | Expr::BooleanLiteral(_)) {
            self.statements(&condition.body, true);
        }
        match condition.elif_else_clauses.as_slice() {
            [] => {}
            [clause] if clause.test.is_none() => self.statements(&clause.body, for_typing),
            _ => {
                let all = Stmt::If(condition.clone());
                self.statement(&all, for_typing);
            }
        }
    }

    fn statement(&mut self, statement: &Stmt, for_typing: bool) {
        let bound = Bound::of_body(std::slice::from_ref(statement), self.importer());
        let found = uses(statement, self.importer());
        let kind = match kind(statement) {
            ItemKind::Import if for_typing => ItemKind::TypingImport,
            kind => kind,
        };
        let mut names: Vec<&String> = bound.names.keys().collect();
        names.sort_unstable();
        let item = Item {
            kind,
            name: names.first().map(|name| (*name).clone()).unwrap_or_default(),
            digest: if is_import(kind) { import_digest(&bound) } else { self.digest(statement) },
            span: Span::new(statement.start().to_usize(), statement.end().to_usize()),
            is_effect: kind == ItemKind::Effect
                || is_future(statement)
                || names.first().is_some_and(|name| *name == "__getattr__"),
            changes: found.rebinds,
            calls: calls(statement),
            is_literal: holds_literal(statement),
            iterates: maker(statement),
            changed_imports: Vec::new(),
            given: if given::may_take(self.file.text()) { given::taken(statement) } else { Vec::new() },
            undecidable: Vec::new(),
            effects_before: 0,
            evaluated: Vec::new(),
            uses: Vec::new(),
        };
        let index = self.items.len();
        self.items.push(item);
        for (name, targets) in bound.names {
            self.bindings.entry(name).or_default().push((index, targets));
        }
        self.stars.extend(bound.stars);
        self.uses(index, found);
    }

    /// Halves of letters (`"\ud800"`) are all the same in the tree, so they count as they are written.
    fn digest(&self, statement: &Stmt) -> Digest {
        let tree = hash::of(&ComparableStmt::from(statement));
        let text = &self.file.text()[statement.start().to_usize()..statement.end().to_usize()];
        let mut halves = text.match_indices('\\').filter_map(|(start, _)| half_letter(&text[start..])).peekable();
        if halves.peek().is_none() { tree } else { digest(std::iter::once(&tree[..]).chain(halves)) }
    }

    /// What of the uses can be told before all names of the module are known.
    fn uses(&mut self, index: usize, found: Uses) {
        let Some(item) = self.items.get_mut(index) else { return };
        item.is_effect |= found.sets || item.kind == ItemKind::Constant && found.evaluated.iter().any(is_setter);
        item.uses = found.all.into_iter().collect();
        item.evaluated = found.evaluated;
        item.changed_imports = found.changed;
        item.undecidable = found.undecidable.into_iter().collect();
    }

    /// What needs all names: names that are bound twice, and changes of the module's own values.
    fn finish(&mut self) {
        for index in 0..self.items.len() {
            let own: Vec<Change> = self.items[index].changed_imports.clone();
            let is_immediate = |change: &&Change| change.is_immediate && !change.is_decorator;
            let changes = own.iter().any(|change| self.is_own_change(change));
            let changes_now = own.iter().filter(is_immediate).any(|change| self.changes_on_import(change));
            let bound = &self.bindings;
            let item = &mut self.items[index];
            // A name of the module's own hides the builtin.
            item.undecidable.retain(|name| !bound.contains_key(*name));
            item.changed_imports.retain(|change| match &change.what {
                // A method that only looks may do more where the value is of a class of the project.
                Use::Name(path) => path.first().is_some_and(|name| is_imported(bound, name)) || change.method.is_some(),
                _ => true,
            });
            item.changes |= changes || item.calls.is_loud;
            item.changes |= item.calls.builtins.iter().any(|name| bound.contains_key(name));
            item.is_effect |= changes_now || changes && item.kind == ItemKind::Constant;
        }
        let readers: Vec<usize> = (0..self.items.len()).filter(|index| self.reads_iterator(*index)).collect();
        readers.into_iter().for_each(|index| self.items[index].is_effect = true);
        let repeated: Vec<usize> =
            self.bindings.values().filter(|items| self.is_repeated(items)).flatten().map(|(index, _)| *index).collect();
        repeated.into_iter().for_each(|index| self.items[index].is_effect = true);
        let mut effects = 0;
        for item in &mut self.items {
            item.effects_before = effects;
            effects += usize::from(item.is_effect);
        }
    }

    /// Whether it reads on in an iterator of the module when this is imported: who reads after it gets the rest.
    fn reads_iterator(&self, index: usize) -> bool {
        let is_iterator = |other: &usize| *other != index && self.is_iterator(*other);
        let named = |used: &Use| match used {
            Use::Name(path) => self.bindings.get(path.first()?),
            _ => None,
        };
        let item = &self.items[index];
        let bound = item.uses.iter().filter_map(named).flatten();
        item.kind == ItemKind::Constant && bound.map(|(other, _)| other).any(is_iterator)
    }

    fn is_iterator(&self, index: usize) -> bool {
        let Some(maker) = &self.items[index].iterates else { return false };
        let Some((root, rest)) = maker.split_first() else { return true };
        let Some(bound) = self.bindings.get(root) else {
            // A builtin.
            return rest.is_empty() && is_iterator_name(root);
        };
        // `NAMES.count("x")` is no `itertools.count()`, and may be called otherwise here.
        let is_known = |target: &Target| {
            let name = rest.last().or(target.attribute.as_ref());
            let package = target.module.split('.').next().unwrap_or_default();
            is_standard(package) && name.is_some_and(|name| is_iterator_name(name))
        };
        bound.iter().any(|(maker, targets)| targets.iter().any(is_known) || self.items[*maker].calls.yields)
    }

    fn is_repeated(&self, items: &[(usize, Vec<Target>)]) -> bool {
        items.len() > 1 && items.iter().any(|(index, _)| !is_import(self.items[*index].kind))
    }

    /// `NAME[...] = x`, `NAME.append(x)` of a value of this module.
    fn is_own_change(&self, change: &Change) -> bool {
        let Use::Name(path) = &change.what else { return false };
        let Some(root) = path.first() else { return false };
        let is_value = |(index, targets): &(usize, Vec<Target>)| {
            // `Rules.add(...)` is a function of a class, `Rules.all.append(...)` a method of what the class holds.
            let is_held = path.len() > 1;
            let is_code = matches!(self.items[*index].kind, ItemKind::Function | ItemKind::Class);
            // What a function gives is mostly new.
            let is_new = is_code && path.iter().any(|name| name == GIVEN);
            let is_changing = change.method.as_deref().is_none_or(|method| CHANGING_METHODS.contains(&method));
            let is_value = if is_new { is_changing } else { is_held || !is_code };
            targets.is_empty() && (change.method.is_none() || is_value)
        };
        let is_own = self.bindings.get(root).is_some_and(|items| items.iter().any(is_value));
        is_own && change.method.as_deref().is_none_or(|method| change.is_decorator || !is_pure_method(method))
    }

    /// A class or an argument that changes something of the module, or sets something of an import.
    fn changes_on_import(&self, change: &Change) -> bool {
        let Use::Name(path) = &change.what else { return change.method.is_none() };
        let is_set = change.method.is_none() && path.first().is_some_and(|name| is_imported(&self.bindings, name));
        is_set || self.is_own_change(change)
    }

    /// Whether the name stands for something, here or by way of a star.
    pub fn may_bind(&self, name: &str) -> bool {
        self.bindings.contains_key(name) || !self.stars.is_empty()
    }
}

pub(super) fn is_import(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Import | ItemKind::TypingImport)
}

fn is_imported(bindings: &HashMap<String, Vec<(usize, Vec<Target>)>>, name: &str) -> bool {
    bindings.get(name).is_some_and(|items| items.iter().any(|(_, targets)| !targets.is_empty()))
}

fn is_setter(evaluated: &Evaluated) -> bool {
    let (Use::Name(path) | Use::Imported(_, path)) = &evaluated.what else { return false };
    path.last().is_some_and(|last| is_setter_name(last))
}

fn holds_literal(statement: &Stmt) -> bool {
    match statement {
        Stmt::Assign(assign) => is_literal(&assign.value),
        Stmt::AnnAssign(assign) => assign.value.as_deref().is_none_or(is_literal),
        _ => false,
    }
}

/// The digits of an escape for a half of a letter that the text starts with.
fn half_letter(text: &str) -> Option<&[u8]> {
    let digits = text.strip_prefix("\\u").or_else(|| text.strip_prefix("\\U0000"))?.as_bytes().get(..4)?;
    let is_half = digits[0].eq_ignore_ascii_case(&b'd') && matches!(digits[1], b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F');
    is_half.then_some(digits)
}

/// What is called to make the value of a constant; an empty path for a generator expression.
fn maker(statement: &Stmt) -> Option<Path> {
    let value = match statement {
        Stmt::Assign(assign) => &assign.value,
        Stmt::AnnAssign(assign) => assign.value.as_ref()?,
        _ => return None,
    };
    match value.as_ref() {
        Expr::Generator(_) => Some(Path::new()),
        Expr::Call(call) => value_path(&call.func),
        _ => None,
    }
}

/// `from __future__ import ...` changes how the whole module is read.
fn is_future(statement: &Stmt) -> bool {
    matches!(statement, Stmt::ImportFrom(import) if import.module.as_ref().is_some_and(|module| module.as_str() == "__future__"))
}

fn kind(statement: &Stmt) -> ItemKind {
    match statement {
        Stmt::FunctionDef(_) => ItemKind::Function,
        Stmt::ClassDef(_) => ItemKind::Class,
        Stmt::Import(_) | Stmt::ImportFrom(_) => ItemKind::Import,
        Stmt::TypeAlias(_) => ItemKind::Constant,
        Stmt::Assign(assign) if assign.targets.iter().all(is_plain_target) => ItemKind::Constant,
        Stmt::AnnAssign(assign) if is_plain_target(&assign.target) => ItemKind::Constant,
        _ => ItemKind::Effect,
    }
}

fn is_plain_target(target: &Expr) -> bool {
    match target {
        Expr::Name(_) => true,
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_plain_target),
        Expr::List(list) => list.elts.iter().all(is_plain_target),
        Expr::Starred(starred) => is_plain_target(&starred.value),
        _ => false,
    }
}

/// What each name stands for, whichever way the import is written.
fn import_digest(bound: &Bound) -> Digest {
    let paths = |(name, targets): (&String, &Vec<Target>)| {
        targets.iter().map(|target| (name.clone(), target.path())).collect::<Vec<_>>()
    };
    let mut pieces: Vec<(String, String)> = bound.names.iter().flat_map(paths).collect();
    pieces.sort_unstable();
    let names = pieces.iter().flat_map(|(name, path)| [name.as_bytes(), path.as_bytes()]);
    digest(names.chain(bound.stars.iter().map(String::as_bytes)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Modules of Python's own library, as they are and as CPython prints their trees (JSON).
    const UNPARSE: &str = "
import ast, importlib.util, json
names = 'argparse ast asyncio.tasks calendar csv dataclasses email.message enum fractions functools inspect json.decoder \
pathlib statistics textwrap tokenize'
pairs = []
for name in names.split():
    text = open(importlib.util.find_spec(name).origin, encoding='utf-8').read()
    if '=}' not in text:
        pairs.append([text, ast.unparse(ast.parse(text))])
print(json.dumps(pairs))
";

    #[test]
    fn a_tree_that_is_printed_anew_is_the_same() {
        let Ok(output) = Command::new("python3").args(["-c", UNPARSE]).output() else { return };
        let Ok(pairs) = serde_json::from_slice::<Vec<[String; 2]>>(&output.stdout) else { return };
        for pair in pairs {
            let [one, other] = pair.map(|text| {
                let file = SourceFile::new("m.py", text);
                Module::read("m", &ModuleFile { file, is_package: false })
            });
            assert!(!one.is_broken && one.items.len() == other.items.len());
            for (one, other) in one.items.iter().zip(&other.items) {
                assert_eq!((&one.name, one.digest, &one.uses), (&other.name, other.digest, &other.uses));
            }
        }
    }
}
