//! One run of a few assets in a sandbox: what is given becomes tables, and so does everything that is run on it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::chain::Chain;
use super::given::{guessed, typed};
use super::rows::{Table, Written};
use super::tryout::only_columns;
use arrow::ffi_stream::FFI_ArrowArrayStream;

use crate::check::{Schema, Schemas, failed};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{
    BatchReader, BuildSource, Column, EngineError, Extent, Sandbox, SchemaName, Session, StoredObject,
};
use crate::execute::PythonRuntime;
use crate::graph::{
    AssetGraph, Body, CompiledSql, Materialized, NodeId, RelationName, at_statement, faithful_cast, quoted,
};
use crate::parse::SourceLocation;
use crate::project::Project;
use crate::source::Place;

/// The schema of tables that stand for files.
const FILES: &str = "__dovetail_files";
/// Where an asset is built whose own relation holds what it held before.
const RESULT: &str = "__dovetail_result";

/// What an input is given.
pub enum GivenData {
    Written(Written),
    /// The file of the seed.
    File,
}

/// What a trial is made of.
pub struct Setting<'a> {
    pub compiled: &'a Compiled,
    pub schemas: &'a Schemas,
    pub python: Option<&'a dyn PythonRuntime>,
}

/// A run that goes on in a sandbox. Dropping it leaves what it made.
pub struct Trial<'a> {
    pub(super) setting: &'a Setting<'a>,
    pub(super) sandbox: &'a dyn Sandbox,
    pub(super) session: Box<dyn Session>,
    pub(super) objects: HashMap<NodeId, StoredObject>,
    pub(super) scratch: Option<Scratch>,
    /// What asset functions print.
    pub(super) printed: Arc<Mutex<Vec<String>>>,
    made: Vec<RelationName>,
    /// What is given: tables stand for all of these.
    given: HashSet<NodeId>,
    /// Inputs whose columns are only those of their rows.
    guessed: Vec<NodeId>,
}

/// A folder for the files of objects, away from the project's.
pub(super) struct Scratch {
    pub project: Project,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in the system's folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.project.paths.target);
    }
}

/// The schemas in which trials of a graph make relations.
pub fn schemas_of(graph: &AssetGraph) -> std::collections::BTreeSet<SchemaName> {
    let nodes = graph.ids().map(|id| &graph.node(id).relation);
    let schemas = nodes.map(|relation| (relation.database.clone(), relation.schema.clone()));
    schemas.chain([(None, FILES.to_owned())]).collect()
}

impl<'a> Trial<'a> {
    /// # Errors
    /// When the sandbox gives no session.
    pub fn new(setting: &'a Setting<'a>, sandbox: &'a dyn Sandbox) -> Result<Self, EngineError> {
        let session = sandbox.engine().session()?;
        let (objects, given) = (HashMap::new(), HashSet::new());
        let (scratch, printed, made, guessed) = (None, Arc::default(), Vec::new(), Vec::new());
        Ok(Trial { setting, sandbox, session, objects, scratch, printed, made, given, guessed })
    }

    /// Drops everything that it made.
    ///
    /// # Errors
    /// When something stays: then the sandbox is of no more use.
    pub fn end(mut self, is_frozen: bool) -> Result<(), EngineError> {
        self.session.abandon();
        self.sandbox.clear(&self.made, is_frozen)
    }

