//! Runs the steps of a plan on worker threads: a step starts when those before it are done, longest chain first.
//!
//! The scheduler knows nothing of SQL and Python: a worker asks `materialize` for an asset and gets an outcome.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::cancel::Cancellation;
use super::event::{Event, Outcome, RunSummary, Withheld};
use super::foreign;
use super::materialize::{Materializer, microseconds};
use super::queue::{Queue, Ready};
use super::runtime::PythonRuntime;
use super::staging::Staging;
use super::worker::Worker;
use crate::engine::{
    Engine, EngineError, Failure, FailureOutcome, Recorded, RunEnd, RunStart, SchemaName, Surroundings,
};
use crate::fingerprint::CodeVersion;
use crate::graph::{AssetGraph, Materialized, NodeId};
use crate::plan::staleness::is_as_recorded;
use crate::plan::{Plan, Reason};
use crate::project::{Project, Publish};
use crate::record::{Observer, Standing, outside_of};
use crate::template::TemplateEnvironment;

/// How often a waiting scheduler looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(50);
/// How long user code that was asked to stop may take before it is left behind.
const GRACE: Duration = Duration::from_secs(2);
/// How long it may take before somebody is told whom the end waits for, and may call it off.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The run's id, unique in the project.
    pub run: String,
    /// The command that asked for it.
    pub command: String,
    pub surroundings: Surroundings,
    pub threads: usize,
    /// When what is built becomes visible.
    pub publish: Publish,
    /// Stop everything at the first failure.
    pub fail_fast: bool,
}

/// What a run works with; shared by its workers.
pub struct RunContext {
    pub project: Arc<Project>,
    pub graph: Arc<AssetGraph>,
    pub templates: Arc<TemplateEnvironment>,
    pub engine: Arc<dyn Engine>,
    pub python: Option<Arc<dyn PythonRuntime>>,
    /// Of every asset of the plan.
    pub code_versions: HashMap<NodeId, CodeVersion>,
    /// The versions of third-party packages, by the names of their modules.
    pub packages: BTreeMap<String, String>,
    /// The newest record of every asset, where the plan was made from them.
    pub records: Option<Vec<Recorded>>,
    /// How the sources are seen, where somebody has looked at them.
    pub observer: Option<Observer>,
}

/// Executes a plan. `sink` gets every event, in order, on the calling thread.
///
/// Failures of assets are outcomes, not errors: the summary counts them.
///
/// # Errors
/// When the database refuses the schemas that the plan needs, or its state cannot be read or written.
pub fn execute(
    mut context: RunContext,
    plan: &Plan,
    options: &RunOptions,
    cancellation: &Cancellation,
    sink: &mut dyn FnMut(&Event),
) -> Result<RunSummary, EngineError> {
    let threads = options.threads.clamp(1, plan.steps.len().max(1));
    context.engine.prepare(&schemas(&context.graph, plan), threads)?;
    // What an earlier run left can be looked at until now.
    context.engine.discard_staged()?;
    let assets = plan.steps.iter().map(|step| step.asset);
    let standing = match context.records.take() {
        Some(records) => Standing::of(records),
        None => Standing::read(context.engine.as_ref(), &context.graph, assets)?,
    };
    distrust_altered(&context, plan, &standing)?;
    let replaced = foreign::replaced(&context, plan, &standing)?;
    let pending = plan.steps.iter().filter(|step| step.reason == Reason::Pending).map(|step| step.asset).collect();
    let observer = context.observer.take().unwrap_or_else(|| Observer::new(&context.project.root));
    let (events, received) = channel();
    let stop = Cancellation::default();
    let materializer = Arc::new(Materializer {
        context,
        standing,
        observer,
        pending,
        run: options.run.clone(),
        staging: (options.publish == Publish::Run).then(|| Staging::new(&options.run)),
        stop: stop.clone(),
    });
    let queue = Arc::new(Queue::default());
    let engine = Arc::clone(&materializer.context.engine);
    engine.begin_run(&RunStart {
        run: options.run.clone(),
        command: options.command.clone(),
        started_at: microseconds(SystemTime::now()),
        publish: options.publish,
        surroundings: options.surroundings.clone(),
    })?;
    let mut run = Run::new(plan, (Arc::clone(&queue), Arc::clone(&materializer)), options, stop, sink);
    run.emit(Event::RunStarted { run: options.run.clone(), total: plan.steps.len(), threads });
    replaced.into_iter().for_each(|event| run.emit(event));
    run.start_ready();
    let workers: Vec<_> = (0..threads).map(|_| spawn_worker(Worker::new(&queue, &materializer, &events))).collect();
    run.follow(&received, cancellation);
    queue.close();
    if !run.is_stuck() {
        for worker in workers {
            // A worker's panics are caught per asset; one that dies all the same has nothing more to say.
            let _ = worker.join();
        }
    }
    let (summary, failures) = run.finish();
    let ended = engine.end_run(&RunEnd {
        run: options.run.clone(),
        finished_at: microseconds(SystemTime::now()),
        status: summary.status(),
        failures,
    });
    // What made a run fail, such as a full disk, may forbid this too. Its errors are shown, and it counts as not ended.
    if summary.is_success() {
        ended?;
    }
    Ok(summary)
}

