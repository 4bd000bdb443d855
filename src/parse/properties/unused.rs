//! What dbt knows and dovetail does not use yet: accepted, and told once per file.

use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Entry, Reader};
use crate::source::Span;

#[derive(Default)]
pub struct Unused {
    keys: Vec<String>,
    first: Option<Span>,
}

impl Unused {
    pub fn note(&mut self, entry: &Entry<'_>) {
        // Where the list is empty, nothing is left out.
        if entry.value.is_null() {
            return;
        }
        self.note_word(&entry.key, entry.key_span);
    }

    /// The same for a word that is no key.
    pub fn note_word(&mut self, word: &str, span: Span) {
        self.first.get_or_insert(span);
        if !self.keys.iter().any(|key| key == word) {
            self.keys.push(word.to_owned());
        }
    }

    pub fn report(&self, reader: &mut Reader<'_>) {
        let Some(first) = self.first else { return };
        let keys = self.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let is_are = if self.keys.len() == 1 { "is" } else { "are" };
        let warning = Diagnostic::warning(Code::Unsupported, format!("{keys} {is_are} not used by dovetail yet"));
        let place = reader.place(first);
        reader.report(warning.at(place));
    }
}
