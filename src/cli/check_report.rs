//! What people are told of a check of data: what was asked, how much fails, the first of it, and how to see the rest.

use super::table::{Column, Fit, Table};
use crate::cli::progress::grouped;
use crate::cli::rows::is_number;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{CheckStatus, FailingRows};
use crate::execute::{CheckCounts, CheckReport};

/// So many rows are shown with the message.
const SHOWN: usize = 5;

/// How a check that did not pass is told; `width` is that of the terminal.
pub(crate) fn told(report: &CheckReport, width: usize) -> Diagnostic {
    let record = &report.record;
    if let Some(problem) = &report.problem {
        return problem.as_ref().clone();
    }
    let name = &record.check;
    let message = format!("`{name}` fails; {}", amount_in_words(report));
    let problem = match record.status {
        CheckStatus::Warned => Diagnostic::warning(Code::CheckFailed, message),
        _ => Diagnostic::error(Code::CheckFailed, message),
    };
    let problem = problem.at(report.place.clone());
    let Some(failing) = record.failing.as_ref().filter(|failing| !failing.rows.is_empty()) else { return problem };
    let drawn = table(failing, report.column.as_deref(), SHOWN).draw(Some(width.saturating_sub(2)));
    let problem = problem.details(drawn.text.trim_end().to_owned());
    problem.hint(format!("`dovetail show --failures {name}` shows {}", rest(failing)))
}

/// What is asked, and how much fails.
pub(crate) fn amount_in_words(report: &CheckReport) -> String {
    match &report.record.message {
        Some(said) => format!("expected: {}; found: {said}", report.question),
        None => format!("expected: {}; found: {}", report.question, amount(report)),
    }
}

/// How much fails, as the check counts it.
fn amount(report: &CheckReport) -> String {
    let CheckReport { record, test, .. } = report;
    let Some(failures) = record.failures else { return "nobody knows how much".to_owned() };
    let whole = failures.fract() == 0.0 && failures >= 0.0;
    let count = if whole { grouped(failures as u64) } else { failures.to_string() };
    let (one, many) = match test.as_str() {
        "unique" => ("value is there more than once", "values are there more than once"),
        "accepted_values" => ("value is another", "values are others"),
        "row_count" => ("another number", "another number"),
        "freshness" => ("older ones, or none", "older ones, or none"),
        "distribution" => ("bound is broken", "bounds are broken"),
        _ => ("row does not fit", "rows do not fit"),
    };
    if test == "python" && record.failing.is_none() {
        return "it does not hold".to_owned();
    }
    let words = if failures == 1.0 { one } else { many };
    match test.as_str() {
        "row_count" | "freshness" => words.to_owned(),
        _ => format!("{count} {words}"),
    }
}

fn rest(failing: &FailingRows) -> String {
    let kept = failing.rows.len() as u64;
    match failing.total {
        total if total > kept => format!("the first {} of {}", grouped(kept), grouped(total)),
        1 => "it".to_owned(),
        total => format!("all {}", grouped(total)),
    }
}

/// The first of the failing rows. The column that the check is about comes first, since many may not fit.
pub(crate) fn table(failing: &FailingRows, column: Option<&str>, most: usize) -> Table {
    let mut order: Vec<usize> = (0..failing.columns.len()).collect();
    let is_asked = |index: &usize| column.is_some_and(|name| failing.columns[*index].name.eq_ignore_ascii_case(name));
    order.sort_by_key(|index| !is_asked(index));
    let columns = order.into_iter().map(|index| Column {
        name: failing.columns[index].name.clone(),
        is_number: is_number(&failing.columns[index].engine_type),
        fit: if is_asked(&index) { Fit::Whole } else { Fit::AsUsual },
        cells: failing.rows.iter().take(most).map(|row| row.get(index).cloned().flatten()).collect(),
    });
    Table { columns: columns.collect() }
}

/// `3 passed (1 proved), 1 warned, 1 failed`; nothing where there were no checks.
pub(crate) fn counts_in_words(counts: &CheckCounts) -> Option<String> {
    if counts.all() + counts.skipped == 0 {
        return None;
    }
    let mut passed = format!("{} passed", grouped(counts.passed as u64));
    if counts.proved > 0 {
        passed.push_str(&format!(" ({} proved)", grouped(counts.proved as u64)));
    }
    let others = [
        (counts.warned, "warned"),
        (counts.failed, "failed"),
        (counts.broken, "not answered"),
        (counts.skipped, "skipped"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    let others = others.map(|(count, word)| format!("{} {word}", grouped(count as u64)));
    Some(std::iter::once(passed).chain(others).collect::<Vec<_>>().join(", "))
}
