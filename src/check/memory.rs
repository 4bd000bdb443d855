//! What binding told before, in `target/cache`, by everything that it was told of: the query, and the columns of what it
//! reads. After an edit only what follows from it is bound again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Key};
use crate::engine::{Bound, Column, EngineError, Refusal};
use crate::hash::of_pieces;
use crate::project::Project;
use crate::template::TemplateEnvironment;

/// More entries than any project needs take longer to read than to find out again.
const MOST: usize = 50_000;

/// What one binding told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Told {
    Columns(Vec<Column>),
    Refused(Refusal),
    Unknown(String),
}

impl From<Bound> for Told {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::Columns(columns) => Told::Columns(columns),
            Bound::Refused(refusal) => Told::Refused(refusal),
            Bound::Unknown(reason) => Told::Unknown(reason),
        }
    }
}

/// Entries by the hashes of what they were told of.
type Entries = HashMap<u128, Told>;

/// What a memory leaves to the next one in the same process, which then need not read it from the disk.
#[derive(Default)]
pub(super) struct KeptMemory(Option<(Key, Entries)>);

pub(super) struct Memory<'a> {
    templates: &'a TemplateEnvironment,
    cache: Cache,
    key: Key,
    /// Whether what is known was handed over: nobody else needs it then, and it is written to no file.
    is_handed_over: bool,
    known: Entries,
    used: Mutex<Entries>,
    has_new: AtomicBool,
}

impl<'a> Memory<'a> {
    pub fn of(project: &Project, templates: &'a TemplateEnvironment, kept: KeptMemory) -> Self {
        let cache = Cache::of(project);
        let key = cache.key("check", []);
        let handed_over = kept.0.filter(|(of, _)| *of == key).map(|(_, entries)| entries);
        let is_handed_over = handed_over.is_some();
        let known = handed_over.unwrap_or_else(|| cache.read(&key).unwrap_or_default());
        let (used, has_new) = (Mutex::default(), AtomicBool::new(false));
        Memory { templates, cache, key, is_handed_over, known, used, has_new }
    }

    /// What is known under these pieces, or what `ask` tells. What only a run can tell is asked again each time.
    pub fn recall(
        &self,
        pieces: &[&[u8]],
        ask: impl FnOnce() -> Result<Told, EngineError>,
    ) -> Result<Told, EngineError> {
        let mut hash = [0; 16];
        hash.copy_from_slice(&of_pieces(pieces.iter().copied()).as_bytes()[..16]);
        let hash = u128::from_le_bytes(hash);
        let told = match self.known.get(&hash) {
            Some(told) => told.clone(),
            None => {
                let told = ask()?;
                if matches!(told, Told::Unknown(_)) || self.holds_secret(&told) {
                    return Ok(told);
                }
                self.has_new.store(true, Ordering::Relaxed);
                told
            }
        };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, told.clone());
        Ok(told)
    }

    /// Whether there is something in it that templates have read and that belongs in no file.
    fn holds_secret(&self, told: &Told) -> bool {
        let is_secret = |text: &String| self.templates.secrets().redact(text) != *text;
        match told {
            Told::Columns(columns) => {
                columns.iter().any(|column| is_secret(&column.name) || is_secret(&column.engine_type))
            }
            Told::Refused(refusal) => is_secret(&format!("{refusal:?}")),
            Told::Unknown(reason) => is_secret(reason),
        }
    }

    /// Keeps what was used, and of the rest what does not outgrow it.
    pub fn keep(self) -> KeptMemory {
        if !self.has_new.into_inner() {
            return KeptMemory(Some((self.key, self.known)));
        }
        let mut entries = self.used.into_inner().unwrap_or_else(PoisonError::into_inner);
        let most = (4 * entries.len()).max(self.known.len()).min(MOST);
        for (hash, told) in self.known {
            if entries.len() >= most {
                break;
            }
            entries.entry(hash).or_insert(told);
        }
        if !self.is_handed_over {
            self.cache.write(&self.key, &entries);
        }
        KeptMemory(Some((self.key, entries)))
    }
}
