//! Looks names up: what a reference in SQL or Python stands for.

use std::collections::HashMap;

use super::databases::{Database, Databases, is_system_schema, is_system_view};
use super::declare::{Declarations, Declared, DeclaredBody};
use super::sources::{Implicit, is_url, looks_like_file};
use super::{Kind, Materialized, folded};
use crate::parse::{Manner, Reference, SourceLocation};
use crate::project::Project;
use crate::source::Place;

/// What a name stands for.
pub(super) enum Found {
    /// Index of a declared node.
    Node(usize),
    /// A file or an attached database's table that nothing declares.
    Implicit(Box<Implicit>),
    /// Something of DuckDB's own: no edge.
    System,
}

/// Why a name stands for nothing.
pub(super) enum Lost {
    Unknown,
    Disabled(Place),
    /// Several nodes fit; their names.
    Ambiguous(Vec<String>),
    /// `ref('package', ...)` with a package that is not there.
    Package(String),
}

type Lookup = Result<Found, Lost>;

/// Every name of a project, in the forms that references use.
pub(super) struct Names<'a> {
    project: &'a Project,
    declarations: &'a Declarations,
    databases: Databases<'a>,
    exact: HashMap<&'a str, usize>,
    /// Assets by name in lower case, as plain SQL names are compared.
    assets: HashMap<String, Vec<usize>>,
    /// Assets by identifier in lower case.
    aliases: HashMap<String, Vec<usize>>,
    /// Declared source tables by `source.table` in lower case.
    sources: HashMap<String, Vec<usize>>,
    /// Declared source tables by the table's name alone.
    source_tables: HashMap<&'a str, Vec<usize>>,
    relations: HashMap<RelationKey, usize>,
}

/// Database (`None` for the own one), schema and identifier in lower case.
type RelationKey = (Option<String>, String, String);

impl<'a> Names<'a> {
    pub fn new(project: &'a Project, declarations: &'a Declarations) -> Self {
        let nodes = &declarations.nodes;
        let mut names = Names {
            project,
            declarations,
            databases: Databases::of(project),
            exact: HashMap::with_capacity(nodes.len()),
            assets: HashMap::with_capacity(nodes.len()),
            aliases: HashMap::new(),
            sources: HashMap::new(),
            source_tables: HashMap::new(),
            relations: HashMap::with_capacity(nodes.len()),
        };
        for (index, node) in nodes.iter().enumerate() {
            names.add(index, node);
        }
        names
    }

    fn add(&mut self, index: usize, node: &'a Declared) {
        let name = node.name.as_str();
        self.exact.entry(name).or_insert(index);
        let relation = &node.settings.relation;
        if node.kind == Kind::Source {
            self.sources.entry(folded(name)).or_default().push(index);
            if let Some(table) = node.fqn.last() {
                self.source_tables.entry(table).or_default().push(index);
            }
        } else {
            self.assets.entry(folded(name)).or_default().push(index);
            if relation.identifier != name {
                self.aliases.entry(folded(&relation.identifier)).or_default().push(index);
            }
        }
        if has_relation(node) {
            let database = relation.database.as_ref().map(|database| folded(database));
            let key = (database, folded(&relation.schema), folded(&relation.identifier));
            self.relations.entry(key).or_insert(index);
        }
    }