/// What the run reads and does not build may have been altered by hand: then nobody knows in which version it is read.
fn distrust_altered(context: &RunContext, plan: &Plan, standing: &Standing) -> Result<(), EngineError> {
    let graph = &context.graph;
    for id in outside_of(graph, plan.steps.iter().map(|step| step.asset)) {
        let node = graph.node(id);
        let is_relation = matches!(node.materialized, Materialized::Table | Materialized::View);
        let Some(record) = standing.record(node.name.as_str()).filter(|_| is_relation) else { continue };
        let found = context.engine.relation(&node.relation)?;
        if !is_as_recorded(&record, found.as_ref()) {
            standing.distrust(node.name.as_str());
        }
    }
    Ok(())
}

/// Schemas that must exist before the steps run.
fn schemas(graph: &AssetGraph, plan: &Plan) -> BTreeSet<SchemaName> {
    let relations = plan.steps.iter().map(|step| &graph.node(step.asset).relation);
    relations.map(|relation| (relation.database.clone(), relation.schema.clone())).collect()
}

/// What a worker tells the scheduler.
pub(super) enum Message {
    Event(Event),
    Done { step: usize, outcome: Outcome, elapsed: Duration },
}

fn spawn_worker(worker: Worker) -> JoinHandle<()> {
    std::thread::spawn(move || worker.work())
}

/// The scheduler's own books.
struct Run<'a> {
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
    running: usize,
    summary: RunSummary,
    /// What does not come out of the run.
    failures: Vec<Failure>,
}

#[derive(Debug, Clone, PartialEq)]
enum StepState {
    /// How many steps it still waits for.
    Waiting(usize),
    Queued,
    Done,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        (queue, materializer): (Arc<Queue>, Arc<Materializer>),
        options: &RunOptions,
        stop: Cancellation,
        sink: &'a mut dyn FnMut(&Event),
    ) -> Self {
        let mut waiters = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for upstream in &step.waits_for {
                waiters[*upstream].push(index);
            }
        }
        Run {
            plan,
            queue,
            materializer,
            sink,
            fail_fast: options.fail_fast,
            stop,
            started: Instant::now(),
            states: plan.steps.iter().map(|step| StepState::Waiting(step.waits_for.len())).collect(),
            waiters,
            running: 0,
            summary: RunSummary { run: options.run.clone(), ..RunSummary::default() },
            failures: Vec::new(),
        }
    }

    fn emit(&mut self, event: Event) {
        (self.sink)(&event);
    }

    fn start_ready(&mut self) {
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
    fn follow(&mut self, received: &Receiver<Message>, cancellation: &Cancellation) {
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
                Ok(Message::Done { step, outcome, elapsed }) => self.done(step, outcome, elapsed),
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
        let succeeded = matches!(outcome, Outcome::Materialized { .. } | Outcome::Unchanged);
        let failed = matches!(outcome, Outcome::Failed(_));
        self.close_step(step, outcome, elapsed);
        if failed && self.fail_fast {
            self.stop.cancel();
        }
        if succeeded {
            self.release(step);
        } else if failed {
            self.skip_descendants(step);
        }
    }

    fn close_step(&mut self, step: usize, outcome: Outcome, elapsed: Duration) {
        self.states[step] = StepState::Done;
        match &outcome {
            Outcome::Materialized { .. } => self.summary.materialized += 1,
            Outcome::Unchanged => self.summary.unchanged += 1,
            Outcome::Failed(_) => self.summary.failed += 1,
            Outcome::Skipped { .. } => self.summary.skipped += 1,
            Outcome::Cancelled => self.summary.cancelled += 1,
        }
        let node = self.materializer.context.graph.node(self.plan.steps[step].asset);
        let (asset, kind, materialized) = (node.name.to_string(), node.kind, node.materialized);
        self.failures.extend(failure(&self.summary.run, &asset, &outcome, elapsed));
        self.emit(Event::AssetFinished { asset, kind, materialized, elapsed, outcome });
    }

    fn release(&mut self, step: usize) {
        let mut ready = Vec::new();
        for waiter in self.waiters[step].clone() {
            if let StepState::Waiting(count) = &mut self.states[waiter] {
                *count -= 1;
                if *count == 0 && !self.stop.is_cancelled() {
                    ready.push(waiter);
                }
            }
        }
        self.offer(&ready);
    }

    fn skip_descendants(&mut self, failed: usize) {
        let because = self.name(failed);
        let mut stack = self.waiters[failed].clone();
        while let Some(step) = stack.pop() {
            if matches!(self.states[step], StepState::Waiting(_)) {
                self.close_step(step, Outcome::Skipped { because: because.clone() }, Duration::ZERO);
                stack.extend(self.waiters[step].clone());
            }
        }
    }

    fn name(&self, step: usize) -> String {
        self.materializer.context.graph.node(self.plan.steps[step].asset).name.to_string()
    }

    /// User code did not stop in time: its thread is left behind, its transaction open and never committed.
    fn is_stuck(&self) -> bool {
        self.running > 0
    }

    fn finish(mut self) -> (RunSummary, Vec<Failure>) {
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
        (summary, self.failures)
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
        Outcome::Materialized { .. } | Outcome::Unchanged => return None,
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
