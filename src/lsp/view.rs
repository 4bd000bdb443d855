//! A place in an open text, and what is known around it.

use std::path::PathBuf;
use std::sync::Arc;

use lsp_types::{Location, Range};

use super::analysis::Snapshot;
use super::documents::{Documents, Root};
use super::position::{Encoding, Shift};
use super::uri::uri_of;
use crate::source::{Place, SourceFile, Span};

/// Where the editor's cursor is, beside the newest state in which the project fitted together.
pub(super) struct View<'a> {
    pub snapshot: Arc<Snapshot>,
    pub root: &'a Root,
    pub documents: &'a Documents,
    pub encoding: Encoding,
    /// As the project shows it.
    pub path: PathBuf,
    /// The text as it is now.
    pub file: Arc<SourceFile>,
    pub offset: usize,
}

impl View<'_> {
    pub fn text(&self) -> &str {
        self.file.text()
    }

    /// Where a place of this file is now; `None` for places of others, and where it was edited since.
    pub fn here(&self, place: &Place) -> Option<Span> {
        if place.file.path() != self.path || place.span.start == place.span.end {
            return None;
        }
        Shift::between(&place.file, &self.file).span(place.span)
    }

    /// Whether the cursor is in or right behind a stretch of the text.
    pub fn is_in(&self, span: Span) -> bool {
        (span.start..=span.end).contains(&self.offset)
    }

    pub fn location(&self, place: &Place) -> Option<Location> {
        let Self { root, documents, encoding, .. } = *self;
        Places { snapshot: &self.snapshot, root, documents, encoding }.location(place)
    }

    pub fn range(&self, span: Span) -> Range {
        self.encoding.range(&self.file, span)
    }
}

/// What is known of the project, wherever the cursor is.
pub(super) struct Places<'a> {
    pub snapshot: &'a Snapshot,
    pub root: &'a Root,
    pub documents: &'a Documents,
    pub encoding: Encoding,
}

impl Places<'_> {
    /// Where a place is in the editor's words; `None` where it was edited since.
    pub fn location(&self, place: &Place) -> Option<Location> {
        match self.documents.at(self.root, place.file.path()) {
            Some((uri, document)) => {
                let span = Shift::between(&place.file, &document.file).span(place.span)?;
                Some(Location { uri: uri.parse().ok()?, range: self.encoding.range(&document.file, span) })
            }
            None => {
                let uri = uri_of(&self.root.folder.join(place.file.path()))?;
                Some(Location { uri, range: self.encoding.range_of(place) })
            }
        }
    }
}
