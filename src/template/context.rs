//! What a model sees: `ref`, `source`, `config`, `var`, `env_var`, `this`, `target`, `log`, ...

use crate::parse::Reference;
use crate::project::Values;
use crate::source::Place;

/// A template after rendering.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The text, with placeholders where relations will stand.
    pub text: String,
    /// All `config(...)` calls, merged.
    pub config: Values,
    pub calls: Vec<ReferenceCall>,
}

/// A `ref()` or `source()` that was called, printed or not.
#[derive(Debug, Clone)]
pub struct ReferenceCall {
    pub reference: Reference,
    /// The call in the template (or in the macro that made it).
    pub place: Place,
}
