//! One look at the project with the editor's texts over its files: what is wrong, and what requests are answered from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::seeds::SeedCopies;
use crate::check::{Findings, Kept, Schema, Schemas, told_once};
use crate::compile::{Compiled, Draft, Drafts};
use crate::diagnostic::{Diagnostic, Diagnostics, Warned};
use crate::engine::Column;
use crate::execute::PythonRuntime;
use crate::graph::{AssetGraph, Body, CompiledSql, NodeId, Use};
use crate::project::Project;
use crate::scan::Overlay;
use crate::source::{Place, SourceFile, Span};
use crate::template::SourceMap;

/// What the server asks of the process that it runs in.
pub(crate) trait Host: Send + Sync {
    /// The folder of the project that this folder is in.
    fn root(&self, folder: &Path) -> Result<PathBuf, Diagnostic>;

    fn load(&self, root: &Path) -> Result<Warned<Project>, Diagnostics>;

    /// The columns of all assets. Never opens the project's database.
    fn inspect(&self, compiled: &Compiled, assets: &BTreeSet<NodeId>, kept: Kept) -> Result<Findings, Diagnostic>;

    fn python(&self) -> Option<&dyn PythonRuntime>;
}

/// A state of the project in which it fits together.
pub(super) struct Snapshot {
    pub compiled: Compiled,
    pub uses: Vec<Use>,
    pub schemas: Schemas,
    /// Every file as it takes part in the graph, by its path.
    pub files: HashMap<PathBuf, Arc<SourceFile>>,
}

/// What one look told.
pub(super) struct Analysis {
    /// `None` where nothing fits together: what was known before still is the best answer.
    pub snapshot: Option<Snapshot>,
    /// All that is wrong with the texts as they are.
    pub problems: Vec<Diagnostic>,
}

/// Looks again and again, and remembers what did not change meanwhile.
#[derive(Default)]
pub(super) struct Analyst {
    drafts: Drafts,
    kept: Kept,
    /// By the names of assets, what was known of each when that was known last.
    known: HashMap<String, LastKnown>,
    seeds: SeedCopies,
    /// When and why columns could not be looked at.
    refused: Option<(Instant, Diagnostic)>,
}

/// So long it takes until a binder that cannot be had is asked for again: it may ask others, who may take their time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was known of an asset before it, or something that it reads, had an error.
#[derive(Default)]
struct LastKnown {
    schema: Option<Schema>,
    problems: Vec<Diagnostic>,
}

impl Analyst {
    pub fn look(&mut self, host: &dyn Host, root: &Path, overlay: &Overlay) -> Analysis {
        match self.try_to_look(host, root, overlay) {
            Ok(analysis) => analysis,
            Err(problems) => Analysis { snapshot: None, problems: problems.0 },
        }
    }

    fn try_to_look(&mut self, host: &dyn Host, root: &Path, overlay: &Overlay) -> Result<Analysis, Diagnostics> {
        let draft = self.drafts.draft(host.load(root)?, overlay, host.python())?;
        let Draft { compiled, uses, problems, files } = draft;
        let mut problems = problems.0;
        let Some(compiled) = compiled else { return Ok(Analysis { snapshot: None, problems }) };
        let copies = self.seeds.of(&compiled.project, overlay);
        let schemas = match self.inspect(host, &compiled, copies) {
            Ok(Findings { schemas, problems: found, .. }) => {
                let (schemas, found) = self.with_what_was_known(&compiled.graph, schemas, found);
                problems.extend(found);
                schemas
            }
            Err(problem) => {
                problems.push(problem);
                Schemas::new()
            }
        };
        problems.retain(|problem| is_about(problem, &files));
        let files = files_of(&compiled.graph, &uses, files);
        Ok(Analysis { snapshot: Some(Snapshot { compiled, uses, schemas, files }), problems })
    }
}

impl Analyst {
    /// The columns of all assets.
    fn inspect(
        &mut self,
        host: &dyn Host,
        compiled: &Compiled,
        copies: HashMap<PathBuf, PathBuf>,
    ) -> Result<Findings, Diagnostic> {
        if let Some((when, problem)) = &self.refused
            && when.elapsed() < PATIENCE
        {
            return Err(problem.clone());
        }
        let assets: BTreeSet<NodeId> = compiled.graph.ids().collect();
        let kept = std::mem::take(&mut self.kept).assuming(self.assumed(&compiled.graph)).reading(copies);
        let found = host.inspect(compiled, &assets, kept);
        self.refused = found.as_ref().err().map(|problem| (Instant::now(), problem.clone()));
        let mut findings = found?;
        self.kept = std::mem::take(&mut findings.kept);
        Ok(findings)
    }

