//! Names become edges.

use super::AssetGraph;
use crate::diagnostic::{Diagnostics, Warned};
use crate::parse::Parsed;
use crate::project::Project;
use crate::template::TemplateEnvironment;

/// Builds the graph. All problems of naming, config and order are reported at once.
pub fn resolve(
    _project: &Project,
    _parsed: Parsed,
    _templates: &TemplateEnvironment,
) -> Result<Warned<AssetGraph>, Diagnostics> {
    unimplemented!()
}
