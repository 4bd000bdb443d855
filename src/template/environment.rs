//! The minijinja environment of a project: its macros, its variables, Python's methods on values.

use std::sync::Arc;

use super::{Rendered, SourceMap};
use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::source::SourceFile;

/// Values that must never be shown, collected while templates are rendered (`env_var` of a secret's name).
#[derive(Debug, Default)]
pub struct Secrets(std::sync::RwLock<std::collections::BTreeSet<String>>);

impl Secrets {
    /// The text with every secret value replaced by `***`.
    pub fn redact(&self, _text: &str) -> String {
        unimplemented!()
    }
}

/// Renders the project's templates; shared by the threads that parse.
pub struct TemplateEnvironment {}

impl TemplateEnvironment {
    /// Reads the macro files; `environment` looks up environment variables.
    pub fn new(_project: &Project, _macros: &[Arc<SourceFile>]) -> Result<Self, Diagnostics> {
        unimplemented!()
    }

    pub fn render(&self, _file: &Arc<SourceFile>) -> Result<Rendered, Diagnostics> {
        unimplemented!()
    }

    /// The map from the rendered text of `file` back to the templates; renders again, so only errors pay for it.
    pub fn source_map(&self, _file: &Arc<SourceFile>) -> SourceMap {
        unimplemented!()
    }

    pub fn secrets(&self) -> &Secrets {
        unimplemented!()
    }
}
