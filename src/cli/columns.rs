//! The columns of a project's assets as far as they are known, and where these come from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::context::Context;
use super::inspect::{inspect, inspect_beside};
use super::opening::database_diagnostic;
use crate::check::{Kept, Schemas};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::{Column, ColumnSet, Engine};
use crate::graph::algebra::ancestors;
use crate::graph::{AssetGraph, Body, Materialized, NodeId};
use crate::lineage::{self, ColumnGraph, ColumnId};
use crate::record::{ReadingMacros, renamed};

/// The columns of all nodes: as `check` finds them in the code as it is, else those that the newest materialization had.
///
/// # Errors
/// When the state cannot be read, or an extension of the target cannot be had.
fn columns_of(
    compiled: &Compiled,
    engine: Option<&Arc<dyn Engine>>,
) -> Result<HashMap<NodeId, Vec<Column>>, Diagnostic> {
    let graph = &compiled.graph;
    let mut columns: HashMap<NodeId, Vec<Column>> = HashMap::new();
    if let Some(engine) = engine {
        let records = renamed(graph, engine.recorded(None).map_err(|error| database_diagnostic(&error))?);
        let recorded = records.into_iter().filter_map(|record| Some((graph.find(&record.asset)?, record.columns)));
        columns.extend(recorded);
    }
    let all: BTreeSet<NodeId> = graph.ids().collect();
    let found = match engine {
        Some(engine) => {
            inspect_beside(compiled, (&all, &BTreeSet::new()), Kept::default(), &|_| Ok(Arc::clone(engine)))
        }
        None => inspect(compiled, &all),
    };
    for (id, schema) in found?.schemas {
        if let Some(found) = schema.columns() {
            columns.insert(id, found.to_vec());
        }
    }
    columns.retain(|_, columns| !columns.is_empty());
    Ok(columns)
}

/// The columns of all assets of a project, and what they come from.
///
/// # Errors
/// As `columns_of`.
pub(crate) fn column_graph<'g>(
    compiled: &'g Compiled,
    engine: Option<&Arc<dyn Engine>>,
) -> Result<ColumnGraph<'g>, Diagnostic> {
    let mut columns = ColumnGraph::of(&compiled.graph, columns_of(compiled, engine)?);
    if let Some(engine) = engine {
        let macros = ReadingMacros::by(engine.as_ref()).map_err(|error| database_diagnostic(&error))?;
        doubt_callers(&mut columns, &macros);
    }
    Ok(columns)
}

/// The columns, in lower case, of assets that hold no NULL for certain, as `schemas` have them.
pub(crate) fn never_null(
    graph: &AssetGraph,
    assets: impl IntoIterator<Item = NodeId>,
    schemas: &Schemas,
) -> HashMap<NodeId, ColumnSet> {
    let asked: BTreeSet<NodeId> = assets.into_iter().collect();
    let mut all = ancestors(graph, &asked, None);
    all.extend(asked);
    lineage::never_null(graph, &all, &|id| schemas.get(&id)?.columns().map(<[Column]>::to_vec))
}

/// What a macro of the database reads is no column of anything that the query names.
fn doubt_callers(columns: &mut ColumnGraph<'_>, macros: &ReadingMacros) {
    let graph = columns.graph;
    for (id, asset) in &mut columns.assets {
        let Body::Sql(sql) = &graph.node(*id).body else { continue };
        let called: Vec<String> = macros.called(sql.statement()).iter().map(|call| format!("`{call}`")).collect();
        if !called.is_empty() {
            let doubt = format!("macros of the database read more than it names: {}", called.join(", "));
            asset.doubt.get_or_insert(doubt);
        }
    }
}

