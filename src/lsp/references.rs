//! Everywhere that something is read, or described.

use std::collections::BTreeSet;

use lsp_types::Location;
use rayon::prelude::*;

use super::analysis::Snapshot;
use super::definition;
use super::keys::keys;
use super::subject::{Subject, at_cursor, column_place, described, named_in, own_columns};
use super::view::View;
use crate::graph::{Materialized, NodeId};
use crate::lineage::ColumnId;
use crate::source::Place;
use crate::template::names_in_tags;

/// Where what the cursor is at is named, by file and position.
pub(super) fn references(view: &View<'_>, with_declaration: bool) -> Vec<Location> {
    let Some((subject, _)) = at_cursor(view) else { return Vec::new() };
    let snapshot = &view.snapshot;
    let mut places = match &subject {
        Subject::Node(id) => of_node(snapshot, *id),
        Subject::Columns(columns) => columns.all().flat_map(|column| of_column(snapshot, column)).collect(),
        Subject::Macro(name) => of_macro(view, name),
        Subject::Variable(name) => in_tags(view, name, true),
    };
    let declared = match &subject {
        Subject::Columns(columns) => columns.all().filter_map(|column| column_place(snapshot, column)).collect(),
        _ => definition::places(snapshot, &subject),
    };
    if with_declaration {
        places.extend(declared);
    } else {
        let is_declared = |place: &Place| declared.iter().any(|declared| is_same(place, declared));
        places.retain(|place| !is_declared(place));
    }
    let mut told = BTreeSet::new();
    places.sort_by(|one, other| key(one).cmp(&key(other)));
    places.retain(|place| told.insert((place.file.path().to_path_buf(), place.span)));
    places.iter().filter_map(|place| view.location(place)).collect()
}

fn key(place: &Place) -> (&std::path::Path, crate::source::Span) {
    (place.file.path(), place.span)
}

fn is_same(one: &Place, other: &Place) -> bool {
    key(one) == key(other)
}

fn of_node(snapshot: &Snapshot, id: NodeId) -> Vec<Place> {
    let uses = snapshot.uses.iter().filter(|one| one.target == id).map(|one| one.place.clone());
    let described = snapshot.graph().node(id).described_at.clone();
    let keyed = snapshot.graph().downstream(id).flat_map(|reader| keys(snapshot, reader));
    let keyed = keyed.filter(|(named, _)| *named == id).map(|(_, place)| place);
    uses.chain(described).chain(keyed).filter(|place| place.span.start < place.span.end).collect()
}

/// Where readers name the column itself, and where its own asset writes and a property file describes it.
fn of_column(snapshot: &Snapshot, column: &ColumnId) -> Vec<Place> {
    let readers = readers(snapshot, column.asset);
    let named = readers.par_iter().flat_map(|reader| named_in(snapshot, *reader));
    let named = named.filter(|named| named.is_copy && named.columns.contains(column)).map(|named| named.place);
    let mut places: Vec<Place> = named.collect();
    let own = own_columns(snapshot, column.asset).into_iter().filter(|(own, _)| own == column);
    places.extend(own.map(|(_, place)| place));
    places.extend(described(snapshot, column));
    if places.is_empty() {
        places.extend(column_place(snapshot, column));
    }
    places
}

/// Those that read an asset, also by way of ephemeral ones.
fn readers(snapshot: &Snapshot, id: NodeId) -> Vec<NodeId> {
    let graph = snapshot.graph();
    let (mut found, mut stack) = (BTreeSet::new(), vec![id]);
    while let Some(next) = stack.pop() {
        for reader in graph.downstream(next) {
            if found.insert(reader) && graph.node(reader).materialized == Materialized::Ephemeral {
                stack.push(reader);
            }
        }
    }
    found.into_iter().collect()
}

fn of_macro(view: &View<'_>, name: &str) -> Vec<Place> {
    in_tags(view, name, false)
}

/// Every tag of a template that names something; of a variable, as the argument of `var`.
fn in_tags(view: &View<'_>, name: &str, is_variable: bool) -> Vec<Place> {
    let files = view.snapshot.files.values();
    let templates = files.filter(|file| file.extension() == "sql");
    let named = |file: &std::sync::Arc<crate::source::SourceFile>| {
        let text = file.text();
        let names = names_in_tags(text).into_iter();
        let places: Vec<Place> = if is_variable {
            let calls = names.filter(|(_, word)| *word == "var");
            let literals = calls.filter_map(|(span, _)| crate::template::first_literal(text, span.end));
            literals.filter(|span| text[span.start..span.end] == *name).map(|span| Place::new(file, span)).collect()
        } else {
            names.filter(|(_, word)| *word == name).map(|(span, _)| Place::new(file, span)).collect()
        };
        places
    };
    templates.flat_map(named).collect()
}
