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

/// The columns that a property file names, as far as it can be read; none for files of another kind.
pub(super) fn columns(file: &Arc<SourceFile>) -> Vec<DescribedColumn> {
    let mut found = Vec::new();
    if !matches!(file.extension().as_str(), "yml" | "yaml") {
        return found;
    }
    for document in &yaml::parse(file).0 {
        for section in ["models", "seeds"] {
            for item in items(document.get(section)) {
                found.extend(name_of(item).map(|(name, _)| columns_of(item, name)).into_iter().flatten());
            }
        }
        for source in items(document.get("sources")) {
            let Some((source_name, _)) = name_of(source) else { continue };
            for table in items(source.get("tables")) {
                let Some((table_name, _)) = name_of(table) else { continue };
                found.extend(columns_of(table, format!("{source_name}.{table_name}")));
            }
        }
    }
    found
}

fn columns_of(item: &Node<'_>, asset: String) -> Vec<DescribedColumn> {
    let named = items(item.get("columns")).iter().filter_map(name_of);
    named.map(|(column, span)| DescribedColumn { asset: asset.clone(), column, span }).collect()
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
