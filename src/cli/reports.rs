//! Reports of a run's checks for machines: JSON lines on stdout, JUnit's XML in a file.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{ReportArgs, TextOutput};
use super::context::Context;
use super::junit::{Case, Outcome, Suite, written};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{CheckStatus, FailingRows};
use crate::execute::{self, CheckReport, Event};
use crate::template::TemplateEnvironment;

/// Gathers how checks and assets came out.
pub(super) struct Reports {
    prints: bool,
    junit: Option<PathBuf>,
    checks: Vec<CheckReport>,
    suite: Suite,
}

impl Reports {
    pub(super) fn of(args: &ReportArgs) -> Self {
        let prints = args.output == TextOutput::Json;
        Reports { prints, junit: args.junit.clone(), checks: Vec::new(), suite: Suite::default() }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CheckFinished { report } => {
                if self.junit.is_some() {
                    self.suite.cases.push(case(report));
                }
                if self.prints {
                    self.checks.push(report.as_ref().clone());
                }
            }
            Event::CheckSkipped { check, asset, because } if self.junit.is_some() => {
                let outcome = Outcome::Skipped(format!("`{because}` failed"));
                self.suite.cases.push(Case { name: check.clone(), class: asset.clone(), seconds: 0.0, outcome });
            }
            Event::AssetFinished { asset, elapsed, outcome, .. } if self.junit.is_some() => {
                let outcome = match outcome {
                    // The checks tell it.
                    execute::Outcome::Failed(problem) if problem.code == Code::CheckFailed => return,
                    execute::Outcome::Failed(problem) => {
                        Outcome::Error { message: problem.message.clone(), details: problem.details.clone() }
                    }
                    execute::Outcome::Skipped { because } => Outcome::Skipped(format!("`{because}` failed")),
                    execute::Outcome::Cancelled => Outcome::Skipped("stopped".to_owned()),
                    _ => Outcome::Passed,
                };
                let (name, class, seconds) = (asset.clone(), "materialize".to_owned(), elapsed.as_secs_f64());
                self.suite.cases.push(Case { name, class, seconds, outcome });
            }
            _ => {}
        }
    }

    /// Prints and writes what was gathered.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub(super) fn write(
        self,
        context: &mut Context,
        templates: &TemplateEnvironment,
        command: &str,
    ) -> Result<(), Diagnostic> {
        let secrets = templates.secrets();
        for report in &self.checks {
            context.printer.data_line(&secrets.redact(&line(report).to_string()));
        }
        let Some(path) = self.junit else { return Ok(()) };
        let suite = Suite { name: format!("dovetail {command}"), ..self.suite };
        let path = context.cwd.join(path);
        std::fs::write(&path, secrets.redact(&written(&[suite]))).map_err(|error| {
            Diagnostic::error(Code::Unwritable, format!("`{}` cannot be written: {error}", path.display()))
        })
    }
}

fn case(report: &CheckReport) -> Case {
    let record = &report.record;
    let message = || record.message.clone().unwrap_or_else(|| report.question.clone());
    let outcome = match record.status {
        CheckStatus::Passed => Outcome::Passed,
        CheckStatus::Warned => Outcome::Warned(message()),
        CheckStatus::Failed => {
            Outcome::Failure { message: message(), details: record.failing.as_ref().map(rows_in_text) }
        }
        CheckStatus::Broken => Outcome::Error { message: message(), details: None },
    };
    Case { name: record.check.clone(), class: record.asset.clone(), seconds: record.seconds, outcome }
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
