//! `Parsed -> AssetGraph`: names become edges, configs are merged, and every problem with that is reported at once.

mod advice;
pub mod algebra;
mod cast;
pub mod checks;
mod columns;
mod compile;
mod config;
mod constraint;
mod contract;
mod cycle;
mod databases;
mod declare;
mod duplicates;
mod elsewhere;
mod link;
mod mention;
mod names;
mod placing;
mod properties;
mod reader;
mod relation;
mod resolve;
pub mod select;
mod sources;
mod sql_text;
mod tabled;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unit_tests;

pub use cast::faithful_cast;
pub use config::{DataVersioning, Materialized, Observe, Retry};
pub use constraint::{condition, count_of_breaks, holds_text, key};
pub use contract::{Breach, breaches, incomplete};
pub use elsewhere::Elsewhere;
pub use mention::{Mention, Redirected};
pub use placing::{at_statement, at_text};
pub use reader::sql_value;
pub use relation::{RelationName, folded, literal, quoted, without_glob};
pub use resolve::{Resolved, Use, resolve, resolve_uses};
pub use unit_tests::{Given, UnitTest, UnitTestId};

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::parse::{AssetName, ColumnProperties, Constraint, PythonBody, SourceLocation};
use crate::project::Values;
use crate::source::{Place, SourceFile, Span};

/// Index of a node in the graph.
pub type NodeId = NodeIndex<u32>;

/// One graph from all languages: assets and sources, edges from upstream to downstream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AssetGraph {
    pub nodes: DiGraph<Node, EdgeKind>,
    /// By the name that selections and messages use: `orders`, `raw.orders` for sources.
    pub by_name: HashMap<String, NodeId>,
    /// The project's own package: what `package:this` selects.
    pub package: String,
    /// Questions about the data of the nodes, by name.
    pub checks: Vec<checks::Check>,
    /// In the order of their files.
    pub unit_tests: Vec<UnitTest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeKind {
    /// The downstream is handed the upstream's data, or its query names it.
    Data,
    /// The downstream only names the upstream, and is stale with it all the same.
    Order,
}

/// An asset or a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Unique in the project: `orders`, `raw.orders` for sources.
    pub name: AssetName,
    pub kind: Kind,
    /// The project or dbt package that it belongs to.
    pub package: String,
    /// Package, folders below the models path, name: dbt's fully qualified name.
    pub fqn: Vec<String>,
    #[serde(with = "crate::cache::files")]
    pub file: Arc<SourceFile>,
    pub place: Place,
    /// Where a property file describes it. A source without it is implicit: named by SQL and declared by nobody.
    pub described_at: Option<Place>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// All config values after merging, as `config.x:` selects them.
    pub config: Values,
    pub columns: Vec<ColumnProperties>,
    /// What it promises of its rows, where that is enforced.
    pub constraints: Vec<Constraint>,
    /// How it persists; for sources, nothing is persisted.
    pub materialized: Materialized,
    /// Where its data is. Ephemeral assets and objects have a name, but nothing stands there.
    pub relation: RelationName,
    /// What happens after a failure.
    pub retry: Retry,
    pub data_versioning: DataVersioning,
    /// Names that it had before, newest first.
    pub renamed_from: Vec<String>,
    /// How old it may become before it is stale.
    pub max_age: Option<Duration>,
    /// How it is observed; for sources.
    pub observe: Observe,
    pub body: Body,
}

/// What a node is, as `kind:` selects it and `ls` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    Sql,
    Python,
    Seed,
    Source,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Sql => "sql",
            Kind::Python => "python",
            Kind::Seed => "seed",
            Kind::Source => "source",
        }
    }

    /// dbt's word for it, as `resource_type:` selects it.
    pub fn resource_type(self) -> &'static str {
        match self {
            Kind::Sql | Kind::Python => "model",
            Kind::Seed => "seed",
            Kind::Source => "source",
        }
    }
}

