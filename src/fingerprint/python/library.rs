//! The project's modules, each taken apart at most once however many assets reach it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::module::Module;
use crate::scan::{FoundModule, Modules};

/// What an import leads to.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    Module(Arc<Module>),
    /// A folder without `__init__.py`.
    Folder,
    Unreadable(PathBuf),
    /// Not the project's.
    Foreign,
}

pub(in crate::fingerprint) struct Library<'a> {
    modules: &'a Modules,
    loaded: Mutex<HashMap<String, Arc<OnceLock<Loaded>>>>,
    /// Whether importing an item's module changes what other items hold, by module and item.
    registering: Mutex<HashMap<(String, usize), bool>>,
}

impl<'a> Library<'a> {
    pub fn new(modules: &'a Modules) -> Self {
        Library { modules, loaded: Mutex::default(), registering: Mutex::default() }
    }

    pub(super) fn load(&self, name: &str) -> Loaded {
        let cell = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            match loaded.get(name) {
                Some(cell) => Arc::clone(cell),
                None => Arc::clone(loaded.entry(name.to_owned()).or_default()),
            }
        };
        // Outside of the lock: others wait for this module only.
        cell.get_or_init(|| match self.modules.find(name) {
            FoundModule::File(found) => Loaded::Module(Arc::new(Module::read(name, &found))),
            FoundModule::Folder => Loaded::Folder,
            FoundModule::Unreadable(path) => Loaded::Unreadable(path),
            FoundModule::Nothing => Loaded::Foreign,
        })
        .clone()
    }

    pub(super) fn module(&self, name: &str) -> Option<Arc<Module>> {
        match self.load(name) {
            Loaded::Module(module) => Some(module),
            _ => None,
        }
    }

    /// All modules below the models folders.
    pub fn names(&self) -> &'a [String] {
        self.modules.names()
    }

    pub fn is_top_level(&self, name: &str) -> bool {
        self.modules.is_top_level(name)
    }

    pub fn known_registering(&self, module: &str, index: usize) -> Option<bool> {
        let known = self.registering.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(module.to_owned(), index)).copied()
    }

    pub fn remember_registering(&self, module: &str, index: usize, registers: bool) {
        let mut known = self.registering.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((module.to_owned(), index), registers);
    }
}
