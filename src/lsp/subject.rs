//! What the cursor is at: an asset or source, a column, a macro, a variable.

use super::analysis::Snapshot;
use super::keys::keys;
use super::sql::made_names;
use super::view::View;
use super::yaml;
use crate::graph::{Body, NodeId, folded};
use crate::lineage::{AssetColumns, ColumnId, columns_of, named_columns};
use crate::source::{Place, Span};
use crate::template::{argument_at, names_in_tags};

/// Something that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Node(NodeId),
    Columns(Columns),
    Macro(String),
    Variable(String),
}

/// The columns that a name stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Of what the asset reads; several where the name stands for what is computed of them.
    pub read: Vec<ColumnId>,
    /// The asset's own, which comes to be here.
    pub made: Option<ColumnId>,
}

impl Columns {
    pub fn all(&self) -> impl Iterator<Item = &ColumnId> {
        self.made.iter().chain(&self.read)
    }
}

/// What the cursor is at, and the stretch of the text that names it.
pub(super) fn at_cursor(view: &View<'_>) -> Option<(Subject, Span)> {
    node(view).or_else(|| in_tag(view)).or_else(|| column(view))
}

/// An asset or a source, where one is read, declared or described.
fn node(view: &View<'_>) -> Option<(Subject, Span)> {
    let (graph, uses) = (view.snapshot.graph(), &view.snapshot.uses);
    let named = uses.iter().map(|one| (one.target, &one.place));
    let nodes = graph.ids().map(|id| (id, graph.node(id)));
    let declared = nodes
        .flat_map(|(id, node)| std::iter::once(&node.place).chain(&node.described_at).map(move |place| (id, place)));
    let here = graph.ids().filter(|id| graph.node(*id).file.path() == view.path);
    let keyed: Vec<(NodeId, Place)> = here.flat_map(|id| keys(&view.snapshot, id)).collect();
    let keyed = keyed.iter().map(|(id, place)| (*id, place));
    let found = named.chain(declared).chain(keyed).filter_map(|(id, place)| Some((id, view.here(place)?)));
    let (id, span) = found.filter(|(_, span)| view.is_in(*span)).min_by_key(|(_, span)| span.end - span.start)?;
    Some((Subject::Node(id), span))
}

/// A macro or a variable in a template's tag.
fn in_tag(view: &View<'_>) -> Option<(Subject, Span)> {
    if !view.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
        return None;
    }
    if let Some((span, name)) = argument_at(view.text(), "var", view.offset) {
        return Some((Subject::Variable(name), span));
    }
    let macros = view.snapshot.compiled.templates.macros();
    let (span, name) = names_in_tags(view.text()).into_iter().find(|(span, _)| view.is_in(*span))?;
    macros.contains_key(name).then(|| (Subject::Macro(name.to_owned()), span))
}

fn column(view: &View<'_>) -> Option<(Subject, Span)> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let here = graph.ids().filter(|id| graph.node(*id).file.path() == view.path);
    let (mut found, mut columns) = (None, Columns::default());
    for id in here {
        for named in named_in(snapshot, id) {
            if let Some(span) = view.here(&named.place).filter(|span| view.is_in(*span)) {
                found = Some(span);
                columns.read = named.columns;
            }
        }
        for (own, place) in own_columns(snapshot, id) {
            if let Some(span) = view.here(&place).filter(|span| view.is_in(*span)) {
                found = Some(span);
                columns.made = Some(own);
            }
        }
    }
    if let Some(file) = snapshot.files.get(&view.path) {
        for described in yaml::columns(file) {
            let place = Place::new(file, described.span);
            let span = view.here(&place).filter(|span| view.is_in(*span));
            let asset = graph.find(&described.asset);
            if let (Some(span), Some(asset)) = (span, asset) {
                found = Some(span);
                columns.made = Some(ColumnId { asset, name: folded(&described.column) });
            }
        }
    }
    let is_any = columns.all().next().is_some();
    Some((Subject::Columns(columns), found.filter(|_| is_any)?))
}

/// A place at which an asset names columns of what it reads.
pub(super) struct Named {
    pub columns: Vec<ColumnId>,
    /// Whether it is that column as it is, and not something made of it.
    pub is_copy: bool,
    pub place: Place,
}

/// Where an asset names columns of what it reads: in its query, or in its `reads=`.
pub(super) fn named_in(snapshot: &Snapshot, id: NodeId) -> Vec<Named> {
    let graph = snapshot.graph();
    let node = graph.node(id);
    match &node.body {
        Body::Sql(sql) => {
            let columns = |id: NodeId| snapshot.columns(id).map(<[_]>::to_vec);
            let named = named_columns(graph, id, sql, &columns);
            let Some(template) = snapshot.template(id).filter(|_| !named.is_empty()) else { return Vec::new() };
            let placed = named.into_iter().filter_map(|named| {
                let place = template.place(named.span)?;
                Some(Named { columns: named.columns, is_copy: named.is_copy, place })
            });
            placed.collect()
        }
        Body::Python(python) => {
            let read = |(index, upstream): &(usize, NodeId)| {
                let columns = python.body.parameters.get(*index).and_then(|parameter| parameter.reads.clone());
                let upstream = *upstream;
                columns.unwrap_or_default().into_iter().map(move |column| Named {
                    columns: vec![ColumnId { asset: upstream, name: folded(&column.name) }],
                    is_copy: true,
                    place: without_quotes(Place::new(&node.file, column.span)),
                })
            };
            python.inputs.iter().flat_map(read).collect()
        }
        Body::Seed | Body::Source(_) => Vec::new(),
    }
}

