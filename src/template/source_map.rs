//! From rendered text back to the template that it came from.
//!
//! The exact map is made by rendering a second time with marks in the templates (`markers`). Where marks change the
//! output (a template that measures or compares its own text), marks in the model alone are tried, and then lines are
//! matched: a rendered line that stands exactly once in the template maps to it, any other to the last one before it
//! that does.

use std::collections::HashMap;
use std::sync::Arc;

use super::markers::MarkedPiece;
use crate::source::{Place, SourceFile, Span};

/// Maps spans of one rendered text to places in templates and macro files.
#[derive(Debug, Clone)]
pub struct SourceMap {
    /// In the order of the rendered text, without overlaps.
    pieces: Vec<Piece>,
    file: Arc<SourceFile>,
    exact: bool,
}

#[derive(Debug, Clone)]
struct Piece {
    rendered: Span,
    file: Arc<SourceFile>,
    source: Span,
    literal: bool,
}

impl SourceMap {
    /// The map of a text that rendering does not change.
    pub(super) fn identity(file: &Arc<SourceFile>) -> Self {
        let all = Span::new(0, file.text().len());
        let piece = Piece { rendered: all, file: Arc::clone(file), source: all, literal: true };
        SourceMap { pieces: vec![piece], file: Arc::clone(file), exact: true }
    }

    /// From marked output; `file_of` gives the file of a number.
    pub(super) fn from_marks(
        file: &Arc<SourceFile>,
        pieces: &[MarkedPiece],
        file_of: impl Fn(usize) -> Option<Arc<SourceFile>>,
    ) -> Self {
        let pieces = pieces.iter().filter_map(|piece| {
            let file = file_of(piece.file)?;
            Some(Piece { rendered: piece.rendered, file, source: piece.source, literal: piece.literal })
        });
        SourceMap { pieces: pieces.collect(), file: Arc::clone(file), exact: true }
    }

    /// By lines that the template and its output share.
    pub(super) fn by_lines(file: &Arc<SourceFile>, rendered: &str) -> Self {
        let mut lines: HashMap<&str, Vec<Span>> = HashMap::new();
        for (line, span) in trimmed_lines(file.text()) {
            lines.entry(line).or_default().push(span);
        }
        let pieces = trimmed_lines(rendered).filter_map(|(line, rendered)| match lines.get(line)?.as_slice() {
            [source] => Some(Piece { rendered, file: Arc::clone(file), source: *source, literal: true }),
            _ => None,
        });
        SourceMap { pieces: pieces.collect(), file: Arc::clone(file), exact: false }
    }

    /// Whether every place is where the text really came from, as opposed to the nearest line that could be matched.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The place that a span of the rendered text came from: exact for literal text, the `{{ }}` for printed values.
    pub fn place(&self, rendered: Span) -> Place {
        let after = self.pieces.partition_point(|piece| piece.rendered.start <= rendered.start);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return self.before_all(rendered);
        };
        if !piece.literal && rendered.start < piece.rendered.end {
            return Place::new(&piece.file, piece.source);
        }
        if rendered.start >= piece.rendered.end && !self.exact {
            return Place::new(&piece.file, piece.source);
        }
        // Behind a piece there is only whitespace, which stands behind it in the template too.
        let length = piece.file.text().len();
        let base =
            if piece.literal { piece.source.start + rendered.start - piece.rendered.start } else { piece.source.end };
        let start = base.min(length);
        let end = if rendered.end <= piece.rendered.end {
            start + (rendered.end - rendered.start)
        } else {
            piece.source.end.max(start)
        };
        Place::new(&piece.file, Span::new(start, end.min(length)))
    }

    /// Whitespace before the first piece.
    fn before_all(&self, rendered: Span) -> Place {
        match self.pieces.first() {
            Some(first) if rendered.end > first.rendered.start => self.place(first.rendered),
            _ => Place::start_of(&self.file),
        }
    }
}

fn trimmed_lines(text: &str) -> impl Iterator<Item = (&str, Span)> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let from = start + (line.len() - line.trim_start().len());
        start += line.len();
        let trimmed = line.trim();
        (!trimmed.is_empty()).then(|| (trimmed, Span::new(from, from + trimmed.len())))
    })
}
