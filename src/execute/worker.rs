//! A worker takes steps from the queue and tells the scheduler how they came out.
//!
//! Quick neighbours share a transaction: its commit and the writing of their records cost as much for many as for one.
//! It takes only what is ready and, as far as one can know, quick. What happens to one of them happens to it alone: when
//! building or publishing fails, all of them are built again, each by itself.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::event::{Event, Outcome};
use super::materialize::{Materializer, Ran};
use super::queue::{Queue, Ready};
use super::scheduler::Message;
use crate::engine::{MaterializationRecord, Session};

/// How long a transaction may take in more assets.
const OPEN_FOR: Duration = Duration::from_millis(20);

pub(super) struct Worker {
    queue: Arc<Queue>,
    materializer: Arc<Materializer>,
    events: Sender<Message>,
    /// Opened for the first asset.
    session: Option<Box<dyn Session>>,
    /// Built in the session's open transaction, and not published.
    held: Vec<Held>,
    /// Not after the open transaction began.
    began: Instant,
}

struct Held {
    ready: Ready,
    elapsed: Duration,
    record: MaterializationRecord,
}

impl Worker {
    pub fn new(queue: &Arc<Queue>, materializer: &Arc<Materializer>, events: &Sender<Message>) -> Self {
        Worker {
            queue: Arc::clone(queue),
            materializer: Arc::clone(materializer),
            events: events.clone(),
            session: None,
            held: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Works until there is nothing more to do.
    pub fn work(mut self) {
        while let Some(ready) = self.next() {
            self.take(ready);
        }
    }

    fn next(&mut self) -> Option<Ready> {
        if !self.held.is_empty() {
            if let Some(ready) = self.queue.pop_if(|ready| self.may_join(ready)) {
                return Some(ready);
            }
            self.publish();
        }
        self.queue.pop(|| self.session.as_mut().is_some_and(|session| session.help()))
    }

    /// Whether a step may be built in the open transaction, which sees what was published before it began.
    fn may_join(&self, ready: &Ready) -> bool {
        ready.since <= self.began && self.began.elapsed() < OPEN_FOR && self.materializer.is_quick(ready.asset)
    }

    fn take(&mut self, ready: Ready) {
        if self.materializer.is_unchanged(ready.asset) {
            return self.done(&ready, Outcome::Unchanged, Duration::ZERO);
        }
        let node = self.materializer.context.graph.node(ready.asset);
        self.emit(Event::AssetStarted { asset: node.name.to_string(), kind: node.kind });
        if self.held.is_empty() {
            return self.begin(ready, OPEN_FOR);
        }
        let start = Instant::now();
        match self.materializer.join(ready.asset, &mut self.session, &self.events) {
            Some(record) => self.hold(ready, start.elapsed(), record),
            None => {
                self.build_again();
                self.begin(ready, OPEN_FOR);
            }
        }
    }

    /// Runs a step in a transaction of its own, which stays open for others when it took less than this.
    fn begin(&mut self, ready: Ready, open_for: Duration) {
        self.began = Instant::now();
        let is_short = || self.began.elapsed() < open_for;
        let ran = self.materializer.run(ready.asset, &mut self.session, &self.events, &is_short);
        let elapsed = self.began.elapsed();
        match ran {
            Ran::Built(record) => self.hold(ready, elapsed, *record),
            Ran::Over(outcome) => self.done(&ready, outcome, elapsed),
        }
    }

    fn hold(&mut self, ready: Ready, elapsed: Duration, record: MaterializationRecord) {
        self.held.push(Held { ready, elapsed, record });
    }

    fn publish(&mut self) {
        let held = std::mem::take(&mut self.held);
        let records: Vec<MaterializationRecord> = held.iter().map(|held| held.record.clone()).collect();
        if self.session.as_mut().is_some_and(|session| self.materializer.publish(session.as_mut(), records).is_ok()) {
            for Held { ready, elapsed, record } in held {
                let outcome = Outcome::Materialized { rows: record.rows, metadata: record.metadata };
                self.done(&ready, outcome, elapsed);
            }
        } else {
            self.held = held;
            self.build_again();
        }
    }

    /// After a failure that took what is held with it.
    fn build_again(&mut self) {
        for Held { ready, .. } in std::mem::take(&mut self.held) {
            self.begin(ready, Duration::ZERO);
        }
    }

    fn emit(&self, event: Event) {
        // The scheduler is gone only when the process is about to end.
        let _ = self.events.send(Message::Event(event));
    }

    fn done(&self, ready: &Ready, outcome: Outcome, elapsed: Duration) {
        let _ = self.events.send(Message::Done { step: ready.step.0, outcome, elapsed });
    }
}
