//! Runs unit tests: those of one set of overrides share a graph, and each worker a sandbox.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::chain::Chain;
use super::diff::Diff;
use super::rows::{self, Written, listed};
use super::trial::{GivenData, Setting, Trial, schemas_of};
use super::update::{CameOut, came_out};
use crate::check::Schemas;
use crate::compile::{Compiled, compile_project};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned, did_you_mean};
use crate::engine::{EngineError, Sandbox, sandbox};
use crate::execute::{Pretence, PythonRuntime};
use crate::graph::{Body, NodeId, UnitTest};
use crate::parse::unit_test::{RowsForm, UnitTestOverrides};
use crate::project::{Overrides, Project};

/// Tells the columns of nodes of a graph, as far as they are known before anything runs.
pub type Knowing<'a> = dyn Fn(&Compiled, &BTreeSet<NodeId>) -> Result<Schemas, Diagnostic> + Sync + 'a;

/// What tests are run with.
pub struct Surroundings<'a> {
    pub python: Option<&'a dyn PythonRuntime>,
    /// The columns of these nodes, as far as they are known before anything runs.
    pub schemas: &'a Knowing<'a>,
    /// Whether the rows that came out of a test that failed are kept, so that the expectation can be rewritten.
    pub keeps_rows: bool,
}

/// How a test ended.
#[derive(Debug)]
pub struct Tested {
    pub outcome: Outcome,
    pub elapsed: Duration,
    /// What asset functions printed, line by line.
    pub printed: Vec<String>,
}

#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// Other rows came out, and which, if they are kept and can be written.
    Differs(Diff, Option<Result<CameOut, Diagnostic>>),
    /// It could not be run, or its asset failed.
    Error(Diagnostics),
}

impl Tested {
    fn failed(problems: Diagnostics, elapsed: Duration) -> Self {
        Tested { outcome: Outcome::Error(problems), elapsed, printed: Vec::new() }
    }
}

/// Runs these tests of a project's graph. The results are in their order.
pub fn run_tests(compiled: &Compiled, tests: &[&UnitTest], surroundings: &Surroundings<'_>) -> Vec<Tested> {
    let mut results: Vec<Option<Tested>> = tests.iter().map(|_| None).collect();
    for (key, members) in groups(compiled, tests) {
        let chosen: Vec<&UnitTest> = members.iter().map(|index| tests[*index]).collect();
        for (index, tested) in members.into_iter().zip(run_group(compiled, &key, &chosen, surroundings)) {
            results[index] = Some(tested);
        }
    }
    let lost = || Tested::failed(Diagnostics::default(), Duration::ZERO);
    results.into_iter().map(|tested| tested.unwrap_or_else(lost)).collect()
}

/// Tests by what they need the project to be compiled with.
fn groups(compiled: &Compiled, tests: &[&UnitTest]) -> Vec<(UnitTestOverrides, Vec<usize>)> {
    let reads_clock = tests.iter().any(|test| test.overrides.now.is_some()) && renders_clock(compiled);
    let mut groups: Vec<(UnitTestOverrides, Vec<usize>)> = Vec::new();
    for (index, test) in tests.iter().enumerate() {
        let UnitTestOverrides { vars, environment, macros, now, .. } = test.overrides.clone();
        let now = now.filter(|_| reads_clock);
        let key = UnitTestOverrides { vars, environment, macros, now, macro_spans: BTreeMap::new() };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(index),
            None => groups.push((key, vec![index])),
        }
    }
    groups
}

/// Whether a template may print when the run began.
fn renders_clock(compiled: &Compiled) -> bool {
    let says = |text: &str| text.contains("run_started_at");
    let graph = &compiled.graph;
    let in_model =
        graph.ids().any(|id| matches!(graph.node(id).body, Body::Sql(_)) && says(graph.node(id).file.text()));
    in_model || compiled.templates.macros().values().any(|place| says(place.file.text()))
}

/// The project compiled under these overrides, where they make another graph of it.
pub(super) fn anew(
    compiled: &Compiled,
    overrides: &UnitTestOverrides,
    python: Option<&dyn PythonRuntime>,
) -> Result<Option<Compiled>, Diagnostics> {
    let now = overrides.now.filter(|_| renders_clock(compiled));
    let key = UnitTestOverrides { now, ..overrides.clone() };
    if key.leaves_graph() { Ok(None) } else { compile_anew(compiled, &key, python).map(Some) }
}

