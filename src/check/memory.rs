//! What binding told before, in `target/cache`, by everything that it was told of: the query, and the columns of what it
//! reads. After an edit only what follows from it is bound again.

use serde::{Deserialize, Serialize};

use crate::cache::memory::{self, Entries, Left};
use crate::cache::{Cache, Key};
use crate::engine::{Bound, Column, EngineError, Refusal};
use crate::project::Project;
use crate::template::TemplateEnvironment;

/// What one binding told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Told {
    Columns(Vec<Column>),
    /// The first thing that is wrong, and further names that stand for nothing.
    Refused(Vec<Refusal>),
    Unknown(String),
}

impl From<Bound> for Told {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::Columns(columns) => Told::Columns(columns),
            Bound::Refused(refusal) => Told::Refused(vec![refusal]),
            Bound::Unknown(reason) => Told::Unknown(reason),
        }
    }
}

/// What a memory leaves to the next one in the same process, which then need not read it from the disk.
#[derive(Default)]
pub(super) struct KeptMemory(Option<(Key, Entries<Told>)>);

pub(super) struct Memory<'a> {
    templates: &'a TemplateEnvironment,
    cache: Cache,
    key: Key,
    /// Whether what is known was handed over: nobody else needs it then, and it is written to no file.
    is_handed_over: bool,
    told: memory::Memory<Told>,
}

impl<'a> Memory<'a> {
    pub fn of(project: &Project, templates: &'a TemplateEnvironment, kept: KeptMemory) -> Self {
        let cache = Cache::of(project);
        let key = cache.key("check", []);
        let handed_over = kept.0.filter(|(of, _)| *of == key).map(|(_, entries)| entries);
        let is_handed_over = handed_over.is_some();
        let known = handed_over.unwrap_or_else(|| cache.read(&key).unwrap_or_default());
        Memory { templates, cache, key, is_handed_over, told: memory::Memory::of(known) }
    }

    /// What is known under these pieces, or what `ask` tells. What only a run can tell is asked again each time.
    pub fn recall(
        &self,
        pieces: &[&[u8]],
        ask: impl FnOnce() -> Result<Told, EngineError>,
    ) -> Result<Told, EngineError> {
        self.told.recall(pieces, ask, |told| !matches!(told, Told::Unknown(_)) && !self.holds_secret(told))
    }

    /// Whether there is something in it that templates have read and that belongs in no file.
    fn holds_secret(&self, told: &Told) -> bool {
        let is_secret = |text: &String| self.templates.secrets().redact(text) != *text;
        match told {
            Told::Columns(columns) => {
                columns.iter().any(|column| is_secret(&column.name) || is_secret(&column.engine_type))
            }
            Told::Refused(refusals) => is_secret(&format!("{refusals:?}")),
            Told::Unknown(reason) => is_secret(reason),
        }
    }

    pub fn keep(self) -> KeptMemory {
        let Left { entries, has_new } = self.told.left();
        if has_new && !self.is_handed_over {
            self.cache.write(&self.key, &entries);
        }
        KeptMemory(Some((self.key, entries)))
    }
}
