//! From the editor's positions to bytes and back.

use std::sync::Arc;

use lsp_types::{Position, PositionEncodingKind, Range};

use crate::source::{Place, SourceFile, Span};

/// In what the editor counts the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// Bytes where the editor offers them, since these are what everything else here counts.
    pub fn of(offered: &[PositionEncodingKind]) -> Self {
        if offered.contains(&PositionEncodingKind::UTF8) { Encoding::Utf8 } else { Encoding::Utf16 }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    /// The byte that a position names; what is behind a line or the text is its end.
    pub fn offset(self, file: &SourceFile, position: Position) -> usize {
        let Some(line) = file.whole_line(position.line as usize + 1) else { return file.text().len() };
        let text = &file.text()[line.start..line.end];
        let mut left = position.character as usize;
        for (index, letter) in text.char_indices() {
            if left == 0 {
                return line.start + index;
            }
            left = left.saturating_sub(self.width(letter));
        }
        line.end
    }

    pub fn position(self, file: &SourceFile, offset: usize) -> Position {
        let line = file.position(offset).line;
        let start = file.whole_line(line).map_or(0, |line| line.start);
        let mut end = offset.min(file.text().len());
        while !file.text().is_char_boundary(end) {
            end -= 1;
        }
        let before = &file.text()[start..end];
        let character: usize = before.chars().map(|letter| self.width(letter)).sum();
        Position::new(line as u32 - 1, character as u32)
    }

    pub fn range(self, file: &SourceFile, span: Span) -> Range {
        Range::new(self.position(file, span.start), self.position(file, span.end))
    }

    pub fn range_of(self, place: &Place) -> Range {
        self.range(&place.file, place.span)
    }

    fn width(self, letter: char) -> usize {
        match self {
            Encoding::Utf8 => letter.len_utf8(),
            Encoding::Utf16 => letter.len_utf16(),
        }
    }
}

/// From one text of a file to another: what stands before and behind the one stretch in which they differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    before: usize,
    behind: usize,
    from: usize,
    to: usize,
}

impl Shift {
    pub fn between(from: &Arc<SourceFile>, to: &Arc<SourceFile>) -> Self {
        let (old, new) = (from.text(), to.text());
        if Arc::ptr_eq(from, to) {
            return Shift { before: old.len(), behind: 0, from: old.len(), to: new.len() };
        }
        let same = |(one, other): &(u8, u8)| one == other;
        let before = old.bytes().zip(new.bytes()).take_while(same).count();
        let rest = old.len().min(new.len()) - before;
        let behind = old.bytes().rev().zip(new.bytes().rev()).take(rest).take_while(same).count();
        Shift { before, behind, from: old.len(), to: new.len() }
    }

    /// Where a stretch stands in the other text; `None` where something of it was changed.
    pub fn span(self, span: Span) -> Option<Span> {
        if span.end <= self.before {
            return Some(span);
        }
        let moved = |offset: usize| (offset + self.to).checked_sub(self.from);
        (span.start >= self.from - self.behind).then(|| Some(Span::new(moved(span.start)?, moved(span.end)?)))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_the_editor_does() {
        let file = SourceFile::new("m.sql", "select 'ä𝄞' as x,\r\n  y\nz");
        for (encoding, column) in [(Encoding::Utf8, 15), (Encoding::Utf16, 12)] {
            let x = Position::new(0, column + 4);
            let offset = file.text().find(" as x").unwrap() + 4;
            assert_eq!(encoding.position(&file, offset), x);
            assert_eq!(encoding.offset(&file, x), offset);
        }
        let end_of_first = file.text().find('\r').unwrap();
        assert_eq!(Encoding::Utf16.offset(&file, Position::new(0, 99)), end_of_first);
        assert_eq!(Encoding::Utf16.offset(&file, Position::new(1, 2)), file.text().find('y').unwrap());
        assert_eq!(Encoding::Utf16.offset(&file, Position::new(2, 1)), file.text().len());
        assert_eq!(Encoding::Utf16.offset(&file, Position::new(9, 0)), file.text().len());
        // Within a letter of two units, the letter's end.
        let inside = Position::new(0, 10);
        assert_eq!(Encoding::Utf16.offset(&file, inside), file.text().find('𝄞').unwrap() + '𝄞'.len_utf8());
    }

    #[test]
    fn every_offset_survives_both_ways() {
        let file = SourceFile::new("m.sql", "a\n\nß€𝄞\r\n\tend\n");
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (offset, letter) in file.text().char_indices() {
                if !matches!(letter, '\r' | '\n') {
                    assert_eq!(encoding.offset(&file, encoding.position(&file, offset)), offset, "{letter:?}");
                }
            }
        }
    }

    #[test]
    fn what_was_not_edited_is_found_in_the_other_text() {
        let (old, new) = (SourceFile::new("m.sql", "from a join b"), SourceFile::new("m.sql", "from aa left join b"));
        let there = Shift::between(&old, &new);
        let (from, b) = (Span::new(0, 4), Span::new(12, 13));
        assert_eq!(there.span(from), Some(from));
        assert_eq!(there.span(b), Some(Span::new(18, 19)));
        assert_eq!(Shift::between(&new, &old).span(Span::new(18, 19)), Some(b));
        assert_eq!(Shift::between(&new, &old).span(Span::new(8, 12)), None);
        assert_eq!(Shift::between(&old, &old).span(b), Some(b));
    }
}