fn compile_anew(
    compiled: &Compiled,
    overrides: &UnitTestOverrides,
    python: Option<&dyn PythonRuntime>,
) -> Result<Compiled, Diagnostics> {
    let project = Warned { value: overridden(&compiled.project, overrides), warnings: Diagnostics::default() };
    compile_project(project, python, None)
}

/// The project as it is under these overrides.
fn overridden(project: &Project, overrides: &UnitTestOverrides) -> Project {
    let mut project = project.clone();
    project.vars.extend(overrides.vars.clone());
    Arc::make_mut(&mut project.environment).extend(overrides.environment.clone());
    project.overrides = Some(Overrides { macros: overrides.macros.clone(), now: overrides.now });
    project
}

fn run_group(
    compiled: &Compiled,
    key: &UnitTestOverrides,
    tests: &[&UnitTest],
    surroundings: &Surroundings<'_>,
) -> Vec<Tested> {
    if key.leaves_graph() {
        return run_compiled(compiled, tests, surroundings);
    }
    let started = Instant::now();
    let anew = match compile_anew(compiled, key, surroundings.python) {
        Ok(anew) => anew,
        Err(problems) => return all_fail(tests, started, &problems),
    };
    // In another graph, nodes have other numbers.
    let same = |test: &&UnitTest| anew.graph.unit_tests.iter().find(|found| found.name == test.name);
    let found: Vec<Option<&UnitTest>> = tests.iter().map(same).collect();
    let there: Vec<&UnitTest> = found.iter().copied().flatten().collect();
    let mut results = run_compiled(&anew, &there, surroundings).into_iter();
    let gone = |test: &UnitTest| {
        let message = format!("with its overrides, the project has no asset for the unit test `{}`", test.name);
        let problem = Diagnostic::error(Code::UnitTestName, message).at(test.place.clone());
        Tested::failed(problem.into(), started.elapsed())
    };
    let result = |(test, found): (&&UnitTest, Option<&UnitTest>)| {
        found.and_then(|_| results.next()).unwrap_or_else(|| gone(test))
    };
    tests.iter().zip(found).map(result).collect()
}

fn all_fail(tests: &[&UnitTest], started: Instant, problems: &Diagnostics) -> Vec<Tested> {
    let failed = |_: &&UnitTest| Tested::failed(problems.clone(), started.elapsed());
    tests.iter().map(failed).collect()
}

fn run_compiled(compiled: &Compiled, tests: &[&UnitTest], surroundings: &Surroundings<'_>) -> Vec<Tested> {
    let started = Instant::now();
    let given: BTreeSet<NodeId> = tests.iter().flat_map(|test| test.given.iter().map(|given| given.node)).collect();
    let schemas = match given.is_empty() {
        true => Ok(Schemas::new()),
        false => (surroundings.schemas)(compiled, &given),
    };
    let schemas = match schemas {
        Ok(schemas) => schemas,
        Err(problem) => return all_fail(tests, started, &problem.into()),
    };
    let setting = Setting { compiled, schemas: &schemas, python: surroundings.python };
    let runner = Runner { setting: &setting, sandboxes: Mutex::default(), keeps_rows: surroundings.keeps_rows };
    let prepared: Vec<Prepared<'_>> = tests.iter().map(|test| runner.prepare(test)).collect();
    let uses_python = |prepared: &Prepared<'_>| prepared.uses_python;
    if let Some(python) = surroundings.python.filter(|_| prepared.iter().any(uses_python)) {
        python.compiled(compiled.modules.files());
    }
    // Python's clock and environment are those of the whole process: its tests come one after the other.
    let (with_python, others): (Vec<_>, Vec<_>) =
        prepared.into_iter().enumerate().partition(|(_, prepared)| prepared.uses_python);
    let run = |(index, prepared): (usize, Prepared<'_>)| (index, runner.timed(prepared));
    let (one, other): (Vec<_>, Vec<_>) = rayon::join(
        || others.into_par_iter().map(run).collect::<Vec<_>>(),
        || with_python.into_iter().map(run).collect::<Vec<_>>(),
    );
    let mut all: Vec<(usize, Tested)> = one.into_iter().chain(other).collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, tested)| tested).collect()
}

/// A test, and what is run for it.
struct Prepared<'a> {
    test: &'a UnitTest,
    chain: Result<Chain, Diagnostics>,
    uses_python: bool,
}

