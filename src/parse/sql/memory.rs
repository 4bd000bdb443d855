//! What statements name, as it was found before. That follows from the statement's text and from nothing else.

use super::find::{Failure, Named, named_in};
use super::lexer::Token;
use crate::cache::memory::{Left, Memory};
use crate::cache::{Cache, Key};

/// What statements name, by their text. Statements that are wrong are not in it.
#[derive(Default)]
pub struct NamesMemory(Memory<Named>);

impl NamesMemory {
    /// An empty one where none is kept.
    pub(crate) fn read(cache: &Cache, key: &Key) -> Self {
        NamesMemory(Memory::of(cache.read(key).unwrap_or_default()))
    }

    /// Keeps it, if there is anything new in it.
    pub(crate) fn write(self, cache: &Cache, key: &Key) {
        let Left { entries, has_new } = self.0.left();
        if has_new {
            cache.write(key, &entries);
        }
    }

    /// What a statement names. `tokens` are its own, without comments.
    ///
    /// # Errors
    /// As `named_in`.
    pub(super) fn named_in(&self, sql: &str, tokens: &[Token]) -> Result<Named, Failure> {
        self.0.recall(&[sql.as_bytes()], || named_in(sql, tokens), |_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;
    use crate::project::{LoadOptions, load};

    #[test]
    fn what_was_found_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("models")).unwrap();
        let cache = Cache::of(&load(root.path(), &LoadOptions::default()).unwrap().value);
        let key = cache.key("names", []);
        let sql = "select * from a, read_csv('b.csv'), query_table('s.c'), query(d)";
        let memory = NamesMemory::read(&cache, &key);
        let found = memory.named_in(sql, &tokens(sql)).unwrap();
        assert!(memory.named_in("from (", &tokens("from (")).is_err());
        memory.write(&cache, &key);
        let memory = NamesMemory::read(&cache, &key);
        // The tokens are not looked at: it was not found anew.
        assert_eq!(memory.named_in(sql, &[]).unwrap(), found);
        assert_eq!(found, named_in(sql, &tokens(sql)).unwrap());
    }
}
