//! Names in property files, with their places.

use std::sync::Arc;

use crate::document::{Node, yaml};
use crate::source::{SourceFile, Span};

/// A column that a property file describes.
pub(super) struct DescribedColumn {
    /// As the graph calls it: `orders`, `raw.orders` for sources.
    pub asset: String,
    pub column: String,
    pub span: Span,
}

/// An asset or a source that a property file says something of.
pub(super) struct Entry {
    /// As the graph calls it.
    pub asset: String,
    pub span: Span,
    pub columns: Vec<(String, Span)>,
}

/// The columns that a property file names, as far as it can be read; none for files of another kind.
pub(super) fn columns(file: &Arc<SourceFile>) -> Vec<DescribedColumn> {
    let of_entry = |Entry { asset, columns, .. }: Entry| {
        let column = move |(column, span)| DescribedColumn { asset: asset.clone(), column, span };
        columns.into_iter().map(column)
    };
    entries(file).into_iter().flat_map(of_entry).collect()
}

/// The assets and sources that a property file names, as far as it can be read; none for files of another kind.
pub(super) fn entries(file: &Arc<SourceFile>) -> Vec<Entry> {
    let mut found = Vec::new();
    if !matches!(file.extension().as_str(), "yml" | "yaml") {
        return found;
    }
    for document in &yaml::parse(file).0 {
        for section in ["models", "seeds"] {
            found.extend(items(document.get(section)).iter().filter_map(|item| entry(item, "")));
        }
        for source in items(document.get("sources")) {
            let Some((source_name, _)) = name_of(source) else { continue };
            let prefix = format!("{source_name}.");
            found.extend(items(source.get("tables")).iter().filter_map(|table| entry(table, &prefix)));
        }
    }
    found
}

fn entry(item: &Node<'_>, prefix: &str) -> Option<Entry> {
    let (name, span) = name_of(item)?;
    let columns = items(item.get("columns")).iter().filter_map(name_of).collect();
    Some(Entry { asset: format!("{prefix}{name}"), span, columns })
}

fn items<'n, 'a>(node: Option<&'n Node<'a>>) -> &'n [Node<'a>] {
    match node.map(|node| &node.content) {
        Some(crate::document::Content::List(items)) => items,
        _ => &[],
    }
}

fn name_of(item: &Node<'_>) -> Option<(String, Span)> {
    let name = item.get("name")?;
    let serde_json::Value::String(text) = name.to_json() else { return None };
    Some((text, name.span))
}
