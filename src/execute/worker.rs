//! A worker takes steps from the queue and tells the scheduler how they came out.
//!
//! Quick neighbours share a transaction: its commit and the writing of their records cost as much for many as for one.
//! It takes only what is ready and, as far as one can know, quick. What happens to one of them happens to it alone: when
//! building or publishing fails, all of them are built again, each by itself.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::checks::Answer;
use super::event::{Event, Outcome};
use super::materialize::{Built, Failure, Materializer, Ran};
use super::queue::{Queue, Ready};
use super::scheduler::Message;
use crate::engine::Session;
use crate::graph::checks::CheckId;

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
    built: Built,
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
        if self.materializer.asked.contains(&ready.asset) {
            return self.ask(&ready, &|_| true, Outcome::Asked);
        }
        if self.materializer.is_unchanged(ready.asset) {
            let materializer = Arc::clone(&self.materializer);
            return self.ask(&ready, &|id| !materializer.is_answered(id), Outcome::Unchanged);
        }
        let node = self.materializer.context.graph.node(ready.asset);
        self.emit(Event::AssetStarted { asset: node.name.to_string(), kind: node.kind });
        if let Some(problem) = self.materializer.context.refused.get(&ready.asset) {
            return self.done(&ready, Outcome::Failed(Box::new(problem.clone())), Duration::ZERO, Vec::new());
        }
        if self.held.is_empty() {
            return self.begin(ready, OPEN_FOR);
        }
        let start = Instant::now();
        match self.materializer.join(ready.asset, &mut self.session, &self.events) {
            Some(built) => self.hold(ready, start.elapsed(), built),
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
            Ran::Built(built) => self.hold(ready, elapsed, *built),
            Ran::Over(outcome, answers) => self.done(&ready, outcome, elapsed, answers),
        }
    }

    /// Asks checks of what stands; `outcome` is that of the step where all of them let it pass.
    fn ask(&mut self, ready: &Ready, wanted: &dyn Fn(CheckId) -> bool, outcome: Outcome) {
        if !self.held.is_empty() {
            // They are to see what this transaction has built, too.
            self.publish();
        }
        let start = Instant::now();
        match self.materializer.ask_standing(ready.asset, wanted, &mut self.session, &self.events) {
            Ok(answers) => {
                let failed = answers.iter().filter(|answer| answer.record.status.blocks());
                let failed: Vec<String> = failed.map(|answer| answer.record.check.clone()).collect();
                let outcome = if failed.is_empty() { outcome } else { Outcome::AskedInVain { failed } };
                self.done(ready, outcome, start.elapsed(), answers);
            }
            Err(Failure::Cancelled) => self.done(ready, Outcome::Cancelled, start.elapsed(), Vec::new()),
            Err(Failure::Diagnosed(error) | Failure::Unfit(error, _)) => {
                self.done(ready, Outcome::Failed(error), start.elapsed(), Vec::new());
            }
        }
    }

    fn hold(&mut self, ready: Ready, elapsed: Duration, built: Built) {
        self.held.push(Held { ready, elapsed, built });
    }

    fn publish(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (steps, built): (Vec<(Ready, Duration)>, Vec<Built>) =
            held.into_iter().map(|held| ((held.ready, held.elapsed), held.built)).unzip();
        let published =
            self.session.as_mut().is_some_and(|session| self.materializer.publish(session.as_mut(), &built).is_ok());
        for ((ready, elapsed), built) in steps.into_iter().zip(built) {
            if published {
                let Built { record, answers, .. } = built;
                let outcome = Outcome::Materialized { rows: record.rows, metadata: record.metadata };
                self.done(&ready, outcome, elapsed, answers);
            } else {
                self.begin(ready, Duration::ZERO);
            }
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

    fn done(&self, ready: &Ready, outcome: Outcome, elapsed: Duration, answers: Vec<Answer>) {
        let _ = self.events.send(Message::Done { step: ready.step.0, outcome, elapsed, answers });
    }
}
