//! Unit tests on the command line: which are run, what is said of them, and what `--update` writes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::{LogFormat, TextOutput};
use super::context::Context;
use super::inspect::inspect_beside;
use super::junit::{Case, Suite, Verdict};
use super::unit_diff::{diff_json, diff_text, in_words};
use crate::check::{Kept, Schemas};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rendering, diagnostic_json, render};
use crate::engine::Recollection;
use crate::graph::{NodeId, UnitTest, UnitTestId};
use crate::project::Project;
use crate::unit::{Diff, Outcome, Rewrite, Surroundings, Tested, apply, rewrite, run_tests};

/// How many unit tests ended how.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnitTestSummary {
    pub passed: usize,
    pub failed: usize,
    pub errors: usize,
    /// Of those that failed: their expectation was rewritten.
    pub updated: usize,
    pub elapsed: Duration,
}

impl UnitTestSummary {
    /// Whether nothing is left that is wrong.
    pub fn is_success(&self) -> bool {
        self.errors == 0 && self.failed == self.updated
    }

    /// In one line.
    pub fn in_words(&self) -> String {
        let count = self.passed + self.failed + self.errors;
        let mut parts = Vec::new();
        for (count, what) in [(self.passed, "passed"), (self.failed, "failed"), (self.errors, "could not run")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if self.updated > 0 {
            parts.push(format!("{} rewritten", self.updated));
        }
        let tests = if count == 1 { "unit test" } else { "unit tests" };
        format!("{count} {tests}: {} in {:.2} s", parts.join(", "), self.elapsed.as_secs_f64())
    }
}

/// What `run_unit_tests` gives.
pub(crate) struct UnitTestRun {
    pub summary: UnitTestSummary,
    /// For the report in JUnit's form.
    pub suite: Suite,
    /// Assets that are not what their tests say they are.
    pub refused: HashMap<NodeId, Diagnostic>,
}

/// The columns of nodes, as far as they are known without opening the database of `project`.
///
/// # Errors
/// When an extension or a setting of the target cannot be had.
pub fn known_schemas(
    project: &Arc<Project>,
    compiled: &Compiled,
    nodes: &BTreeSet<NodeId>,
) -> Result<Schemas, Diagnostic> {
    let opening = |_: &Arc<Project>| Recollection::default().of(project);
    inspect_beside(compiled, (nodes, &BTreeSet::new()), Kept::default(), &opening).map(|found| found.schemas)
}

/// Runs these tests and says what came of them; `is_update` rewrites what is expected of those that fail.
///
/// # Errors
/// When an expectation cannot be written.
pub(crate) fn run_unit_tests(
    context: &mut Context,
    compiled: &Compiled,
    tests: &BTreeSet<UnitTestId>,
    (output, is_update): (TextOutput, bool),
) -> Result<UnitTestRun, Diagnostics> {
    let tests: Vec<&UnitTest> = tests.iter().map(|id| compiled.graph.unit_test(*id)).collect();
    let started = Instant::now();
    let python = context.python.clone();
    let schemas = |anew: &Compiled, nodes: &BTreeSet<NodeId>| known_schemas(&compiled.project, anew, nodes);
    let surroundings = Surroundings { python: python.as_deref(), schemas: &schemas, keeps_rows: is_update };
    let results = run_tests(compiled, &tests, &surroundings);
    let mut reporter = Reporter { context, compiled, output, summary: UnitTestSummary::default() };
    let cases: Vec<Case> = tests.iter().zip(&results).map(|(test, tested)| reporter.report(test, tested)).collect();
    let mut summary = reporter.summary;
    if is_update {
        summary.updated = update(context, compiled, &tests, &results)?;
    }
    summary.elapsed = started.elapsed();
    if summary.passed + summary.failed + summary.errors > 0 {
        context.printer.note(&summary.in_words());
    }
    let refused = tests.iter().zip(&results).filter(|(_, tested)| !matches!(tested.outcome, Outcome::Passed));
    let refused = refused.map(|(test, _)| (test.model, refusal(test, compiled))).collect();
    Ok(UnitTestRun { summary, suite: Suite { name: "unit tests".to_owned(), cases }, refused })
}

/// Why an asset is not built.
fn refusal(test: &UnitTest, compiled: &Compiled) -> Diagnostic {
    let name = &compiled.graph.node(test.model).name;
    let message = format!("`{name}` is not built, since its unit test `{}` does not pass", test.name);
    Diagnostic::error(Code::UnitTestFailed, message)
        .at(test.place.clone())
        .hint(format!("`dovetail test --select unit_test:{}` runs it alone", test.name))
}

struct Reporter<'a> {
    context: &'a mut Context,
    compiled: &'a Compiled,
    output: TextOutput,
    summary: UnitTestSummary,
}

