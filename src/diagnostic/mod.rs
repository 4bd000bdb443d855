//! What dovetail says when something is wrong: one type for the whole crate, drawn by `render` alone.

mod code;
mod json;
mod render;
mod suggest;
mod visible;

pub use code::Code;
pub use json::diagnostic_json;
pub use render::{Rendering, render};
pub use suggest::did_you_mean;
pub use visible::visible;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::source::{Place, SourceFile};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem: what (code and message), where (place and label) and what to do (hints).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// A lowercase fragment with backticks around names and paths; understandable without the excerpt.
    pub message: String,
    pub place: Option<Place>,
    /// The problem is somewhere in the place, and nobody knows where: no text is marked.
    #[serde(default)]
    pub is_somewhere: bool,
    /// Short words beside the marked text.
    pub label: Option<String>,
    /// Other places that explain this one, such as the first of two definitions.
    pub related: Vec<(Place, String)>,
    /// Text shown after the excerpt as it is, such as a traceback.
    pub details: Option<String>,
    pub hints: Vec<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            place: None,
            is_somewhere: false,
            label: None,
            related: Vec::new(),
            details: None,
            hints: Vec::new(),
        }
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self.is_somewhere = false;
        self
    }

    /// The problem is somewhere in the file's text.
    #[must_use]
    pub fn somewhere_in(mut self, file: &Arc<SourceFile>) -> Self {
        self.place = Some(Place::all_of(file));
        self.is_somewhere = true;
        self
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub fn related(mut self, place: Place, message: impl Into<String>) -> Self {
        self.related.push((place, message.into()));
        self
    }

    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

/// All problems of one stage. An `Err(Diagnostics)` holds at least one error.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// `Err` with everything when there is an error, else the value with the warnings beside it.
    pub fn with<T>(self, value: T) -> Result<Warned<T>, Diagnostics> {
        if self.has_errors() { Err(self.sorted()) } else { Ok(Warned { value, warnings: self.sorted() }) }
    }

    /// By file and position, so that output does not depend on the order of parallel work.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        self
    }
}

fn sort_key(diagnostic: &Diagnostic) -> (Severity, Option<(&std::path::Path, usize)>, &str) {
    let place = diagnostic.place.as_ref().map(|place| (place.file.path(), place.span.start));
    (diagnostic.severity, place, &diagnostic.message)
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        self.0.extend(diagnostics);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A stage's result with the warnings that it gave on the way.
#[derive(Debug)]
pub struct Warned<T> {
    pub value: T,
    pub warnings: Diagnostics,
}
