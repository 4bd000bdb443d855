//! Python modules: `@asset` functions, found in the syntax tree without importing anything.

use std::sync::Arc;

use super::ParsedAsset;
use crate::diagnostic::Diagnostics;
use crate::source::SourceFile;

/// What reading a module's syntax tree tells.
#[derive(Debug)]
pub enum ParsedModule {
    /// Everything that the module declares (nothing, for a module of helpers).
    Assets(Vec<ParsedAsset>),
    /// The module makes assets in a way that only importing it can tell, and why.
    NeedsImport { because: String, place: crate::source::Place },
}

pub fn parse(_file: &Arc<SourceFile>) -> Result<ParsedModule, Diagnostics> {
    unimplemented!()
}