impl Reporter<'_> {
    fn report(&mut self, test: &UnitTest, tested: &Tested) -> Case {
        for line in &tested.printed {
            self.context.printer.detail(&format!("{}: {line}", test.name));
        }
        let (status, problems) = match &tested.outcome {
            Outcome::Passed => ("passed", Diagnostics::default()),
            Outcome::Differs(diff, _) => ("failed", self.failure(test, diff).into()),
            Outcome::Error(problems) => ("broken", problems.clone()),
        };
        match tested.outcome {
            Outcome::Passed => self.summary.passed += 1,
            Outcome::Differs(..) => self.summary.failed += 1,
            Outcome::Error(_) => self.summary.errors += 1,
        }
        match self.output {
            TextOutput::Json => self.json_line(test, tested, status, &problems),
            TextOutput::Text => self.text(test, tested, &problems),
        }
        self.case(test, tested, &problems)
    }

    fn failure(&self, test: &UnitTest, diff: &Diff) -> Diagnostic {
        let node = self.compiled.graph.node(test.model);
        let secrets = self.compiled.templates.secrets();
        let message = format!("unit test `{}` failed: `{}` gave other rows ({})", test.name, node.name, in_words(diff));
        let table = diff_text(diff, Some(self.context.printer.stderr_width()));
        let problem = Diagnostic::error(Code::UnitTestFailed, message).at(test.place.clone()).details(table);
        secrets.redact_diagnostic(problem)
    }

    fn text(&mut self, test: &UnitTest, tested: &Tested, problems: &Diagnostics) {
        let printer = &mut self.context.printer;
        if matches!(tested.outcome, Outcome::Passed) {
            let name = &self.compiled.graph.node(test.model).name;
            printer.detail(&format!("passed: {} ({name}) in {:.3} s", test.name, tested.elapsed.as_secs_f64()));
            return;
        }
        if matches!(tested.outcome, Outcome::Error(_)) && printer.log_format == LogFormat::Text {
            printer.note(&format!("unit test `{}` ({}) could not run:", test.name, test.place));
        }
        problems.0.iter().for_each(|problem| printer.diagnostic(problem));
    }

    fn json_line(&mut self, test: &UnitTest, tested: &Tested, status: &str, problems: &Diagnostics) {
        let node = self.compiled.graph.node(test.model);
        let position = test.place.position();
        let diff = match &tested.outcome {
            Outcome::Differs(diff, _) => diff_json(diff),
            _ => Value::Null,
        };
        let problems: Vec<Value> = match &tested.outcome {
            Outcome::Error(_) => {
                problems.0.iter().map(|problem| diagnostic_json(problem, Some(node.name.as_str()))).collect()
            }
            _ => Vec::new(),
        };
        let line = json!({
            "unit_test": test.name,
            "asset": node.name.as_str(),
            "status": status,
            "seconds": (tested.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            "path": test.place.file.path(),
            "line": position.line,
            "diff": diff,
            "problems": problems,
        });
        self.context.printer.data_line(&self.compiled.templates.secrets().redact(&line.to_string()));
    }

    fn case(&self, test: &UnitTest, tested: &Tested, problems: &Diagnostics) -> Case {
        let first = problems.0.first().map(|problem| problem.message.clone()).unwrap_or_default();
        let all: Vec<String> = problems.0.iter().map(|problem| render(problem, Rendering::Plain)).collect();
        let all = all.join("\n");
        Case {
            name: test.name.clone(),
            class: self.compiled.graph.node(test.model).name.to_string(),
            elapsed: tested.elapsed,
            file: Some(test.place.file.path().to_owned()),
            line: Some(test.place.position().line),
            verdict: match tested.outcome {
                Outcome::Passed => Verdict::Passed,
                Outcome::Differs(..) => Verdict::Failed(first, all),
                Outcome::Error(_) => Verdict::Error(first, all),
            },
        }
    }
}

/// Rewrites the expectations of the tests that failed; gives how many.
fn update(
    context: &mut Context,
    compiled: &Compiled,
    tests: &[&UnitTest],
    results: &[Tested],
) -> Result<usize, Diagnostics> {
    let mut rewrites: Vec<(&UnitTest, Rewrite)> = Vec::new();
    for (test, tested) in tests.iter().zip(results) {
        let Outcome::Differs(_, Some(rows)) = &tested.outcome else { continue };
        let written = rows.clone().and_then(|rows| rewrite(&compiled.project, test, &rows));
        match written {
            Ok(written) => rewrites.push((test, written)),
            Err(problem) => context.printer.diagnostic(&problem),
        }
    }
    let of_fixture = |one: &Rewrite, other: &Rewrite| one.span.is_none() && one.path == other.path && one != other;
    let shared = rewrites.iter().find(|(_, one)| rewrites.iter().any(|(_, other)| of_fixture(one, other)));
    if let Some((test, rewrite)) = shared {
        let message = format!("several tests expect `{}`, and what came out differs", rewrite.path.display());
        return Err(Diagnostic::error(Code::UnitTestUpdate, message).at(test.place.clone()).into());
    }
    apply(&compiled.project, &rewrites)?;
    for (test, rewrite) in &rewrites {
        context.printer.note(&format!("rewrote what `{}` expects in {}", test.name, rewrite.path.display()));
    }
    Ok(rewrites.len())
}