/// The text of a literal.
fn without_quotes(place: Place) -> Place {
    let text = place.file.text().get(place.span.start..place.span.end).unwrap_or_default();
    let is_quoted = text.len() > 1 && text.starts_with(['\'', '"']) && text.ends_with(['\'', '"']);
    match is_quoted {
        true => Place::new(&place.file, Span::new(place.span.start + 1, place.span.end - 1)),
        false => place,
    }
}

/// Where an asset's own columns are written that it makes or declares.
pub(super) fn own_columns(snapshot: &Snapshot, id: NodeId) -> Vec<(ColumnId, Place)> {
    let node = snapshot.graph().node(id);
    let own = snapshot.columns(id).unwrap_or_default();
    let column = |name: &str| ColumnId { asset: id, name: folded(name) };
    match &node.body {
        Body::Sql(sql) => {
            let made = made_names(sql.statement());
            let Some(template) = snapshot.template(id) else { return Vec::new() };
            let place = |name: &str| {
                let (_, span) = made.iter().find(|(made, _)| made.eq_ignore_ascii_case(name))?;
                template.place(*span)
            };
            own.iter().filter_map(|own| Some((column(&own.name), place(&own.name)?))).collect()
        }
        Body::Python(_) => {
            let declared: Vec<&str> = node.declared_types().map(|(name, _)| name).collect();
            declared.into_iter().filter_map(|name| Some((column(name), declared_at(node, name)?))).collect()
        }
        Body::Seed | Body::Source(_) => Vec::new(),
    }
}

/// The key of `columns=` in the decorator of an asset function.
fn declared_at(node: &crate::graph::Node, name: &str) -> Option<Place> {
    let before = node.file.text().get(..node.place.span.start)?;
    let decorator = before.rfind("@")?;
    let columns = decorator + before[decorator..].find("columns")?;
    let quoted = ["'", "\""].map(|quote| format!("{quote}{name}{quote}"));
    let start = quoted.iter().filter_map(|quoted| before[columns..].find(quoted.as_str())).min()?;
    let start = columns + start + 1;
    Some(Place::new(&node.file, Span::new(start, start + name.len())))
}

/// The place at which a column comes to be: where its asset writes it, else where lineage says that it comes from.
pub(super) fn column_place(snapshot: &Snapshot, column: &ColumnId) -> Option<Place> {
    let mut column = column.clone();
    let mut seen = Vec::new();
    loop {
        let node = snapshot.graph().node(column.asset);
        let own = own_columns(snapshot, column.asset).into_iter().find(|(own, _)| *own == column);
        if let Some(place) = own.map(|(_, place)| place).or_else(|| described_place(snapshot, &column)) {
            return Some(place);
        }
        let known = traced(snapshot, column.asset);
        let above = known.columns.into_iter().find(|known| known.id == column).map(|known| known.values);
        seen.push(column);
        match above.and_then(|above| above.into_iter().find(|above| !seen.contains(above))) {
            Some(above) => column = above,
            None => return Some(node.described_at.clone().unwrap_or_else(|| node.place.clone())),
        }
    }
}

/// The columns of an asset and what they come from, ephemeral assets among that.
pub(super) fn traced(snapshot: &Snapshot, id: NodeId) -> AssetColumns {
    let graph = snapshot.graph();
    let mut columns = snapshot.columns_around(id);
    columns.extend(graph.upstream(id).filter_map(|above| Some((above, snapshot.columns(above)?.to_vec()))));
    columns_of(graph, id, columns)
}

/// Where a property file says something of a column that no text of the project makes.
fn described_place(snapshot: &Snapshot, column: &ColumnId) -> Option<Place> {
    let node = snapshot.graph().node(column.asset);
    if !matches!(node.body, Body::Seed | Body::Source(_)) {
        return None;
    }
    described(snapshot, column)
}

/// Where a property file says something of a column.
pub(super) fn described(snapshot: &Snapshot, column: &ColumnId) -> Option<Place> {
    let node = snapshot.graph().node(column.asset);
    let file = &node.described_at.as_ref()?.file;
    let described = yaml::columns(file).into_iter();
    let mut own = described.filter(|described| described.asset == node.name.as_str());
    own.find(|described| folded(&described.column) == column.name).map(|found| Place::new(file, found.span))
}
