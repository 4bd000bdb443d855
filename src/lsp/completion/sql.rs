//! Names in a model's SQL: of assets and sources where a table stands, else of columns.

use std::sync::Arc;

use super::item::{Item, word_at};
use crate::engine::Column;
use crate::graph::{Materialized, NodeId};
use crate::lineage::{VisibleColumn, visible_columns};
use crate::lsp::analysis::Snapshot;
use crate::lsp::view::View;
use crate::parse::Reference;
use crate::parse::sql::words;
use crate::source::SourceFile;
use crate::template::{Placeholder, find_placeholders};

/// Stands where the cursor is while the text is read; nothing else is called so.
const PROBE: &str = "dovetail_probe_where_the_cursor_is";

/// Words behind which a table stands.
const BEFORE_TABLES: [&str; 5] = ["from", "join", "describe", "summarize", "pivot"];

pub(super) fn names(view: &View<'_>) -> Vec<Item> {
    let word = word_at(view);
    let before = view.text()[..word.start].trim_end();
    if is_table(before) { tables(view) } else { columns(view) }
}

/// Whether what stands in front ends with a word behind which a table stands, or with a comma in a list of them.
fn is_table(before: &str) -> bool {
    let line_comment = before.rsplit('\n').next().unwrap_or_default().contains("--");
    let words = words(before);
    let Some((last, span)) = words.last() else { return false };
    let is_keyword = |word: &str| BEFORE_TABLES.iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    !line_comment && span.end == before.len() && is_keyword(last)
}

/// Assets and sources, under the names that SQL may call them by.
fn tables(view: &View<'_>) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let replaced = word_at(view);
    let is_readable = |id: &NodeId| {
        let node = graph.node(*id);
        let is_own = node.file.path() == view.path && node.kind == crate::graph::Kind::Sql;
        !is_own && node.materialized != Materialized::Object && !node.is_implicit()
    };
    let items = graph.ids().filter(is_readable);
    items.map(|id| Item::of_node(snapshot, id, graph.node(id).name.to_string(), replaced)).collect()
}

/// The columns that are in view at the cursor; where the text cannot be read, those of all that the model reads.
fn columns(view: &View<'_>) -> Vec<Item> {
    let replaced = word_at(view);
    let visible = visible(view);
    if visible.is_empty() {
        return columns_of_upstreams(view);
    }
    let mut items: Vec<Item> = Vec::with_capacity(visible.len());
    for VisibleColumn { table, name, engine_type } in visible {
        if items.iter().any(|item| item.label == name) {
            continue;
        }
        let column = Column { name, engine_type: engine_type.unwrap_or_default() };
        let node = node_named(&view.snapshot, &[table]).map(|id| view.snapshot.graph().node(id));
        items.push(Item::of_column(node, &column, replaced));
    }
    items
}

/// Reads the text with a name in the place of what is being written.
fn visible(view: &View<'_>) -> Vec<VisibleColumn> {
    let word = word_at(view);
    let (before, behind) = (&view.text()[..word.start], &view.text()[word.end..]);
    let file = SourceFile::new(view.path.as_path(), format!("{before}{PROBE}{behind}"));
    let Some(rendered) = rendered(view, &file) else { return Vec::new() };
    let snapshot = &view.snapshot;
    let relations = |name: &[String]| snapshot.columns(node_named(snapshot, name)?).map(<[_]>::to_vec);
    visible_columns(&rendered, PROBE, &relations)
}

/// What the template says; messages and errors of it are not ours to tell.
fn rendered(view: &View<'_>, file: &Arc<SourceFile>) -> Option<String> {
    Some(view.snapshot.compiled.templates.render(file).ok()?.text)
}

/// What a statement means by a name, be it written or printed by `ref` or `source`.
fn node_named(snapshot: &Snapshot, name: &[String]) -> Option<NodeId> {
    let graph = snapshot.graph();
    if let [one] = name
        && let Some((_, Placeholder::Reference(reference, _))) = find_placeholders(one).into_iter().next()
    {
        return match reference {
            Reference::Asset { name, .. } => graph.find(&name),
            Reference::Source { source, table } => graph.find(&format!("{source}.{table}")),
            Reference::Table(_) => None,
        };
    }
    let written = name.join(".");
    let last = name.last()?;
    graph.find(&written).or_else(|| {
        let is_called = |id: &NodeId| graph.node(*id).relation.identifier.eq_ignore_ascii_case(last);
        graph.ids().find(is_called)
    })
}

fn columns_of_upstreams(view: &View<'_>) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let replaced = word_at(view);
    let own = graph.ids().filter(|id| graph.node(*id).file.path() == view.path);
    let mut items: Vec<Item> = Vec::new();
    for upstream in own.flat_map(|id| graph.reads(id)) {
        for column in snapshot.columns(upstream).unwrap_or_default() {
            if !items.iter().any(|item| item.label == column.name) {
                items.push(Item::of_column(Some(graph.node(upstream)), column, replaced));
            }
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_behind_these_words() {
        assert!(is_table("select * from"));
        assert!(is_table("select * from a\nleft JOIN"));
        assert!(!is_table("select * from a where"));
        assert!(!is_table("select a -- it comes from"));
        assert!(!is_table("select"));
        assert!(!is_table("select from_ , 'from'"));
    }
}