    pub(super) fn graph(&self) -> &'a AssetGraph {
        &self.setting.compiled.graph
    }

    /// Gives an input its rows.
    ///
    /// # Errors
    /// What is wrong with the rows.
    pub fn give(&mut self, id: NodeId, data: &GivenData, at: Option<&Place>) -> Result<(), Diagnostics> {
        let name = &self.graph().node(id).name;
        self.given.insert(id);
        let relation = self.table_of(id);
        match data {
            GivenData::File => self.read_seed(id),
            GivenData::Written(Written::Query { sql, place }) => self.give_query(id, sql, Some(place)),
            GivenData::Written(Written::Table(table)) => {
                let columns = match self.known_columns(id) {
                    Some(columns) => {
                        let unknown = table.unknown_columns(columns, &format!("`{name}`"), at);
                        if unknown.has_errors() {
                            return Err(unknown);
                        }
                        columns.to_vec()
                    }
                    None => self.guess(id, table, at)?,
                };
                self.make(&relation, table, &columns, &format!("rows of `{name}`"), at)
            }
        }
    }

    /// Makes a table of hand-written rows.
    pub(super) fn make(
        &mut self,
        relation: &RelationName,
        table: &Table,
        columns: &[Column],
        subject: &str,
        at: Option<&Place>,
    ) -> Result<(), Diagnostics> {
        let query = typed(table, columns, subject)?;
        // Nobody else's query: it needs none of what a session does for one.
        let made = self.sandbox.run(&format!("create or replace table {relation} as {}", query.sql));
        self.note(relation.clone());
        let Err(error) = made else { return Ok(()) };
        let refused = query.refused(self.sandbox, subject);
        if refused.has_errors() {
            return Err(refused);
        }
        let problem = Diagnostic::error(Code::UnitTestRows, format!("{subject} make no table: {}", error.message));
        Err(placed(problem, at).into())
    }

    /// Gives an input the rows of a stream, in the types that it has in the project, where these are known.
    pub(super) fn give_stream(
        &mut self,
        id: NodeId,
        stream: FFI_ArrowArrayStream,
        number: usize,
    ) -> Result<(), Diagnostics> {
        let name = self.graph().node(id).name.clone();
        self.given.insert(id);
        let failed =
            |error: &EngineError| Diagnostic::error(Code::UnitTestRows, format!("data of `{name}`: {}", error.message));
        let relation = self.table_of(id);
        let Some(known) = self.known_columns(id) else {
            self.guessed.push(id);
            return self.build(&relation, BuildSource::Stream(stream)).map_err(|error| failed(&error).into());
        };
        let raw = RelationName { identifier: format!("__dovetail_given_{number}"), ..relation.clone() };
        self.build(&raw, BuildSource::Stream(stream)).map_err(|error| failed(&error))?;
        let columns = self.session.columns(&format!("select * from {raw}")).map_err(|error| failed(&error))?;
        let unknown = only_columns(&columns).unknown_columns(known, &format!("`{name}`"), None);
        if unknown.has_errors() {
            return Err(unknown);
        }
        let cast = |column: &Column| match columns.iter().any(|given| given.name.eq_ignore_ascii_case(&column.name)) {
            true => faithful_cast(&column.name, &column.engine_type),
            false => format!("cast(null as {}) as {}", column.engine_type, quoted(&column.name)),
        };
        let casts: Vec<String> = known.iter().map(cast).collect();
        let query = format!("select {} from {raw}", casts.join(", "));
        self.build(&relation, BuildSource::Query(query)).map_err(|error| failed(&error).into())
    }

    /// What asset functions have printed so far, line by line.
    pub(super) fn said(&self) -> Vec<String> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves the files of objects where they are, and says where.
    pub(super) fn keep_files(&mut self) -> std::path::PathBuf {
        let folder = self.scratch().paths.target.clone();
        let has_files = folder.exists();
        // Whoever asked for the object gets a path in there.
        if let Some(scratch) = self.scratch.take().filter(|_| has_files) {
            std::mem::forget(scratch);
        }
        folder
    }

    fn known_columns(&self, id: NodeId) -> Option<&'a [Column]> {
        self.setting.schemas.get(&id).and_then(Schema::columns)
    }

    fn guess(&mut self, id: NodeId, table: &Table, at: Option<&Place>) -> Result<Vec<Column>, Diagnostics> {
        self.guessed.push(id);
        let columns = guessed(table);
        if !columns.is_empty() {
            return Ok(columns);
        }
        let message = format!("nobody knows the columns of `{}`, and no row names them", self.graph().node(id).name);
        let problem = Diagnostic::error(Code::UnitTestRows, message).hint(HOW_TO_KNOW);
        Err(placed(problem, at).into())
    }

    fn give_query(&mut self, id: NodeId, sql: &str, at: Option<&Place>) -> Result<(), Diagnostics> {
        let relation = self.table_of(id);
        let name = &self.graph().node(id).name;
        let Err(error) = self.build(&relation, BuildSource::Query(sql.trim_end().trim_end_matches(';').to_owned()))
        else {
            return Ok(());
        };
        let first = error.message.lines().next().unwrap_or_default();
        let problem = Diagnostic::error(Code::UnitTestRows, format!("the query of `{name}` failed: {first}"));
        Err(placed(problem, at).into())
    }

    /// Reads the file of a seed.
    pub(super) fn read_seed(&mut self, id: NodeId) -> Result<(), Diagnostics> {
        let node = self.graph().node(id);
        let path = self.setting.compiled.project.root.join(node.file.path());
        let source = BuildSource::Csv { path, options: node.seed_options() };
        self.build(&node.relation, source).map_err(|error| {
            let message = format!("seed `{}` cannot be read: {}", node.name, error.message);
            Diagnostic::error(Code::SeedUnreadable, message).at(node.place.clone()).into()
        })
    }

    /// Runs everything between what is given and what is asked for.
    ///
    /// # Errors
    /// The failure of the first asset that fails.
    pub fn run(&mut self, chain: &Chain) -> Result<(), Diagnostics> {
        for seed in &chain.seeds {
            self.read_seed(*seed)?;
        }
        for step in &chain.steps {
            match &self.graph().node(*step).body {
                Body::Sql(sql) => self.run_sql(*step, sql)?,
                Body::Python(python) => self.run_python(*step, python)?,
                Body::Seed => self.read_seed(*step)?,
                Body::Source(_) => {}
            }
        }
        Ok(())
    }

    fn run_sql(&mut self, id: NodeId, sql: &CompiledSql) -> Result<(), Diagnostics> {
        let redirected = sql.tabled(&|id| self.is_tabled(id).then(|| self.table_of(id)));
        let built = self.build(&self.result_of(id), BuildSource::Query(redirected.statement.clone()));
        built.map_err(|error| {
            let offset = error.offset.map(|offset| redirected.compiled_offset(offset));
            self.sql_failure(id, sql, &EngineError { offset, ..error }).into()
        })
    }

    /// What is no table in the project and is one here.
    fn is_tabled(&self, id: NodeId) -> bool {
        let node = self.graph().node(id);
        match &node.body {
            Body::Source(SourceLocation::Files { .. }) => self.given.contains(&id),
            _ => node.materialized == Materialized::Ephemeral,
        }
    }

    fn sql_failure(&self, id: NodeId, sql: &CompiledSql, error: &EngineError) -> Diagnostic {
        let Compiled { graph, templates, .. } = self.setting.compiled;
        let node = graph.node(id);
        let reads_itself = !self.given.contains(&id) && sql.statement().contains(&node.relation.to_string());
        let (problem, offset) = match reads_itself && error.message.contains("does not exist") {
            true => {
                let message = format!("`{}` reads itself (`{{{{ this }}}}`), which is not given", node.name);
                let problem = Diagnostic::error(Code::UnitTestInput, message);
                (problem.hint("give what it held before: `- {input: this, rows: [...]}`"), error.offset)
            }
            false => failed(&format!("`{}`", node.name), sql, error),
        };
        let reads = graph.reads(id);
        let guessed = self.guessed.iter().find(|guessed| reads.contains(guessed));
        let guessed = guessed.map(|id| {
            format!(
                "nobody knows the columns of `{}`, which has those that its rows name: {HOW_TO_KNOW}",
                graph.node(*id).name
            )
        });
        let problem = problem.hint_if(guessed);
        let problem = match offset {
            Some(offset) => at_statement(problem, graph, templates, node, sql, offset),
            None => problem.somewhere_in(&node.file),
        };
        templates.secrets().redact_diagnostic(problem)
    }

    /// Where a node's data is read in this trial.
    pub fn table_of(&self, id: NodeId) -> RelationName {
        let node = self.graph().node(id);
        match &node.body {
            Body::Source(SourceLocation::Files { .. }) => {
                RelationName { database: None, schema: FILES.to_owned(), identifier: node.name.to_string() }
            }
            _ => node.relation.clone(),
        }
    }

    /// Where a node that is run is built.
    pub fn result_of(&self, id: NodeId) -> RelationName {
        let relation = self.table_of(id);
        if self.given.contains(&id) { RelationName { identifier: RESULT.to_owned(), ..relation } } else { relation }
    }

    pub(super) fn build(&mut self, relation: &RelationName, source: BuildSource) -> Result<(), EngineError> {
        let built = self.session.build(relation, source, Extent::Columns).and_then(|_| self.session.publish(&[], &[]));
        match built {
            Ok(()) => {
                self.made.push(relation.clone());
                Ok(())
            }
            Err(error) => {
                self.session.abandon();
                Err(error)
            }
        }
    }

    /// Takes note of a table that was made beside `build`.
    pub(super) fn note(&mut self, relation: RelationName) {
        self.made.push(relation);
    }

    pub(super) fn query(&mut self, sql: &str) -> Result<BatchReader, EngineError> {
        self.session.query(sql)
    }

    /// A project whose files are written where nobody looks for them.
    pub(super) fn scratch(&mut self) -> &Project {
        let scratch = self.scratch.get_or_insert_with(|| {
            let mut project = Project::clone(&self.setting.compiled.project);
            let name =
                format!("dovetail-unit-{}-{}", std::process::id(), crate::record::RunLogs::of(&project.root).new_run());
            project.paths.target = std::env::temp_dir().join(name);
            Scratch { project }
        });
        &scratch.project
    }

    pub(super) fn engine(&self) -> Arc<dyn crate::engine::Engine> {
        self.sandbox.engine()
    }
}

const HOW_TO_KNOW: &str = "name all that are read, or declare them: `columns:` with `data_type:` of a source, `columns=` of \
                           `@asset`";

pub(super) fn placed(problem: Diagnostic, at: Option<&Place>) -> Diagnostic {
    match at {
        Some(place) => problem.at(place.clone()),
        None => problem,
    }
}
