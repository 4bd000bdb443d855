//! A database that is only looked at: what it said is remembered as long as its file is as it was, so that most looks
//! need not open it. Whatever else is asked opens it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::{
    Access, Capabilities, CheckRecord, Column, Condition, Engine, EngineError, EngineErrorKind, ExistingRelation,
    Failure, KeptFile, LastRun, Macro, Made, Observation, Past, Recorded, RunEnd, RunStart, SchemaName, Session,
    Sessions, StagedAsset, Trashed, WhenLocked, duckdb, open,
};
use crate::cache::{Cache, Key};
use crate::graph::RelationName;
use crate::project::Project;

/// Opens the project's database to look at it, or takes what is known of it where nothing has changed since.
///
/// # Errors
/// As `open`. What is known is not used while another process holds the database: that is as locked as without it.
pub fn look(
    project: &Arc<Project>,
    when_locked: WhenLocked,
    keep_waiting: &dyn Fn(&str) -> bool,
) -> Result<Arc<dyn Engine>, EngineError> {
    let cache = Cache::of(project);
    let key = |identity: String| cache.key("state", [identity.as_bytes()]);
    let key = duckdb::identity(project).map(key);
    let known = key.as_ref().and_then(|key| cache.read::<Answers>(key));
    let engine = OnceLock::new();
    if known.is_none() {
        let _ = engine.set(open(project, Access::ReadOnly, when_locked, keep_waiting)?);
    }
    Ok(Arc::new(Remembered {
        project: Arc::clone(project),
        opening: Opening::WhenAsked(when_locked),
        engine,
        entry: key.map(|key| (cache, key)),
        capabilities: known
            .as_ref()
            .and_then(|known| known.capabilities.clone())
            .map(OnceLock::from)
            .unwrap_or_default(),
        answers: Mutex::new(known.unwrap_or_default()),
    }))
}

/// What is remembered of a database, for those who ask again and again and never open it.
#[derive(Default)]
pub struct Recollection(Option<(Key, Arc<dyn Engine>)>);

impl Recollection {
    /// The database as a command looked at it, if it has not changed since. Asks nobody, and holds no lock.
    ///
    /// # Errors
    /// `EngineErrorKind::NoDatabase` where there is none, `Locked` where nothing of it is remembered as it is now. What
    /// is asked beyond that which is remembered is an error of the latter kind too.
    pub fn of(&mut self, project: &Arc<Project>) -> Result<Arc<dyn Engine>, EngineError> {
        if project.target.database.as_ref().is_none_or(|path| !path.exists()) && project.target.attach.is_empty() {
            let message = "there is no database yet".to_owned();
            return Err(EngineError { kind: EngineErrorKind::NoDatabase, message, offset: None });
        }
        let cache = Cache::of(project);
        let identity = duckdb::identity(project).ok_or_else(not_remembered)?;
        let key = cache.key("state", [identity.as_bytes()]);
        if let Some((of, engine)) = self.0.as_ref()
            && *of == key
        {
            return Ok(Arc::clone(engine));
        }
        let known: Answers = cache.read(&key).ok_or_else(not_remembered)?;
        let capabilities = known.capabilities.clone().map(OnceLock::from).unwrap_or_default();
        let engine = Arc::new(Remembered {
            project: Arc::clone(project),
            opening: Opening::Never,
            engine: OnceLock::new(),
            entry: None,
            capabilities,
            answers: Mutex::new(known),
        });
        self.0 = Some((key, Arc::clone(&engine) as Arc<dyn Engine>));
        Ok(engine)
    }
}

fn not_remembered() -> EngineError {
    let message = "nothing is remembered of the database as it is now (`dovetail check` looks at it)".to_owned();
    EngineError { kind: EngineErrorKind::Locked, message, offset: None }
}

