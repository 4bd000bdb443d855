//! The books of a run: which steps are done, which may begin, and what does not come out.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::cancel::Cancellation;
use super::checks::Answer;
use super::event::{CheckReport, Event, Outcome, RunSummary, Withheld};
use super::materialize::Materializer;
use super::queue::{Queue, Ready};
use super::scheduler::{Message, RunOptions};
use crate::diagnostic::Code;
use crate::engine::{CheckRecord, Failure, FailureOutcome};
use crate::graph::checks::CheckId;
use crate::plan::{Plan, Step};

/// How often a waiting scheduler looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(50);
/// How long user code that was asked to stop may take before it is left behind.
const GRACE: Duration = Duration::from_secs(2);
/// How long it may take before somebody is told whom the end waits for, and may call it off.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is done, what goes on, and what waits for what.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    queue: Arc<Queue>,
    materializer: Arc<Materializer>,
    sink: &'a mut dyn FnMut(&Event),
    fail_fast: bool,
    stop: Cancellation,
    started: Instant,
    states: Vec<StepState>,
    /// Steps that wait for each step.
    waiters: Vec<Vec<usize>>,
    /// Steps that only come after each step, however it ends.
    followers: Vec<Vec<usize>>,
    running: usize,
    summary: RunSummary,
    /// What does not come out of the run.
    failures: Vec<Failure>,
    /// How checks came out that were published with nothing.
    checks: Vec<CheckRecord>,
    answered: HashSet<CheckId>,
}

