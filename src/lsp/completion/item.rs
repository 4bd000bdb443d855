//! One name that is offered.

use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, TextEdit};

use crate::engine::Column;
use crate::graph::{Node, NodeId};
use crate::lsp::analysis::Snapshot;
use crate::lsp::view::View;
use crate::source::Span;

/// A name, what it is, and the stretch of the text that it takes the place of.
pub(super) struct Item {
    pub label: String,
    pub kind: CompletionItemKind,
    pub detail: Option<String>,
    pub documentation: Option<String>,
    pub replaced: Span,
    /// What is put there, where that is not the label.
    pub inserted: Option<String>,
    /// What the editor compares with what is typed, where that is not the label.
    pub filtered: Option<String>,
}

impl Item {
    pub fn new(label: String, kind: CompletionItemKind, replaced: Span) -> Self {
        Item { label, kind, detail: None, documentation: None, replaced, inserted: None, filtered: None }
    }

    pub fn of_node(snapshot: &Snapshot, id: NodeId, label: String, replaced: Span) -> Self {
        let node = snapshot.graph().node(id);
        let detail = match node.is_source() {
            true => "source".to_owned(),
            false => format!("{} {}", node.kind.as_str(), node.materialized.as_str()),
        };
        let documentation = node.description.clone();
        Item { detail: Some(detail), documentation, ..Item::new(label, CompletionItemKind::MODULE, replaced) }
    }

    pub fn of_column(node: Option<&Node>, column: &Column, replaced: Span) -> Self {
        let described = node.into_iter().flat_map(|node| &node.columns);
        let described = described.into_iter().find(|described| described.name.eq_ignore_ascii_case(&column.name));
        Item {
            detail: Some(column.engine_type.clone()).filter(|engine_type| !engine_type.is_empty()),
            documentation: described.and_then(|described| described.description.clone()),
            ..Item::new(column.name.clone(), CompletionItemKind::FIELD, replaced)
        }
    }

    pub fn finished(self, view: &View<'_>) -> CompletionItem {
        let redacted = |text: String| view.snapshot.redacted(&text);
        let edit = TextEdit {
            range: view.range(self.replaced),
            new_text: self.inserted.unwrap_or_else(|| self.label.clone()),
        };
        CompletionItem {
            label: redacted(self.label),
            kind: Some(self.kind),
            detail: self.detail.map(redacted),
            documentation: self.documentation.map(|text| Documentation::String(redacted(text))),
            filter_text: self.filtered,
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        }
    }
}

/// The word that is being written in front of the cursor, and on behind it.
pub(super) fn word_at(view: &View<'_>) -> Span {
    let (text, offset) = (view.text(), view.offset);
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let start = text[..offset].trim_end_matches(is_part).len();
    let end = text[offset..].find(|letter: char| !is_part(letter)).map_or(text.len(), |length| offset + length);
    Span::new(start, end)
}

/// What stands between quotes around the cursor, on its line.
pub(super) fn literal_at(view: &View<'_>, start: usize) -> Span {
    let text = view.text();
    let quote = text[..start].chars().next_back().unwrap_or('\'');
    let line_end = text[view.offset..].find('\n').map_or(text.len(), |length| view.offset + length);
    let rest = &text[view.offset..line_end];
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let end = rest.find(quote).filter(|end| rest[..*end].chars().all(is_name));
    Span::new(start, view.offset + end.unwrap_or(0))
}