struct Runner<'a> {
    setting: &'a Setting<'a>,
    /// Those that nobody works in.
    sandboxes: Mutex<Vec<Box<dyn Sandbox>>>,
    keeps_rows: bool,
}

impl<'a> Runner<'a> {
    fn prepare(&self, test: &'a UnitTest) -> Prepared<'a> {
        let graph = &self.setting.compiled.graph;
        let given: HashSet<NodeId> = test.given.iter().map(|given| given.node).collect();
        let chain = Chain::of(graph, &[test.model], &given);
        let uses_python = chain.steps.iter().any(|id| matches!(graph.node(*id).body, Body::Python(_)));
        let mut problems = self.misfits(test, &chain);
        problems.extend(self.misspelt_macros(test));
        let chain = if problems.has_errors() { Err(problems) } else { Ok(chain) };
        Prepared { test, chain, uses_python }
    }

    /// What is read and not given, and what is given and not read.
    fn misfits(&self, test: &UnitTest, chain: &Chain) -> Diagnostics {
        let graph = &self.setting.compiled.graph;
        let name = |id: NodeId| graph.node(id).name.as_str();
        let mut problems = Diagnostics::default();
        let is_read = |id: NodeId| if id == test.model { self.reads_itself(id) } else { chain.read.contains(&id) };
        let unread: Vec<_> = test.given.iter().filter(|given| !is_read(given.node)).collect();
        let reads: BTreeSet<&str> = chain.steps.iter().flat_map(|step| graph.upstream(*step)).map(name).collect();
        for given in &unread {
            let message =
                format!("unit test `{}` gives rows to `{}`, which nothing reads here", test.name, name(given.node));
            let near = did_you_mean(name(given.node), reads.iter().copied());
            let hint = match (near, reads.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => format!("`{}` reads nothing", name(test.model)),
                (None, false) => format!("what is run reads {}", listed(reads.iter().copied())),
            };
            problems.push(Diagnostic::error(Code::UnitTestInput, message).at(test.at(given.span)).hint(hint));
        }
        if !chain.missing.is_empty() {
            let missing = listed(chain.missing.iter().map(|(_, id)| name(*id)));
            let readers: BTreeSet<&str> = chain.missing.iter().map(|(reader, _)| name(*reader)).collect();
            let message =
                format!("unit test `{}` lacks rows of {missing}, read by {}", test.name, listed(readers.into_iter()));
            let first = chain.missing.first().map_or("", |(_, id)| name(*id));
            let problem = Diagnostic::error(Code::UnitTestInput, message).at(test.at(test.model_span));
            problems.push(problem.hint(format!(
                "give rows: `- {{input: {first}, rows: []}}`; what stands below something that is given is run"
            )));
        }
        problems
    }

    /// Whether a query names its own relation.
    fn reads_itself(&self, id: NodeId) -> bool {
        let node = self.setting.compiled.graph.node(id);
        matches!(&node.body, Body::Sql(sql) if sql.statement().contains(&node.relation.to_string()))
    }

    fn misspelt_macros(&self, test: &UnitTest) -> Diagnostics {
        let templates = &self.setting.compiled.templates;
        let problem = |(name, span): (&String, &crate::source::Span)| {
            let near = templates.misspelt(name)?;
            let message = format!("unit test `{}` overrides `{name}`, which is no macro or function", test.name);
            let problem = Diagnostic::error(Code::UnitTestName, message).at(test.at(*span));
            Some(problem.hint(format!("did you mean `{near}`?")))
        };
        Diagnostics(test.overrides.macro_spans.iter().filter_map(problem).collect())
    }

    fn timed(&self, prepared: Prepared<'_>) -> Tested {
        let started = Instant::now();
        let mut printed = Vec::new();
        let outcome = match prepared.chain {
            Err(problems) => Outcome::Error(problems),
            Ok(chain) => self.with_sandbox(prepared.test, &chain, &mut printed).unwrap_or_else(Outcome::Error),
        };
        Tested { outcome, elapsed: started.elapsed(), printed }
    }

    fn with_sandbox(&self, test: &UnitTest, chain: &Chain, printed: &mut Vec<String>) -> Result<Outcome, Diagnostics> {
        let idle = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let compiled = self.setting.compiled;
        let sandbox = match idle {
            Some(sandbox) => sandbox,
            None => {
                sandbox(&compiled.project, &schemas_of(&compiled.graph)).map_err(|error| no_sandbox(test, &error))?
            }
        };
        let mut trial = Trial::new(self.setting, sandbox.as_ref()).map_err(|error| no_sandbox(test, &error))?;
        let outcome = self.run_in(&mut trial, test, chain);
        *printed = trial.said();
        // One that cannot be cleared is dropped.
        if trial.end(test.overrides.now.is_some()).is_ok() {
            self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner).push(sandbox);
        }
        outcome
    }

