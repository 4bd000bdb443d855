//! Names in a model's SQL: of assets, sources and common table expressions where a table stands, else of columns.
//!
//! What is asked for is told from the text as it is now, be it ever so unfinished; from the newest state in which the project
//! fitted together comes only which columns the tables have that it reads.

mod from;
mod mend;
mod names;
mod place;
#[cfg(test)]
mod tests;
mod written;

use std::collections::{HashMap, HashSet};

use lsp_types::CompletionItemKind;

use super::item::{Item, word_at};
use crate::engine::Column;
use crate::graph::{Kind, Materialized, NodeId};
use crate::lineage::{VisibleColumn, visible_columns};
use crate::lsp::sql::without_tags;
use crate::lsp::view::View;
use crate::parse::sql::{TokenKind, tokens, unquoted};
use crate::source::{SourceFile, Span};
use names::{as_sql, node_named};
use place::{Asked, asked};

/// Stands where the cursor is while the text is read; nothing else is called so.
const PROBE: &str = "dovetail_probe_where_the_cursor_is";

pub(super) fn names(view: &View<'_>) -> Vec<Item> {
    let replaced = name_at(view);
    let is_in_quotes = view.text()[replaced.start..].starts_with('"');
    let mut items = match read(view, replaced) {
        Asked::Nothing => Vec::new(),
        Asked::Table { qualifiers, definitions } => tables(view, &qualifiers, &definitions, replaced),
        Asked::Columns { statements, aliases } => named_columns(view, in_all(view, &statements), &aliases, replaced),
    };
    for item in &mut items {
        let inserted = item.inserted.take().unwrap_or_else(|| as_sql(&item.label));
        let has_quotes = inserted.starts_with('"');
        let inserted = if is_in_quotes && !has_quotes { format!("\"{inserted}\"") } else { inserted };
        // An editor compares what it replaces with what it could put there.
        item.filtered = is_in_quotes.then(|| inserted.clone());
        item.inserted = Some(inserted);
    }
    items
}

/// The name that is being written: a word, or what stands in double quotes, with these.
fn name_at(view: &View<'_>) -> Span {
    let word = word_at(view);
    let bare = without_tags(view.text());
    let is_around = |span: Span| span.start < view.offset && view.offset <= span.end;
    let name = tokens(&bare).into_iter().find(|token| is_around(token.span));
    let Some(name) = name.filter(|name| name.kind == TokenKind::QuotedName).map(|name| name.span) else { return word };
    let line_end = bare[view.offset..].find('\n').map_or(bare.len(), |length| view.offset + length);
    let rest = &bare[view.offset..line_end];
    // A quote that has no other on its line ends the name; of two, the first opens the next name.
    match rest.find('"').filter(|_| rest.matches('"').count() % 2 == 1) {
        Some(length) => Span::new(name.start, view.offset + length + 1),
        None if view.offset == name.end && bare[name.start + 1..name.end].ends_with('"') => name,
        None => Span::new(name.start, word.end.max(view.offset)),
    }
}

/// The text with a name in the place of what is being written, and what is asked for there: as the template says it, or as it
/// is written where the template cannot be rendered or leaves the place out.
fn read(view: &View<'_>, replaced: Span) -> Asked {
    let (before, behind) = (&view.text()[..replaced.start], &view.text()[replaced.end..]);
    let file = SourceFile::new(view.path.as_path(), format!("{before}{PROBE}{behind}"));
    let rendered = view.snapshot.compiled.templates.render(&file).ok().map(|rendered| rendered.text);
    match rendered.filter(|text| text.contains(PROBE)) {
        Some(text) => asked(&text, PROBE),
        None => asked(&written::as_written(file.text(), replaced.start), PROBE),
    }
}

/// The columns that are in view where a statement says the probe.
fn visible(view: &View<'_>, statement: &str) -> Vec<VisibleColumn> {
    let snapshot = &view.snapshot;
    let relations = |name: &[String]| snapshot.columns(node_named(snapshot, name)?).map(<[_]>::to_vec);
    visible_columns(statement, PROBE, &relations)
}

/// The columns of the first statement that the others have in view, too.
fn in_all(view: &View<'_>, statements: &[String]) -> Vec<VisibleColumn> {
    let mut all = statements.iter().map(|statement| visible(view, statement));
    let mut columns = all.next().unwrap_or_default();
    for others in all {
        let is_other =
            |column: &VisibleColumn| others.iter().any(|other| other.name.eq_ignore_ascii_case(&column.name));
        columns.retain(is_other);
    }
    columns
}

fn named_columns(view: &View<'_>, columns: Vec<VisibleColumn>, aliases: &[String], replaced: Span) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let mut told = HashSet::new();
    let mut items = Vec::with_capacity(columns.len());
    let aliases = aliases.iter().map(|alias| unquoted(alias));
    let aliases = aliases.map(|name| VisibleColumn { table: String::new(), name, engine_type: None });
    let mut nodes: HashMap<String, Option<NodeId>> = HashMap::new();
    for VisibleColumn { table, name, engine_type } in columns.into_iter().chain(aliases) {
        if told.insert(name.to_ascii_lowercase()) {
            let column = Column { name, engine_type: engine_type.unwrap_or_default() };
            let named = || node_named(snapshot, std::slice::from_ref(&table));
            let node = nodes.entry(table.clone()).or_insert_with(named).map(|id| snapshot.graph().node(id));
            items.push(Item::of_column(node, &column, replaced));
        }
    }
    items
}

/// Common table expressions, and assets and sources under the names that SQL may call them by.
fn tables(view: &View<'_>, qualifiers: &[String], definitions: &[String], replaced: Span) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let mut told = HashSet::new();
    let mut items = Vec::new();
    for name in definitions.iter().filter(|_| qualifiers.is_empty()).map(|name| unquoted(name)) {
        if told.insert(name.to_ascii_lowercase()) {
            items.push(Item {
                detail: Some("common table expression".to_owned()),
                ..Item::new(name, CompletionItemKind::STRUCT, replaced)
            });
        }
    }
    let prefix: String = qualifiers.iter().map(|part| format!("{part}.")).collect();
    let is_readable = |id: &NodeId| {
        let node = graph.node(*id);
        let is_own = node.file.path() == view.path && node.kind == Kind::Sql;
        !is_own && node.materialized != Materialized::Object && !node.is_implicit()
    };
    for id in graph.ids().filter(is_readable) {
        let node = graph.node(id);
        let Some(name) = node.name.as_str().strip_prefix(&prefix).filter(|_| prefix.is_empty() || node.is_source())
        else {
            continue;
        };
        if told.insert(name.to_ascii_lowercase()) {
            let parts: Vec<String> = match name.split_once('.').filter(|_| node.is_source()) {
                Some((source, table)) => vec![as_sql(source), as_sql(table)],
                None => vec![as_sql(name)],
            };
            let item = Item::of_node(snapshot, id, name.to_owned(), replaced);
            items.push(Item { inserted: Some(parts.join(".")), ..item });
        }
    }
    items
}
