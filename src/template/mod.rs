//! Jinja (minijinja, unforked): the environment with the project's macros, the context that a model sees, and the map
//! from rendered text back to the template.
//!
//! `ref()`, `source()` and `this` print placeholders, since the upstream's relation is not known before the graph is.
//! `graph::resolve` puts the relations in their place.

mod context;
mod environment;
mod placeholder;
mod source_map;

pub use context::{ReferenceCall, Rendered};
pub use environment::{Secrets, TemplateEnvironment};
pub use placeholder::{Part, Placeholder, find_placeholders};
pub use source_map::SourceMap;
