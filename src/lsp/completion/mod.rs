//! Names that could stand where the cursor is.
//!
//! The text around the cursor is not whole while somebody types, so what is asked for is told from the text in front of it;
//! what there is, from the newest state in which the project fitted together.

mod item;
mod properties;
mod python;
mod sql;
mod template;

use lsp_types::CompletionItem;

use super::view::View;

pub(super) fn completion(view: &View<'_>) -> Vec<CompletionItem> {
    let items = match view.file.extension().as_str() {
        "sql" => template::names(view).unwrap_or_else(|| sql::names(view)),
        "py" => python::names(view),
        "yml" | "yaml" => properties::names(view),
        _ => Vec::new(),
    };
    items.into_iter().map(|item| item.finished(view)).collect()
}