/// What computing the node means.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Body {
    Sql(CompiledSql),
    Python(CompiledPython),
    /// A CSV file, relative to the project's root; options come from the config.
    Seed,
    /// Paths of files are absolute.
    Source(SourceLocation),
}

/// SQL as it goes to the engine: the user's own text with names edited in place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompiledSql {
    /// The whole compiled text, comments included.
    pub text: String,
    /// The part of `text` that is the one statement.
    pub statement: Span,
    /// Where `text` differs from the rendered template, in order: place errors are mapped back through these.
    pub edits: Vec<Edit>,
    /// Where `text` names relations of assets, in order; those in the queries of ephemeral assets too.
    pub mentions: Vec<Mention>,
    /// The statement as every invocation would compile it, where this one differs. Such a model is never cached.
    #[serde(skip)]
    pub repeatable: Option<Box<Repeatable>>,
    /// Calls of table functions that read what nobody can name, such as `read_csv(...)`; sorted.
    pub unseen: Vec<String>,
}

/// A statement without the values that differ at each invocation: for its fingerprint, never to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    pub statement: String,
    /// What was left out, such as `run_started_at`; sorted.
    pub without: Vec<&'static str>,
}

/// A stretch of rendered text and what stands in its place in the compiled text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub rendered: Span,
    pub compiled: Span,
    /// The ephemeral asset whose query is in the compiled text, and the query's span there.
    pub inlined: Option<(NodeId, Span)>,
}

impl CompiledSql {
    pub fn statement(&self) -> &str {
        &self.text[self.statement.start..self.statement.end]
    }

    /// The edit whose text an offset in `text` stands in.
    pub fn edit_at(&self, compiled: usize) -> Option<&Edit> {
        let edit = self.edits.iter().rev().find(|edit| edit.compiled.start <= compiled)?;
        (compiled < edit.compiled.end).then_some(edit)
    }

    /// The ephemeral asset whose query an offset in `text` stands in, and the offset in its statement.
    pub fn inlined_at(&self, compiled: usize) -> Option<(NodeId, usize)> {
        let (id, query) = self.edit_at(compiled)?.inlined?;
        (query.start..query.end).contains(&compiled).then(|| (id, compiled - query.start))
    }

