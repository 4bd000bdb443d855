//! Reports of a run's checks for machines: JSON lines on stdout, JUnit's XML in a file.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{ReportArgs, TextOutput};
use super::check_report::amount_in_words;
use super::context::Context;
use super::junit::{self, Case, Suite, Verdict};
use crate::diagnostic::{Code, Diagnostic, Rendering, render};
use crate::engine::{CheckStatus, FailingRows};
use crate::execute::{CheckReport, Event, Outcome};
use crate::template::Secrets;

/// Gathers how unit tests, checks and assets came out.
pub(super) struct Reports {
    pub output: TextOutput,
    junit: Option<PathBuf>,
    checks: Vec<CheckReport>,
    unit_tests: Suite,
    suite: Suite,
}

impl Reports {
    pub(super) fn of(args: &ReportArgs, command: &str) -> Self {
        let suite = Suite { name: format!("dovetail {command}"), cases: Vec::new() };
        let (output, junit) = (args.output, args.junit.clone());
        Reports { output, junit, checks: Vec::new(), unit_tests: Suite::default(), suite }
    }

    /// What came of the unit tests.
    pub(super) fn unit_tests(&mut self, suite: Suite) {
        self.unit_tests = suite;
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CheckFinished { report } => {
                if self.junit.is_some() {
                    self.suite.cases.push(case(report));
                }
                if self.output == TextOutput::Json {
                    self.checks.push(report.as_ref().clone());
                }
            }
            Event::CheckSkipped { check, asset, because } if self.junit.is_some() => {
                self.suite.cases.push(without_place(check, asset, Duration::ZERO, skipped(because)));
            }
            Event::AssetFinished { asset, elapsed, outcome, .. } if self.junit.is_some() => {
                let verdict = match outcome {
                    // The checks and the unit tests fail, and tell it.
                    Outcome::Failed(problem) if matches!(problem.code, Code::CheckFailed | Code::UnitTestFailed) => {
                        Verdict::Skipped(problem.message.clone())
                    }
                    Outcome::Failed(problem) => {
                        Verdict::Error(problem.message.clone(), render(problem, Rendering::Plain))
                    }
                    Outcome::Skipped { because } => skipped(because),
                    Outcome::Cancelled => Verdict::Skipped("stopped".to_owned()),
                    _ => Verdict::Passed,
                };
                self.suite.cases.push(without_place(asset, "materialize", *elapsed, verdict));
            }
            _ => {}
        }
    }

    /// Prints and writes what was gathered.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub(super) fn write(self, context: &mut Context, secrets: &Secrets) -> Result<(), Diagnostic> {
        for report in &self.checks {
            context.printer.data_line(&secrets.redact(&line(report).to_string()));
        }
        let Some(path) = self.junit else { return Ok(()) };
        let suites = [self.unit_tests, self.suite];
        let suites: Vec<Suite> = suites.into_iter().filter(|suite| !suite.cases.is_empty()).collect();
        junit::write(&context.cwd.join(path), &suites, secrets)
    }
}

fn skipped(because: &str) -> Verdict {
    Verdict::Skipped(format!("`{because}` failed"))
}

fn without_place(name: &str, class: &str, elapsed: Duration, verdict: Verdict) -> Case {
    Case { name: name.to_owned(), class: class.to_owned(), elapsed, file: None, line: None, verdict }
}

fn case(report: &CheckReport) -> Case {
    let record = &report.record;
    let words = || amount_in_words(report);
    let verdict = match record.status {
        CheckStatus::Passed => Verdict::Passed,
        CheckStatus::Warned => Verdict::Warned(words()),
        CheckStatus::Failed => Verdict::Failed(words(), record.failing.as_ref().map(rows_in_text).unwrap_or_default()),
        CheckStatus::Broken => {
            let whole = report.problem.as_ref().map(|problem| render(problem, Rendering::Plain));
            Verdict::Error(words(), whole.unwrap_or_default())
        }
    };
    Case {
        name: record.check.clone(),
        class: record.asset.clone(),
        elapsed: Duration::from_secs_f64(record.seconds.max(0.0)),
        file: Some(report.place.file.path().to_owned()),
        line: Some(report.place.position().line),
        verdict,
    }
}

/// The failing rows as tab-separated lines.
fn rows_in_text(failing: &FailingRows) -> String {
    let names: Vec<&str> = failing.columns.iter().map(|column| column.name.as_str()).collect();
    let row = |row: &Vec<Option<String>>| {
        row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("\t")
    };
    let rows = failing.rows.iter().map(row);
    std::iter::once(names.join("\t")).chain(rows).collect::<Vec<_>>().join("\n")
}

/// One line of `--output json`. The keys are a promise to scripts.
fn line(report: &CheckReport) -> Value {
    let record = &report.record;
    json!({
        "check": record.check,
        "asset": record.asset,
        "test": report.test,
        "column": report.column,
        "question": report.question,
        "severity": report.severity.as_str(),
        "status": record.status.as_str(),
        "failures": record.failures,
        "proof": record.proof,
        "message": record.message,
        "seconds": record.seconds,
        "failing": record.failing.as_ref().map(failing_json),
    })
}

/// Failing rows as objects; of two columns of one name the last is told.
pub(super) fn failing_json(failing: &FailingRows) -> Value {
    let object = |row: &Vec<Option<String>>| {
        let values = failing.columns.iter().zip(row);
        values.map(|(column, value)| (column.name.clone(), json!(value))).collect::<serde_json::Map<_, _>>()
    };
    json!({"total": failing.total, "rows": failing.rows.iter().map(object).collect::<Vec<_>>()})
}
