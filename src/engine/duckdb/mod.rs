//! DuckDB behind the engine's traits.

mod table_names;

pub(super) use table_names::table_names;

use std::sync::Arc;

use super::{Access, Engine, EngineError, WhenLocked};
use crate::project::Project;

pub(super) fn open(
    _project: &Project,
    _access: Access,
    _when_locked: WhenLocked,
) -> Result<Arc<dyn Engine>, EngineError> {
    unimplemented!()
}
