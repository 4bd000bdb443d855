//! `dovetail ls`: assets and sources, sorted by name. Opens the database only where the selection asks for states.

use std::path::Path;

use serde::Serialize;

use super::args::{LsArgs, LsOutput};
use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{AssetGraph, Body, Materialized, Node, NodeId};
use crate::parse::SourceLocation;

pub(crate) fn ls(context: &mut Context, args: &LsArgs) -> CommandResult {
    let compiled = context.compile()?;
    let graph = &compiled.graph;
    for id in context.select(&compiled, &args.selection, args.waiting.wait)? {
        let node = graph.node(id);
        match args.output {
            LsOutput::Name => context.printer.data_line(node.name.as_str()),
            LsOutput::Path => context.printer.data_line(&slashed(node.file.path())),
            LsOutput::Json => {
                let line = serde_json::to_string(&Line::of(graph, id)).map_err(unprintable)?;
                context.printer.data_line(&compiled.templates.secrets().redact(&line));
            }
        }
        if context.printer.is_stdout_closed() {
            break;
        }
    }
    Ok(ExitStatus::Success)
}

/// One line of `--output json`. The keys and their order are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    kind: &'a str,
    materialized: &'a str,
    /// `None` where no table or view stands: ephemeral models, objects and sources that are files.
    relation: Option<String>,
    path: String,
    upstream: Vec<&'a str>,
    tags: &'a [String],
    owner: Option<&'a str>,
    group: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(graph: &'a AssetGraph, id: NodeId) -> Self {
        let node = graph.node(id);
        let mut upstream: Vec<&str> = graph.upstream(id).map(|id| graph.node(id).name.as_str()).collect();
        upstream.sort_unstable();
        Line {
            name: node.name.as_str(),
            kind: node.kind.as_str(),
            materialized: node.materialized.as_str(),
            relation: has_relation(node).then(|| node.relation.to_string()),
            path: slashed(node.file.path()),
            upstream,
            tags: &node.tags,
            owner: node.owner.as_deref(),
            group: node.group.as_deref(),
            description: node.description.as_deref(),
        }
    }
}

fn has_relation(node: &Node) -> bool {
    match node.materialized {
        Materialized::Table | Materialized::View => true,
        Materialized::Ephemeral | Materialized::Object => false,
        Materialized::External => matches!(node.body, Body::Source(SourceLocation::Table { .. })),
    }
}

/// Paths are printed alike on all systems.
fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

pub(crate) fn unprintable(error: serde_json::Error) -> Diagnostic {
    Diagnostic::error(Code::Unwritable, format!("cannot print as JSON: {error}"))
}
