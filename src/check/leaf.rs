//! The columns of what no query of the project makes: sources, seeds, what asset functions give, and what a run leaves as
//! it stands.

use std::path::Path;

use super::inquiry::{Inquiry, Mode};
use super::memory::Told;
use super::schema::{Schema, Schemas, Unknown};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Column, EngineError, Refusal};
use crate::graph::{Body, Materialized, Node, NodeId, breaches, incomplete};
use crate::parse::SourceLocation;
use crate::record::{columns_version, stamp};

const NOT_LOOKED_AT: &str = "it is an address, which is not looked at";
const HAS_NOT_RUN: &str = "it is an asset function without a contract that has not run in this form";
const TO_BE_RUN: &str = "it is an asset function without a contract, and this run tells";

/// Bytes of a seed, which is read whole to know the types of its columns: a run that builds it does that once.
const LARGEST_SEED: u64 = 8 << 20;

pub(super) const UNKNOWN_TYPE: &str = "a declared type is not known: ";

impl Inquiry<'_> {
    /// The columns of a node that is no model to bind.
    ///
    /// # Errors
    /// When the binder cannot be opened.
    pub(super) fn leaf(&self, id: NodeId, schemas: &Schemas) -> Result<Schema, EngineError> {
        let node = self.graph.node(id);
        if node.materialized == Materialized::Object {
            return Ok(Schema::Valueless);
        }
        match &node.body {
            Body::Source(SourceLocation::Function { .. }) => Ok(Schema::Valueless),
            Body::Source(SourceLocation::Table { .. }) => self.table(id, node),
            Body::Source(SourceLocation::Files { path, .. }) => self.files(id, node, path),
            _ if self.stands_as_it_is(id) => Ok(self.standing(id, node)),
            Body::Seed => self.seed(id, node),
            Body::Python(_) => self.python(id, node, schemas),
            // A model that is bound elsewhere.
            Body::Sql(_) => Ok(Schema::unknown(id, "a model")),
        }
    }

    /// What a run does not build, its steps read as it is in the database.
    fn standing(&self, id: NodeId, node: &Node) -> Schema {
        match self.stands.columns(&node.relation) {
            Ok(columns) => {
                // A view shows what the tables below it have now, and the run may build these.
                let is_view = node.materialized == Materialized::View;
                let doubt = (is_view && self.is_below_built(id)).then_some("a view of what the run builds");
                Schema::known(columns).doubted(doubt)
            }
            Err(reason) => Schema::unknown(id, reason),
        }
    }

    fn table(&self, id: NodeId, node: &Node) -> Result<Schema, EngineError> {
        match self.stands.columns(&node.relation) {
            Ok(columns) => Ok(Schema::known(columns)),
            Err(reason) => self.described(id, node, reason),
        }
    }

    fn files(&self, id: NodeId, node: &Node, path: &str) -> Result<Schema, EngineError> {
        if path.contains("://") {
            return self.described(id, node, NOT_LOOKED_AT.to_owned());
        }
        let Some(stamp) = stamp(path) else {
            let shown = Path::new(path).strip_prefix(&self.project.root).unwrap_or(Path::new(path));
            return self.described(id, node, format!("no file is there, at `{}`", shown.display()));
        };
        let query = format!("select * from {}", self.graph.from_item(id));
        let read = || self.binding.with_session(|session| Told::from(session.bind(&query)));
        match self.memory.recall(&[b"file", query.as_bytes(), stamp.as_bytes()], read)? {
            Told::Columns(columns) => Ok(Schema::known(columns)),
            Told::Refused(refusals) => self.described(id, node, first_message(refusals)),
            Told::Unknown(reason) => self.described(id, node, reason),
        }
    }

    /// The columns that property files say a source has, where each has a type; else `reason` is why nothing is known.
    fn described(&self, id: NodeId, node: &Node, reason: String) -> Result<Schema, EngineError> {
        let declared: Option<Vec<(&str, &str)>> =
            node.columns.iter().map(|column| Some((column.name.as_str(), column.data_type.as_deref()?))).collect();
        let Some(declared) = declared.filter(|declared| !declared.is_empty()) else {
            return Ok(Schema::unknown(id, reason));
        };
        let doubt = self.mode.is_run().then_some("a source may have more columns than its description names");
        Ok(self.declared(id, &declared)?.doubted(doubt))
    }

    /// Declared columns with their types in the engine's words.
    pub(super) fn declared(&self, id: NodeId, columns: &[(&str, &str)]) -> Result<Schema, EngineError> {
        let pieces: Vec<&[u8]> =
            columns.iter().flat_map(|(name, declared)| [name.as_bytes(), declared.as_bytes()]).collect();
        let ask = || {
            self.binding.with_session(|session| {
                let columns: Result<Vec<Column>, String> = session.declared(columns).into_iter().collect();
                columns.map_or_else(Told::Unknown, Told::Columns)
            })
        };
        let pieces: Vec<&[u8]> = [&b"declared"[..]].into_iter().chain(pieces).collect();
        Ok(match self.memory.recall(&pieces, ask)? {
            Told::Columns(columns) => Schema::known(columns),
            Told::Unknown(reason) => Schema::unknown(id, format!("{UNKNOWN_TYPE}{reason}")),
            Told::Refused(refusals) => Schema::unknown(id, first_message(refusals)),
        })
    }

    fn seed(&self, id: NodeId, node: &Node) -> Result<Schema, EngineError> {
        let saved = self.project.root.join(node.file.path());
        let path = self.copies.get(node.file.path()).unwrap_or(&saved);
        let options = node.seed_options();
        let is_large = || path.metadata().is_ok_and(|metadata| metadata.len() > LARGEST_SEED);
        if self.mode.is_run() && is_large() {
            return Ok(Schema::unknown(id, "it is a large file, which this run reads"));
        }
        let Some(stamp) = stamp(&crate::graph::without_glob(&path.to_string_lossy())) else {
            return Ok(Schema::unknown(id, "the file cannot be read"));
        };
        let text = format!("{}\n{options:?}", path.display());
        let ask = || {
            self.binding.with_session(|session| match session.csv_columns(path, &options) {
                Ok(columns) => Told::Columns(columns),
                Err(error) => {
                    let message = error.message.lines().next().unwrap_or_default();
                    Told::Unknown(message.replace(&*path.to_string_lossy(), &saved.to_string_lossy()))
                }
            })
        };
        Ok(match self.memory.recall(&[b"seed", text.as_bytes(), stamp.as_bytes()], ask)? {
            Told::Columns(columns) => Schema::known(columns),
            Told::Unknown(reason) => Schema::unknown(id, reason),
            Told::Refused(refusals) => Schema::unknown(id, first_message(refusals)),
        })
    }

    /// A seed that a run could not build. A run that builds it says so itself, and more closely.
    pub(super) fn unreadable(&self, id: NodeId, schema: &Schema) -> Option<Diagnostic> {
        let node = self.graph.node(id);
        let is_asked = matches!(node.body, Body::Seed) && !self.mode.is_run();
        let unknown = as_unknown(schema).filter(|_| is_asked)?;
        // A type of its columns may be one of the database's own.
        let is_certain = self.stands.definitions().is_ok_and(|own| own.is_empty());
        let message = format!("seed `{}` cannot be read: {}", node.name, unknown.reason);
        is_certain.then(|| Diagnostic::error(Code::SeedUnreadable, message).at(node.place.clone()))
    }

    fn python(&self, id: NodeId, node: &Node, schemas: &Schemas) -> Result<Schema, EngineError> {
        let recorded = self.as_it_ran(id, node, schemas);
        let Some(promised) = node.contract().filter(|contract| incomplete(contract).is_empty()) else {
            return Ok(recorded);
        };
        let typed: Vec<(&str, &str)> =
            promised.iter().filter_map(|(name, declared)| Some((*name, (*declared)?))).collect();
        let contract = self.declared(id, &typed)?;
        // The same in the order in which the function gives them, which a contract does not say.
        let is_kept = matches!((&recorded, contract.columns()), (Schema::Known(ran), Some(said))
            if ran.doubt.is_none() && breaches(said, &ran.columns).is_empty());
        Ok(if is_kept { recorded } else { contract })
    }

    /// What an asset function gave when it ran last, where it is the same function and read the same columns.
    fn as_it_ran(&self, id: NodeId, node: &Node, schemas: &Schemas) -> Schema {
        let Mode::Project { code_version } = &self.mode else { return Schema::unknown(id, TO_BE_RUN) };
        let recorded = match self.stands.recorded(node.name.as_str()) {
            Ok(Some(recorded)) => recorded,
            Ok(None) => return Schema::unknown(id, HAS_NOT_RUN),
            Err(why) => {
                let reason = format!("what it gave when it ran last is in the database, which cannot be read: {why}");
                return Schema::unknown(id, reason);
            }
        };
        if recorded.code_version.is_none() || recorded.code_version != code_version(id) || recorded.columns.is_empty() {
            return Schema::unknown(id, HAS_NOT_RUN);
        }
        let mut doubt = None;
        for upstream in self.graph.reads(id) {
            let (read, name) = (&schemas[&upstream], self.graph.node(upstream).name.as_str());
            let before = recorded.inputs.get(name).and_then(|input| input.columns.as_deref());
            match (before, read.columns()) {
                (Some(before), Some(now)) if before == columns_version(now) => {}
                // Of sources no columns are recorded, and objects have none.
                (None, _) => doubt = Some("the columns of an asset function may be those of its sources"),
                _ => return Schema::unknown(id, HAS_NOT_RUN),
            }
        }
        // Where the table stands, its types have their own names.
        let standing = self.stands.columns(&node.relation).ok();
        let columns = standing.filter(|columns| columns.len() == recorded.columns.len());
        Schema::known(columns.unwrap_or_else(|| recorded.columns.clone())).doubted(doubt)
    }
}

fn as_unknown(schema: &Schema) -> Option<&Unknown> {
    match schema {
        Schema::Unknown(unknown) => Some(unknown),
        _ => None,
    }
}

fn first_message(refusals: Vec<Refusal>) -> String {
    refusals.into_iter().next().map(|refusal| refusal.message).unwrap_or_default()
}
