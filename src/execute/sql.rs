//! SQL models and seeds.

use std::path::Path;

use super::constraints;
use super::materialize::{Failure, Materializer, Staged};
use super::scheduler::RunContext;
use super::versions;
use crate::check::{failed, older};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{BuildSource, Column, EngineError, EngineErrorKind, Session};
use crate::graph::{CompiledSql, Kind, Materialized, Node, NodeId, at_statement, breaches, incomplete, quoted};
use crate::source::{Place, SourceFile};

/// What to do about columns that an asset function does not declare.
const ALL_OR_NOT_ENFORCED: &str = "`columns=` with types names all columns; with `contract={\"enforced\": False}` it \
                                   sets the types of those that it names";

/// The longest line of a seed that an error shows.
const LONGEST_LINE: usize = 1000;

pub(super) fn build(
    materializer: &Materializer,
    node: &Node,
    compiled: &CompiledSql,
    session: &mut dyn Session,
) -> Result<Staged, Failure> {
    let redirected = compiled.redirected(&|id| materializer.place(id));
    let statement = materializer.with_published_names(session, redirected.statement.clone());
    let source = match node.materialized {
        Materialized::View => BuildSource::View(statement),
        _ => BuildSource::Query(statement),
    };
    let parts = materializer.parts(node);
    match session.build(&materializer.target(node), source, versions::extent(node, None, &parts)) {
        Ok(content) => {
            keeps_contract(materializer, node, session, &content.columns)?;
            constraints::keep(materializer, node, session, &content.columns)?;
            Ok(Staged::table(content))
        }
        Err(error) => {
            let offset = error.offset.map(|offset| redirected.compiled_offset(offset));
            Err(failure(materializer, node, compiled, &EngineError { offset, ..error }))
        }
    }
}

/// Fails an asset whose columns are not those of its contract; a check before the run may not have known them.
pub(super) fn keeps_contract(
    materializer: &Materializer,
    node: &Node,
    session: &mut dyn Session,
    columns: &[Column],
) -> Result<(), Failure> {
    let Some(contract) = node.contract() else { return Ok(()) };
    let mut broken = incomplete(&contract);
    if broken.is_empty() {
        let null = |(name, declared): &(&str, Option<&str>)| {
            format!("cast(null as {}\n) as {}", declared.unwrap_or_default(), quoted(name))
        };
        let nulls: Vec<String> = contract.iter().map(null).collect();
        let declared = session.columns(&format!("select {}", nulls.join(", ")));
        let declared = declared.map_err(|error| materializer.engine_failure(node, &error))?;
        broken = breaches(&declared, columns);
    }
    if broken.is_empty() {
        return Ok(());
    }
    let told: Vec<&str> = broken.iter().map(|breach| breach.what.as_str()).collect();
    let place = node.declared_at(broken.first().map_or("", |breach| &breach.column));
    let message = format!("`{}` breaks its contract: {}", node.name, told.join("; "));
    let problem = Diagnostic::error(Code::ContractBroken, message).at(place);
    let is_enforced_by_itself = !node.config.contains_key("contract") && node.kind == Kind::Python;
    let hint = is_enforced_by_itself.then(|| ALL_OR_NOT_ENFORCED.to_owned());
    Err(problem.hint_if(hint).into())
}

pub(super) fn build_seed(
    materializer: &Materializer,
    node: &Node,
    session: &mut dyn Session,
) -> Result<Staged, Failure> {
    let path = materializer.context.project.root.join(node.file.path());
    let source = BuildSource::Csv { path: path.clone(), options: node.seed_options() };
    let parts = materializer.parts(node);
    let built = session.build(&materializer.target(node), source, versions::extent(node, None, &parts));
    let content = built.map_err(|error| {
        if error.kind == EngineErrorKind::Cancelled {
            return Failure::Cancelled;
        }
        let message = format!("seed `{}` cannot be read: {}", node.name, error.message);
        materializer.redacted(Diagnostic::error(Code::SeedUnreadable, message).at(seed_place(
            node,
            &path,
            error.offset,
        )))
    })?;
    constraints::keep(materializer, node, session, &content.columns)?;
    Ok(Staged::table(content))
}

