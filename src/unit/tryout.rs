//! Assets run on data of a caller's, and what comes out of each: what `dovetail.testing` stands on.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;

use super::chain::Chain;
use super::rows::{NamedColumn, Table, Written, listed};
use super::run::{anew, pretending};
use super::trial::{GivenData, Setting, Trial, schemas_of};
use super::{Surroundings, compare::Ordering};
use crate::check::Schemas;
use crate::compile::{Compiled, compile};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::engine::{Engine, StoredObject, sandbox};
use crate::graph::algebra::ancestors;
use crate::graph::select::{Facts, Selection};
use crate::graph::{AssetGraph, Body, Materialized, NodeId, RelationName};
use crate::parse::unit_test::{Row, UnitTestOverrides};
use crate::project::LoadOptions;
use crate::unit::Diff;

/// What is asked for.
pub enum Asked {
    Asset(String),
    /// What these expressions select, but for what is given and what stands above it.
    Selection(Vec<String>),
}

/// What an input is given.
pub enum Input {
    Rows(Vec<Row>),
    Stream(FFI_ArrowArrayStream),
}

/// What came out.
pub struct CameOutOf {
    pub compiled: Arc<Compiled>,
    /// In which the tables are, as long as somebody holds it.
    pub engine: Arc<dyn Engine>,
    /// By the names of the assets.
    pub results: Vec<(String, Came)>,
    /// What asset functions printed, line by line.
    pub printed: Vec<String>,
    /// Where files of objects are.
    pub files: std::path::PathBuf,
}

pub enum Came {
    /// A query for the rows.
    Table(String),
    /// An object, as its IO manager stored it, with the file of its asset and its function.
    Object { object: StoredObject, path: std::path::PathBuf, function: String },
}

/// Runs assets of the project in the folder `root` on what is given.
///
/// # Errors
/// What is wrong with the project, with what is given, or with an asset.
pub fn try_assets(
    root: &std::path::Path,
    options: &LoadOptions,
    (asked, given): (Asked, Vec<(String, Input)>),
    overrides: &UnitTestOverrides,
    surroundings: &Surroundings<'_>,
) -> Result<CameOutOf, Diagnostics> {
    let compiled = compile(root, options, surroundings.python, None)?;
    let compiled = match anew(&compiled, overrides, surroundings.python)? {
        Some(other) => Arc::new(other),
        None => Arc::new(compiled),
    };
    let graph = &compiled.graph;
    let mut inputs = Vec::with_capacity(given.len());
    for (name, input) in given {
        inputs.push((found(graph, &name)?, input));
    }
    let known: HashSet<NodeId> = inputs.iter().map(|(id, _)| *id).collect();
    let targets = targets(graph, &asked, &known)?;
    let chain = fitting(graph, &targets, &known)?;
    let schemas = (surroundings.schemas)(&compiled, &known.iter().copied().collect())?;
    let setting = Setting { compiled: &compiled, schemas: &schemas, python: surroundings.python };
    let database = |error: crate::engine::EngineError| Diagnostic::error(Code::DatabaseSetting, error.message);
    let sandbox = sandbox(&compiled.project, &schemas_of(graph)).map_err(database)?;
    if let Some(now) = overrides.now {
        sandbox.freeze(&now.to_string()).map_err(database)?;
    }
    let mut trial = Trial::new(&setting, sandbox.as_ref()).map_err(database)?;
    for (number, (id, input)) in inputs.into_iter().enumerate() {
        match input {
            Input::Rows(rows) => {
                trial.give(id, &GivenData::Written(Written::Table(Table::of(&rows, &|_| None))), None)?;
            }
            Input::Stream(stream) => trial.give_stream(id, stream, number)?,
        }
    }
    if let Some(python) = surroundings.python {
        python.compiled(compiled.modules.files());
    }
    pretending(&setting, overrides, &chain, || trial.run(&chain))?;
    let files = trial.keep_files();
    let results = targets.iter().map(|id| (graph.node(*id).name.to_string(), came(&trial, *id))).collect();
    let (engine, printed) = (sandbox.engine(), trial.said());
    drop(trial);
    Ok(CameOutOf { compiled, engine, results, printed, files })
}

fn came(trial: &Trial<'_>, id: NodeId) -> Came {
    let node = trial.graph().node(id);
    match (trial.objects.get(&id), &node.body) {
        (Some(object), Body::Python(python)) => Came::Object {
            object: object.clone(),
            path: node.file.path().to_owned(),
            function: python.body.function.clone(),
        },
        _ => Came::Table(format!("select * from {}", trial.result_of(id))),
    }
}

