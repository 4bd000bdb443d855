//! The texts that the editor has open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::TextDocumentContentChangeEvent;

use super::position::Encoding;
use super::uri::path_of;
use crate::scan::{Overlay, read_file};
use crate::source::{SourceFile, Span};

/// An open text.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// With the absolute path.
    pub file: Arc<SourceFile>,
    pub version: i32,
    /// Whether the file on the disk holds this very text, as far as the editor knows.
    pub is_saved: bool,
}

/// All open texts, by the editor's names for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Documents(HashMap<String, Document>);

impl Documents {
    pub fn open(&mut self, uri: &str, version: i32, text: String) {
        let Some(path) = path_of(uri) else { return };
        // Editors may open what was not saved when they were closed.
        let is_saved = read_file(Path::new(""), path.as_path()).is_ok_and(|saved| saved.text() == text);
        let file = SourceFile::new(path, text);
        self.0.insert(uri.to_owned(), Document { file, version, is_saved });
    }

    pub fn change(
        &mut self,
        uri: &str,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) {
        let Some(document) = self.0.get_mut(uri) else { return };
        for change in changes {
            document.file = changed(&document.file, change, encoding);
        }
        document.version = version;
        document.is_saved = false;
    }

    pub fn save(&mut self, uri: &str) {
        if let Some(document) = self.0.get_mut(uri) {
            document.is_saved = true;
        }
    }

    pub fn close(&mut self, uri: &str) {
        self.0.remove(uri);
    }

    pub fn get(&self, uri: &str) -> Option<&Document> {
        self.0.get(uri)
    }

    /// The open text of a file of the project, with the editor's name for it.
    pub fn at(&self, root: &Root, path: &Path) -> Option<(&str, &Document)> {
        let found = self.0.iter().find(|(_, document)| root.shown(document.file.path()).as_deref() == Some(path))?;
        Some((found.0, found.1))
    }

    /// The files of the project that are open.
    pub fn paths(&self, root: &Root) -> impl Iterator<Item = PathBuf> {
        self.0.values().filter_map(|document| root.shown(document.file.path()))
    }

    /// What is not saved of the project's files.
    pub fn overlay(&self, root: &Root) -> Overlay {
        let mut overlay = Overlay::default();
        for document in self.0.values().filter(|document| !document.is_saved) {
            if let Some(path) = root.shown(document.file.path()) {
                overlay.insert(SourceFile::new(path, document.file.text()));
            }
        }
        overlay
    }
}

/// The project's folder, also under the name that it has without symbolic links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub folder: PathBuf,
    real: PathBuf,
}

impl Root {
    pub fn new(folder: PathBuf) -> Self {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        Root { folder, real }
    }

    /// A path as the project shows it; `None` for what is outside.
    pub fn shown(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.folder).or_else(|_| path.strip_prefix(&self.real)).ok().map(Path::to_path_buf)
    }
}

fn changed(file: &Arc<SourceFile>, change: TextDocumentContentChangeEvent, encoding: Encoding) -> Arc<SourceFile> {
    let Some(range) = change.range else { return SourceFile::new(file.path(), change.text) };
    let span = Span::new(encoding.offset(file, range.start), encoding.offset(file, range.end));
    let (before, behind) = (&file.text()[..span.start], &file.text()[span.end..]);
    SourceFile::new(file.path(), format!("{before}{}{behind}", change.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_types::{Position, Range};

    fn change(range: Option<(u32, u32, u32, u32)>, text: &str) -> TextDocumentContentChangeEvent {
        let range = range.map(|(a, b, c, d)| Range::new(Position::new(a, b), Position::new(c, d)));
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn edits_are_applied_one_after_the_other() {
        let mut documents = Documents::default();
        let uri = "file:///p/models/a.sql";
        documents.open(uri, 1, "select 'ü' as a\nfrom b".to_owned());
        let edits =
            vec![change(Some((0, 8, 0, 9)), "𝄞"), change(Some((0, 15, 1, 0)), " "), change(Some((0, 99, 0, 99)), "c")];
        documents.change(uri, 2, edits, Encoding::Utf16);
        let document = documents.get(uri).unwrap();
        assert_eq!((document.file.text(), document.version), ("select '𝄞' as  from bc", 2));
        documents.change(uri, 3, vec![change(None, "select 1")], Encoding::Utf16);
        assert_eq!(documents.get(uri).unwrap().file.text(), "select 1");
        let overlay = documents.overlay(&Root::new(PathBuf::from("/p")));
        assert_eq!(overlay.get(Path::new("models/a.sql")).unwrap().text(), "select 1");
        documents.save(uri);
        assert!(documents.overlay(&Root::new(PathBuf::from("/p"))).get(Path::new("models/a.sql")).is_none());
    }
}