/// The line of a seed. Only an error pays for reading the text, and lines that fill the screen are not shown.
fn seed_place(node: &Node, path: &Path, offset: Option<usize>) -> Place {
    let (Some(offset), Ok(bytes)) = (offset, std::fs::read(path)) else { return node.place.clone() };
    let line = 1 + bytes.iter().take(offset).filter(|byte| **byte == b'\n').count();
    let file = SourceFile::new(node.file.path(), String::from_utf8_lossy(&bytes));
    let span = file.line_span(line);
    if span.end - span.start > LONGEST_LINE { node.place.clone() } else { Place::new(&file, span) }
}

fn failure(materializer: &Materializer, node: &Node, compiled: &CompiledSql, error: &EngineError) -> Failure {
    if error.kind == EngineErrorKind::Cancelled {
        return Failure::Cancelled;
    }
    let placed_at = |diagnostic: Diagnostic, offset: Option<usize>| match offset {
        Some(offset) => {
            let RunContext { graph, templates, .. } = &materializer.context;
            at_statement(diagnostic, graph, templates, node, compiled, offset)
        }
        None => diagnostic.somewhere_in(&node.file),
    };
    let placed = |diagnostic: Diagnostic| placed_at(diagnostic, error.offset);
    if let Some(missing) = missing_upstream(materializer, node) {
        return placed(not_built(node, &missing)).into();
    }
    if reads_itself(materializer, node, compiled, error) {
        let message = format!("`{}` reads itself (`{{{{ this }}}}`), and it is not materialized yet", node.name);
        let diagnostic = placed(Diagnostic::error(Code::UpstreamMissing, message));
        let record = materializer.standing.record(node.name.as_str());
        let hint = match record.and_then(|record| record.renamed_from.clone()) {
            Some(before) => format!(
                "to go on with what `{before}` holds, rename its table to `{}` in the database first: building drops it",
                node.name
            ),
            None => "the first run needs a query that does without itself".to_owned(),
        };
        return diagnostic.hint(hint).into();
    }
    let (problem, offset) = failed(&format!("`{}`", node.name), compiled, error);
    let problem = problem.hint_if(to_be_built_first(materializer, node, compiled, error));
    materializer.redacted(placed_at(problem, offset))
}

/// What a run of this asset alone leaves as it is, where that is what the error comes from.
fn to_be_built_first(
    materializer: &Materializer,
    node: &Node,
    compiled: &CompiledSql,
    error: &EngineError,
) -> Option<String> {
    let RunContext { graph, code_versions, .. } = &materializer.context;
    let refusal = error.refusal(compiled.statement())?;
    older(graph, graph.find(node.name.as_str())?, &refusal.reason, &|id| !code_versions.contains_key(&id))
}

/// Whether the error stands at the asset's own relation, which is not there.
fn reads_itself(materializer: &Materializer, node: &Node, compiled: &CompiledSql, error: &EngineError) -> bool {
    let Some(offset) = error.offset else { return false };
    let at = compiled.text.get(compiled.statement.start.saturating_add(offset)..).unwrap_or_default();
    let existing = materializer.context.engine.relations().unwrap_or_default();
    at.starts_with(&node.relation.to_string()) && !existing.iter().any(|found| found.relation.is_same(&node.relation))
}

/// An upstream that was never built: the commonest reason of failure, with an error of its own.
pub(super) fn missing_upstream(materializer: &Materializer, node: &Node) -> Option<String> {
    let graph = &materializer.context.graph;
    let existing = materializer.context.engine.relations().ok()?;
    let is_missing = |id: &NodeId| {
        let upstream = graph.node(*id);
        matches!(upstream.materialized, Materialized::Table | Materialized::View)
            && materializer.place(*id).is_none()
            && !existing.iter().any(|found| found.relation.is_same(&upstream.relation))
    };
    let id = graph.find(node.name.as_str())?;
    graph.reads(id).into_iter().find(is_missing).map(|id| graph.node(id).name.to_string())
}

/// The error without its place.
pub(super) fn not_built(node: &Node, upstream: &str) -> Diagnostic {
    let message = format!("`{}` reads `{upstream}`, which is not materialized", node.name);
    Diagnostic::error(Code::UpstreamMissing, message).hint(format!("build it too: `--select +{}`", node.name))
}
