//! `dovetail status`: what is up to date, what is not, and why.

use serde::Serialize;

use super::args::{StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, in_words};
use super::context::Context;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::plan::orphans::Orphan;
use crate::plan::staleness::{Judgement, State};

pub(crate) fn status(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let (compiled, selected, assessment) = Assessment::look(context, args)?;
    let mut judged: Vec<(&str, Judgement)> = selected
        .iter()
        .filter_map(|id| Some((compiled.graph.node(*id).name.as_str(), assessment.judged.get(id)?.clone())))
        .collect();
    judged.sort_by_key(|(name, _)| *name);
    let mut left: Vec<&Orphan> = Vec::new();
    if args.selection.select.is_empty() && args.selection.exclude.is_empty() {
        let orphan = Judgement { state: State::Orphaned, causes: Vec::new(), unobserved: Vec::new() };
        judged.extend(assessment.orphans.iter().map(|left| (left.made.asset.as_str(), orphan.clone())));
        left.extend(&assessment.orphans);
    }
    let first_left = judged.len() - left.len();
    let width = judged.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (number, (asset, judgement)) in judged.iter().enumerate() {
        let orphan = number.checked_sub(first_left).and_then(|number| left.get(number)).copied();
        let line = match args.output {
            StatusOutput::Json => serde_json::to_string(&Line::of(asset, judgement, orphan)).map_err(unprintable)?,
            StatusOutput::Table => {
                let why = orphan.map_or_else(|| why(judgement), |orphan| orphan.why.clone());
                format!("{asset:<width$}  {:<8}  {why}", judgement.state.as_str())
            }
        };
        context.printer.data_line(line.trim_end());
    }
    context.printer.note(&summary(&judged));
    let is_fresh = judged.iter().all(|(_, judgement)| judgement.state == State::Fresh);
    Ok(if is_fresh { ExitStatus::Success } else { ExitStatus::AssetFailed })
}

fn summary(judged: &[(&str, Judgement)]) -> String {
    let count = |is: fn(State) -> bool| judged.iter().filter(|(_, judgement)| is(judgement.state)).count();
    let (total, unfresh) = (judged.len(), count(|state| state != State::Fresh));
    let orphaned = count(|state| state == State::Orphaned);
    match unfresh - orphaned {
        0 if orphaned == 0 => format!("all {total} up to date"),
        0 => format!("{orphaned} of {total} orphaned; `dovetail gc` moves them to the trash"),
        _ => format!("{unfresh} of {total} not up to date; `dovetail plan` shows what would be done"),
    }
}

/// The causes; of what is fresh, what nobody can see change, where the answer would else sound too sure.
fn why(judgement: &Judgement) -> String {
    match judgement.state {
        State::Fresh if !judgement.unobserved.is_empty() => {
            format!("(not observed: {})", judgement.unobserved.join(", "))
        }
        _ => in_words(judgement),
    }
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    state: &'static str,
    causes: Vec<CauseLine<'a>>,
    unobserved: &'a [String],
    /// Only of what is orphaned: where it stands, which need not be where its asset does.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(asset: &'a str, judgement: &'a Judgement, orphan: Option<&'a Orphan>) -> Self {
        let Judgement { state, causes, unobserved } = judgement;
        let relation = orphan.and_then(|orphan| orphan.made.relation.as_deref());
        Line { asset, state: state.as_str(), causes: CauseLine::all(causes), unobserved, relation }
    }
}
