//! Texts that stand for relations until the graph knows them.

use crate::parse::Reference;
use crate::source::Span;

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// `ref` or `source`, or one part of its relation (`ref('x').schema`).
    Reference(Reference, Part),
    /// `this`, the model's own relation.
    This(Part),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Database,
    Schema,
    Identifier,
}

/// Every placeholder in a rendered text, in order.
pub fn find_placeholders(_rendered: &str) -> Vec<(Span, Placeholder)> {
    unimplemented!()
}
