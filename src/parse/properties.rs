//! Property files (YAML): descriptions, tags, columns and config of assets; declarations of sources.

use std::sync::Arc;

use super::ParsedProperties;
use crate::diagnostic::Diagnostics;
use crate::source::SourceFile;

pub fn parse(_file: &Arc<SourceFile>) -> Result<ParsedProperties, Diagnostics> {
    unimplemented!()
}
