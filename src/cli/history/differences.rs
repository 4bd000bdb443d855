//! How two materializations of an asset differ.

use serde::Serialize;

use super::entry::materialized;
use crate::cli::args::StatusOutput;
use crate::cli::context::Context;
use crate::cli::diff::{coloured, unified};
use crate::cli::ls::unprintable;
use crate::cli::when::short;
use crate::cli::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Materialization, Past};

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    /// `code`, `config`, `columns`, `inputs`, `packages` or `rows`.
    section: &'static str,
    diff: String,
}

/// Prints what differs from the first materialization to the second, each named by its number or its run.
///
/// # Errors
/// When a name fits none, or several.
pub(super) fn differences(
    context: &mut Context,
    asset: &str,
    history: &[Past],
    (old, new): (&str, &str),
    output: StatusOutput,
) -> CommandResult {
    let (old, new) = (find(history, old)?, find(history, new)?);
    let mut has_any = false;
    for (section, text) in SECTIONS {
        let names = [old, new].map(|past| format!("{section} of {}", past.record.run));
        let Some(diff) = unified((&names[0], &text(old)), (&names[1], &text(new))) else { continue };
        has_any = true;
        match output {
            StatusOutput::Json => {
                let line = serde_json::to_string(&Line { asset, section, diff }).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
            StatusOutput::Table if context.printer.stdout_color => context.printer.data(&coloured(&diff)),
            StatusOutput::Table => context.printer.text(&diff),
        }
    }
    for unknown in [old, new].into_iter().filter(|past| past.code.is_none()) {
        context.printer.note(&format!("the code of {} was not recorded", unknown.record.run));
    }
    if !has_any {
        context
            .printer
            .note("nothing differs: code, config, columns, inputs, packages and number of rows are the same");
    }
    Ok(ExitStatus::Success)
}

/// The parts of a materialization as texts.
type Section = (&'static str, fn(&Materialization) -> String);

const SECTIONS: [Section; 6] = [
    ("code", |past| past.code.clone().unwrap_or_default()),
    ("config", |past| {
        let config = past.config.iter().flatten();
        lines(config.map(|(key, value)| format!("{key}: {value}")))
    }),
    ("columns", |past| {
        lines(past.record.columns.iter().map(|column| format!("{} {}", column.name, column.engine_type)))
    }),
    ("inputs", |past| {
        let version = |version: &Option<String>| version.as_deref().map_or("not known", short).to_owned();
        let inputs = past.record.inputs.iter();
        lines(inputs.map(|(name, input)| match &input.columns {
            Some(columns) => format!("{name}: data {}, columns {}", version(&input.data), short(columns)),
            None => format!("{name}: data {}", version(&input.data)),
        }))
    }),
    ("packages", |past| lines(past.packages.iter().map(|(name, version)| format!("{name} {version}")))),
    ("rows", |past| past.record.rows.map(|rows| rows.to_string()).unwrap_or_default()),
];

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

/// The materialization with this number, or in the only run whose id begins so.
fn find<'h>(history: &'h [Past], name: &str) -> Result<&'h Materialization, Diagnostic> {
    let problem = |message: String| Diagnostic::error(Code::Usage, message).hint("`dovetail history ASSET` lists them");
    let by_number = name.parse().ok().and_then(|number: usize| history.get(number.checked_sub(1)?));
    if let Some(past) = by_number {
        return materialized(past)
            .ok_or_else(|| problem(format!("number {name} did not come out, so there is nothing to compare")));
    }
    let fits = |past: &&Materialization| !name.is_empty() && past.record.run.starts_with(name);
    match history.iter().filter_map(materialized).filter(fits).collect::<Vec<_>>().as_slice() {
        [] => Err(problem(format!("no materialization has the number or the run `{name}`"))),
        [only] => Ok(only),
        several => {
            let runs: Vec<String> = several.iter().map(|past| format!("`{}`", past.record.run)).collect();
            Err(problem(format!("`{name}` is the beginning of {}", runs.join(", "))))
        }
    }
}