#[derive(Debug, Clone, PartialEq)]
enum StepState {
    /// How many steps it still waits for.
    Waiting(usize),
    Queued,
    Done,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        (queue, materializer): (Arc<Queue>, Arc<Materializer>),
        options: &RunOptions,
        stop: Cancellation,
        sink: &'a mut dyn FnMut(&Event),
    ) -> Self {
        let mut waiters = vec![Vec::new(); plan.steps.len()];
        let mut followers = waiters.clone();
        for (index, step) in plan.steps.iter().enumerate() {
            step.waits_for.iter().for_each(|upstream| waiters[*upstream].push(index));
            step.follows.iter().for_each(|other| followers[*other].push(index));
        }
        let states = plan.steps.iter().map(|step| StepState::Waiting(step.waits_for.len() + step.follows.len()));
        Run {
            plan,
            queue,
            materializer,
            sink,
            fail_fast: options.fail_fast,
            stop,
            started: Instant::now(),
            states: states.collect(),
            waiters,
            followers,
            running: 0,
            summary: RunSummary { run: options.run.clone(), ..RunSummary::default() },
            failures: Vec::new(),
            checks: Vec::new(),
            answered: HashSet::new(),
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        (self.sink)(&event);
    }

    pub(super) fn start_ready(&mut self) {
        let ready: Vec<usize> =
            (0..self.states.len()).filter(|index| self.states[*index] == StepState::Waiting(0)).collect();
        self.offer(&ready);
    }

    fn offer(&mut self, steps: &[usize]) {
        for step in steps {
            self.states[*step] = StepState::Queued;
        }
        self.running += steps.len();
        let (plan, since) = (self.plan, Instant::now());
        self.queue.push(steps.iter().map(|index| {
            let step = &plan.steps[*index];
            Ready { height: step.height, step: Reverse(*index), asset: step.asset, since }
        }));
    }

    /// Takes messages until all steps are done, or until a cancelled run's grace is over: its time is up, or somebody asked
    /// for the end again.
    pub(super) fn follow(&mut self, received: &Receiver<Message>, cancellation: &Cancellation) {
        cancellation.heed();
        let mut stopped: Option<Instant> = None;
        let mut is_told = false;
        while self.running > 0 {
            if cancellation.is_cancelled() && !self.summary.interrupted {
                self.summary.interrupted = true;
                self.stop.cancel();
            }
            if self.stop.is_cancelled() {
                self.interrupt_workers();
                let waited = stopped.get_or_insert_with(Instant::now).elapsed();
                // What listens has ended by then, also where one Ctrl-C reaches the process twice, by way of its parent.
                let is_patient = waited < PATIENCE;
                if waited >= GRACE || (cancellation.is_urgent() && !is_patient) {
                    return;
                }
                if !is_patient && self.summary.interrupted && !is_told {
                    self.emit(Event::Stopping { assets: self.still_running() });
                    is_told = true;
                }
            }
            match received.recv_timeout(POLL) {
                Ok(Message::Event(event)) => self.emit(event),
                Ok(Message::Done { step, outcome, elapsed, answers }) => {
                    self.answered(&outcome, answers);
                    self.done(step, outcome, elapsed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn still_running(&self) -> Vec<String> {
        let running = (0..self.states.len()).filter(|step| self.states[*step] == StepState::Queued);
        running.map(|step| self.name(step)).collect()
    }

    /// Again and again, since a statement that starts right after an interrupt does not hear it.
    fn interrupt_workers(&mut self) {
        let context = &self.materializer.context;
        context.engine.cancel();
        if let Some(python) = &context.python {
            python.cancel();
        }
        for unstarted in self.queue.drain() {
            self.done(unstarted.step.0, Outcome::Cancelled, Duration::ZERO);
        }
    }

    fn done(&mut self, step: usize, outcome: Outcome, elapsed: Duration) {
        self.running -= 1;
        let succeeded = matches!(outcome, Outcome::Materialized { .. } | Outcome::Unchanged | Outcome::Asked);
        let failed = matches!(outcome, Outcome::Failed(_) | Outcome::AskedInVain { .. });
        let because = match &outcome {
            Outcome::AskedInVain { failed } => failed.first().cloned().unwrap_or_default(),
            _ => self.name(step),
        };
        self.close_step(step, outcome, elapsed);
        if failed && self.fail_fast {
            self.stop.cancel();
        }
        if succeeded {
            let waiters = self.waiters[step].clone();
            self.release(&waiters);
        } else if failed {
            self.skip_descendants(step, &because);
        }
        let followers = self.followers[step].clone();
        self.release(&followers);
    }

    fn close_step(&mut self, step: usize, outcome: Outcome, elapsed: Duration) {
        self.states[step] = StepState::Done;
        match &outcome {
            Outcome::Materialized { .. } => self.summary.materialized += 1,
            Outcome::Unchanged => self.summary.unchanged += 1,
            Outcome::Failed(_) => self.summary.failed += 1,
            Outcome::Skipped { .. } => self.summary.skipped += 1,
            Outcome::Cancelled => self.summary.cancelled += 1,
            Outcome::Asked | Outcome::AskedInVain { .. } => {}
        }
        let plan = self.plan;
        let Step { checks, .. } = &plan.steps[step];
        self.unasked(checks, &outcome);
        // What is not built has no end of its own.
        if !plan.steps[step].builds() {
            return;
        }
        let node = self.materializer.context.graph.node(self.plan.steps[step].asset);
        let (asset, kind, materialized) = (node.name.to_string(), node.kind, node.materialized);
        self.failures.extend(failure(&self.summary.run, &asset, &outcome, elapsed));
        self.emit(Event::AssetFinished { asset, kind, materialized, elapsed, outcome });
    }

    /// Takes down how checks came out, and tells it. What is published has written its answers already.
    fn answered(&mut self, outcome: &Outcome, answers: Vec<Answer>) {
        for Answer { check, record, problem, place } in answers {
            self.summary.checks.count(&record);
            self.answered.insert(check);
            if !matches!(outcome, Outcome::Materialized { .. }) {
                self.checks.push(record.clone());
            }
            let materializer = Arc::clone(&self.materializer);
            let asked = materializer.context.graph.check(check);
            let report = CheckReport {
                test: asked.test.clone(),
                column: asked.column.clone(),
                question: asked.in_words(&materializer.context.graph),
                severity: asked.severity,
                place: place.unwrap_or_else(|| asked.place.clone()),
                record,
                problem,
            };
            self.emit(Event::CheckFinished { report: Box::new(report) });
        }
    }

    /// The checks of a step that did not come so far.
    fn unasked(&mut self, checks: &[CheckId], outcome: &Outcome) {
        let because = match outcome {
            Outcome::Skipped { because } => because.clone(),
            Outcome::Cancelled => String::new(),
            // Its checks are why, or were never asked since its query failed.
            Outcome::Failed(problem) if problem.code != Code::CheckFailed => String::new(),
            _ => return,
        };
        let materializer = Arc::clone(&self.materializer);
        let graph = &materializer.context.graph;
        // Those of a view may be why what it shows was not published.
        for id in checks.iter().filter(|id| !self.answered.contains(id)).copied().collect::<Vec<_>>() {
            let check = graph.check(id);
            self.summary.checks.skipped += 1;
            let asset = graph.node(check.asset).name.to_string();
            let because = if because.is_empty() { asset.clone() } else { because.clone() };
            self.emit(Event::CheckSkipped { check: check.name.to_string(), asset, because });
        }
    }

    /// Steps for which one less is to be waited for.
    fn release(&mut self, waiting: &[usize]) {
        let mut ready = Vec::new();
        for waiter in waiting {
            if let StepState::Waiting(count) = &mut self.states[*waiter] {
                *count -= 1;
                if *count == 0 && !self.stop.is_cancelled() {
                    ready.push(*waiter);
                }
            }
        }
        self.offer(&ready);
    }

    fn skip_descendants(&mut self, failed: usize, because: &str) {
        let mut stack = self.waiters[failed].clone();
        let mut skipped = Vec::new();
        while let Some(step) = stack.pop() {
            if matches!(self.states[step], StepState::Waiting(_)) {
                self.close_step(step, Outcome::Skipped { because: because.to_owned() }, Duration::ZERO);
                stack.extend(self.waiters[step].clone());
                skipped.push(step);
            }
        }
        for step in skipped {
            let followers = self.followers[step].clone();
            self.release(&followers);
        }
    }

    fn name(&self, step: usize) -> String {
        self.materializer.context.graph.node(self.plan.steps[step].asset).name.to_string()
    }

    /// User code did not stop in time: its thread is left behind, its transaction open and never committed.
    pub(super) fn is_stuck(&self) -> bool {
        self.running > 0
    }

    pub(super) fn finish(mut self) -> (RunSummary, Vec<Failure>, Vec<CheckRecord>) {
        self.summary.is_stuck = self.is_stuck();
        for step in 0..self.states.len() {
            if self.states[step] != StepState::Done {
                self.close_step(step, Outcome::Cancelled, Duration::ZERO);
            }
        }
        self.publish();
        self.summary.elapsed = self.started.elapsed();
        let summary = self.summary.clone();
        self.emit(Event::RunFinished { summary: summary.clone() });
        (summary, self.failures, self.checks)
    }
}

impl Run<'_> {
    /// Makes a run that is published as one visible, if all of it is there.
    fn publish(&mut self) {
        let materializer = Arc::clone(&self.materializer);
        let Some(staging) = &materializer.staging else { return };
        let withheld = |error| Withheld { staged: staging.len(), error };
        if !self.summary.is_success() || self.summary.interrupted {
            self.summary.withheld = Some(withheld(None));
        } else if staging.len() > 0
            && let Err(error) = materializer.publish_run(staging)
        {
            self.summary.withheld = Some(withheld(Some(error)));
        }
        if self.summary.withheld.is_some() {
            self.summary.materialized = 0;
            let run = self.summary.run.clone();
            self.failures.extend(staging.assets().into_iter().map(|asset| unpublished(&run, asset)));
        }
    }
}

/// What is kept of an asset that was built in a run of which nothing was published.
fn unpublished(run: &str, asset: String) -> Failure {
    Failure {
        run: run.to_owned(),
        asset,
        outcome: FailureOutcome::Skipped,
        seconds: 0.0,
        code: None,
        message: Some("it was built, and nothing of the run was published".to_owned()),
    }
}

/// What is kept of an asset that did not come out.
fn failure(run: &str, asset: &str, outcome: &Outcome, elapsed: Duration) -> Option<Failure> {
    let (kind, error) = match outcome {
        Outcome::Materialized { .. } | Outcome::Unchanged | Outcome::Asked | Outcome::AskedInVain { .. } => {
            return None;
        }
        Outcome::Failed(error) => (FailureOutcome::Failed, Some(error)),
        Outcome::Skipped { .. } => (FailureOutcome::Skipped, None),
        Outcome::Cancelled => (FailureOutcome::Cancelled, None),
    };
    Some(Failure {
        run: run.to_owned(),
        asset: asset.to_owned(),
        outcome: kind,
        seconds: elapsed.as_secs_f64(),
        code: error.map(|error| error.code.to_string()),
        message: match outcome {
            Outcome::Skipped { because } => Some(format!("`{because}` failed")),
            _ => error.map(|error| error.message.clone()),
        },
    })
}
