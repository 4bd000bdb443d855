//! Steps that are ready, on their way from the scheduler to its workers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::graph::NodeId;

/// How often a worker without a step offers its help.
const IDLE: Duration = Duration::from_micros(500);

/// A step that can be run: all that it waits for is done, and published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ready {
    /// How long the chain is that waits for it: the longest goes first.
    pub height: usize,
    /// Its place in the plan: of two the earlier goes first.
    pub step: Reverse<usize>,
    pub asset: NodeId,
    /// Since when.
    pub since: Instant,
}

/// Shared by the scheduler and its workers.
#[derive(Default)]
pub(super) struct Queue {
    steps: Mutex<Steps>,
    changed: Condvar,
}

#[derive(Default)]
struct Steps {
    ready: BinaryHeap<Ready>,
    is_closed: bool,
}

impl Queue {
    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, ready: impl IntoIterator<Item = Ready>) {
        let mut steps = self.steps();
        for step in ready {
            steps.ready.push(step);
            self.changed.notify_one();
        }
    }

    /// The next step; `None` when there are no more. Meanwhile `help` is called, again as long as it was of use.
    pub fn pop(&self, mut help: impl FnMut() -> bool) -> Option<Ready> {
        let mut steps = self.steps();
        loop {
            if steps.is_closed {
                return None;
            }
            if let Some(ready) = steps.ready.pop() {
                return Some(ready);
            }
            drop(steps);
            let was_of_use = help();
            steps = self.steps();
            if !was_of_use && steps.ready.is_empty() && !steps.is_closed {
                let waited = self.changed.wait_timeout(steps, IDLE);
                steps = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// The next step, if it is there and wanted.
    pub fn pop_if(&self, is_wanted: impl FnOnce(&Ready) -> bool) -> Option<Ready> {
        let mut steps = self.steps();
        if steps.is_closed || !steps.ready.peek().is_some_and(is_wanted) {
            return None;
        }
        steps.ready.pop()
    }

    /// Takes all steps that no worker has taken.
    pub fn drain(&self) -> Vec<Ready> {
        self.steps().ready.drain().collect()
    }

    /// Sends the workers home.
    pub fn close(&self) {
        self.steps().is_closed = true;
        self.changed.notify_all();
    }
}
