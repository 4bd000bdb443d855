//! `dovetail impact`: what the loss of a column, or another name for it, does to what is below it.

use serde::Serialize;

use super::args::{ImpactArgs, TextOutput};
use super::columns::{column_graph, find_column, note_doubts};
use super::context::Context;
use super::facts::open_if_there;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::graph::algebra::descendants;
use crate::lineage::{Affected, ColumnGraph, Effect};

pub(crate) fn impact(context: &mut Context, args: &ImpactArgs) -> CommandResult {
    let compiled = context.compile()?;
    let engine = open_if_there(context, &compiled, None)?;
    let columns = column_graph(&compiled, engine.as_ref())?;
    let start = find_column(&columns, &args.column)?;
    let affected = columns.impact(&start);
    for one in &affected {
        match args.output {
            TextOutput::Text => context.printer.data_line(&text(&columns, one)),
            TextOutput::Json => {
                let line = serde_json::to_string(&Line::of(&columns, one)).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
        }
    }
    if args.output == TextOutput::Text && affected.is_empty() {
        context.printer.text(&format!("nothing reads `{}`\n", columns.written(&start)));
    }
    let below = descendants(&compiled.graph, &[start.asset].into(), None);
    note_doubts(context, &columns, below);
    Ok(ExitStatus::Success)
}

/// One line of `--output json`. The keys and their order are a promise to scripts.
#[derive(Serialize)]
struct Line {
    asset: String,
    effect: &'static str,
    /// The columns that it names or receives, as `asset.column`.
    by: Vec<String>,
}

impl Line {
    fn of(columns: &ColumnGraph<'_>, affected: &Affected) -> Self {
        let asset = columns.graph.node(affected.asset).name.to_string();
        Line { asset, effect: affected.effect.as_str(), by: by(columns, affected) }
    }
}

fn by(columns: &ColumnGraph<'_>, affected: &Affected) -> Vec<String> {
    let mut by: Vec<String> = affected.by.iter().map(|column| columns.written(column)).collect();
    by.sort_unstable();
    by
}

fn text(columns: &ColumnGraph<'_>, affected: &Affected) -> String {
    let by: Vec<String> = by(columns, affected).iter().map(|column| format!("`{column}`")).collect();
    let how = match affected.effect {
        Effect::Breaks => format!("names {}", by.join(", ")),
        Effect::MayBreak => format!("may name {}", by.join(", ")),
        Effect::Recomputes if by.is_empty() => "has other rows".to_owned(),
        Effect::Recomputes => format!("has what comes from {}", by.join(", ")),
    };
    format!("`{}` {}: it {how}", columns.graph.node(affected.asset).name, affected.effect.as_str())
}