    /// The offset in the rendered template that an offset in `text` came from.
    pub fn rendered_offset(&self, compiled: usize) -> usize {
        match self.edits.iter().rev().find(|edit| edit.compiled.start <= compiled) {
            Some(edit) if compiled < edit.compiled.end => edit.rendered.start,
            Some(edit) => compiled - edit.compiled.end + edit.rendered.end,
            None => compiled,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompiledPython {
    pub body: PythonBody,
    /// The nodes that arrive as arguments, with the parameter that each is for.
    pub inputs: Vec<(usize, NodeId)>,
    /// The nodes that `deps=` names.
    pub dependencies: Vec<NodeId>,
}

impl AssetGraph {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// What stands after `from` to read the node's data: its relation, or what is read where it has none (the query
    /// of an ephemeral asset in parentheses, a reader's call for files). Nothing of this kind reads an object.
    pub fn from_item(&self, id: NodeId) -> String {
        self.redirected_item(id, &|_| None)
    }

    /// As `from_item`, with the assets for which `place` gives a relation read there.
    pub fn redirected_item(&self, id: NodeId, place: &dyn Fn(NodeId) -> Option<RelationName>) -> String {
        if let Some(relation) = place(id) {
            return relation.to_string();
        }
        let node = self.node(id);
        match &node.body {
            Body::Sql(sql) if node.materialized == Materialized::Ephemeral => {
                reader::subquery(&sql.redirected(place).statement)
            }
            Body::Source(SourceLocation::Files { path, .. }) if node.is_implicit() => relation::literal(path),
            Body::Source(SourceLocation::Files { path, format, options }) => reader::call(path, *format, options),
            _ => node.relation.to_string(),
        }
    }

    pub fn upstream(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.neighbors_directed(id, petgraph::Direction::Incoming)
    }

    /// The upstreams whose data a node depends on, each once; where an ephemeral one stands between, those that it reads.
    /// What is only named (`deps=`) is among them: a query in a function's text reads it, and nobody else knows of it.
    pub fn reads(&self, id: NodeId) -> Vec<NodeId> {
        self.beyond_ephemeral(id, petgraph::Direction::Incoming)
    }

    /// Calls of table functions in a node's own query whose files nobody can name, those of ephemeral ones above included.
    pub fn unseen(&self, id: NodeId) -> Vec<String> {
        let mut found = Vec::new();
        let mut stack = vec![id];
        while let Some(reader) = stack.pop() {
            if let Body::Sql(sql) = &self.node(reader).body {
                found.extend(sql.unseen.iter().cloned());
            }
            let above = self.upstream(reader);
            stack.extend(above.filter(|id| self.node(*id).materialized == Materialized::Ephemeral));
        }
        found
    }

    /// What depends on the data of a node: of what `reads` says, the other way round.
    pub fn readers(&self, id: NodeId) -> Vec<NodeId> {
        self.beyond_ephemeral(id, petgraph::Direction::Outgoing)
    }

    /// The nodes whose data is read by whoever names these: in the place of ephemeral ones, what they read.
    pub fn behind(&self, named: &[NodeId]) -> Vec<NodeId> {
        let mut found = Vec::new();
        for id in named {
            let behind = match self.node(*id).materialized {
                Materialized::Ephemeral => self.reads(*id),
                _ => vec![*id],
            };
            found.extend(behind);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Everything that a view shows: what it reads, and what views above it read.
    pub fn shown_by(&self, view: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut stack = vec![view];
        while let Some(id) = stack.pop() {
            if self.node(id).materialized != Materialized::View {
                continue;
            }
            for read in self.reads(id) {
                if !found.contains(&read) {
                    found.push(read);
                    stack.push(read);
                }
            }
        }
        found
    }

    /// The neighbours on one side, each once; in the place of ephemeral ones, theirs.
    fn beyond_ephemeral(&self, id: NodeId, direction: petgraph::Direction) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut stack: Vec<NodeId> = self.nodes.neighbors_directed(id, direction).collect();
        while let Some(neighbour) = stack.pop() {
            match self.node(neighbour).materialized {
                Materialized::Ephemeral => stack.extend(self.nodes.neighbors_directed(neighbour, direction)),
                _ if !found.contains(&neighbour) => found.push(neighbour),
                _ => {}
            }
        }
        found
    }

    pub fn downstream(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.neighbors_directed(id, petgraph::Direction::Outgoing)
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.node_indices()
    }
}

impl Node {
    pub fn is_source(&self) -> bool {
        self.kind == Kind::Source
    }

    /// The columns whose type the asset's own config declares, to which its table is cast.
    pub fn declared_types(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.config.get("columns").and_then(|columns| columns.as_object());
        columns.into_iter().flatten().filter_map(|(name, value)| {
            let declared = match value {
                Value::Object(fields) => fields.get("type").or_else(|| fields.get("data_type"))?,
                other => other,
            };
            Some((name.as_str(), declared.as_str().filter(|declared| !declared.is_empty())?))
        })
    }

    /// The engine's options for a seed's file: dbt's names for the few that it has, the engine's for the rest (under
    /// `options`).
    pub fn seed_options(&self) -> Values {
        let mut options = Values::new();
        for (ours, engines) in [("delimiter", "delim"), ("column_types", "types")] {
            if let Some(value) = self.config.get(ours) {
                options.insert(engines.to_owned(), value.clone());
            }
        }
        if let Some(more) = self.config.get("options").and_then(|options| options.as_object()) {
            options.extend(more.clone());
        }
        options
    }

    /// A source that SQL names and nobody declares: a file, or an attached database's table.
    pub fn is_implicit(&self) -> bool {
        self.is_source() && self.described_at.is_none()
    }
}
