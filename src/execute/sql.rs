//! SQL models and seeds.

use std::path::Path;

use super::materialize::{Failure, Materializer, Staged};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{BuildSource, Built, EngineError, EngineErrorKind, Session};
use crate::graph::{CompiledSql, Materialized, Node, NodeId};
use crate::project::Values;
use crate::source::{Place, SourceFile, Span};

/// The longest line of a seed that an error shows.
const LONGEST_LINE: usize = 1000;

pub(super) fn build(
    materializer: &Materializer,
    node: &Node,
    compiled: &CompiledSql,
    session: &mut dyn Session,
) -> Result<Staged, Failure> {
    let statement = compiled.statement().to_owned();
    let source = match node.materialized {
        Materialized::View => BuildSource::View(statement),
        _ => BuildSource::Query(statement),
    };
    match session.build(&node.relation, source) {
        Ok(built) => Ok(staged(&built)),
        Err(error) => Err(failure(materializer, node, compiled, &error)),
    }
}

pub(super) fn build_seed(
    materializer: &Materializer,
    node: &Node,
    session: &mut dyn Session,
) -> Result<Staged, Failure> {
    let path = materializer.context.project.root.join(node.file.path());
    let source = BuildSource::Csv { path: path.clone(), options: seed_options(&node.config) };
    session.build(&node.relation, source).map(|built| staged(&built)).map_err(|error| {
        if error.kind == EngineErrorKind::Cancelled {
            return Failure::Cancelled;
        }
        let message = format!("seed `{}` cannot be read: {}", node.name, error.message);
        materializer.redacted(Diagnostic::error(Code::SeedUnreadable, message).at(seed_place(
            node,
            &path,
            error.offset,
        )))
    })
}

/// The line of a seed. Only an error pays for reading the text, and lines that fill the screen are not shown.
fn seed_place(node: &Node, path: &Path, offset: Option<usize>) -> Place {
    let (Some(offset), Ok(bytes)) = (offset, std::fs::read(path)) else { return node.place.clone() };
    let line = 1 + bytes.iter().take(offset).filter(|byte| **byte == b'\n').count();
    let file = SourceFile::new(node.file.path(), String::from_utf8_lossy(&bytes));
    let span = file.line_span(line);
    if span.end - span.start > LONGEST_LINE { node.place.clone() } else { Place::new(&file, span) }
}

/// dbt's names for the few options that it has, the engine's for the rest (under `options`).
fn seed_options(config: &Values) -> Values {
    let mut options = Values::new();
    for (ours, engines) in [("delimiter", "delim"), ("column_types", "types")] {
        if let Some(value) = config.get(ours) {
            options.insert(engines.to_owned(), value.clone());
        }
    }
    if let Some(more) = config.get("options").and_then(|options| options.as_object()) {
        options.extend(more.clone());
    }
    options
}

fn staged(built: &Built) -> Staged {
    Staged { rows: built.rows, metadata: Values::new() }
}

fn failure(materializer: &Materializer, node: &Node, compiled: &CompiledSql, error: &EngineError) -> Failure {
    if error.kind == EngineErrorKind::Cancelled {
        return Failure::Cancelled;
    }
    if let Some(missing) = missing_upstream(materializer, node) {
        return missing;
    }
    let message = format!("`{}` failed: {}", node.name, error.message);
    let diagnostic = Diagnostic::error(Code::SqlFailed, message);
    materializer.redacted(match error.offset {
        Some(offset) => diagnostic.at(place(materializer, node, compiled, offset)),
        None => diagnostic.at(node.place.clone()),
    })
}

/// The template's own place for an offset in the statement.
fn place(materializer: &Materializer, node: &Node, compiled: &CompiledSql, offset: usize) -> crate::source::Place {
    let start = compiled.statement.start + offset;
    let word = compiled.text[start..].chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_');
    let end = start + word.map(char::len_utf8).sum::<usize>().max(1);
    let rendered = Span::new(compiled.rendered_offset(start), compiled.rendered_offset(end.min(compiled.text.len())));
    materializer.context.templates.source_map(&node.file).place(rendered)
}

/// An error of its own for the commonest reason of failure: an upstream that was never built.
pub(super) fn missing_upstream(materializer: &Materializer, node: &Node) -> Option<Failure> {
    let graph = &materializer.context.graph;
    let existing = materializer.context.engine.relations().ok()?;
    let is_missing = |id: &NodeId| {
        let upstream = graph.node(*id);
        matches!(upstream.materialized, Materialized::Table | Materialized::View)
            && !existing.iter().any(|found| same_relation(&found.relation, &upstream.relation))
    };
    let missing =
        graph.find(node.name.as_str()).and_then(|id| data_upstreams(graph, id).into_iter().find(is_missing))?;
    let name = &graph.node(missing).name;
    let message = format!("`{}` reads `{name}`, which is not materialized", node.name);
    let diagnostic = Diagnostic::error(Code::UpstreamMissing, message).at(node.place.clone());
    Some(diagnostic.hint(format!("build it too: `--select +{}`", node.name)).into())
}

/// Upstreams whose relations are read, also by way of ephemeral assets.
fn data_upstreams(graph: &crate::graph::AssetGraph, id: NodeId) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut stack: Vec<NodeId> = graph.upstream(id).collect();
    while let Some(upstream) = stack.pop() {
        match graph.node(upstream).materialized {
            Materialized::Ephemeral => stack.extend(graph.upstream(upstream)),
            _ => found.push(upstream),
        }
    }
    found
}

fn same_relation(one: &crate::graph::RelationName, other: &crate::graph::RelationName) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}