fn found(graph: &AssetGraph, name: &str) -> Result<NodeId, Diagnostic> {
    graph.find(name).ok_or_else(|| {
        let near = did_you_mean(name, graph.ids().map(|id| graph.node(id).name.as_str()));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        Diagnostic::error(Code::UnitTestName, format!("there is no asset or source `{name}`")).hint_if(hint)
    })
}

fn targets(graph: &AssetGraph, asked: &Asked, given: &HashSet<NodeId>) -> Result<Vec<NodeId>, Diagnostics> {
    let words = match asked {
        Asked::Asset(name) => {
            let id = found(graph, name)?;
            if graph.node(id).is_source() {
                return Err(Diagnostic::error(Code::UnitTestName, format!("`{name}` is a source")).into());
            }
            return Ok(vec![id]);
        }
        Asked::Selection(words) => words,
    };
    let selection = Selection::parse(words, &[])?;
    if !selection.asked().is_nothing() {
        let message = "a selection by state or results has no meaning for data in memory";
        return Err(Diagnostic::error(Code::UnitTestName, message).into());
    }
    let selected = selection.evaluate(graph, &Facts::default())?.value;
    let above = ancestors(graph, &given.iter().copied().collect(), None);
    let runs = |id: &NodeId| Chain::of(graph, &[*id], given).missing.is_empty();
    let is_asked = |id: &NodeId| {
        let node = graph.node(*id);
        let is_asset = !node.is_source() && node.materialized != Materialized::Ephemeral;
        is_asset && !given.contains(id) && (!above.contains(id) || runs(id))
    };
    Ok(selected.nodes.into_iter().filter(is_asked).collect())
}

fn fitting(graph: &AssetGraph, targets: &[NodeId], given: &HashSet<NodeId>) -> Result<Chain, Diagnostics> {
    let chain = Chain::of(graph, targets, given);
    let name = |id: &NodeId| graph.node(*id).name.as_str();
    let reads: BTreeSet<&str> = chain.steps.iter().flat_map(|step| graph.upstream(*step)).map(|id| name(&id)).collect();
    let mut problems = Diagnostics::default();
    for id in given.iter().filter(|id| !chain.read.contains(id)) {
        let problem =
            Diagnostic::error(Code::UnitTestInput, format!("`{}` is given, and nothing reads it here", name(id)));
        problems.push(problem.hint(format!("what is run reads {}", listed(reads.iter().copied()))));
    }
    if !chain.missing.is_empty() {
        let missing = listed(chain.missing.iter().map(|(_, id)| name(id)));
        let readers: BTreeSet<&str> = chain.missing.iter().map(|(reader, _)| name(reader)).collect();
        let message = format!("{missing} must be given, read by {}", listed(readers.into_iter()));
        let problem = Diagnostic::error(Code::UnitTestInput, message);
        problems.push(problem.hint("give data to it, or to something above it: what stands between is run"));
    }
    if problems.has_errors() { Err(problems.sorted()) } else { Ok(chain) }
}

/// Compares a stream of rows with rows that somebody wrote; in their order where `is_ordered`.
///
/// # Errors
/// Rows that name other columns, or values that are none of their column's type.
pub fn compare_rows(
    stream: FFI_ArrowArrayStream,
    expected: &[Row],
    is_ordered: bool,
) -> Result<Option<Diff>, Diagnostics> {
    let compiled = Compiled::of_nothing()?;
    let database = |error: crate::engine::EngineError| Diagnostic::error(Code::UnitTestRows, error.message);
    let sandbox = sandbox(&compiled.project, &schemas_of(&compiled.graph)).map_err(database)?;
    let setting = Setting { compiled: &compiled, schemas: &Schemas::new(), python: None };
    let mut trial = Trial::new(&setting, sandbox.as_ref()).map_err(database)?;
    let relation = RelationName { database: None, schema: "main".to_owned(), identifier: "given".to_owned() };
    trial.build(&relation, crate::engine::BuildSource::Stream(stream)).map_err(database)?;
    let expected = Written::Table(Table::of(expected, &|_| None));
    let compared = trial.expect(relation, &expected, "the result", None)?;
    trial.compare_in(&compared, None, if is_ordered { Ordering::Counts } else { Ordering::DoesNotCount })
}

/// Columns that a frame has, as a table of no rows: to tell which of them nobody knows.
pub(super) fn only_columns(columns: &[crate::engine::Column]) -> Table {
    let columns = columns.iter().map(|column| NamedColumn { name: column.name.clone(), place: None });
    Table { columns: columns.collect(), rows: Vec::new() }
}
