//! What stands in the project's database, for what no query of the project tells. It is asked only when somebody needs it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::engine::{Column, Engine, EngineError, EngineErrorKind, Recorded};
use crate::graph::RelationName;

/// How the database is opened, when it is.
pub type Opening<'a> = Box<dyn Fn() -> Result<Arc<dyn Engine>, EngineError> + Send + Sync + 'a>;

/// The project's database, which may not be there, and which another process may hold.
pub struct Stands<'a> {
    opening: Opening<'a>,
    engine: OnceLock<Result<Arc<dyn Engine>, EngineError>>,
    /// The keys of what is in the own database.
    relations: OnceLock<Result<HashSet<String>, String>>,
    definitions: OnceLock<Result<BTreeSet<String>, String>>,
    recorded: OnceLock<Result<HashMap<String, Recorded>, String>>,
}

impl<'a> Stands<'a> {
    /// An error of the kind `NoDatabase` says that there is none yet; any other, that nothing is known of it.
    pub fn new(opening: Opening<'a>) -> Self {
        Stands {
            opening,
            engine: OnceLock::new(),
            relations: OnceLock::new(),
            definitions: OnceLock::new(),
            recorded: OnceLock::new(),
        }
    }

    fn engine(&self) -> Result<&dyn Engine, &EngineError> {
        self.engine.get_or_init(|| (self.opening)()).as_deref()
    }

    /// The columns of a table or view. The error says, in words, why they are not known.
    pub fn columns(&self, relation: &RelationName) -> Result<Vec<Column>, String> {
        let engine = self.engine().map_err(|error| error.message.clone())?;
        let relations = self.relations.get_or_init(|| own_relations(engine)).as_ref().map_err(String::clone)?;
        if relation.database.is_none() && !relations.contains(&relation.key()) {
            return Err("it is not in the database".to_owned());
        }
        let columns = engine.bound_columns(&relation.to_string());
        columns.map_err(|error| error.message.lines().next().unwrap_or_default().to_owned())
    }

    /// Names of functions and types that the databases bring; the error says, in words, why they are not known.
    pub fn definitions(&self) -> Result<&BTreeSet<String>, &str> {
        let definitions = self.definitions.get_or_init(|| match self.engine() {
            Ok(engine) => engine.definitions().map_err(|error| error.message),
            Err(error) if error.kind == EngineErrorKind::NoDatabase => Ok(BTreeSet::new()),
            Err(error) => Err(error.message.clone()),
        });
        definitions.as_ref().map_err(String::as_str)
    }

    /// The newest record of an asset, if it has one. The error says, in words, why nobody knows.
    pub fn recorded(&self, asset: &str) -> Result<Option<&Recorded>, &str> {
        let recorded = self.recorded.get_or_init(|| {
            let records = match self.engine() {
                Ok(engine) => engine.recorded(None).map_err(|error| error.message)?,
                Err(error) if error.kind == EngineErrorKind::NoDatabase => Vec::new(),
                Err(error) => return Err(error.message.clone()),
            };
            Ok(records.into_iter().map(|record| (record.asset.clone(), record)).collect())
        });
        recorded.as_ref().map(|recorded| recorded.get(asset)).map_err(String::as_str)
    }
}

fn own_relations(engine: &dyn Engine) -> Result<HashSet<String>, String> {
    let found = engine.relations().map_err(|error| error.message)?.into_iter();
    Ok(found.filter(|found| found.relation.database.is_none()).map(|found| found.relation.key()).collect())
}
