//! What a file holds, and the assets and sources of the project by their names.

use std::sync::Arc;

use lsp_types::{DocumentSymbol, Location, SymbolInformation, SymbolKind};

use super::sql::{Symbol, outline, without_tags};
use super::view::{Places, View};
use super::yaml;
use crate::graph::{Kind, Node};
use crate::source::Span;

/// So many names are told of a project at once.
const MOST_NAMES: usize = 500;

/// Of a model its common table expressions and columns, of a module its assets, of a property file its entries.
pub(super) fn in_document(view: &View<'_>) -> Vec<DocumentSymbol> {
    match view.file.extension().as_str() {
        "sql" => outline(&without_tags(view.text())).iter().map(|symbol| of_sql(view, symbol)).collect(),
        "py" => assets(view),
        "yml" | "yaml" => entries(view),
        _ => Vec::new(),
    }
}

fn of_sql(view: &View<'_>, symbol: &Symbol) -> DocumentSymbol {
    let kind = if symbol.is_column { SymbolKind::FIELD } else { SymbolKind::STRUCT };
    let columns = symbol.columns.iter().map(|column| of_sql(view, column)).collect();
    named(view, symbol.name.clone(), kind, (symbol.whole, symbol.word), columns)
}

fn assets(view: &View<'_>) -> Vec<DocumentSymbol> {
    let graph = view.snapshot.graph();
    let own = graph.ids().map(|id| graph.node(id)).filter(|node| node.file.path() == view.path);
    let mut symbols: Vec<DocumentSymbol> = own
        .filter_map(|node| {
            let span = view.here(&node.place)?;
            Some(named(view, node.name.to_string(), kind(node), (span, span), Vec::new()))
        })
        .collect();
    symbols.sort_by_key(|symbol| symbol.range.start);
    symbols
}

fn entries(view: &View<'_>) -> Vec<DocumentSymbol> {
    let file = Arc::clone(&view.file);
    let entry = |entry: yaml::Entry| {
        let end = entry.columns.last().map_or(entry.span.end, |(_, span)| span.end);
        let column = |(name, span): (String, Span)| named(view, name, SymbolKind::FIELD, (span, span), Vec::new());
        let columns = entry.columns.into_iter().map(column).collect();
        let whole = Span::new(entry.span.start, end.max(entry.span.end));
        named(view, entry.asset, SymbolKind::CLASS, (whole, entry.span), columns)
    };
    yaml::entries(&file).into_iter().map(entry).collect()
}

#[expect(deprecated, reason = "the type has no other constructor")]
fn named(
    view: &View<'_>,
    name: String,
    kind: SymbolKind,
    (whole, word): (Span, Span),
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    DocumentSymbol {
        // Editors refuse names that are empty.
        name: if name.is_empty() { "\"\"".to_owned() } else { name },
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range: view.range(whole),
        selection_range: view.range(word),
        children: (!children.is_empty()).then_some(children),
    }
}

/// The assets and sources in whose names the letters of a text stand in their order.
#[expect(deprecated, reason = "the type has no other constructor")]
pub(super) fn in_project(places: &Places<'_>, asked: &str) -> Vec<SymbolInformation> {
    let graph = places.snapshot.graph();
    let declared = graph.ids().map(|id| graph.node(id)).filter(|node| !node.is_implicit());
    let fitting = declared.filter(|node| holds_letters(node.name.as_str(), asked));
    let symbol = |node: &Node| {
        let location: Location = places.location(&node.place)?;
        let name = node.name.to_string();
        let container_name = Some(if node.is_source() { "source".to_owned() } else { node.kind.as_str().to_owned() });
        Some(SymbolInformation { name, kind: kind(node), tags: None, deprecated: None, location, container_name })
    };
    fitting.filter_map(symbol).take(MOST_NAMES).collect()
}

fn kind(node: &Node) -> SymbolKind {
    match node.kind {
        Kind::Python if !node.is_source() => SymbolKind::FUNCTION,
        Kind::Source => SymbolKind::INTERFACE,
        _ => SymbolKind::CLASS,
    }
}

fn holds_letters(name: &str, asked: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    asked.chars().flat_map(char::to_lowercase).all(|asked| letters.any(|letter| letter == asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_in_their_order() {
        assert!(holds_letters("stg_orders", "StOrd"));
        assert!(holds_letters("stg_orders", ""));
        assert!(!holds_letters("stg_orders", "ordst"));
    }
}
