//! Texts that messages can point at: every file a project consists of, and spans into them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

/// A text of the project, read once by `scan` and shared from then on.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// `path` is relative to the project's root, with `/` between its parts: what messages show.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(SourceFile { path: path.into(), text: text.into(), line_starts: OnceLock::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file's name without its ending.
    pub fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// The file's ending in lower case, without the dot.
    pub fn extension(&self) -> String {
        self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase()
    }

    /// Line and column (both from 1; the column counts characters) of a byte offset.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= offset);
        let start = starts[line - 1] as usize;
        Position { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// Byte offset of a line and column (both from 1; the column counts characters), clamped to the text.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let starts = self.line_starts();
        let Some(start) = starts.get(line.saturating_sub(1)).map(|start| *start as usize) else {
            return self.text.len();
        };
        let end = starts.get(line).map_or(self.text.len(), |next| *next as usize);
        self.text[start..end].char_indices().nth(column.saturating_sub(1)).map_or(end, |(index, _)| start + index)
    }

    /// The span of a whole line (from 1), without its indentation and line end.
    pub fn line_span(&self, line: usize) -> Span {
        let start = self.offset(line, 1);
        let text = self.text[start..].lines().next().unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        Span::new(start + indent, start + text.trim_end().len().max(indent))
    }

    /// The bytes of a line (from 1) without its end; `None` behind the last line.
    pub fn whole_line(&self, line: usize) -> Option<Span> {
        let starts = self.line_starts();
        let start = *starts.get(line.checked_sub(1)?)? as usize;
        let end = starts.get(line).map_or(self.text.len(), |next| *next as usize - 1);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        Some(Span::new(start, end))
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(index, _)| index as u32 + 1)).collect()
        })
    }
}

/// Line and column, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A half-open range of byte offsets in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end: end.max(start) }
    }
}

/// Where in the user's files something stands.
#[derive(Clone, Serialize, Deserialize)]
pub struct Place {
    #[serde(with = "crate::cache::files")]
    pub file: Arc<SourceFile>,
    pub span: Span,
}

impl Place {
    pub fn new(file: &Arc<SourceFile>, span: Span) -> Self {
        Place { file: Arc::clone(file), span }
    }

    /// The file as a whole, for messages about a file and not about a line of it.
    pub fn start_of(file: &Arc<SourceFile>) -> Self {
        Place::new(file, Span::new(0, 0))
    }

    /// All that stands in the file, without the white space around it.
    pub fn all_of(file: &Arc<SourceFile>) -> Self {
        let text = file.text();
        let start = text.len() - text.trim_start().len();
        Place::new(file, Span::new(start, text.trim_end().len()))
    }

    pub fn position(&self) -> Position {
        self.file.position(self.span.start)
    }

    /// `path:line`, or `path:first-last` of several lines.
    pub fn lines(&self) -> String {
        let (first, last) = (self.position().line, self.file.position(self.span.end).line);
        let path = self.file.path().display();
        if first == last { format!("{path}:{first}") } else { format!("{path}:{first}-{last}") }
    }
}

impl PartialEq for Place {
    /// Files are told apart by their paths.
    fn eq(&self, other: &Self) -> bool {
        self.span == other.span && self.file.path() == other.file.path()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// `path:line:column`, the form that terminals and editors turn into a link.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position();
        write!(formatter, "{}:{}:{}", self.file.path().display(), position.line, position.column)
    }
}
