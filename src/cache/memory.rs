//! Answers that follow from their questions alone, found again by the hash of everything that was asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::hash::of_pieces;

/// More entries than any project needs take longer to read than to find out again.
const MOST: usize = 50_000;

/// Answers by the hashes of their questions.
pub(crate) type Entries<T> = HashMap<u128, T>;

/// What is known from before, and what is asked for now; from several threads.
pub(crate) struct Memory<T> {
    known: Entries<T>,
    used: Mutex<Entries<T>>,
    has_new: AtomicBool,
}

/// What a memory leaves to the next one.
pub(crate) struct Left<T> {
    /// What was asked for, and of the rest what does not outgrow it.
    pub entries: Entries<T>,
    /// Whether some of it was not known before.
    pub has_new: bool,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory::of(Entries::new())
    }
}

impl<T> Memory<T> {
    pub fn of(known: Entries<T>) -> Self {
        Memory { known, used: Mutex::default(), has_new: AtomicBool::new(false) }
    }

    pub fn left(self) -> Left<T> {
        if !self.has_new.into_inner() {
            return Left { entries: self.known, has_new: false };
        }
        let mut entries = self.used.into_inner().unwrap_or_else(PoisonError::into_inner);
        let most = (2 * entries.len()).max(self.known.len()).min(MOST);
        for (hash, answer) in self.known {
            if entries.len() >= most {
                break;
            }
            entries.entry(hash).or_insert(answer);
        }
        Left { entries, has_new: true }
    }
}

impl<T: Clone> Memory<T> {
    /// What is known under these pieces, or what `ask` answers; that is kept where it `lasts`.
    ///
    /// # Errors
    /// Those of `ask`, which are not kept.
    pub fn recall<E>(
        &self,
        pieces: &[&[u8]],
        ask: impl FnOnce() -> Result<T, E>,
        lasts: impl FnOnce(&T) -> bool,
    ) -> Result<T, E> {
        let mut hash = [0; 16];
        hash.copy_from_slice(&of_pieces(pieces.iter().copied()).as_bytes()[..16]);
        let hash = u128::from_le_bytes(hash);
        let answer = match self.known.get(&hash) {
            Some(answer) => answer.clone(),
            None => {
                let answer = ask()?;
                if !lasts(&answer) {
                    return Ok(answer);
                }
                self.has_new.store(true, Ordering::Relaxed);
                answer
            }
        };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(memory: &Memory<usize>, question: &str) -> Option<usize> {
        let ask = || question.parse::<usize>();
        memory.recall(&[question.as_bytes()], ask, |answer| *answer != 7).ok()
    }

    #[test]
    fn answers_are_asked_for_once_and_what_lasts_is_left() {
        let memory = Memory::default();
        assert_eq!(["1", "2", "7", "x"].map(|question| asked(&memory, question)), [Some(1), Some(2), Some(7), None]);
        let Left { entries, has_new } = memory.left();
        assert!(has_new && entries.len() == 2);
        let memory = Memory::of(entries.into_iter().map(|(hash, answer)| (hash, answer + 10)).collect());
        assert_eq!((asked(&memory, "1"), asked(&memory, "7")), (Some(11), Some(7)));
        assert!(!memory.left().has_new);
    }

    #[test]
    fn what_nobody_asks_for_goes_in_time() {
        let mut entries = Entries::new();
        for number in 0..10 {
            let memory = Memory::of(entries);
            asked(&memory, "1");
            asked(&memory, &format!("1{number}"));
            entries = memory.left().entries;
        }
        assert_eq!(entries.len(), 4, "twice as many as were asked for the last time");
    }
}
