//! `dovetail status`: what is up to date, what is not, and why.

use std::collections::BTreeSet;

use serde::Serialize;

use super::args::{StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, in_words, open_to_look};
use super::context::Context;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::plan::staleness::{Cause, CauseKind, Judgement, State};

pub(crate) fn status(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let compiled = context.compile()?;
    let selected = context.select(&compiled.graph, &args.selection)?;
    let engine = open_to_look(context, &compiled, args)?;
    let assessment = Assessment::of(&compiled, engine.as_deref())?;
    let mut lines: Vec<(String, Judgement)> = Vec::new();
    for id in selected {
        if let Some(judgement) = assessment.judged.get(&id) {
            lines.push((compiled.graph.node(id).name.to_string(), judgement.clone()));
        }
    }
    if args.selection.select.is_empty() && args.selection.exclude.is_empty() {
        lines.extend(assessment.orphans.iter().map(|name| (name.clone(), orphaned())));
    }
    show(context, args.output, &lines)?;
    let unfresh = lines.iter().filter(|(_, judgement)| judgement.state != State::Fresh).count();
    if unfresh == 0 {
        context.printer.note(&format!("all {} up to date", lines.len()));
        return Ok(ExitStatus::Success);
    }
    let hint =
        if unfresh == count(&lines, State::Orphaned) { "" } else { "; `dovetail plan` shows what would be done" };
    context.printer.note(&format!("{unfresh} of {} not up to date{hint}", lines.len()));
    Ok(ExitStatus::AssetFailed)
}

fn count(lines: &[(String, Judgement)], state: State) -> usize {
    lines.iter().filter(|(_, judgement)| judgement.state == state).count()
}

fn orphaned() -> Judgement {
    let detail = "nothing declares it any more".to_owned();
    Judgement {
        state: State::Orphaned,
        causes: vec![Cause { kind: CauseKind::Missing, detail }],
        unobserved: Vec::new(),
    }
}

fn show(
    context: &mut Context,
    output: StatusOutput,
    lines: &[(String, Judgement)],
) -> Result<(), crate::diagnostic::Diagnostic> {
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (asset, judgement) in lines {
        let line = match output {
            StatusOutput::Json => {
                let causes =
                    if judgement.state == State::Orphaned { Vec::new() } else { CauseLine::all(&judgement.causes) };
                let line = Line { asset, state: judgement.state.as_str(), causes, unobserved: &judgement.unobserved };
                serde_json::to_string(&line).map_err(unprintable)?
            }
            StatusOutput::Table => {
                let state = judgement.state.as_str();
                format!("{asset:<width$}  {state:<8}  {}", why(judgement)).trim_end().to_owned()
            }
        };
        context.printer.data_line(&line);
    }
    Ok(())
}

/// What nobody can see change is said where the answer would else sound too sure.
fn why(judgement: &Judgement) -> String {
    if judgement.state == State::Fresh && !judgement.unobserved.is_empty() {
        let names: BTreeSet<&str> = judgement.unobserved.iter().map(String::as_str).collect();
        return format!("(not observed: {})", names.into_iter().collect::<Vec<_>>().join(", "));
    }
    in_words(judgement)
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    state: &'static str,
    causes: Vec<CauseLine<'a>>,
    unobserved: &'a [String],
}
