//! One asset, from its definition to its published data: what SQL, Python and seeds have in common.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::cancel::Cancellation;
use super::checks::{Answer, Unpublished};
use super::draft::Draft;
use super::event::{Event, Outcome};
use super::parts::Parts;
use super::scheduler::{Message, RunContext};
use super::staging::Staging;
use super::versions::{self, DataVersion, Found};
use super::{python, sql};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{
    CheckRecord, Content, EngineError, EngineErrorKind, Extent, Inputs, KeptFile, MaterializationRecord, PartsAsked,
    Recorded, Renaming, Session, StoredObject,
};
use crate::fingerprint::CodeVersion;
use crate::graph::checks::CheckId;
use crate::graph::{Body, Elsewhere, Materialized, Node, NodeId, RelationName};
use crate::plan::checks::is_answered;
use crate::plan::staleness::{is_as_recorded, is_as_written, reads_anew};
use crate::project::Values;
use crate::record::{Observer, Standing};

/// Waits between two tries grow by this factor, up to `LONGEST_WAIT` or to the first wait where that is longer.
const BACKOFF: u32 = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Materializes assets, on any worker.
pub(super) struct Materializer {
    pub(super) context: RunContext,
    pub(super) standing: Standing,
    pub(super) observer: Observer,
    pub(super) parts: Parts,
    /// Assets that are built only if what they read came out differently.
    pub(super) pending: HashSet<NodeId>,
    /// What is asked in the step of an asset.
    pub(super) checks: HashMap<NodeId, Vec<CheckId>>,
    /// What is asked in the step of an asset, and again in that of a view.
    pub(super) guards: HashMap<NodeId, Vec<CheckId>>,
    /// Assets that are built, or may be.
    pub(super) builds: HashSet<NodeId>,
    /// Assets that are not built: their checks are asked of what stands.
    pub(super) asked: HashSet<NodeId>,
    pub(super) run: String,
    /// Of a run that is published as one.
    pub(super) staging: Option<Staging>,
    /// Thrown when the run is to end early.
    pub(super) stop: Cancellation,
}

/// What building gave, before it is published.
#[derive(Default)]
pub(super) struct Staged {
    /// Of a table or a view.
    pub(super) content: Option<Content>,
    pub(super) metadata: Values,
    /// A data version that the project's own code gave.
    pub(super) given_version: Option<String>,
    /// The hash of an object's payload.
    pub(super) payload: Option<String>,
    /// Of an object.
    pub(super) bytes: Option<u64>,
    /// An object is stored when all else is known.
    pub(super) object: Option<StoredObject>,
    /// Of an object that is kept in a file.
    pub(super) draft: Option<Draft>,
}

impl Staged {
    pub(super) fn table(content: Content) -> Self {
        Staged { content: Some(content), ..Staged::default() }
    }

    fn rows(&self) -> Option<u64> {
        self.content.as_ref()?.rows
    }
}

/// How far an asset came.
pub(super) enum Ran {
    /// It is built in the session's open transaction, and still to be published.
    Built(Box<Built>),
    Over(Outcome, Vec<Answer>),
}

/// What is built, and how its checks came out.
pub(super) struct Built {
    pub(super) record: MaterializationRecord,
    pub(super) answers: Vec<Answer>,
    pub(super) draft: Option<Draft>,
}

/// Why an asset did not make it.
pub(super) enum Failure {
    Cancelled,
    Diagnosed(Box<Diagnostic>),
    /// It was built, and what it holds is not what its checks ask for.
    Unfit(Box<Diagnostic>, Vec<Answer>),
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::Diagnosed(Box::new(diagnostic))
    }
}

impl Materializer {
    /// Runs an asset with its retries. `session` is the worker's own, opened at its first asset.
    ///
    /// What shares a transaction with others is not published when `may_wait` says so after it was built.
    pub(super) fn run(
        &self,
        asset: NodeId,
        session: &mut Option<Box<dyn Session>>,
        events: &Sender<Message>,
        may_wait: &dyn Fn() -> bool,
    ) -> Ran {
        let node = self.context.graph.node(asset);
        let mut attempt = 1;
        loop {
            match self.attempt(asset, session, events, &|| may_wait() && self.shares(node)) {
                Ok(ran) => return ran,
                Err(Failure::Cancelled) => return Ran::Over(Outcome::Cancelled, Vec::new()),
                // The same would come out again.
                Err(Failure::Unfit(error, answers)) => return Ran::Over(Outcome::Failed(error), answers),
                Err(Failure::Diagnosed(error)) if self.stop.is_cancelled() || attempt > node.retry.count => {
                    return Ran::Over(Outcome::Failed(error), Vec::new());
                }
                Err(Failure::Diagnosed(error)) => {
                    let wait = wait_before(attempt, node.retry.delay);
                    attempt += 1;
                    let asset = node.name.to_string();
                    let _ = events.send(Message::Event(Event::AssetRetried { asset, attempt, wait, error: *error }));
                    self.sleep(wait);
                }
            }
        }
    }

