//! `Parsed -> AssetGraph`: names become edges, configs are merged, and every problem with that is reported at once.

pub mod algebra;
mod compile;
mod config;
mod relation;
mod resolve;
pub mod select;

pub use config::Materialized;
pub use relation::{RelationName, literal, quoted};
pub use resolve::resolve;

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};

use crate::parse::{AssetName, ColumnProperties, PythonBody, SourceLocation};
use crate::project::Values;
use crate::source::{Place, SourceFile, Span};

/// Index of a node in the graph.
pub type NodeId = NodeIndex<u32>;

/// One graph from all languages: assets and sources, edges from upstream to downstream.
#[derive(Debug, Default)]
pub struct AssetGraph {
    pub nodes: DiGraph<Node, EdgeKind>,
    /// By the name that selections and messages use: `orders`, `raw.orders` for sources.
    pub by_name: HashMap<String, NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// The downstream reads the upstream's data.
    Data,
    /// The downstream only runs after the upstream.
    Order,
}

/// An asset or a source.
#[derive(Debug, Clone)]
pub struct Node {
    /// Unique in the project: `orders`, `raw.orders` for sources.
    pub name: AssetName,
    pub kind: Kind,
    /// The project or dbt package that it belongs to.
    pub package: String,
    /// Package, folders below the models path, name: dbt's fully qualified name.
    pub fqn: Vec<String>,
    pub file: Arc<SourceFile>,
    pub place: Place,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// All config values after merging, as `config.x:` selects them.
    pub config: Values,
    pub columns: Vec<ColumnProperties>,
    /// How it persists; for sources, nothing is persisted.
    pub materialized: Materialized,
    /// Where its data is. Ephemeral assets and objects have a name, but nothing stands there.
    pub relation: RelationName,
    pub body: Body,
}

/// What a node is, as `kind:` selects it and `ls` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Debug, Clone)]
pub enum Body {
    Sql(CompiledSql),
    Python(CompiledPython),
    /// A CSV file, relative to the project's root; options come from the config.
    Seed,
    Source(SourceLocation),
}

/// SQL as it goes to the engine: the user's own text with names edited in place.
#[derive(Debug, Clone)]
pub struct CompiledSql {
    /// The whole compiled text, comments included.
    pub text: String,
    /// The part of `text` that is the one statement.
    pub statement: Span,
    /// Where `text` differs from the rendered template, in order: place errors are mapped back through these.
    pub edits: Vec<Edit>,
}

/// A stretch of rendered text and what stands in its place in the compiled text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    pub rendered: Span,
    pub compiled: Span,
}

impl CompiledSql {
    pub fn statement(&self) -> &str {
        &self.text[self.statement.start..self.statement.end]
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

#[derive(Debug, Clone)]
pub struct CompiledPython {
    pub body: PythonBody,
    /// The nodes that arrive as arguments, with the parameter that each is for.
    pub inputs: Vec<(usize, NodeId)>,
}

impl AssetGraph {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    pub fn upstream(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.neighbors_directed(id, petgraph::Direction::Incoming)
    }

    pub fn downstream(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.neighbors_directed(id, petgraph::Direction::Outgoing)
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.node_indices()
    }
}

impl Node {
    /// How often a failed materialization is tried again.
    pub fn retries(&self) -> u32 {
        self.config.get("retries").and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// The wait before the first retry.
    pub fn retry_delay(&self) -> Option<std::time::Duration> {
        let seconds = self.config.get("retry_delay").and_then(serde_json::Value::as_f64)?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }

    /// The query that gives the node's rows, for readers outside SQL.
    pub fn query(&self, _root: &std::path::Path) -> String {
        match &self.body {
            Body::Sql(compiled) if self.materialized == Materialized::Ephemeral => compiled.statement().to_owned(),
            _ => format!("select * from {}", self.relation),
        }
    }

    pub fn is_source(&self) -> bool {
        self.kind == Kind::Source
    }
}
