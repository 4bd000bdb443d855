//! Jinja (minijinja, unforked): the environment with the project's macros, the context that a model sees, and the map
//! from rendered text back to the template.
//!
//! `ref()`, `source()` and `this` print placeholders, since the upstream's relation is not known before the graph is.
//! `graph::resolve` puts the relations in their place.

mod advice;
mod calls;
mod context;
mod environment;
mod failure;
mod functions;
mod invocation;
mod macros;
mod markers;
mod objects;
mod placeholder;
mod raised;
mod reads;
mod references;
mod scanner;
mod secrets;
mod source_map;
mod test_blocks;
#[cfg(test)]
mod tests;
mod unclosed;
mod value;
mod values;

pub(crate) use calls::{argument_at, argument_place, first_literal, name_place, names_in_tags, tag_at};
pub use context::{Message, MessageLevel, ReferenceCall, Rendered, Repeatable};
pub use environment::TemplateEnvironment;
pub use placeholder::{Part, Placeholder, find_placeholders};
pub(crate) use placeholder::{holds_placeholder, readable};
pub(crate) use scanner::{Segment, SegmentKind, scan};
pub use secrets::Secrets;
pub use source_map::SourceMap;
pub(crate) use test_blocks::TEST;
#[cfg(test)]
pub(crate) use tests::test_environment;
