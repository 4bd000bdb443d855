//! `dovetail ls`: assets and sources, sorted by name. Opens the database only where the selection asks for states.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::args::{LsArgs, LsOutput};
use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, Body, Materialized, Node, NodeId, UnitTestId};
use crate::parse::SourceLocation;

pub(crate) fn ls(context: &mut Context, args: &LsArgs) -> CommandResult {
    let compiled = context.compile()?;
    let graph = &compiled.graph;
    let selected = context.select_all(&compiled, &args.selection, args.waiting.wait)?;
    // Checks and unit tests come along with what they are about; they are listed where nothing else is asked for.
    if selected.nodes.is_empty() {
        checks(context, &compiled, &selected.checks, args.output);
        unit_tests(context, &compiled, &selected.unit_tests, args.output);
        return Ok(ExitStatus::Success);
    }
    let mut nodes: Vec<NodeId> = selected.nodes.into_iter().collect();
    nodes.sort_by(|one, other| graph.node(*one).name.cmp(&graph.node(*other).name));
    for id in nodes {
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

fn checks(context: &mut Context, compiled: &Compiled, ids: &BTreeSet<CheckId>, output: LsOutput) {
    let graph = &compiled.graph;
    for check in ids.iter().map(|id| graph.check(*id)) {
        match output {
            LsOutput::Name => context.printer.data_line(check.name.as_str()),
            LsOutput::Path => context.printer.data_line(&slashed(check.file.path())),
            LsOutput::Json => {
                let upstream: Vec<&str> = check.upstream.iter().map(|id| graph.node(*id).name.as_str()).collect();
                let line = json!({
                    "name": check.name.as_str(), "kind": "check", "test": check.test, "test_type": check.kind.as_str(),
                    "asset": graph.node(check.asset).name.as_str(), "column": check.column,
                    "severity": check.severity.as_str(), "question": check.in_words(graph),
                    "path": slashed(check.file.path()), "upstream": upstream, "tags": check.tags, "owner": check.owner,
                    "description": check.description,
                });
                context.printer.data_line(&compiled.templates.secrets().redact(&line.to_string()));
            }
        }
    }
}

fn unit_tests(context: &mut Context, compiled: &Compiled, ids: &BTreeSet<UnitTestId>, output: LsOutput) {
    let graph = &compiled.graph;
    for test in ids.iter().map(|id| graph.unit_test(*id)) {
        let path = slashed(test.place.file.path());
        match output {
            LsOutput::Name => context.printer.data_line(&test.name),
            LsOutput::Path => context.printer.data_line(&path),
            LsOutput::Json => {
                let line = json!({
                    "name": test.name, "kind": "unit_test", "asset": graph.node(test.model).name.as_str(), "path": path,
                    "tags": test.tags, "description": test.description,
                });
                context.printer.data_line(&compiled.templates.secrets().redact(&line.to_string()));
            }
        }
    }
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
