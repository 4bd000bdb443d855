//! `dovetail show --failures`: the rows that a check of data has found, as the state keeps them.

use super::args::{ShowArgs, ShowOutput};
use super::check_report::table;
use super::context::Context;
use super::opening::{database_diagnostic, look_at, open_diagnostic};
use super::progress::grouped;
use super::rows::{csv_line, print_table};
use super::when::ago;
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::{CheckRecord, CheckStatus, FailingRows};

pub(crate) fn show_failures(context: &mut Context, name: &str, args: &ShowArgs) -> CommandResult {
    let compiled = context.compile()?;
    let engine = look_at(context, &compiled.project, args.waiting.wait)
        .map_err(|error| open_diagnostic(&compiled.project, &error))?;
    let found = engine.last_check(name).map_err(|error| database_diagnostic(&error))?;
    let check = compiled.graph.find_check(name).map(|id| compiled.graph.check(id));
    let Some(record) = found else {
        return Err(match check {
            Some(_) => Diagnostic::error(Code::NothingSelected, format!("the check `{name}` was never asked"))
                .hint(format!("`dovetail test --select {name}` asks it of what stands"))
                .into(),
            None => unknown(&compiled, name).into(),
        });
    };
    if let Some(failing) = &record.failing {
        let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
        print(context, failing, check.and_then(|check| check.column.as_deref()), (args.output, most));
    }
    let question = check.map(|check| format!("{}; ", check.in_words(&compiled.graph))).unwrap_or_default();
    context.printer.note(&format!("{question}{}", in_words(&record, args.limit)));
    Ok(ExitStatus::Success)
}

fn unknown(compiled: &Compiled, name: &str) -> Diagnostic {
    let graph = &compiled.graph;
    let names = graph.checks.iter().map(|check| check.name.as_str());
    let meant = did_you_mean(name, names).map(|meant| format!("did you mean `{meant}`?"));
    let hint = meant.unwrap_or_else(|| "`dovetail ls -s kind:check` lists the names".to_owned());
    Diagnostic::error(Code::NothingSelected, format!("there is no check `{name}`")).hint(hint)
}

/// How the check came out, and when.
fn in_words(record: &CheckRecord, limit: u64) -> String {
    let when = ago(record.started_at);
    let of = if record.is_of_published { "" } else { ", of what was then not published" };
    let rows = match &record.failing {
        None => String::new(),
        Some(failing) => {
            let shown = limit.min(failing.rows.len() as u64);
            match (shown, failing.total) {
                (shown, total) if shown < total && shown < failing.rows.len() as u64 => {
                    format!("; {} of {}, `--limit` shows more", grouped(shown), grouped(total))
                }
                (shown, total) if shown < total => format!("; {} of {} are kept", grouped(shown), grouped(total)),
                _ => String::new(),
            }
        }
    };
    match record.status {
        CheckStatus::Passed => format!("passed {when}{of}"),
        CheckStatus::Warned => format!("warned {when}{of}{rows}"),
        CheckStatus::Failed => format!("failed {when}{of}{rows}"),
        CheckStatus::Broken => {
            format!("could not be answered {when}: {}", record.message.as_deref().unwrap_or_default())
        }
    }
}

fn print(context: &mut Context, failing: &FailingRows, column: Option<&str>, (output, most): (ShowOutput, usize)) {
    match output {
        ShowOutput::Table => print_table(context, &table(failing, column, most)),
        ShowOutput::Csv => {
            let names = failing.columns.iter().map(|column| Some(column.name.as_str()));
            context.printer.data(&csv_line(names));
            for row in failing.rows.iter().take(most) {
                context.printer.data(&csv_line(row.iter().map(Option::as_deref)));
            }
        }
        ShowOutput::Json => {
            for row in failing.rows.iter().take(most) {
                let values = failing.columns.iter().zip(row);
                let object: serde_json::Map<_, _> =
                    values.map(|(column, value)| (column.name.clone(), value.clone().into())).collect();
                context.printer.data_line(&serde_json::Value::Object(object).to_string());
            }
        }
    }
}
