//! What an asset function computes: its syntax tree and those of all that it reaches in the project's own modules.

mod decorators;
mod given;
mod imports;
mod library;
mod local;
mod module;
mod normal;
mod quiet;
mod reach;
mod registry;
mod scope;
mod standard_library;
mod uses;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::hash::{Part, digest};
use crate::graph::{AssetGraph, Body, CompiledPython};
use crate::parse::SourceLocation;
use crate::project::Project;
use crate::scan::module_name;
use crate::source::SourceFile;
use given::Given;
use imports::Target;
pub(super) use library::Library;
use module::{Item, ItemKind, Module, is_import};
use reach::Reach;

/// The Python side of a code version.
pub(super) struct Reached {
    pub parts: Vec<Part>,
    pub code: String,
    pub packages: Vec<String>,
    /// Whether it asks the database in words of its own.
    pub asks_rows: bool,
    /// What it takes from its context.
    given: BTreeSet<Given>,
    pub notes: Vec<String>,
}

/// Follows an asset function, or a check function, and those of the sources that it takes, through the project's modules.
/// `file` is its own.
pub(super) fn reached_function(
    library: &Library<'_>,
    graph: &AssetGraph,
    file: &SourceFile,
    compiled: &CompiledPython,
    project: &Project,
) -> Reached {
    let name = module_name(file.path());
    let mut reach = Reach::new(library);
    let Some(module) = library.module(&name) else { return unknown(file) };
    if compiled.body.imported {
        reach.factory(&module);
    } else {
        reach.function(&module, &compiled.body.function);
    }
    for source in compiled.inputs.iter().map(|(_, upstream)| graph.node(*upstream)) {
        if matches!(source.body, Body::Source(SourceLocation::Function { .. }))
            && let Some(module) = library.module(&module_name(source.file.path()))
        {
            reach.function(&module, source.name.as_str());
        }
    }
    let mut reached = Answer::new(library, reach, &name).reached();
    reached.parts.extend(reached.given.iter().flat_map(|given| given.parts(project)));
    reached
}

/// The modules that these files import, directly or by way of others, and they themselves.
pub(super) fn imported_files<'f>(
    library: &Library<'_>,
    files: impl IntoIterator<Item = &'f SourceFile>,
) -> Vec<Arc<SourceFile>> {
    let mut reach = Reach::new(library);
    for module in files.into_iter().filter_map(|file| library.module(&module_name(file.path()))) {
        reach.factory(&module);
    }
    let names: BTreeSet<&String> = reach.executed.iter().chain(reach.whole.keys()).collect();
    let mut found: Vec<Arc<SourceFile>> =
        names.into_iter().filter_map(|name| Some(Arc::clone(&library.module(name)?.file))).collect();
    found.sort_by(|one, other| one.path().cmp(other.path()));
    found
}

/// The file is none of the project's: only its text can count.
fn unknown(file: &SourceFile) -> Reached {
    let path = file.path().display();
    Reached {
        parts: vec![Part::text(format!("file {path}"), file.text())],
        code: file.text().to_owned(),
        packages: Vec::new(),
        // For all that is known.
        asks_rows: true,
        given: BTreeSet::new(),
        notes: vec![format!("`{path}` counts as a whole: it is no module of the project")],
    }
}

/// What was reached, by module.
struct Answer<'a> {
    reach: Reach<'a>,
    modules: BTreeMap<String, Arc<Module>>,
    items: BTreeMap<String, BTreeSet<usize>>,
    first: &'a str,
}

impl<'a> Answer<'a> {
    fn new(library: &'a Library<'_>, reach: Reach<'a>, first: &'a str) -> Self {
        let mut items: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (name, index) in &reach.items {
            items.entry(name.clone()).or_default().insert(*index);
        }
        // A module that cannot be parsed has no items, and counts when it is imported.
        for name in reach.whole.keys().chain(&reach.executed) {
            items.entry(name.clone()).or_default();
        }
        let modules = items.keys().filter_map(|name| Some((name.clone(), library.module(name)?))).collect();
        Answer { reach, modules, items, first }
    }

    fn reached(self) -> Reached {
        Reached {
            parts: self.modules.values().flat_map(|module| self.parts(module)).collect(),
            code: self.code(),
            packages: self.reach.packages.iter().cloned().collect(),
            asks_rows: self.reach.asks_rows || self.given().any(|(given, _)| *given == Given::Rows),
            given: self.given().map(|(given, _)| given.clone()).collect(),
            notes: self.notes(),
        }
    }

