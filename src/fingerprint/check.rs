//! What a check asks: its query, its function, or its test with the arguments, and what counts as a failure.

use std::collections::HashMap;

use rayon::prelude::*;
use serde_json::json;

use super::hash::{Part, whole};
use super::python::{Library, reached_function};
use super::{config, sql};
use crate::graph::AssetGraph;
use crate::graph::checks::{Check, CheckId, Question};
use crate::project::Project;
use crate::scan::Modules;

/// The versions of checks, by their names. Descriptions and tags do not count.
pub fn check_versions(
    graph: &AssetGraph,
    modules: &Modules,
    project: &Project,
    checks: impl IntoIterator<Item = CheckId>,
) -> HashMap<String, String> {
    let library = Library::new(modules);
    let checks: Vec<&Check> = checks.into_iter().map(|id| graph.check(id)).collect();
    let version = |check: &Check| (check.name.to_string(), version(graph, check, &library, project));
    checks.into_par_iter().map(version).collect()
}

fn version(graph: &AssetGraph, check: &Check, library: &Library<'_>, project: &Project) -> String {
    let mut parts = match &check.question {
        Question::Function(compiled) => {
            let mut parts = reached_function(library, graph, &check.file, compiled, project).parts;
            parts.extend(config::inputs(graph, compiled));
            parts.extend(config::readings(graph, compiled, &project.root).into_iter().map(|(part, _)| part));
            parts
        }
        _ => vec![question(graph, check, project)],
    };
    parts.extend([
        Part::text("config severity", check.severity.as_str()),
        Part::text("config warn_if", &json!(check.warn_if).to_string()),
        Part::text("config error_if", &json!(check.error_if).to_string()),
        Part::text("config limit", &json!(check.limit).to_string()),
    ]);
    let texts = [("config where", &check.condition), ("config fail_calc", &check.fail_calc)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
    parts.extend(texts.map(|(name, text)| Part::new(name, sql::text(text, &project.root).digest)));
    parts.push(Part::text("about", graph.node(check.asset).name.as_str()));
    parts.extend(config::settings(project));
    parts.sort();
    whole(&parts)
}

fn question(graph: &AssetGraph, check: &Check, project: &Project) -> Part {
    let name = format!("test {}", check.test);
    match &check.question {
        Question::Query(compiled) => Part::new(name, sql::statement(compiled, &project.root).digest),
        Question::Expression(expression) => Part::new(name, sql::text(expression, &project.root).digest),
        // Nodes are numbered anew with each edit.
        Question::Relationships { column, to, field } => {
            Part::text(name, &json!([column, graph.node(*to).name.as_str(), field]).to_string())
        }
        question => Part::text(name, &json!(question).to_string()),
    }
}