    fn run_in(&self, trial: &mut Trial<'_>, test: &UnitTest, chain: &Chain) -> Result<Outcome, Diagnostics> {
        if let Some(now) = test.overrides.now {
            trial.sandbox.freeze(&now.to_string()).map_err(|error| no_sandbox(test, &error))?;
        }
        let mut problems = Diagnostics::default();
        for given in &test.given {
            let data = match &given.rows {
                Some(rows) => rows::read(&self.setting.compiled.project, rows, &test.place.file)
                    .map(GivenData::Written)
                    .map_err(Diagnostics::from),
                None => Ok(GivenData::File),
            };
            let at = test.at(given.span);
            problems.extend(data.and_then(|data| trial.give(given.node, &data, Some(&at))).err().into_iter().flatten());
        }
        let expected = rows::read(&self.setting.compiled.project, &test.expect, &test.place.file);
        let expected = expected.map_err(|problem| problems.push(problem)).ok();
        let Some(expected) = expected.filter(|_| !problems.has_errors()) else { return Err(problems.sorted()) };
        pretending(self.setting, &test.overrides, chain, || trial.run(chain))?;
        self.compared(trial, test, &expected)
    }

    fn compared(&self, trial: &mut Trial<'_>, test: &UnitTest, expected: &Written) -> Result<Outcome, Diagnostics> {
        let name = &self.setting.compiled.graph.node(test.model).name;
        let at = test.at(test.expect.span);
        let result = trial.result_of(test.model);
        let compared = trial.expect(result.clone(), expected, &format!("`{name}`"), Some(&at))?;
        let Some(diff) = trial.compare(&compared, Some(&at))? else { return Ok(Outcome::Passed) };
        let is_csv = match &test.expect.form {
            RowsForm::Csv(_) => true,
            RowsForm::Fixture { is_sql, .. } => !is_sql,
            RowsForm::Dict(_) | RowsForm::Sql(_) => false,
        };
        let rows =
            self.keeps_rows.then(|| came_out(trial, expected, &compared, is_csv).map_err(|problem| problem.at(at)));
        Ok(Outcome::Differs(diff, rows))
    }
}

/// Runs with another clock and another environment, as Python code sees them.
pub(super) fn pretending(
    setting: &Setting<'_>,
    overrides: &UnitTestOverrides,
    chain: &Chain,
    run: impl FnOnce() -> Result<(), Diagnostics>,
) -> Result<(), Diagnostics> {
    let Setting { compiled: Compiled { graph, project, .. }, python, .. } = setting;
    let functions = chain.steps.iter().map(|id| graph.node(*id)).filter(|node| matches!(node.body, Body::Python(_)));
    let modules: Vec<&Path> = functions.map(|node| node.file.path()).collect();
    let is_other = overrides.now.is_some() || !overrides.environment.is_empty();
    let Some(python) = python.filter(|_| is_other && !modules.is_empty()) else { return run() };
    let pretence = Pretence { modules: &modules, moment: overrides.now, environment: &overrides.environment };
    let begun = python.pretend(project, Some(&pretence));
    let done = begun.map_err(|error| {
        let problem = Diagnostic::error(Code::PythonImport, error.message).hint_if(error.hint);
        Diagnostics::from(if error.traceback.is_empty() { problem } else { problem.details(error.traceback) })
    });
    let done = done.and_then(|()| run());
    let ended = python.pretend(project, None);
    done.and(ended.map_err(|error| Diagnostic::error(Code::Internal, error.message).into()))
}

fn no_sandbox(test: &UnitTest, error: &EngineError) -> Diagnostics {
    let first = error.message.lines().next().unwrap_or_default();
    let message = format!("unit test `{}` cannot run: {first}", test.name);
    Diagnostic::error(Code::DatabaseSetting, message).at(test.place.clone()).into()
}
