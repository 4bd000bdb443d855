//! What templates have looked at beyond the project's files and settings.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Collected while templates are rendered, by all threads.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    variables: BTreeSet<String>,
    /// Something that another invocation may find otherwise, or that no file may hold.
    anything_else: bool,
}

impl Reads {
    /// An environment variable, set or not.
    pub fn variable(&self, name: &str) {
        self.change(|seen| {
            seen.variables.insert(name.to_owned());
        });
    }

    /// A secret, or a value of this invocation alone.
    pub fn anything_else(&self) {
        self.change(|seen| seen.anything_else = true);
    }

    /// The names of the environment variables, where nothing else was looked at.
    pub fn only_variables(&self) -> Option<BTreeSet<String>> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!seen.anything_else).then(|| seen.variables.clone())
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
