//! Whether defining something, or making a value, changes something else of the project.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{End, Reach, length, targets_of};
use crate::fingerprint::python::decorators::is_keeping_decorator;
use crate::fingerprint::python::imports::Target;
use crate::fingerprint::python::library::Loaded;
use crate::fingerprint::python::module::{Item, ItemKind, Module};
use crate::fingerprint::python::standard_library::is_standard;
use crate::fingerprint::python::uses::{Change, Evaluated, GIVEN, Manner, Path, Use};
use crate::fingerprint::python::words::{CHANGING_METHODS, is_pure_method};

impl<'a> Reach<'a> {
    /// Whether defining the item changes something else: a decorator that keeps a list, a base class that does.
    pub(super) fn registers(&self, module: &Arc<Module>, index: usize) -> bool {
        let Some(item) = module.items.get(index).filter(|item| !item.evaluated.is_empty()) else { return false };
        if let Some(known) = self.library.known_registering(&module.name, index) {
            return known;
        }
        // Also in a function that it hands to another: `map(lambda name: ALL.append(name), NAMES)`.
        let is_value = item.kind == ItemKind::Constant;
        let registers = item.evaluated.iter().any(|evaluated| self.is_registering(module, evaluated))
            || is_value && item.changed_imports.iter().any(|change| self.is_changing(module, change));
        self.library.remember_registering(&module.name, index, registers);
        registers
    }