    /// The columns that assets had when they were known last: should an asset have an error, which most often is a word
    /// that is half written, its readers are looked at as if it had these.
    fn assumed(&self, graph: &AssetGraph) -> Schemas {
        let last = |id: &NodeId| self.known.get(graph.node(*id).name.as_str())?.schema.clone();
        // An unknown one names the node that it depends on by a number of the graph before.
        let known = |id: NodeId| Some((id, last(&id).filter(|schema| matches!(schema, Schema::Known(_)))?));
        graph.ids().filter_map(known).collect()
    }

    /// Where nobody ever knew what an asset with an error has, its readers keep what they had.
    fn with_what_was_known(
        &mut self,
        graph: &AssetGraph,
        mut schemas: Schemas,
        found: Vec<(NodeId, Diagnostic)>,
    ) -> (Schemas, Vec<Diagnostic>) {
        let mut by_asset: HashMap<NodeId, Vec<Diagnostic>> = HashMap::new();
        for (id, problem) in told_once(graph, found) {
            by_asset.entry(id).or_default().push(problem);
        }
        let wrong: BTreeSet<NodeId> = graph.ids().filter(|id| matches!(schemas.get(id), Some(Schema::Wrong))).collect();
        let is_hidden = |schema: &Schema| matches!(schema, Schema::Unknown(unknown) if wrong.contains(&unknown.root));
        let mut before = std::mem::take(&mut self.known);
        let mut problems = Vec::new();
        for (id, schema) in &mut schemas {
            let name = graph.node(*id).name.as_str();
            let last = before.remove(name).unwrap_or_default();
            let own = by_asset.remove(id).unwrap_or_default();
            let told = if is_hidden(schema) && own.is_empty() { last.problems } else { own };
            if matches!(schema, Schema::Wrong) || is_hidden(schema) {
                // An unknown one names the node that it depends on by a number of the graph before.
                if let Some(Schema::Known(known)) = last.schema {
                    *schema = Schema::Known(known);
                }
            }
            problems.extend(told.iter().cloned());
            self.known.insert(name.to_owned(), LastKnown { schema: Some(schema.clone()), problems: told });
        }
        (schemas, Diagnostics(problems).sorted().0)
    }
}

/// Whether a problem is one of the files as they are, and not of a text that stands in for one.
fn is_about(problem: &Diagnostic, files: &BTreeMap<PathBuf, Arc<SourceFile>>) -> bool {
    let Some(place) = &problem.place else { return true };
    files.get(place.file.path()).is_none_or(|file| file.text() == place.file.text())
}

/// The files of a graph: those that stand in for others before these.
fn files_of(
    graph: &AssetGraph,
    uses: &[Use],
    files: BTreeMap<PathBuf, Arc<SourceFile>>,
) -> HashMap<PathBuf, Arc<SourceFile>> {
    let mut all: HashMap<PathBuf, Arc<SourceFile>> = files.into_iter().collect();
    let of_node = graph.ids().map(|id| graph.node(id));
    let declared = of_node.flat_map(|node| std::iter::once(&node.place).chain(&node.described_at));
    for place in declared.chain(uses.iter().map(|one| &one.place)) {
        if all.get(place.file.path()).is_none_or(|known| !Arc::ptr_eq(known, &place.file)) {
            all.insert(place.file.path().to_path_buf(), Arc::clone(&place.file));
        }
    }
    all
}

impl Snapshot {
    pub fn graph(&self) -> &AssetGraph {
        &self.compiled.graph
    }

    pub fn columns(&self, id: NodeId) -> Option<&[Column]> {
        self.schemas.get(&id).and_then(Schema::columns)
    }

    /// The columns of an asset and of all that it reads, for lineage.
    pub fn columns_around(&self, id: NodeId) -> HashMap<NodeId, Vec<Column>> {
        let around = self.graph().reads(id).into_iter().chain([id]);
        around.filter_map(|id| Some((id, self.columns(id)?.to_vec()))).collect()
    }

    /// A text of which a template may have read something that nobody shall see.
    pub fn redacted(&self, text: &str) -> String {
        self.compiled.templates.secrets().redact(text)
    }

    /// The text that a model was made of; `None` for what is no model.
    pub fn template(&self, id: NodeId) -> Option<Template<'_>> {
        let node = self.graph().node(id);
        let Body::Sql(sql) = &node.body else { return None };
        Some(Template { sql, map: self.compiled.templates.source_map(&node.file) })
    }
}

/// A model's statement and the template that it came from.
pub(super) struct Template<'a> {
    pub sql: &'a CompiledSql,
    map: SourceMap,
}

impl Template<'_> {
    /// Where a word of the statement was written; `None` for what a template or another asset put there.
    pub fn place(&self, word: Span) -> Option<Place> {
        let sql = self.sql;
        let (start, end) = (sql.statement.start + word.start, sql.statement.start + word.end);
        if sql.edit_at(start).is_some() {
            return None;
        }
        let place = self.map.place(Span::new(sql.rendered_offset(start), sql.rendered_offset(end)));
        let is_same = place.file.text().get(place.span.start..place.span.end) == sql.text.get(start..end);
        is_same.then_some(place)
    }
}