    pub fn databases(&self) -> &Databases<'a> {
        &self.databases
    }

    pub fn nodes(&self) -> &'a [Declared] {
        &self.declarations.nodes
    }

    /// What a reference stands for. The manner matters to Python's names, which may also mean sources.
    pub fn find(&self, reference: &Reference, manner: &Manner) -> Lookup {
        match reference {
            Reference::Asset { package: Some(package), .. } if *package != self.project.name => {
                Err(Lost::Package(package.clone()))
            }
            Reference::Asset { name, .. } => self.asset(name, matches!(manner, Manner::Call)),
            Reference::Source { source, table } => self.source(&format!("{source}.{table}")),
            Reference::Table(parts) if *manner == Manner::Argument => self.file(&parts.join(".")),
            Reference::Table(parts) => self.table(parts),
        }
    }

    fn asset(&self, name: &str, only_assets: bool) -> Lookup {
        match self.exact.get(name) {
            Some(index) if !only_assets || !is_table_or_files(&self.nodes()[*index]) => Ok(Found::Node(*index)),
            _ if self.declarations.disabled.contains_key(name) => Err(self.lost(name)),
            _ if only_assets => Err(Lost::Unknown),
            _ => self.one_of(self.source_tables.get(name)).unwrap_or(Err(Lost::Unknown)),
        }
    }

    fn source(&self, name: &str) -> Lookup {
        match self.exact.get(name) {
            Some(index) if self.nodes()[*index].kind == Kind::Source => Ok(Found::Node(*index)),
            _ => Err(self.lost(name)),
        }
    }

    /// Whether a plain name stands for a declared node.
    pub fn is_declared(&self, parts: &[String]) -> bool {
        matches!(self.table(parts), Ok(Found::Node(_)))
    }

    fn table(&self, parts: &[String]) -> Lookup {
        match parts {
            [name] => self.bare(name),
            [first, name] => self.qualified(first, name),
            [database, schema, name] => self.full(database, schema, name),
            _ => Err(Lost::Unknown),
        }
    }

    /// A file that a table function reads, whatever it is called. What looks like the name of something else is told apart.
    fn file(&self, text: &str) -> Lookup {
        let is_ambiguous = self.exact.contains_key(text) || !looks_like_file(text);
        let is_relative = !text.starts_with(['.', '/', '~']) && !is_url(text);
        let name = if is_ambiguous && is_relative { format!("./{text}") } else { text.to_owned() };
        implicit(Implicit::file(self.project, &name))
    }

    /// A plain name: an asset before anything else, since that is what the project is about.
    fn bare(&self, name: &str) -> Lookup {
        if let Some(index) = self.exact.get(name).filter(|index| !is_table_or_files(&self.nodes()[**index])) {
            return Ok(Found::Node(*index));
        }
        let lower = folded(name);
        let asset = self.one_of(self.assets.get(&lower)).or_else(|| self.one_of(self.aliases.get(&lower)));
        if let Some(found) = asset {
            return found;
        }
        if let Some(index) = self.relation(None, &self.project.target.schema, name) {
            return Ok(Found::Node(index));
        }
        if is_system_view(name) {
            return Ok(Found::System);
        }
        if looks_like_file(name) {
            return implicit(Implicit::file(self.project, name));
        }
        Err(self.lost(name))
    }

    /// `schema.name`, `source.table` or `database.name`: physical names before the project's words for them.
    fn qualified(&self, first: &str, name: &str) -> Lookup {
        if let Some(index) = self.relation(None, first, name) {
            return Ok(Found::Node(index));
        }
        let full = format!("{first}.{name}");
        if let Some(found) = self.one_of(self.sources.get(&folded(&full))) {
            return found;
        }
        if is_system_schema(first) || is_system_view(name) {
            return Ok(Found::System);
        }
        match self.databases.find(first) {
            Some(Database::Own) => self.bare_in_own(name),
            Some(Database::Attached { alias, default_schema }) => self.attached(&alias, default_schema, name),
            None => Err(self.lost(&full)),
        }
    }

    fn bare_in_own(&self, name: &str) -> Lookup {
        let schemas = [self.project.target.schema.as_str(), "main"];
        let found = schemas.iter().find_map(|schema| self.relation(None, schema, name));
        found.map(Found::Node).ok_or(Lost::Unknown)
    }

    fn full(&self, database: &str, schema: &str, name: &str) -> Lookup {
        if is_system_schema(schema) {
            return Ok(Found::System);
        }
        match self.databases.find(database) {
            Some(Database::Own) => self.relation(None, schema, name).map(Found::Node).ok_or(Lost::Unknown),
            Some(Database::Attached { alias, .. }) => self.attached(&alias, schema, name),
            None => Err(Lost::Unknown),
        }
    }

    fn attached(&self, alias: &str, schema: &str, name: &str) -> Lookup {
        match self.relation(Some(alias), schema, name) {
            Some(index) => Ok(Found::Node(index)),
            None if is_system_view(name) => Ok(Found::System),
            None => implicit(Implicit::table(alias, schema, name)),
        }
    }

    fn relation(&self, database: Option<&str>, schema: &str, name: &str) -> Option<usize> {
        let key = (database.map(folded), folded(schema), folded(name));
        self.relations.get(&key).copied()
    }

    fn one_of(&self, found: Option<&Vec<usize>>) -> Option<Lookup> {
        match found?.as_slice() {
            [] => None,
            [index] => Some(Ok(Found::Node(*index))),
            several => {
                let mut names: Vec<String> =
                    several.iter().map(|index| self.nodes()[*index].name.as_str().to_owned()).collect();
                names.sort();
                Some(Err(Lost::Ambiguous(names)))
            }
        }
    }

    fn lost(&self, name: &str) -> Lost {
        match self.declarations.disabled.get(name) {
            Some(place) => Lost::Disabled(place.clone()),
            None => Lost::Unknown,
        }
    }

    /// Sources that declare a table of this name: what a bare name may have meant.
    pub fn sources_with_table(&self, table: &str) -> Vec<&'a str> {
        let found = self.source_tables.get(table).map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<&str> = found.iter().map(|index| self.nodes()[*index].name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Whether a source's table is called so in full.
    pub fn is_source(&self, name: &str) -> bool {
        self.exact.get(name).is_some_and(|index| self.nodes()[*index].kind == Kind::Source)
    }
}

/// Whether the node is a source that a property file declares. One that a Python function declares is called like an
/// asset.
fn is_table_or_files(node: &Declared) -> bool {
    node.kind == Kind::Source && !matches!(node.body, DeclaredBody::Source(SourceLocation::Function { .. }))
}

/// Whether SQL can name the node by schema and identifier. Ephemeral assets and objects count: naming them so is
/// naming them.
fn has_relation(node: &Declared) -> bool {
    match &node.body {
        DeclaredBody::Source(SourceLocation::Files { .. } | SourceLocation::Function { .. }) => false,
        DeclaredBody::Source(SourceLocation::Table { .. }) => true,
        _ => node.settings.materialized != Materialized::External,
    }
}

fn implicit(found: Option<Implicit>) -> Lookup {
    found.map(|implicit| Found::Implicit(Box::new(implicit))).ok_or(Lost::Unknown)
}
