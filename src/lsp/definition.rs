//! Where something is declared.

use std::collections::BTreeSet;

use lsp_types::Location;

use super::analysis::Snapshot;
use super::subject::{Subject, at_cursor, column_place};
use super::view::View;
use crate::document::toml;
use crate::graph::{Node, NodeId};
use crate::source::{Place, Span};

/// Where what the cursor is at comes from: the file of a model or seed, the function of an asset function, the property file
/// of a source; of a column, the place that makes it.
pub(super) fn definition(view: &View<'_>) -> Vec<Location> {
    let Some((subject, _)) = at_cursor(view) else { return Vec::new() };
    places(&view.snapshot, &subject).iter().filter_map(|place| view.location(place)).collect()
}

pub(super) fn places(snapshot: &Snapshot, subject: &Subject) -> Vec<Place> {
    match subject {
        Subject::Node(id) => node_place(snapshot, *id).into_iter().collect(),
        Subject::Columns(columns) => {
            let mut told = BTreeSet::new();
            // Where a name both reads a column and makes one, the one that is read is somewhere else.
            let chosen = if columns.read.is_empty() { columns.made.as_slice() } else { columns.read.as_slice() };
            let places = chosen.iter().filter_map(|column| column_place(snapshot, column));
            places.filter(|place| told.insert((place.file.path().to_path_buf(), place.span))).collect()
        }
        Subject::Macro(name) => snapshot.compiled.templates.macros().get(name).cloned().into_iter().collect(),
        Subject::Variable(name) => variable_place(snapshot, name).into_iter().collect(),
    }
}

/// Nothing for what only a query names.
fn node_place(snapshot: &Snapshot, id: NodeId) -> Option<Place> {
    let node: &Node = snapshot.graph().node(id);
    (!node.is_implicit()).then(|| node.place.clone())
}

/// The key of a variable in the project's file.
fn variable_place(snapshot: &Snapshot, name: &str) -> Option<Place> {
    let file = snapshot.compiled.project.file.as_ref()?;
    let table = toml::parse(file).ok()?;
    let variables = table.get("vars")?.as_table()?;
    let span: Span = variables.iter().find(|entry| entry.key == name)?.key_span;
    Some(Place::new(file, span))
}
