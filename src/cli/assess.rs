//! How the world is next to how it should be: what `status`, `plan` and `reconcile` ask before anything else.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use super::args::StatusArgs;
use super::context::Context;
use super::facts::{gather, open_if_there};
use super::observe::observe;
use super::opening::database_diagnostic;
use super::table::shortened;
use super::verify;
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{CheckRecord, Column, Content, Engine, EngineError, Failure};
use crate::execute::microseconds;
use crate::fingerprint::{self, CodeVersion, check_versions, code_versions};
use crate::graph::checks::CheckId;
use crate::graph::select::{Facts, Selected, Selection};
use crate::graph::{AssetGraph, NodeId};
use crate::plan::checks::{CheckJudgement, CheckWorld, judge_checks};
use crate::plan::judgement::{Cause, Judgement};
use crate::plan::orphans::{Orphan, orphans};
use crate::plan::staleness::{World, judge};
use crate::project::Project;
use crate::record::{Damage, Found, Observer, ReadingMacros, Records, Standing, by_name, damaged, renamed};

/// The database that an assessment looks at, and how closely.
pub(crate) struct Look<'e> {
    pub engine: &'e dyn Engine,
    /// Whether all tables are read.
    pub verify: bool,
    /// Whether somebody wants to know what may change unseen.
    pub tells_unseen: bool,
}

impl<'e> Look<'e> {
    /// At what can be told without reading tables.
    pub fn brief(engine: Option<&'e dyn Engine>) -> Option<Self> {
        engine.map(|engine| Look { engine, verify: false, tells_unseen: false })
    }
}

/// What the engine told.
#[derive(Default)]
struct Told {
    records: Records,
    found: Found,
    damaged: HashMap<String, Damage>,
    failures: HashMap<String, Failure>,
    checked: HashMap<String, CheckRecord>,
    declared: HashMap<NodeId, Vec<Column>>,
    contents: HashMap<NodeId, Content>,
    hash_method: String,
    macros: ReadingMacros,
}

impl Told {
    fn of(
        look: &Look<'_>,
        (project, graph): (&Project, &AssetGraph),
        code_versions: &HashMap<NodeId, CodeVersion>,
    ) -> Result<Self, EngineError> {
        let Look { engine, verify, tells_unseen } = *look;
        let records = by_name(renamed(graph, engine.recorded(None)?));
        let found = Found::by(engine)?;
        let contents = match verify {
            true => verify::contents(engine, graph, &records, &found.relations)?,
            false => HashMap::new(),
        };
        Ok(Told {
            failures: engine.failures()?.into_iter().map(|failure| (failure.asset.clone(), failure)).collect(),
            damaged: damaged(&found.objects, (&project.root, &project.paths.target), verify),
            declared: verify::declared(engine, graph, code_versions, &records)?,
            hash_method: engine.capabilities().hash_method.clone(),
            macros: if tells_unseen { ReadingMacros::by(engine)? } else { ReadingMacros::default() },
            checked: match graph.checks.is_empty() {
                true => HashMap::new(),
                false => engine.checked()?.into_iter().map(|record| (record.check.clone(), record)).collect(),
            },
            records,
            found,
            contents,
        })
    }
}

/// What is looked at to judge all assets and checks.
fn observed(graph: &AssetGraph) -> impl Iterator<Item = NodeId> {
    graph
        .ids()
        .filter(|id| !graph.node(*id).is_source())
        .chain(graph.checks.iter().flat_map(|check| check.reads.clone()))
}

/// The versions of the packages that the code of some asset uses. SQL uses none, and nobody is asked.
pub(crate) fn packages<'v>(
    context: &Context,
    code_versions: impl IntoIterator<Item = &'v CodeVersion>,
) -> BTreeMap<String, String> {
    let used = fingerprint::packages(code_versions);
    let python = context.python.as_ref().filter(|_| !used.is_empty());
    python.map(|python| python.packages(&used)).unwrap_or_default()
}

/// What was found out about every asset.
pub(crate) struct Assessment {
    pub judged: HashMap<NodeId, Judgement>,
    pub checks: HashMap<CheckId, CheckJudgement>,
    /// The versions of what checks ask, and how they came out last, by their names.
    pub check_versions: HashMap<String, String>,
    pub checked: HashMap<String, CheckRecord>,
    pub code_versions: HashMap<NodeId, CodeVersion>,
    /// Versions of third-party packages, where they count as code.
    pub packages: Option<BTreeMap<String, String>>,
    /// By the asset's name.
    pub records: Records,
    /// What dovetail made and nothing declares any more.
    pub orphans: Vec<Orphan>,
    /// What was seen of the sources.
    pub observer: Observer,
}

