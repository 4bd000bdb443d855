//! Follows what a statement names through the project's modules, until nothing new is found.
//!
//! In doubt it counts: a name too many costs a run that changes nothing, a name too few leaves wrong data.

mod registering;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::given::Given;
use super::imports::Target;
use super::library::{Library, Loaded};
use super::module::{Item, ItemKind, Module, is_import};
use super::standard_library::is_standard;
use super::uses::{Change, Path, Use};

/// Modules of Python's own library by which code finds modules that nobody can read off.
const DYNAMIC: [&str; 5] = ["imp", "importlib", "pkgutil", "pydoc", "runpy"];

/// Names of the package `dovetail` by which no code gets at the context of a run. All others may give it.
const WITHOUT_CONTEXT: [&str; 10] =
    ["CheckResult", "Relation", "Result", "__version__", "asset", "check", "errors", "result", "source", "sql"];

/// A statement that a path leads to, and what is left of the path.
struct End {
    module: Arc<Module>,
    index: usize,
    rest: Path,
}

impl End {
    fn item(&self) -> Option<&Item> {
        self.module.items.get(self.index)
    }
}

/// Everything that was reached.
pub(super) struct Reach<'a> {
    library: &'a Library<'a>,
    /// Follows names only, not what importing their modules does.
    is_shallow: bool,
    /// Statements, by module and number.
    pub items: BTreeSet<(String, usize)>,
    /// Modules that are imported on the way.
    pub executed: BTreeSet<String>,
    /// Modules that count as a whole, and why.
    pub whole: BTreeMap<String, BTreeSet<String>>,
    /// What reached names stand for that a module imports, by module and name.
    pub imports: BTreeMap<(String, String), BTreeSet<Target>>,
    pub packages: BTreeSet<String>,
    /// What is taken from a context, and by which module.
    pub given: BTreeSet<(Given, String)>,
    /// Names what gives it a context: the type, an IO manager, the current one.
    pub has_context: bool,
    /// Names what asks the database without a context: `dovetail.sql`.
    pub asks_rows: bool,
    pub unreadable: BTreeSet<PathBuf>,
    /// Where paths ended.
    ends: Vec<End>,
    /// Paths that ended at names of packages that are not the project's.
    foreign_ends: Vec<(String, Path)>,
    pending: Vec<(String, usize)>,
    looked_up: HashSet<(String, Path)>,
}

impl<'a> Reach<'a> {
    pub fn new(library: &'a Library<'a>) -> Self {
        Reach {
            library,
            is_shallow: false,
            items: BTreeSet::new(),
            executed: BTreeSet::new(),
            whole: BTreeMap::new(),
            imports: BTreeMap::new(),
            packages: BTreeSet::new(),
            given: BTreeSet::new(),
            has_context: false,
            asks_rows: false,
            unreadable: BTreeSet::new(),
            ends: Vec::new(),
            foreign_ends: Vec::new(),
            pending: Vec::new(),
            looked_up: HashSet::new(),
        }
    }

    /// A function (or any name) of a module, with all that it reaches.
    pub fn function(&mut self, module: &Arc<Module>, name: &str) {
        self.execute(&module.name);
        if module.may_bind(name) {
            self.lookup(module, vec![name.to_owned()]);
        } else {
            self.whole(&module.name, format!("`{name}` is not found in it"));
        }
        self.follow();
    }

    /// A module that makes its assets by code: all of it, and all of what it imports.
    pub fn factory(&mut self, module: &Arc<Module>) {
        self.whole(&module.name, "it makes assets by code".to_owned());
        self.whole_imports(module, &format!("`{}` makes assets by code and imports it", module.file.path().display()));
        self.follow();
    }

    /// Everything in the project's modules that a module imports.
    fn whole_imports(&mut self, module: &Arc<Module>, because: &str) {
        let imports = module.items.iter().filter(|item| is_import(item.kind));
        for executed in imports.flat_map(|item| &item.uses) {
            if let Use::Executed(name) = executed
                && self.library.module(name).is_some()
            {
                self.whole(name, because.to_owned());
            }
        }
    }

    fn follow(&mut self) {
        while let Some((name, index)) = self.pending.pop() {
            if self.items.contains(&(name.clone(), index)) {
                continue;
            }
            if let Some(module) = self.library.module(&name) {
                self.item(&module, index);
            }
            self.items.insert((name, index));
        }
    }

    fn item(&mut self, module: &Arc<Module>, index: usize) {
        let Some(item) = module.items.get(index) else { return };
        for used in &item.uses {
            self.used(module, used);
        }
        self.given.extend(item.given.iter().map(|given| (given.clone(), module.name.clone())));
        for word in &item.undecidable {
            self.undecidable(module, word);
        }
        for change in item.changed_imports.iter().filter(|change| change.method.is_none()) {
            self.patched(module, change);
        }
    }

    fn used(&mut self, module: &Arc<Module>, used: &Use) {
        match used {
            Use::Name(path) => self.lookup(module, path.clone()),
            Use::Imported(target, rest) => self.target(module, target, rest),
            Use::Executed(name) => self.execute(name),
            Use::Star(name) => self.star(module, name),
        }
    }

