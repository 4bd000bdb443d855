//! From rendered text back to the template that it came from.

use crate::source::{Place, Span};

/// Maps spans of one rendered text to places in templates and macro files.
#[derive(Debug, Clone)]
pub struct SourceMap {}

impl SourceMap {
    /// The place that a span of the rendered text came from: exact for literal text, the `{{ }}` for printed values.
    pub fn place(&self, _rendered: Span) -> Place {
        unimplemented!()
    }
}