    /// What is taken from the context, by which module. Without a context, `x.vars` is something else.
    fn given(&self) -> impl Iterator<Item = &(Given, String)> {
        self.reach.given.iter().filter(|_| self.reach.has_context)
    }

    fn is_whole(&self, module: &Module) -> bool {
        self.reach.whole.contains_key(&module.name)
    }

    fn items<'m>(&self, module: &'m Module) -> Vec<&'m Item> {
        let indices = self.items.get(&module.name);
        indices.into_iter().flatten().filter_map(|index| module.items.get(*index)).collect()
    }

    fn parts(&self, module: &Module) -> Vec<Part> {
        let name = &module.name;
        if module.is_broken {
            return vec![Part::text(format!("module {name}"), module.file.text())];
        }
        if self.is_whole(module) {
            return vec![together(module, module.items.iter())];
        }
        let reached = self.items(module);
        let (effects, definitions): (Vec<&Item>, Vec<&Item>) = reached.into_iter().partition(|item| item.is_effect);
        let definitions = definitions.into_iter().filter(|item| !is_import(item.kind));
        let mut parts: Vec<Part> = definitions.map(|item| part(module, item)).collect();
        let imports = self.reach.imports.iter().filter(|((of, _), _)| of == name);
        parts.extend(imports.map(|((_, bound), targets)| {
            let paths: BTreeSet<String> = targets.iter().map(Target::path).collect();
            Part::new(format!("import {name}.{bound}"), digest(paths.iter().map(String::as_bytes)))
        }));
        if !effects.is_empty() {
            parts.push(together(module, effects.into_iter()));
        }
        parts
    }

    fn code(&self) -> String {
        let own = self.modules.get(self.first).into_iter();
        let others = self.modules.values().filter(|module| module.name != self.first);
        own.chain(others).filter_map(|module| self.excerpt(module)).collect::<Vec<_>>().join("\n\n")
    }

    /// The reached statements of a module under the path of its file.
    fn excerpt(&self, module: &Module) -> Option<String> {
        let path = module.file.path().display();
        if module.is_broken || self.is_whole(module) {
            return Some(format!("# {path}\n{}", module.file.text().trim_end()));
        }
        let mut excerpt = format!("# {path}");
        let mut before = None;
        for item in self.items(module) {
            let is_row = before.is_some_and(is_import) && is_import(item.kind);
            excerpt.push_str(if before.is_none() || is_row { "\n" } else { "\n\n" });
            excerpt.push_str(module.file.text().get(item.span.start..item.span.end).unwrap_or_default());
            before = Some(item.kind);
        }
        before.map(|_| excerpt)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, reasons) in &self.reach.whole {
            let path = self.modules.get(name).map(|module| module.file.path().display().to_string());
            let reasons = reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
            notes.push(format!("`{}` counts as a whole: {reasons}", path.unwrap_or_else(|| name.clone())));
        }
        let broken = self.modules.values().filter(|module| module.is_broken && !self.is_whole(module));
        notes.extend(
            broken.map(|module| format!("`{}` counts as a whole: it cannot be parsed", module.file.path().display())),
        );
        let all = self.given().filter(|(given, _)| *given == Given::Variables);
        notes.extend(all.filter_map(|(_, name)| self.modules.get(name)).map(|module| {
            format!("all variables count: `{}` may take `vars` other than by a name", module.file.path().display())
        }));
        let unreadable = self.reach.unreadable.iter();
        notes.extend(unreadable.map(|path| format!("`{}` cannot be read and does not count", path.display())));
        notes
    }
}

/// A definition by itself.
fn part(module: &Module, item: &Item) -> Part {
    let name = format!("{} {}.{}", item.kind.word(), module.name, item.name);
    // A function's body runs later; everything else may see what the statements before it did.
    let place = if item.kind == ItemKind::Function && item.evaluated.is_empty() { 0 } else { item.effects_before };
    Part::new(name, digest([&item.digest[..], &place.to_le_bytes()]))
}

/// Statements that count together and in their order.
fn together<'i>(module: &Module, items: impl Iterator<Item = &'i Item>) -> Part {
    let pieces = items.flat_map(|item| [item.kind.word().as_bytes(), &item.digest[..]]);
    Part::new(format!("module {}", module.name), digest(pieces))
}