    fn shallow(&self, module: &Arc<Module>, used: &Use) -> Reach<'a> {
        let mut reach = Reach { is_shallow: true, ..Reach::new(self.library) };
        reach.used(module, used);
        reach
    }

    fn is_registering(&self, module: &Arc<Module>, evaluated: &Evaluated) -> bool {
        let mut reach = self.shallow(module, &evaluated.what);
        let is_decorator = evaluated.manner == Manner::Decorates;
        if is_decorator && reach.is_kept_elsewhere() {
            return true;
        }
        if evaluated.manner == Manner::LookedAt {
            let asked = reach.ends.iter().filter_map(|end| end.rest.last().cloned()).collect();
            reach.follow();
            return reach.is_touched(&asked);
        }
        if reach.ends.iter().any(|end| self.is_changed(end, is_decorator)) {
            return true;
        }
        reach.follow();
        reach.items.iter().any(|(name, index)| reach.changes(name, *index)) || reach.is_hooked()
    }

    /// Whether calling what a path ends at changes something, by the call alone.
    fn is_changed(&self, end: &End, is_decorator: bool) -> bool {
        let Some(item) = end.item() else { return false };
        match (item.kind, end.rest.last()) {
            // What a function gives is mostly new; of the project's classes, `is_hooked` knows the methods.
            (ItemKind::Function, Some(method)) if end.rest.iter().any(|name| name == GIVEN) => {
                CHANGING_METHODS.contains(&method.as_str())
            }
            (ItemKind::Function, rest) => rest.is_some(),
            // `@Registry.add` may keep what it decorates.
            (ItemKind::Class, rest) => is_decorator && rest.is_some(),
            (_, None) => is_decorator,
            (_, Some(method)) => is_decorator || !is_pure_method(method) || self.is_made(&end.module, item),
        }
    }

    /// `@pl.api.register_expr_namespace("tax")`: a decorator of another package may keep what it is put on.
    fn is_kept_elsewhere(&self) -> bool {
        self.foreign_ends.iter().any(|(module, rest)| {
            let package = module.split('.').next().unwrap_or_default();
            let name = rest.last().map_or(module.as_str(), String::as_str);
            package != "dovetail" && is_keeping_decorator(is_standard(package), package, name)
        })
    }

    fn reached(&self) -> impl Iterator<Item = (Arc<Module>, usize)> {
        self.items.iter().filter_map(|(name, index)| Some((self.library.module(name)?, *index)))
    }

    /// A class that was reached has code for what a value is asked for, which changes something.
    fn is_touched(&self, asked: &BTreeSet<String>) -> bool {
        self.reached().any(|(module, index)| {
            let Some(Item { calls, .. }) = module.items.get(index) else { return false };
            let is_asked = |methods: &BTreeSet<String>| !methods.is_disjoint(asked);
            is_asked(&calls.changing_methods) || is_asked(&calls.methods) && self.changes(&module.name, index)
        })
    }

    /// A value that code of the project made: its methods are the project's, whatever they are called.
    fn is_made(&self, module: &Arc<Module>, item: &Item) -> bool {
        item.evaluated.iter().any(|evaluated| !self.shallow(module, &evaluated.what).ends.is_empty())
    }

    /// A method that is called may change something: by a constructor of a class above, or by its name.
    fn is_hooked(&self) -> bool {
        let is_code =
            |end: &&End| end.item().is_some_and(|item| matches!(item.kind, ItemKind::Class | ItemKind::Function));
        let mut hooks: BTreeSet<String> =
            self.ends.iter().filter(is_code).filter_map(|end| end.rest.last().cloned()).collect();
        let mut loud = BTreeSet::new();
        for (module, index) in self.reached() {
            let Some(item) = module.items.get(index) else { continue };
            hooks.extend(item.calls.hooks.iter().cloned());
            loud.extend(item.calls.loud_methods.iter().cloned());
        }
        !hooks.is_disjoint(&loud)
    }

    fn changes(&self, name: &str, index: usize) -> bool {
        let Some(module) = self.library.module(name) else { return false };
        let Some(item) = module.items.get(index) else { return false };
        item.changes
            || item.changed_imports.iter().any(|change| self.is_changing(&module, change))
            || item.calls.handed.iter().any(|path| self.is_shared(&module, path))
            || item.calls.results.iter().any(|path| !self.is_foreign(&module, path))
    }

    fn is_changing(&self, module: &Arc<Module>, change: &Change) -> bool {
        let targets = match &change.what {
            Use::Imported(target, _) => vec![target.clone()],
            Use::Name(path) => path.first().map(|root| targets_of(module, root)).unwrap_or_default(),
            Use::Executed(_) | Use::Star(_) => Vec::new(),
        };
        // `np.add(...)` is a function of a module, `h.NAMES.add(...)` a method of a value.
        let is_value = targets.iter().any(|target| target.attribute.is_some()) || length(&change.what) > 0;
        let method = change.method.as_deref();
        method.is_none_or(|method| is_value && CHANGING_METHODS.contains(&method)) || self.is_kept(module, change)
    }

    /// A method of a value of the project that may change it.
    fn is_kept(&self, module: &Arc<Module>, change: &Change) -> bool {
        let reach = self.shallow(module, &change.what);
        let method = change.method.as_deref();
        let is_value = |end: &&End| {
            let kind = end.item().map(|item| item.kind);
            matches!(kind, Some(ItemKind::Constant | ItemKind::Effect))
        };
        let is_made = |end: &End| end.item().is_some_and(|item| self.is_made(&end.module, item));
        let is_pure = !change.is_decorator && method.is_some_and(is_pure_method);
        reach.ends.iter().filter(is_value).any(|end| !is_pure || is_made(end))
    }

    /// A name of a package that is not the project's.
    fn is_foreign(&self, module: &Arc<Module>, path: &Path) -> bool {
        let Some(bound) = path.first().and_then(|root| module.bindings.get(root)) else { return false };
        let is_outside = |target: &Target| matches!(self.library.load(&target.module), Loaded::Foreign);
        bound.iter().all(|(_, targets)| !targets.is_empty() && targets.iter().all(is_outside))
    }

    /// Something that a module holds, other than definitions and what nobody can change.
    fn is_shared(&self, module: &Arc<Module>, path: &Path) -> bool {
        let is_shared = |end: &End| match end.item() {
            Some(item) if item.kind == ItemKind::Class => !end.rest.is_empty(),
            Some(item) => matches!(item.kind, ItemKind::Constant | ItemKind::Effect) && !item.is_literal,
            None => false,
        };
        self.shallow(module, &Use::Name(path.clone())).ends.iter().any(is_shared)
    }
}
