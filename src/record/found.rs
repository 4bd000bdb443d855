//! What stands in the database, and what of it dovetail made.

use std::collections::BTreeSet;

use crate::engine::{Engine, EngineError, ExistingRelation, Made};

#[derive(Debug, Default)]
pub struct Found {
    pub relations: Vec<ExistingRelation>,
    /// Assets of which an object is stored.
    pub objects: BTreeSet<String>,
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