    fn undecidable(&mut self, module: &Arc<Module>, word: &str) {
        self.whole(&module.name, format!("it uses `{word}`"));
        // Text that becomes code may name whatever the module can.
        self.whole_imports(module, &format!("`{}` uses `{word}` and imports it", module.file.path().display()));
        if word == "__import__" {
            self.any_module(module);
        }
    }

    /// Any module of the project may be imported from here.
    fn any_module(&mut self, importer: &Arc<Module>) {
        let because = format!("`{}` may import it by a computed name", importer.file.path().display());
        for name in self.library.names() {
            if *name != importer.name {
                self.whole(name, because.clone());
            }
        }
    }

    /// `helpers.RATE = 2`: whoever reads it may see either value.
    fn patched(&mut self, module: &Arc<Module>, change: &Change) {
        let targets = match &change.what {
            Use::Imported(target, _) => vec![target.clone()],
            Use::Name(path) => path.first().map(|root| targets_of(module, root)).unwrap_or_default(),
            Use::Executed(_) | Use::Star(_) => Vec::new(),
        };
        for name in targets.iter().flat_map(|target| owners(target, &change.what)) {
            let Some(owner) = self.library.module(&name) else { continue };
            let (here, there) = (module.file.path().display(), owner.file.path().display());
            self.whole(&module.name, format!("it changes names of `{there}`"));
            self.whole(&name, format!("`{here}` changes names of it"));
        }
    }

    /// Everything in a module.
    fn whole(&mut self, name: &str, because: String) {
        let is_new = !self.whole.contains_key(name);
        let is_broken = self.library.module(name).is_some_and(|module| module.is_broken);
        let because = if is_broken { "it cannot be parsed".to_owned() } else { because };
        self.whole.entry(name.to_owned()).or_default().insert(because);
        if !is_new {
            return;
        }
        self.execute(name);
        let Some(module) = self.library.module(name) else { return };
        for (index, _) in module.items.iter().enumerate().filter(|(_, item)| !is_import(item.kind)) {
            self.pending.push((name.to_owned(), index));
        }
        for star in &module.stars {
            self.star(&module, star);
        }
    }

    /// `from name import *`
    fn star(&mut self, module: &Arc<Module>, name: &str) {
        let here = module.file.path().display();
        self.whole(&module.name, format!("it imports all names of `{name}`"));
        if self.library.module(name).is_some() {
            self.whole(name, format!("`{here}` imports all names of it"));
        } else {
            self.foreign(module, name, &[]);
        }
    }

    /// What happens when a module is imported: its packages and it are run, and what they import.
    fn execute(&mut self, name: &str) {
        if self.is_shallow {
            return;
        }
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        for prefix in ends.map(|end| &name[..end]) {
            match self.library.load(prefix) {
                Loaded::Module(module) => self.execute_one(&module),
                Loaded::Folder => {}
                Loaded::Unreadable(path) => _ = self.unreadable.insert(path),
                Loaded::Foreign => return,
            }
        }
    }

    fn execute_one(&mut self, module: &Arc<Module>) {
        if !self.executed.insert(module.name.clone()) {
            return;
        }
        for (index, item) in module.items.iter().enumerate() {
            if item.kind == ItemKind::Import {
                for used in &item.uses {
                    if let Use::Executed(name) = used {
                        self.execute(name);
                    }
                }
            }
            if item.is_effect || self.registers(module, index) {
                self.pending.push((module.name.clone(), index));
            }
        }
    }

    /// A path that starts at a name of the module.
    fn lookup(&mut self, module: &Arc<Module>, path: Path) {
        let key = (module.name.clone(), path);
        if self.looked_up.contains(&key) {
            return;
        }
        let (_, path) = &key;
        self.execute(&module.name);
        if let Some(root) = path.first() {
            let bound = module.bindings.get(root).map(Vec::as_slice).unwrap_or_default();
            let is_own = !bound.is_empty();
            self.looked_up.insert((module.name.clone(), path.clone()));
            for (index, targets) in bound {
                self.bound(module, *index, targets, path);
            }
            for star in &module.stars {
                self.star(module, star);
                if let Some(source) = self.library.module(star).filter(|_| !is_own) {
                    self.lookup(&source, path.clone());
                }
            }
        }
    }

    fn bound(&mut self, module: &Arc<Module>, index: usize, targets: &[Target], path: &[String]) {
        let (Some(item), Some((root, rest))) = (module.items.get(index), path.split_first()) else { return };
        if targets.is_empty() {
            self.ends.push(End { module: Arc::clone(module), index, rest: rest.to_vec() });
        }
        for target in targets {
            self.target(module, target, rest);
        }
        match is_import(item.kind) {
            // What it is called here counts, and what else the same statement imports does not.
            true => {
                self.items.insert((module.name.clone(), index));
                let key = (module.name.clone(), root.clone());
                self.imports.entry(key).or_default().extend(targets.iter().cloned());
            }
            false => self.pending.push((module.name.clone(), index)),
        }
    }

