//! What stands in the database, and what of it dovetail made.

use std::collections::BTreeMap;

use crate::engine::{Engine, EngineError, ExistingRelation, KeptFile, Made};

#[derive(Debug, Default)]
pub struct Found {
    pub relations: Vec<ExistingRelation>,
    /// Assets of which an object is stored, with the file of those that are kept in one.
    pub objects: BTreeMap<String, Option<KeptFile>>,
    /// What dovetail made last at each place, also where nothing stands now.
    pub made: Vec<Made>,
}

impl Found {
    /// What an engine finds.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn by(engine: &dyn Engine) -> Result<Self, EngineError> {
        Ok(Found { relations: engine.relations()?, objects: engine.objects()?, made: engine.made()? })
    }
}