/// What was asked so far.
#[derive(Default, Serialize, Deserialize)]
struct Answers {
    recorded: Option<Vec<Recorded>>,
    relations: Option<Vec<ExistingRelation>>,
    failures: Option<Vec<Failure>>,
    checked: Option<Vec<CheckRecord>>,
    usual_seconds: Option<BTreeMap<String, f64>>,
    made: Option<Vec<Made>>,
    objects: Option<BTreeMap<String, Option<KeptFile>>>,
    definitions: Option<BTreeSet<String>>,
    macros: Option<Vec<Macro>>,
    capabilities: Option<Capabilities>,
    /// By what stands after `from`.
    bound_columns: Option<BTreeMap<String, Vec<Column>>>,
}

impl Answers {
    /// What the others know and these do not: it was handed over.
    fn add(&mut self, others: Answers) {
        fn add<T>(answer: &mut Option<T>, other: Option<T>) {
            *answer = answer.take().or(other);
        }
        add(&mut self.recorded, others.recorded);
        add(&mut self.relations, others.relations);
        add(&mut self.failures, others.failures);
        add(&mut self.checked, others.checked);
        add(&mut self.usual_seconds, others.usual_seconds);
        add(&mut self.made, others.made);
        add(&mut self.objects, others.objects);
        add(&mut self.definitions, others.definitions);
        add(&mut self.macros, others.macros);
        add(&mut self.capabilities, others.capabilities);
        let bound = self.bound_columns.get_or_insert_default();
        for (from, columns) in others.bound_columns.unwrap_or_default() {
            bound.entry(from).or_insert(columns);
        }
    }
}

/// Whether what is not remembered may be asked.
enum Opening {
    WhenAsked(WhenLocked),
    Never,
}

struct Remembered {
    project: Arc<Project>,
    opening: Opening,
    engine: OnceLock<Arc<dyn Engine>>,
    /// Where the answers go.
    entry: Option<(Cache, Key)>,
    answers: Mutex<Answers>,
    capabilities: OnceLock<Capabilities>,
}

impl Remembered {
    fn engine(&self) -> Result<&Arc<dyn Engine>, EngineError> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let Opening::WhenAsked(when_locked) = self.opening else { return Err(not_remembered()) };
        let opened = open(&self.project, Access::ReadOnly, when_locked, &|_| true)?;
        Ok(self.engine.get_or_init(|| opened))
    }

    fn answer<T: Clone>(
        &self,
        place: impl Fn(&mut Answers) -> &mut Option<T>,
        ask: impl Fn(&dyn Engine) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = place(&mut answers);
        // What was read from the cache is large, seldom asked for twice, and still in the cache: it is handed over.
        let is_asked_once = matches!(self.opening, Opening::WhenAsked(_)) && self.engine.get().is_none();
        let known = if is_asked_once { slot.take() } else { slot.clone() };
        if let Some(answer) = known {
            return Ok(answer);
        }
        let answer = ask(self.engine()?.as_ref())?;
        *place(&mut answers) = Some(answer.clone());
        Ok(answer)
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let (Some((cache, key)), Some(engine)) = (self.entry.take(), self.engine.take()) else { return };
        // The file is looked at once more only when it is closed.
        drop(engine);
        let after = duckdb::identity(&self.project).map(|identity| cache.key("state", [identity.as_bytes()]));
        let answers = self.answers.get_mut().unwrap_or_else(PoisonError::into_inner);
        answers.capabilities = self.capabilities.get().cloned();
        if after.as_ref() == Some(&key) {
            answers.add(cache.read(&key).unwrap_or_default());
            cache.write(&key, answers);
        }
    }
}

impl Sessions for Remembered {
    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        self.engine()?.session()
    }
}

impl Engine for Remembered {
    fn capabilities(&self) -> &Capabilities {
        self.capabilities.get_or_init(|| self.engine().map(|engine| engine.capabilities().clone()).unwrap_or_default())
    }

    fn prepare(&self, schemas: &BTreeSet<SchemaName>, workers: usize) -> Result<(), EngineError> {
        self.engine()?.prepare(schemas, workers)
    }

    fn prepare_state(&self) -> Result<(), EngineError> {
        self.engine()?.prepare_state()
    }