/// The column that `asset.column` names.
///
/// # Errors
/// `Code::NothingSelected` when there is no such asset or column, or nobody knows the asset's columns.
pub(crate) fn find_column(columns: &ColumnGraph<'_>, text: &str) -> Result<ColumnId, Diagnostic> {
    let graph = columns.graph;
    let problem = |message: String| Diagnostic::error(Code::NothingSelected, message);
    let splits = splits(text);
    let named = splits.iter().find_map(|(asset, column)| graph.find(asset).map(|id| (id, column.as_str())));
    let Some((id, column)) = named else {
        if graph.find(text).is_some() {
            let hint = format!("write `{text}.COLUMN`");
            return Err(problem(format!("`{text}` is an asset and not a column")).hint(hint));
        }
        let asset = splits.first().map_or(text, |(asset, _)| asset);
        let guess = did_you_mean(asset, graph.ids().map(|id| graph.node(id).name.as_str()));
        let hint = guess.map(|near| format!("did you mean `{near}`?"));
        return Err(problem(format!("there is no asset `{asset}`"))
            .hint(hint.unwrap_or_else(|| "`dovetail ls` lists the names".to_owned())));
    };
    if column.is_empty() {
        let hint = format!("write `{}.COLUMN`", graph.node(id).name);
        return Err(problem(format!("`{text}` names no column")).hint(hint));
    }
    if let Some(found) = columns.find(id, column) {
        return Ok(found);
    }
    let node = graph.node(id);
    if node.materialized == Materialized::Object {
        return Err(problem(format!("`{}` is an object and has no columns", node.name)));
    }
    let known = columns.assets.get(&id).map(|asset| asset.columns.as_slice()).unwrap_or_default();
    if known.is_empty() {
        let message = format!("the columns of `{}` are not known", node.name);
        let hint = match columns.assets.get(&id).and_then(|asset| asset.doubt.as_deref()) {
            Some(doubt) => doubt.to_owned(),
            None => "they are known once it was materialized, or is a table of the project's database".to_owned(),
        };
        return Err(problem(message).hint(hint));
    }
    let guess = did_you_mean(column, known.iter().map(|column| column.name.as_str()));
    let all = || {
        format!(
            "its columns are {}",
            known.iter().map(|column| format!("`{}`", column.name)).collect::<Vec<_>>().join(", ")
        )
    };
    let hint = guess.map(|near| format!("did you mean `{}.{near}`?", node.name));
    Err(problem(format!("`{}` has no column `{column}`", node.name)).hint(hint.unwrap_or_else(all)))
}

/// The ways to read `asset.column`: names of sources hold dots, and so may those of columns. Either can be in quotes.
fn splits(text: &str) -> Vec<(String, String)> {
    let closes = |text: &str| text.matches('"').count().is_multiple_of(2);
    let is_quoted = text.contains('"') && closes(text);
    let places = text.rmatch_indices('.').map(|(place, _)| place);
    let split = |place: usize| {
        let (asset, column) = (&text[..place], &text[place + 1..]);
        match is_quoted {
            true => closes(asset).then(|| (unquoted(asset), unquoted(column))),
            false => Some((asset.to_owned(), column.to_owned())),
        }
    };
    places.filter_map(split).collect()
}

/// `"a"."b c"` without its quotes; one that stands twice is one.
fn unquoted(text: &str) -> String {
    text.replace("\"\"", "\0").replace('"', "").replace('\0', "\"")
}

/// Says of which assets around a column nothing certain is known.
pub(crate) fn note_doubts(context: &mut Context, columns: &ColumnGraph<'_>, around: impl IntoIterator<Item = NodeId>) {
    let graph = columns.graph;
    let mut notes: Vec<String> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for id in around {
        let Some(asset) = columns.assets.get(&id) else { continue };
        let name = graph.node(id).name.as_str();
        match &asset.doubt {
            Some(doubt) => notes.push(format!("`{name}`: {doubt}")),
            None if asset.columns.is_empty() => missing.push(name),
            None => {}
        }
    }
    missing.sort_unstable();
    notes.sort_unstable();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("nobody knows the columns of {} before they are materialized", names.join(", ")));
    }
    notes.iter().for_each(|note| context.printer.note(note));
}
