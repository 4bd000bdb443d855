//! The part of an asset's config that changes what stands in the database afterwards. Tags, owners, descriptions and
//! retries do not.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::hash::{Digest, Part, digest};
use super::sql;
use crate::document::config::seed_keys;
use crate::engine;
use crate::graph::{AssetGraph, Body, CompiledPython, Materialized, Node, NodeId, RelationName, folded};
use crate::parse::{Accepted, Constraint, Parameter, Rule, SourceLocation};
use crate::project::Project;

/// The config's parts, each under its key's name.
pub(super) fn parts(graph: &AssetGraph, node: &Node, project: &Project) -> Vec<Part> {
    let mut parts = vec![Part::text("config materialized", node.materialized.as_str())];
    if matches!(node.materialized, Materialized::Table | Materialized::View) {
        parts.push(Part::new("config relation", relation(&node.relation)));
    }
    parts.extend(constraints(node));
    match &node.body {
        Body::Seed => parts.extend(seed_keys().into_iter().filter_map(|key| value(node, key))),
        Body::Python(compiled) => {
            parts.extend(columns(node));
            parts.extend(value(node, "io_manager").filter(|_| compiled.body.imported));
            parts.extend(inputs(graph, compiled));
            // What it is handed may be ordered, printed or parsed by the engine.
            let reads = graph.find(node.name.as_str()).is_some_and(|id| graph.upstream(id).next().is_some());
            parts.extend(settings(project).filter(|_| reads));
        }
        Body::Sql(_) => parts.extend(settings(project)),
        Body::Source(_) => {}
    }
    parts
}

/// The settings of the target that may change what a query gives.
pub(super) fn settings(project: &Project) -> impl Iterator<Item = Part> {
    project.target.settings.iter().filter(|(name, _)| !engine::is_about_work(name)).map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Part::text(format!("config setting {}", name.to_lowercase()), &value)
    })
}

/// `version=` says by itself which code is another one.
pub(super) fn version(node: &Node) -> Option<Part> {
    value(node, "version")
}

fn relation(relation: &RelationName) -> Digest {
    let database = relation.database.as_deref().unwrap_or_default();
    digest([database, &relation.schema, &relation.identifier].map(str::as_bytes))
}

fn value(node: &Node, key: &str) -> Option<Part> {
    let value = node.config.get(key).filter(|value| !value.is_null())?;
    Some(Part::text(format!("config {key}"), &sorted(value).to_string()))
}

/// The order of keys means nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries: BTreeMap<&String, Value> = entries.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The types of `columns=`, to which the table is cast; their descriptions are for people.
fn columns(node: &Node) -> Option<Part> {
    let columns = node.config.get("columns")?.as_object()?;
    let of = |value: &Value| match value {
        Value::Object(fields) => fields.get("data_type").or_else(|| fields.get("type")).cloned().unwrap_or_default(),
        other => other.clone(),
    };
    let types: Map<String, Value> = columns.iter().map(|(name, value)| (name.clone(), of(value))).collect();
    Some(Part::text("config columns", &Value::Object(types).to_string()))
}

/// What is promised of the rows: a table that breaks it does not come to stand.
fn constraints(node: &Node) -> Option<Part> {
    let said = |constraint: &Constraint| {
        let columns: Vec<String> = constraint.columns.iter().map(|column| folded(column)).collect();
        let rule = match &constraint.rule {
            Rule::AcceptedValues(values) => {
                let mut values: Vec<String> = values.iter().map(as_written).collect();
                values.sort_unstable();
                json!({"AcceptedValues": values})
            }
            rule => json!(rule),
        };
        json!([rule, columns]).to_string()
    };
    let mut said: Vec<String> = node.constraints.iter().map(said).collect();
    said.sort_unstable();
    (!said.is_empty()).then(|| Part::text("config constraints", &json!(said).to_string()))
}

/// A value, and how it is written where that is another text.
fn as_written(accepted: &Accepted) -> String {
    let value = accepted.value.to_string();
    match Accepted::from(accepted.value.clone()) == *accepted {
        true => value,
        false => format!("{value} {}", accepted.text),
    }
}

/// Which upstream arrives under which name, and which columns of it.
pub(super) fn inputs(graph: &AssetGraph, compiled: &CompiledPython) -> Vec<Part> {
    let reads = |parameter: &Parameter| {
        let names: Vec<&str> = parameter.reads.as_ref()?.iter().map(|column| column.name.as_str()).collect();
        Some(Part::text(format!("columns of {}", parameter.name), &json!(names).to_string()))
    };
    let input = |(index, upstream): &(usize, NodeId)| {
        let parameter = compiled.body.parameters.get(*index)?;
        Some(Part::text(format!("input {}", parameter.name), graph.node(*upstream).name.as_str()))
    };
    compiled.inputs.iter().filter_map(input).chain(compiled.body.parameters.iter().filter_map(reads)).collect()
}

/// How the inputs of a Python asset are read that no record speaks of: the queries of ephemeral assets, where sources
/// are and by which options. In a SQL model they are part of its statement.
pub(super) fn readings(graph: &AssetGraph, compiled: &CompiledPython, root: &Path) -> Vec<(Part, Vec<String>)> {
    let reading = |(_, upstream): &(usize, NodeId)| {
        let node = graph.node(*upstream);
        let (what, statement) = match &node.body {
            Body::Sql(query) if node.materialized == Materialized::Ephemeral => {
                ("ephemeral", sql::statement(query, root))
            }
            // Its code is reached like any other.
            Body::Source(SourceLocation::Function { .. }) => return None,
            Body::Source(_) => ("source", sql::text(&graph.from_item(*upstream), root)),
            _ => return None,
        };
        Some((Part::new(format!("{what} {}", node.name), statement.digest), statement.notes))
    };
    compiled.inputs.iter().filter_map(reading).collect()
}