    fn recorded(&self, assets: Option<&[&str]>) -> Result<Vec<Recorded>, EngineError> {
        match assets {
            Some(_) => self.engine()?.recorded(assets),
            None => self.answer(|answers| &mut answers.recorded, |engine| engine.recorded(None)),
        }
    }

    fn begin_run(&self, start: &RunStart) -> Result<(), EngineError> {
        self.engine()?.begin_run(start)
    }

    fn end_run(&self, end: &RunEnd) -> Result<(), EngineError> {
        self.engine()?.end_run(end)
    }

    fn failures(&self) -> Result<Vec<Failure>, EngineError> {
        self.answer(|answers| &mut answers.failures, |engine| engine.failures())
    }

    fn checked(&self) -> Result<Vec<CheckRecord>, EngineError> {
        self.answer(|answers| &mut answers.checked, |engine| engine.checked())
    }

    fn last_check(&self, check: &str) -> Result<Option<CheckRecord>, EngineError> {
        self.engine()?.last_check(check)
    }

    fn last_run(&self) -> Result<Option<LastRun>, EngineError> {
        self.engine()?.last_run()
    }

    fn history(&self, asset: &str) -> Result<Vec<Past>, EngineError> {
        self.engine()?.history(asset)
    }

    fn usual_seconds(&self) -> Result<BTreeMap<String, f64>, EngineError> {
        self.answer(|answers| &mut answers.usual_seconds, |engine| engine.usual_seconds())
    }

    fn made(&self) -> Result<Vec<Made>, EngineError> {
        self.answer(|answers| &mut answers.made, |engine| engine.made())
    }

    fn objects(&self) -> Result<BTreeMap<String, Option<KeptFile>>, EngineError> {
        self.answer(|answers| &mut answers.objects, |engine| engine.objects())
    }

    fn condition(&self, made: &Made) -> Result<Condition, EngineError> {
        self.engine()?.condition(made)
    }

    fn collect_garbage(&self, garbage: &[Made]) -> Result<(), EngineError> {
        self.engine()?.collect_garbage(garbage)
    }

    fn trash(&self) -> Result<Vec<Trashed>, EngineError> {
        self.engine()?.trash()
    }

    fn restore(&self, ids: &[i64]) -> Result<(), EngineError> {
        self.engine()?.restore(ids)
    }

    fn empty_trash(&self, ids: &[i64]) -> Result<(), EngineError> {
        self.engine()?.empty_trash(ids)
    }

    fn staged(&self) -> Result<Vec<StagedAsset>, EngineError> {
        self.engine()?.staged()
    }

    fn discard_staged(&self) -> Result<Vec<StagedAsset>, EngineError> {
        self.engine()?.discard_staged()
    }

    fn observe(&self, observations: &[Observation]) -> Vec<Result<String, EngineError>> {
        // Nothing to observe is no reason to open it.
        if observations.is_empty() {
            return Vec::new();
        }
        match self.engine() {
            Ok(engine) => engine.observe(observations),
            Err(error) => observations.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn definitions(&self) -> Result<BTreeSet<String>, EngineError> {
        self.answer(|answers| &mut answers.definitions, |engine| engine.definitions())
    }

    fn macros(&self) -> Result<Vec<Macro>, EngineError> {
        self.answer(|answers| &mut answers.macros, |engine| engine.macros())
    }

    fn bound_columns(&self, from: &str) -> Result<Vec<Column>, EngineError> {
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers().bound_columns.as_ref().and_then(|bound| bound.get(from)) {
            return Ok(known.clone());
        }
        let columns = self.engine()?.bound_columns(from)?;
        answers().bound_columns.get_or_insert_default().insert(from.to_owned(), columns.clone());
        Ok(columns)
    }

    fn relations(&self) -> Result<Vec<ExistingRelation>, EngineError> {
        self.answer(|answers| &mut answers.relations, |engine| engine.relations())
    }

    fn relation(&self, relation: &RelationName) -> Result<Option<ExistingRelation>, EngineError> {
        self.engine()?.relation(relation)
    }

    fn cancel(&self) {
        if let Some(engine) = self.engine.get() {
            engine.cancel();
        }
    }
}