    fn target(&mut self, module: &Arc<Module>, target: &Target, rest: &[String]) {
        let Some(attribute) = &target.attribute else { return self.module_value(module, &target.module, rest) };
        let inner = format!("{}.{attribute}", target.module);
        self.execute(&target.module);
        let is_module = !matches!(self.library.load(&inner), Loaded::Foreign);
        match self.library.load(&target.module) {
            Loaded::Module(found) => {
                if found.may_bind(attribute) {
                    let path = std::iter::once(attribute).chain(rest).cloned().collect();
                    self.lookup(&found, path);
                } else if found.is_broken {
                    self.whole(&found.name, format!("`{attribute}` is imported from it"));
                }
            }
            Loaded::Unreadable(path) => _ = self.unreadable.insert(path),
            Loaded::Folder if is_module => {}
            Loaded::Folder | Loaded::Foreign => {
                let path: Path = std::iter::once(attribute).chain(rest).cloned().collect();
                self.foreign(module, &target.module, &path);
            }
        }
        if is_module {
            self.module_value(module, &inner, rest);
        }
    }

    /// A module, and the attributes that are taken of it.
    fn module_value(&mut self, importer: &Arc<Module>, name: &str, rest: &[String]) {
        self.execute(name);
        if rest.is_empty() {
            self.whole_inside(importer, name);
        }
        let inner = rest.first().map(|attribute| format!("{name}.{attribute}"));
        let has_inner = inner.as_ref().is_some_and(|inner| !matches!(self.library.load(inner), Loaded::Foreign));
        match self.library.load(name) {
            Loaded::Foreign => return self.foreign(importer, name, rest),
            Loaded::Folder if !has_inner => return self.foreign(importer, name, rest),
            Loaded::Folder => {}
            Loaded::Unreadable(path) => _ = self.unreadable.insert(path),
            Loaded::Module(found) => match rest.first() {
                None => {
                    let because = format!("`{}` uses it as a value", importer.file.path().display());
                    self.whole(name, because);
                }
                Some(attribute) if found.may_bind(attribute) => self.lookup(&found, rest.to_vec()),
                Some(_) if has_inner => {}
                Some(attribute) if attribute.starts_with("__") && attribute != "__dict__" => {}
                Some(attribute) => self.whole(name, format!("`{attribute}` is not found in it")),
            },
        }
        if let Some(inner) = inner.filter(|_| has_inner) {
            self.module_value(importer, &inner, &rest[1..]);
        }
    }

    /// A package as a value: by another name, all that was imported of it can be reached.
    fn whole_inside(&mut self, importer: &Arc<Module>, name: &str) {
        let because = format!("`{}` uses `{name}` as a value", importer.file.path().display());
        let is_inside = |inner: &&String| inner.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let inside: Vec<String> = self.executed.iter().filter(is_inside).cloned().collect();
        inside.iter().for_each(|inner| self.whole(inner, because.clone()));
    }

    /// A name of a package that is not the project's.
    fn foreign(&mut self, importer: &Arc<Module>, module: &str, rest: &[String]) {
        if self.is_shallow {
            self.foreign_ends.push((module.to_owned(), rest.to_vec()));
        }
        let package = module.split('.').next().unwrap_or(module);
        let says = |word: &str| module.split('.').chain(rest.iter().map(String::as_str)).any(|part| part == word);
        let is_dynamic = match package {
            "inspect" => says("getmodule"),
            "sys" => says("modules") || says("path") || says("meta_path"),
            package => DYNAMIC.contains(&package) && !says("resources") && !says("metadata"),
        };
        if is_dynamic {
            self.whole(&importer.name, format!("it uses `{package}`"));
            self.any_module(importer);
        }
        if package == "dovetail" {
            let inner = module.split('.').skip(1).chain(rest.iter().map(String::as_str)).next();
            self.has_context |= inner.is_none_or(|name| !WITHOUT_CONTEXT.contains(&name));
            self.asks_rows |= inner.is_none_or(|name| matches!(name, "sql" | "context"));
        }
        if !is_standard(package) && package != "dovetail" && !self.library.is_top_level(package) {
            self.packages.insert(package.to_owned());
        }
    }
}

fn targets_of(module: &Module, root: &str) -> Vec<Target> {
    let bound = module.bindings.get(root).map(Vec::as_slice).unwrap_or_default();
    bound.iter().flat_map(|(_, targets)| targets.clone()).collect()
}

/// How many attributes stand behind the name.
fn length(used: &Use) -> usize {
    match used {
        Use::Name(path) => path.len().saturating_sub(1),
        Use::Imported(_, rest) => rest.len(),
        Use::Executed(_) | Use::Star(_) => 0,
    }
}

/// The modules that a changed path may belong to, from the outermost.
fn owners(target: &Target, used: &Use) -> Vec<String> {
    let rest: &[String] = match used {
        Use::Name(path) => path.get(1..).unwrap_or_default(),
        Use::Imported(_, rest) => rest,
        Use::Executed(_) | Use::Star(_) => &[],
    };
    let mut owners = vec![target.module.clone()];
    for part in target.attribute.iter().chain(rest) {
        let inner = format!("{}.{part}", owners.last().map_or("", String::as_str));
        owners.push(inner);
    }
    owners
}
