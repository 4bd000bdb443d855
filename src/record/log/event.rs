//! Events as objects for machines: one form for the terminal's `--log-format json` and for run logs.

use serde_json::{Value, json};

use crate::diagnostic::diagnostic_json;
use crate::engine::{CheckRecord, CheckStatus};
use crate::execute::{CheckReport, Event, Outcome, RunSummary};
use crate::template::Secrets;

/// The lines of an event: itself, and behind a failure all that is known of it. User code may have written secrets into
/// what it prints and reports, which are left out.
pub fn event_lines(event: &Event, secrets: &Secrets) -> Vec<Value> {
    let mut lines = vec![event_json(event, secrets)];
    if let Event::AssetFinished { asset, outcome: Outcome::Failed(error), .. } = event {
        lines.push(diagnostic_json(error, Some(asset)));
    }
    lines
}

fn event_json(event: &Event, secrets: &Secrets) -> Value {
    match event {
        Event::RunStarted { run, total, threads } => {
            json!({"level": "info", "event": "run_started", "run": run, "total": total, "threads": threads})
        }
        Event::Replaced { asset, is_view } => {
            let kind = if *is_view { "view" } else { "table" };
            json!({"level": "warning", "event": "asset_replaces", "asset": asset, "replaced": kind})
        }
        Event::AssetStarted { asset, kind } => {
            json!({"level": "info", "event": "asset_started", "asset": asset, "kind": kind.as_str()})
        }
        Event::AssetRetried { asset, attempt, wait, error } => json!({
            "level": "warning", "event": "asset_retried", "asset": asset, "attempt": attempt,
            "wait": wait.as_secs_f64(), "message": error.message,
        }),
        Event::Printed { asset, line } => {
            json!({"level": "info", "event": "printed", "asset": asset, "line": secrets.redact(line)})
        }
        Event::CheckFinished { report } => check_json(report, secrets),
        Event::CheckSkipped { check, asset, because } => json!({
            "level": "info", "event": "check_skipped", "check": check, "asset": asset, "because": because,
        }),
        Event::AssetFinished { asset, kind, materialized, elapsed, outcome } => {
            let mut object = json!({
                "level": "info", "event": "asset_finished", "asset": asset, "kind": kind.as_str(),
                "materialized": materialized.as_str(), "seconds": elapsed.as_secs_f64(), "status": status(outcome),
            });
            match outcome {
                Outcome::Materialized { rows, metadata } => {
                    object["rows"] = json!(rows);
                    object["metadata"] = json!(secrets.redact_values(metadata));
                }
                Outcome::Failed(error) => {
                    object["level"] = json!("error");
                    object["message"] = json!(error.message);
                }
                Outcome::Skipped { because } => object["because"] = json!(because),
                Outcome::Unchanged | Outcome::Cancelled | Outcome::Asked | Outcome::AskedInVain { .. } => {}
            }
            object
        }
        Event::Stopping { assets } => json!({"level": "info", "event": "run_stopping", "waits_for": assets}),
        Event::RunFinished { summary } => run_finished(summary),
    }
}

fn run_finished(summary: &RunSummary) -> Value {
    let mut object = json!({
        "level": "info", "event": "run_finished", "run": summary.run, "materialized": summary.materialized,
        "unchanged": summary.unchanged, "failed": summary.failed, "skipped": summary.skipped, "cancelled": summary.cancelled,
        "interrupted": summary.interrupted, "seconds": summary.elapsed.as_secs_f64(),
    });
    let checks = &summary.checks;
    if checks.all() + checks.skipped > 0 {
        object["checks"] = json!({
            "passed": checks.passed, "proved": checks.proved, "warned": checks.warned, "failed": checks.failed,
            "broken": checks.broken, "skipped": checks.skipped,
        });
    }
    if let Some(withheld) = &summary.withheld {
        object["staged"] = json!(withheld.staged);
        object["published"] = json!(false);
    }
    object
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Materialized { .. } => "materialized",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::Cancelled => "cancelled",
        Outcome::Asked | Outcome::AskedInVain { .. } => "asked",
    }
}

/// How a check came out. The rows that fail are in the state, and belong in no log.
fn check_json(report: &CheckReport, secrets: &Secrets) -> Value {
    let CheckRecord { check, asset, status, failures, seconds, proof, message, .. } = &report.record;
    let level = match status {
        CheckStatus::Passed => "info",
        CheckStatus::Warned => "warning",
        CheckStatus::Failed | CheckStatus::Broken => "error",
    };
    json!({
        "level": level, "event": "check_finished", "check": check, "asset": asset, "test": report.test,
        "column": report.column, "status": status.as_str(), "severity": report.severity.as_str(),
        "question": secrets.redact(&report.question), "failures": number(*failures), "seconds": seconds,
        "proof": proof, "message": message.as_ref().map(|message| secrets.redact(message)),
    })
}

/// Counts are whole numbers, as long as nobody counts otherwise.
fn number(failures: Option<f64>) -> Value {
    match failures {
        Some(count) if count.fract() == 0.0 && count.abs() < 1e15 => json!(count as i64),
        other => json!(other),
    }
}
