//! Runs the steps of a plan on worker threads: a step starts when those before it are done, longest chain first.
//!
//! The scheduler knows nothing of SQL and Python: a worker asks `materialize` for an asset and gets an outcome.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::books::Run;
use super::cancel::Cancellation;
use super::checks::Answer;
use super::event::{Event, Outcome, RunSummary};
use super::foreign;
use super::materialize::{Materializer, microseconds};
use super::parts::Parts;
use super::queue::Queue;
use super::runtime::PythonRuntime;
use super::staging::Staging;
use super::worker::Worker;
use crate::diagnostic::Diagnostic;
use crate::engine::{CheckRecord, Column, Engine, EngineError, RunEnd, RunStart, SchemaName, Surroundings};
use crate::fingerprint::CodeVersion;
use crate::graph::{AssetGraph, Materialized, NodeId};
use crate::plan::staleness::is_as_recorded;
use crate::plan::{Plan, Reason};
use crate::project::{Project, Publish};
use crate::record::{Observer, Records, Standing, outside_of};
use crate::template::TemplateEnvironment;

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
    pub records: Option<Records>,
    /// How the sources are seen, where somebody has looked at them.
    pub observer: Option<Observer>,
    /// The versions of what checks ask, by their names.
    pub check_versions: HashMap<String, String>,
    /// How checks came out before, by their names, where the plan was made from that.
    pub checked: HashMap<String, CheckRecord>,
    /// Assets that may not be built, with the reason: unit tests of theirs that failed.
    pub refused: HashMap<NodeId, Diagnostic>,
    /// The columns that assets will have, as far as a check has found them.
    pub columns: HashMap<NodeId, Vec<Column>>,
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
    let checks = plan.checks().map(|id| context.graph.check(id));
    let read = checks.flat_map(|check| check.reads.iter().chain(&check.shown));
    let assets = plan.steps.iter().map(|step| step.asset).chain(read.copied());
    let standing = match context.records.take() {
        Some(records) => Standing::of(records),
        None => Standing::read(context.engine.as_ref(), &context.graph, assets)?,
    };
    distrust_altered(&context, plan, &standing)?;
    let replaced = foreign::replaced(&context, plan, &standing)?;
    let pending = plan.steps.iter().filter(|step| step.reason == Reason::Pending).map(|step| step.asset).collect();
    let asked = plan.steps.iter().filter(|step| !step.builds()).map(|step| step.asset).collect();
    let checks = plan.steps.iter().map(|step| (step.asset, step.checks.clone())).collect();
    let guards = plan.steps.iter().map(|step| (step.asset, step.guards.clone())).collect();
    let builds = plan.built().collect();
    let observer = context.observer.take().unwrap_or_else(|| Observer::new(&context.project.root));
    let parts = Parts::of(std::mem::take(&mut context.columns));
    let (events, received) = channel();
    let stop = Cancellation::default();
    let materializer = Arc::new(Materializer {
        context,
        standing,
        observer,
        parts,
        pending,
        checks,
        guards,
        builds,
        asked,
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
    let (summary, failures, checks) = run.finish();
    let has_answers = !checks.is_empty();
    let ended = engine.end_run(&RunEnd {
        run: options.run.clone(),
        finished_at: microseconds(SystemTime::now()),
        status: summary.status(),
        failures,
        checks,
    });
    // What made a run fail, such as a full disk, may forbid this too. Its errors are shown, and it counts as not ended. But
    // what checks have found is written here alone.
    if summary.is_success() || has_answers {
        ended.map_err(|error| {
            let message = format!("how the run ended cannot be written down: {}", error.message);
            EngineError { message, ..error }
        })?;
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
    let relations = plan.steps.iter().filter(|step| step.builds()).map(|step| &graph.node(step.asset).relation);
    relations.map(|relation| (relation.database.clone(), relation.schema.clone())).collect()
}

/// What a worker tells the scheduler.
pub(super) enum Message {
    Event(Event),
    Done { step: usize, outcome: Outcome, elapsed: Duration, answers: Vec<Answer> },
}

fn spawn_worker(worker: Worker) -> JoinHandle<()> {
    std::thread::spawn(move || worker.work())
}
