//! `dovetail check`: whether every query would run, and which columns it gives, before anything runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::args::{CheckArgs, TextOutput};
use super::columns::never_null;
use super::context::Context;
use super::inspect::{inspect_selected, print_problems};
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::check::{Findings, Schema, Schemas};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, diagnostic_json};
use crate::engine::{Column, ColumnSet};
use crate::graph::{AssetGraph, NodeId, folded};

/// So many causes of what is unknown are told in a line.
const MOST_CAUSES: usize = 3;

pub(crate) fn check(context: &mut Context, args: &CheckArgs) -> CommandResult {
    let compiled = context.compile()?;
    let all = context.select_all(&compiled, &args.selection, None)?;
    let found = inspect_selected(&compiled, &all)?;
    let mut selected: Vec<NodeId> = all.nodes.into_iter().collect();
    selected.sort_by(|one, other| compiled.graph.node(*one).name.cmp(&compiled.graph.node(*other).name));
    match args.output {
        TextOutput::Json => print_lines(context, &compiled, &selected, &found)?,
        TextOutput::Text => print_problems(context, &compiled.graph, found.problems.clone()),
    }
    context.printer.note(&summary(&compiled.graph, &selected, &found));
    Ok(if found.problems.is_empty() { ExitStatus::Success } else { ExitStatus::Wrong })
}

/// How much was checked, what is wrong and what is unknown, and why.
fn summary(graph: &AssetGraph, selected: &[NodeId], found: &Findings) -> String {
    let Findings { schemas, problems, .. } = found;
    let assets: Vec<NodeId> = selected.iter().copied().filter(|id| !graph.node(*id).is_source()).collect();
    let told: BTreeSet<NodeId> = problems.iter().map(|(id, _)| *id).collect();
    // An error in an ephemeral query is told once, however many read it.
    let is_wrong = |id: &&NodeId| told.contains(id) || matches!(schemas.get(id), Some(Schema::Wrong));
    let wrong = assets.iter().filter(is_wrong).count();
    let mut causes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for id in assets.iter().filter(|id| !told.contains(id)) {
        if let Some(Schema::Unknown(unknown)) = schemas.get(id) {
            *causes.entry((graph.node(unknown.root).name.as_str(), &unknown.reason)).or_default() += 1;
        }
    }
    let unknown: usize = causes.values().sum();
    let mut parts = Vec::new();
    if wrong > 0 {
        parts.push(format!("{wrong} wrong"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} unknown ({})", causes_in_words(&causes)));
    }
    let count = assets.len();
    let checked = format!("checked {count} {}", if count == 1 { "asset" } else { "assets" });
    match parts.as_slice() {
        [] => format!("{checked}: all right"),
        parts => format!("{checked}: {}", parts.join(", ")),
    }
}

fn causes_in_words(causes: &BTreeMap<(&str, &str), usize>) -> String {
    let mut sorted: Vec<_> = causes.iter().collect();
    sorted.sort_by_key(|(cause, count)| (std::cmp::Reverse(**count), *cause));
    let told = sorted.iter().take(MOST_CAUSES);
    let mut words: Vec<String> = told.map(|((root, reason), count)| format!("{count} by `{root}`: {reason}")).collect();
    if sorted.len() > MOST_CAUSES {
        words.push(format!("more by {} others, which `--output json` lists", sorted.len() - MOST_CAUSES));
    }
    words.join("; ")
}

fn print_lines(
    context: &mut Context,
    compiled: &Compiled,
    selected: &[NodeId],
    found: &Findings,
) -> Result<(), Diagnostic> {
    let graph = &compiled.graph;
    let mut problems: HashMap<NodeId, Vec<Value>> = HashMap::new();
    for (id, problem) in &found.problems {
        let asset = Some(graph.node(*id).name.as_str());
        problems.entry(*id).or_default().push(diagnostic_json(problem, asset));
    }
    let never_null = never_null(graph, selected.iter().copied(), &found.schemas);
    let nothing = ColumnSet::new();
    for id in selected {
        let sure = never_null.get(id).unwrap_or(&nothing);
        let line = Line::of(graph, *id, &found.schemas, sure, problems.remove(id).unwrap_or_default());
        let line = serde_json::to_string(&line).map_err(unprintable)?;
        context.printer.data_line(&compiled.templates.secrets().redact(&line));
    }
    Ok(())
}

/// One line of `--output json`. The keys and their order are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    kind: &'a str,
    /// `ok`, `wrong` or `unknown`.
    state: &'static str,
    /// `None` where they are not known, and of what has none.
    columns: Option<Vec<ColumnLine<'a>>>,
    /// Of what is unknown: the asset or source that the doubt comes from, and why.
    because_of: Option<&'a str>,
    reason: Option<&'a str>,
    problems: Vec<Value>,
}

#[derive(Serialize)]
struct ColumnLine<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    engine_type: &'a str,
    nullable: bool,
}

impl<'a> Line<'a> {
    fn of(
        graph: &'a AssetGraph,
        id: NodeId,
        schemas: &'a Schemas,
        never_null: &ColumnSet,
        problems: Vec<Value>,
    ) -> Self {
        let node = graph.node(id);
        let schema = schemas.get(&id);
        let unknown = match schema {
            Some(Schema::Unknown(unknown)) => Some(unknown),
            _ => None,
        };
        Line {
            asset: node.name.as_str(),
            kind: node.kind.as_str(),
            state: match (schema, problems.is_empty()) {
                (Some(Schema::Wrong), _) | (_, false) => "wrong",
                (Some(Schema::Unknown(_)), _) => "unknown",
                _ => "ok",
            },
            columns: schema.and_then(Schema::columns).map(|columns| {
                let column = |Column { name, engine_type }: &'a Column| ColumnLine {
                    name,
                    engine_type,
                    nullable: !never_null.contains(&folded(name)),
                };
                columns.iter().map(column).collect()
            }),
            because_of: unknown.map(|unknown| graph.node(unknown.root).name.as_str()),
            reason: unknown.map(|unknown| unknown.reason.as_ref()),
            problems,
        }
    }
}
