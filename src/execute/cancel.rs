//! How a run is asked to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A switch that ends a run; cloned into whatever may throw it (such as the handler of Ctrl-C).
#[derive(Debug, Clone, Default)]
pub struct Cancellation {
    /// How often somebody asked for the end.
    asked: Arc<AtomicUsize>,
    is_heeded: Arc<AtomicBool>,
}

impl Cancellation {
    pub fn cancel(&self) {
        self.asked.fetch_max(1, Ordering::SeqCst);
    }

    /// Asks for the end once more, and says whether it is time to end without order: nobody heeds the switch, or it was
    /// thrown before, and before that. Does nothing that the handler of a signal may not do.
    pub fn ask(&self) -> bool {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        before >= if self.is_heeded.load(Ordering::SeqCst) { 2 } else { 1 }
    }

    /// Promises to look at the switch all the time from now on.
    pub fn heed(&self) {
        self.is_heeded.store(true, Ordering::SeqCst);
    }

    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > 0
    }

    /// True when somebody asked again: no time is given any more.
    pub fn is_urgent(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_hurries_whoever_listens_and_ends_whoever_does_not() {
        let deaf = Cancellation::default();
        assert_eq!([deaf.ask(), deaf.ask()], [false, true]);
        let heeded = Cancellation::default();
        heeded.heed();
        assert!(!heeded.ask() && heeded.is_cancelled() && !heeded.is_urgent());
        assert!(!heeded.ask() && heeded.is_urgent());
        assert!(heeded.ask());
    }
}