impl Assessment {
    /// Compares; without an engine there is nothing yet.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(context: &mut Context, compiled: &Compiled, looked: Option<Look<'_>>) -> Result<Self, Diagnostic> {
        let (graph, project) = (&compiled.graph, &compiled.project);
        let code_versions = code_versions(graph, &compiled.modules, project, graph.ids());
        let packages = project.counts_packages.then(|| packages(context, code_versions.values()));
        let observer = observe(context, compiled, looked.as_ref().map(|look| look.engine), observed(graph));
        let told = looked.map(|look| Told::of(&look, (project, graph), &code_versions)).transpose();
        let Told { records, found, damaged, failures, checked, declared, contents, hash_method, macros } =
            told.map_err(|error| database_diagnostic(&error))?.unwrap_or_default();
        let standing = Standing::of(records.clone());
        let world = World {
            project: &project.name,
            code_versions: &code_versions,
            packages: packages.as_ref(),
            records: &records,
            inputs: &|id| standing.inputs(graph, id, &observer),
            relations: &found.relations,
            made: &found.made,
            objects: &found.objects,
            damaged: &damaged,
            failures: &failures,
            declared: &declared,
            contents: &contents,
            hash_method: &hash_method,
            macros: &macros,
            now: microseconds(SystemTime::now()),
        };
        let (judged, orphans) = (judge(graph, &world), orphans(graph, &project.name, &found));
        let check_versions = check_versions(graph, &compiled.modules, project, graph.check_ids());
        let inputs = |id: CheckId| standing.inputs_of(graph, &graph.check(id).reads, &observer, None);
        let world = CheckWorld { versions: &check_versions, checked: &checked, inputs: &inputs, judged: &judged };
        let checks = judge_checks(graph, &world);
        Ok(Assessment { judged, checks, check_versions, checked, code_versions, packages, records, orphans, observer })
    }

    /// The assessment of a project that a command only looks at, and what of it is selected.
    ///
    /// # Errors
    /// When the project does not compile, nothing is selected, or the database cannot be opened.
    pub fn look(context: &mut Context, args: &StatusArgs) -> Result<Looked, Diagnostics> {
        let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
        let compiled = context.compile()?;
        // A mistake in the selection is told before the database is asked, where the graph alone shows it.
        let by_graph = selection.asked().is_nothing();
        let early = by_graph.then(|| context.selected(&selection, &compiled.graph, &Facts::default())).transpose()?;
        let engine = open_if_there(context, &compiled, args.waiting.wait)?;
        let look = engine.as_deref().map(|engine| Look { engine, verify: args.verify, tells_unseen: true });
        let assessment = Assessment::of(context, &compiled, look)?;
        let selected = match early {
            Some(selected) => selected,
            None => {
                let judged = Some(&assessment.judged);
                let facts = gather(context, &compiled, &selection, engine.as_ref(), judged)?;
                context.selected(&selection, &compiled.graph, &facts)?
            }
        };
        let orphans = if selection.takes_orphans() { assessment.orphans.clone() } else { Vec::new() };
        Ok(Looked { compiled, selected, orphans, assessment, engine })
    }
}

/// A project next to its database, as far as it is selected.
pub(crate) struct Looked {
    pub compiled: Compiled,
    pub selected: Selected,
    /// What is selected of what is no longer in the graph.
    pub orphans: Vec<Orphan>,
    pub assessment: Assessment,
    /// `None` when there is no database yet.
    pub engine: Option<Arc<dyn Engine>>,
}

impl Looked {
    /// Ends the look at the end of the process: taking ten thousand assets apart, one by one, would take a twentieth of
    /// its time.
    pub fn leave(self) {
        let Looked { compiled, assessment, .. } = self;
        std::mem::forget((compiled, assessment));
    }
}

/// So much of a cause is shown in a table: messages of engines may hold a whole query.
const LONGEST_CAUSE: usize = 200;

/// The causes in one line of a table.
pub(crate) fn in_words(judgement: &Judgement) -> String {
    let shortened: Vec<_> =
        judgement.causes.iter().take(3).map(|cause| shortened(&cause.detail, LONGEST_CAUSE)).collect();
    let mut words: Vec<&str> = shortened.iter().map(AsRef::as_ref).collect();
    let more = format!("and {} more", judgement.causes.len().saturating_sub(words.len()));
    if judgement.causes.len() > words.len() {
        words.push(&more);
    }
    words.join("; ")
}

/// A cause as scripts see it.
#[derive(Serialize)]
pub(crate) struct CauseLine<'a> {
    cause: &'static str,
    detail: &'a str,
}

impl<'a> CauseLine<'a> {
    pub fn all(causes: &'a [Cause]) -> Vec<Self> {
        causes.iter().map(|cause| CauseLine { cause: cause.kind.as_str(), detail: &cause.detail }).collect()
    }
}
