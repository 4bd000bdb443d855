//! Import statements with absolute names.

use ruff_python_ast::{StmtImport, StmtImportFrom};

/// What an imported name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Target {
    /// The module's absolute dotted name.
    pub module: String,
    /// `None` for the module itself.
    pub attribute: Option<String>,
}

impl Target {
    /// `import a.b` and `from a import b` name the same.
    pub fn path(&self) -> String {
        match &self.attribute {
            Some(attribute) => format!("{}.{attribute}", self.module),
            None => self.module.clone(),
        }
    }
}

/// What one import statement does.
#[derive(Debug, Default)]
pub(super) struct Imported {
    /// Names that it binds.
    pub bound: Vec<(String, Target)>,
    /// Modules that it executes.
    pub executed: Vec<String>,
    /// Modules of which it takes all names.
    pub stars: Vec<String>,
}

/// The module that imports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Importer<'a> {
    pub name: &'a str,
    pub is_package: bool,
}

impl Importer<'_> {
    pub fn import(self, statement: &StmtImport) -> Imported {
        let mut imported = Imported::default();
        for alias in &statement.names {
            let name = alias.name.as_str();
            let first = name.split('.').next().unwrap_or(name);
            let (bound, module) = alias.asname.as_ref().map_or((first, first), |asname| (asname.as_str(), name));
            imported.bound.push((bound.to_owned(), Target { module: module.to_owned(), attribute: None }));
            imported.executed.push(name.to_owned());
        }
        imported
    }

    pub fn import_from(self, statement: &StmtImportFrom) -> Imported {
        let mut imported = Imported::default();
        let named = statement.module.as_ref().map_or("", |module| module.as_str());
        let Some(module) = self.absolute(statement.level, named) else { return imported };
        imported.executed.push(module.clone());
        for alias in &statement.names {
            let name = alias.name.as_str();
            if name == "*" {
                imported.stars.push(module.clone());
                continue;
            }
            let bound = alias.asname.as_ref().map_or(name, |asname| asname.as_str());
            let target = Target { module: module.clone(), attribute: Some(name.to_owned()) };
            imported.bound.push((bound.to_owned(), target));
            // It may be a module of the package.
            imported.executed.push(format!("{module}.{name}"));
        }
        imported
    }

    /// `None` for what reaches above the project.
    fn absolute(self, level: u32, named: &str) -> Option<String> {
        if level == 0 {
            return Some(named.to_owned());
        }
        let up = level as usize - usize::from(self.is_package);
        let mut parts: Vec<&str> = self.name.split('.').collect();
        let kept = parts.len().checked_sub(up).filter(|kept| *kept > 0)?;
        parts.truncate(kept);
        parts.extend(Some(named).filter(|named| !named.is_empty()));
        Some(parts.join("."))
    }
}