    /// Builds an asset in the transaction that `session` has open. `None` when it failed, and the transaction with it.
    pub(super) fn join(
        &self,
        asset: NodeId,
        session: &mut Option<Box<dyn Session>>,
        events: &Sender<Message>,
    ) -> Option<Built> {
        match self.attempt(asset, session, events, &|| true) {
            Ok(Ran::Built(built)) => Some(*built),
            _ => None,
        }
    }

    /// Asks the checks of a step whose asset is not built: those that are `wanted`.
    pub(super) fn ask_standing(
        &self,
        asset: NodeId,
        wanted: &dyn Fn(CheckId) -> bool,
        session: &mut Option<Box<dyn Session>>,
        events: &Sender<Message>,
    ) -> Result<Vec<Answer>, Failure> {
        let checks: Vec<CheckId> = self.checks_of(asset).iter().copied().filter(|id| wanted(*id)).collect();
        if checks.is_empty() {
            return Ok(Vec::new());
        }
        let node = self.context.graph.node(asset);
        let session = self.opened(node, session)?;
        if let Some(staging) = &self.staging {
            staging.stand_in_for(self, (asset, None), &checks, session)?;
        }
        let answers = self.ask(&checks, None, session, events);
        session.abandon();
        answers
    }

    /// What is asked of an asset, or of what stands, in its step.
    pub(super) fn checks_of(&self, asset: NodeId) -> &[CheckId] {
        self.checks.get(&asset).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a check was asked of what stands as it is now, and let it pass.
    pub(super) fn is_answered(&self, id: CheckId) -> bool {
        let check = self.context.graph.check(id);
        let Some(before) = self.context.checked.get(check.name.as_str()) else { return false };
        let version = self.context.check_versions.get(check.name.as_str());
        let inputs = self.standing.inputs_of(&self.context.graph, &check.reads, &self.observer, None);
        is_answered(before, version.map(String::as_str), &inputs)
    }

    fn opened<'s>(
        &self,
        node: &Node,
        session: &'s mut Option<Box<dyn Session>>,
    ) -> Result<&'s mut dyn Session, Failure> {
        let session = match session {
            Some(session) => session,
            empty => empty.insert(self.context.engine.session().map_err(|error| self.engine_failure(node, &error))?),
        };
        Ok(session.as_mut())
    }

    /// Whether an asset is only to be built if what it reads came out differently, and it did not.
    pub(super) fn is_unchanged(&self, asset: NodeId) -> bool {
        self.pending.contains(&asset) && !self.reads_anew(asset)
    }

    fn reads_anew(&self, asset: NodeId) -> bool {
        let graph = &self.context.graph;
        let inputs = self.standing.inputs(graph, asset, &self.observer);
        let record = self.standing.record(graph.node(asset).name.as_str());
        record.is_none_or(|record| reads_anew(graph, &record, &inputs))
    }

    /// Sleeps, but not longer than the run.
    fn sleep(&self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end && !self.stop.is_cancelled() {
            std::thread::sleep((end - Instant::now()).min(Duration::from_millis(50)));
        }
    }

    fn attempt(
        &self,
        asset: NodeId,
        session: &mut Option<Box<dyn Session>>,
        events: &Sender<Message>,
        may_wait: &dyn Fn() -> bool,
    ) -> Result<Ran, Failure> {
        let node = self.context.graph.node(asset);
        // A panic is a bug of ours, but it must cost one asset and not the run.
        let result = catch_unwind(AssertUnwindSafe(|| self.build_and_publish(asset, session, events, may_wait)));
        let result = result.unwrap_or_else(|_| {
            let message = format!("dovetail itself failed while it materialized `{}`", node.name);
            Err(Diagnostic::error(Code::Internal, message).at(node.place.clone()).into())
        });
        if result.is_err()
            && let Some(session) = session
        {
            session.abandon();
        }
        result
    }

    fn build_and_publish(
        &self,
        asset: NodeId,
        session: &mut Option<Box<dyn Session>>,
        events: &Sender<Message>,
        may_wait: &dyn Fn() -> bool,
    ) -> Result<Ran, Failure> {
        let node = self.context.graph.node(asset);
        let started = SystemTime::now();
        let clock = Instant::now();
        // Before anything is read: what changes meanwhile is seen by the next look.
        let inputs = self.standing.inputs_of_build(&self.context.graph, asset, &self.observer);
        let session = self.opened(node, session)?;
        if let Some(staging) = &self.staging {
            staging.stand_in(self, asset, session)?;
            staging.stand_in_for(self, (asset, Some(asset)), self.checks_of(asset), session)?;
        }
        let before = self.standing.record(node.name.as_str());
        let hash_method = self.context.engine.capabilities().hash_method.as_str();
        let content_before = versions::content_before(session, node, before.as_deref(), hash_method);
        let mut staged = match &node.body {
            Body::Sql(compiled) => sql::build(self, node, compiled, session)?,
            Body::Python(compiled) => python::build(self, node, compiled, session, events)?,
            Body::Seed => sql::build_seed(self, node, session)?,
            Body::Source(_) => Staged::default(),
        };
        let version = self.version(node, &staged, (before.as_deref(), content_before.as_deref()));
        let renaming = self.renaming(node, before.as_deref()).map_err(|error| self.engine_failure(node, &error))?;
        let seconds = clock.elapsed().as_secs_f64();
        let record = self.record(asset, inputs, &staged, version, microseconds(started), seconds);
        let answers = self.answers(asset, (&record, &staged), session, events)?;
        let checks = answers.iter().map(|answer| answer.record.clone()).collect();
        let done = match &self.staging {
            Some(staging) => {
                staging.keep((asset, node), session, (record.clone(), renaming, checks), staged.object.as_ref())
            }
            None => complete(session, renaming, staged.object.as_ref()),
        };
        done.map_err(|error| self.engine_failure(node, &error))?;
        let built = match &self.staging {
            Some(staging) => {
                staging.keep_draft(staged.draft.take());
                Built { record, answers, draft: None }
            }
            None => Built { record, answers, draft: staged.draft.take() },
        };
        if may_wait() {
            return Ok(Ran::Built(Box::new(built)));
        }
        let answers = match &self.staging {
            Some(_) => {
                self.standing.learn(built.record.into());
                built.answers
            }
            None => {
                let published = self.publish(session, std::slice::from_ref(&built));
                published.map_err(|error| self.engine_failure(node, &error))?;
                built.answers
            }
        };
        Ok(Ran::Over(Outcome::Materialized { rows: staged.rows(), metadata: staged.metadata }, answers))
    }

    /// Asks the checks of an asset that is built.
    ///
    /// # Errors
    /// Where one of them keeps it from being published.
    fn answers(
        &self,
        asset: NodeId,
        (record, staged): (&MaterializationRecord, &Staged),
        session: &mut dyn Session,
        events: &Sender<Message>,
    ) -> Result<Vec<Answer>, Failure> {
        // A view that is what it was shows nothing that was not looked at below it.
        let is_same = self.context.graph.node(asset).materialized == Materialized::View && self.is_as_built(asset);
        let guards = self.guards.get(&asset).filter(|_| !is_same).map(Vec::as_slice).unwrap_or_default();
        let checks = [self.checks_of(asset), guards].concat();
        if checks.is_empty() {
            return Ok(Vec::new());
        }
        let recorded = Recorded::from(record.clone());
        let columns = staged.content.as_ref().map(|content| content.columns.as_slice()).unwrap_or_default();
        let object = staged.object.as_ref();
        let built = Unpublished { asset, columns, record: &recorded, object };
        let mut answers = self.ask(&checks, Some(&built), session, events)?;
        // Of what is asked again, only what stops here is told.
        answers.retain(|answer| answer.record.status.blocks() || !guards.contains(&answer.check));
        match self.unfit(self.context.graph.node(asset), &answers) {
            Some(problem) => {
                Self::of_unpublished(&mut answers);
                Err(Failure::Unfit(Box::new(problem), answers))
            }
            None => Ok(answers),
        }
    }

    /// Makes what was built visible, with the records of it.
    pub(super) fn publish(&self, session: &mut dyn Session, built: &[Built]) -> Result<(), EngineError> {
        let records: Vec<MaterializationRecord> = built.iter().map(|built| built.record.clone()).collect();
        let answers = built.iter().flat_map(|built| &built.answers);
        let checks: Vec<CheckRecord> = answers.map(|answer| answer.record.clone()).collect();
        session.publish(&records, &checks)?;
        built.iter().filter_map(|built| built.draft.as_ref()).try_for_each(Draft::publish)?;
        records.into_iter().for_each(|record| self.standing.learn(record.into()));
        Ok(())
    }

    /// The version of what was built; `before` is the asset's record, and the hash of what that speaks of.
    fn version(&self, node: &Node, staged: &Staged, before: (Option<&Recorded>, Option<&str>)) -> DataVersion {
        let (record, content_before) = before;
        let id = self.context.graph.find(node.name.as_str());
        // A file is what it is: its readers get its path.
        let is_file = staged.object.as_ref().is_some_and(|object| object.manager == KeptFile::MANAGER);
        let code = id.and_then(|id| self.context.code_versions.get(&id)).filter(|_| !is_file);
        let found = Found {
            given: staged.given_version.as_deref(),
            payload: staged.payload.as_deref(),
            code,
            content: staged.content.as_ref().and_then(|content| content.hash.as_deref()),
            hash_method: self.context.engine.capabilities().hash_method.as_str(),
            content_before,
            run: &self.run,
        };
        versions::data_version(node, &found, record)
    }

    /// The columns of an asset that others read alone.
    pub(super) fn parts(&self, node: &Node) -> PartsAsked {
        let graph = &self.context.graph;
        let id = graph.find(node.name.as_str());
        id.map(|id| self.parts.asked(graph, id, &self.standing)).unwrap_or_default()
    }

    /// Where an asset is built.
    pub(super) fn target(&self, node: &Node) -> RelationName {
        self.staging.as_ref().map_or_else(|| node.relation.clone(), |staging| staging.target(node))
    }

    /// Where an asset is read, if not where it is published.
    pub(super) fn place(&self, id: NodeId) -> Option<RelationName> {
        self.staging.as_ref()?.place(id)
    }

    /// A statement that reads what is not published yet, with the names of columns that it has without that.
    pub(super) fn with_published_names(&self, session: &mut dyn Session, statement: String) -> String {
        match &self.staging {
            Some(staging) => staging.with_published_names(session, statement),
            None => statement,
        }
    }

    /// Where assets are read that are not published yet.
    pub(super) fn elsewhere(&self) -> Elsewhere {
        let database = self.context.project.target.catalog();
        self.staging.as_ref().map(|staging| staging.elsewhere(&self.context.graph, database)).unwrap_or_default()
    }

    /// Whether the code of an asset is that of its newest materialization.
    pub(super) fn is_as_built(&self, id: NodeId) -> bool {
        let record = self.standing.record(self.context.graph.node(id).name.as_str());
        let version = self.context.code_versions.get(&id).map(|version| version.hash.as_str());
        version.is_some() && record.is_some_and(|record| record.code_version.as_deref() == version)
    }

    fn record(
        &self,
        asset: NodeId,
        inputs: Inputs,
        staged: &Staged,
        data_version: DataVersion,
        started_at: i64,
        seconds: f64,
    ) -> MaterializationRecord {
        let node = self.context.graph.node(asset);
        let version = self.context.code_versions.get(&asset);
        let parts = version.into_iter().flat_map(|version| &version.parts);
        let hash = version.map(|version| version.hash.clone()).unwrap_or_default();
        // History finds the code with the first of the materializations that have it.
        let is_new =
            self.standing.record(node.name.as_str()).is_none_or(|before| before.code_version != Some(hash.clone()));
        let code = version.filter(|_| is_new).map(|version| self.context.templates.secrets().redact(&version.code));
        MaterializationRecord {
            asset: node.name.to_string(),
            project: self.context.project.name.clone(),
            run: self.run.clone(),
            kind: node.kind.as_str(),
            materialized: node.materialized.as_str(),
            relation: (node.materialized != Materialized::Object).then(|| node.relation.in_own_database().to_string()),
            started_at,
            seconds,
            rows: staged.rows(),
            columns: staged.content.as_ref().map(|content| content.columns.clone()).unwrap_or_default(),
            code_version: hash,
            code_parts: parts.map(|part| (part.name.clone(), part.hash.clone())).collect(),
            code,
            config: is_new.then(|| self.redacted_config(node)),
            packages: self.packages_of(version),
            inputs,
            data_version: data_version.version,
            data_method: data_version.method,
            data_hash: data_version.hash,
            parts: staged.content.as_ref().map(|content| content.parts.clone()).unwrap_or_default(),
            bytes: staged.bytes,
            metadata: staged.metadata.clone(),
        }
    }

    /// The versions of the packages that the code uses.
    fn packages_of(&self, version: Option<&CodeVersion>) -> BTreeMap<String, String> {
        let used = version.into_iter().flat_map(|version| &version.packages);
        used.filter_map(|name| Some((name.clone(), self.context.packages.get(name)?.clone()))).collect()
    }

    /// Takes over what is recorded under a name that the asset had before, and drops what stood for it.
    fn renaming(&self, node: &Node, before: Option<&Recorded>) -> Result<Option<Renaming>, EngineError> {
        let Some((before, from)) = before.and_then(|before| Some((before, before.renamed_from.clone()?))) else {
            return Ok(None);
        };
        let dropped = self.leftover(before)?;
        Ok(Some(Renaming { from, to: node.name.to_string(), dropped }))
    }

    /// The relation that a record speaks of, where it stands as it was made and nothing declares it.
    fn leftover(&self, before: &Recorded) -> Result<Option<(RelationName, bool)>, EngineError> {
        let RunContext { graph, engine, .. } = &self.context;
        let relation = before.relation.as_deref().and_then(RelationName::from_text);
        let is_declared =
            |relation: &RelationName| graph.ids().any(|id| graph.node(id).relation.key() == relation.key());
        let Some(relation) = relation.filter(|relation| !is_declared(relation)) else { return Ok(None) };
        let Some(found) = engine.relation(&relation)?.filter(|found| is_as_recorded(before, Some(found))) else {
            return Ok(None);
        };
        // It is dropped for good: what somebody has put in it since is not dovetail's to drop.
        let method = &engine.capabilities().hash_method;
        let is_same = found.is_view || before.hash_by(method).is_none() || {
            let content = engine.session()?.content(&found.relation, Extent::Rows)?;
            is_as_written(before, &found, &content, method)
        };
        Ok(is_same.then_some((found.relation, found.is_view)))
    }

    fn redacted_config(&self, node: &Node) -> Values {
        let secrets = self.context.templates.secrets();
        let redacted = |value: &Value| {
            let text = secrets.redact(&value.to_string());
            // A secret that is not a text of its own may leave what is no JSON any more.
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        node.config.iter().map(|(key, value)| (key.clone(), redacted(value))).collect()
    }

    /// Makes everything that is staged visible.
    pub(super) fn publish_run(&self, staging: &Staging) -> Result<(), Box<Diagnostic>> {
        let engine = &self.context.engine;
        let published = engine.session().and_then(|mut session| staging.publish(&self.context.graph, session.as_mut()));
        published.map_err(|error| {
            let message = format!("the run could not be published: {}", error.message);
            let diagnostic = Diagnostic::error(Code::Publish, message).hint_if(error.hint());
            Box::new(self.context.templates.secrets().redact_diagnostic(diagnostic))
        })
    }

    /// An engine's error about no particular text of the asset.
    pub(super) fn engine_failure(&self, node: &Node, error: &EngineError) -> Failure {
        let code = match error.kind {
            EngineErrorKind::Cancelled => return Failure::Cancelled,
            EngineErrorKind::ColumnType => Code::ColumnType,
            EngineErrorKind::NoColumns => Code::NoColumns,
            EngineErrorKind::Publish => Code::Publish,
            EngineErrorKind::StateFormat => Code::StateFormat,
            EngineErrorKind::StateDamaged => Code::StateDamaged,
            EngineErrorKind::Open | EngineErrorKind::NoDatabase => Code::DatabaseOpen,
            EngineErrorKind::Locked => Code::DatabaseLocked,
            EngineErrorKind::Setting => Code::DatabaseSetting,
            EngineErrorKind::Query | EngineErrorKind::Execution | EngineErrorKind::Source => Code::SqlFailed,
        };
        let diagnostic = Diagnostic::error(code, format!("`{}` failed: {}", node.name, error.message));
        let placed = match &node.body {
            Body::Sql(_) => diagnostic.somewhere_in(&node.file),
            _ => diagnostic.at(node.place.clone()),
        };
        self.redacted(placed.hint_if(error.hint()))
    }

    /// No message leaves with a secret in it.
    pub(super) fn redacted(&self, diagnostic: Diagnostic) -> Failure {
        self.context.templates.secrets().redact_diagnostic(diagnostic).into()
    }
}

/// What else becomes visible with an asset that is built.
fn complete(
    session: &mut dyn Session,
    renaming: Option<Renaming>,
    object: Option<&StoredObject>,
) -> Result<(), EngineError> {
    if let Some(object) = object {
        session.put_object(&KeptFile::without_draft(object.clone()))?;
    }
    renaming.map_or(Ok(()), |renaming| session.rename(&renaming))
}

pub(crate) fn microseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn wait_before(attempt: u32, first: Duration) -> Duration {
    first.saturating_mul(BACKOFF.saturating_pow(attempt - 1)).min(LONGEST_WAIT.max(first))
}
