//! SQL models: Jinja first, then the table names of the rendered statement.

use std::sync::Arc;

use super::ParsedAsset;
use crate::diagnostic::Diagnostics;
use crate::source::SourceFile;
use crate::template::TemplateEnvironment;

pub fn parse(_file: &Arc<SourceFile>, _templates: &TemplateEnvironment) -> Result<ParsedAsset, Diagnostics> {
    unimplemented!()
}
