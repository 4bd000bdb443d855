//! Seeds: CSV files that become tables. Their content is the engine's business.

use std::sync::Arc;

use super::{AssetName, ParsedAsset, ParsedBody};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::Values;
use crate::source::{Place, SourceFile};

pub fn parse(file: &Arc<SourceFile>) -> Result<ParsedAsset, Diagnostic> {
    let place = Place::start_of(file);
    let name = AssetName::new(file.stem()).ok_or_else(|| {
        Diagnostic::error(Code::BadName, "the file's name cannot be an asset's name").at(place.clone())
    })?;
    Ok(ParsedAsset {
        name,
        file: Arc::clone(file),
        place,
        config: Values::new(),
        description: None,
        upstreams: Vec::new(),
        body: ParsedBody::Seed,
    })
}
