//! `dovetail status`: what is up to date, what is not, and why.

use serde::Serialize;

use super::args::{StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, Look, in_words};
use super::context::{Context, NOTHING_SELECTED};
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::plan::staleness::{Judgement, State};

pub(crate) fn status(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let Look { compiled, selected, orphans, assessment, .. } = Assessment::look(context, args)?;
    let mut judged: Vec<(&str, Judgement)> = selected
        .iter()
        .filter_map(|id| Some((compiled.graph.node(*id).name.as_str(), assessment.judged.get(id)?.clone())))
        .collect();
    judged.sort_by_key(|(name, _)| *name);
    let orphan = Judgement { state: State::Orphaned, causes: Vec::new(), unobserved: Vec::new() };
    judged.extend(orphans.iter().map(|name| (name.as_str(), orphan.clone())));
    let width = judged.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (asset, judgement) in &judged {
        let line = match args.output {
            StatusOutput::Json => serde_json::to_string(&Line::of(asset, judgement)).map_err(unprintable)?,
            StatusOutput::Table => format!("{asset:<width$}  {:<8}  {}", judgement.state.as_str(), why(judgement)),
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
        _ if total == 0 => NOTHING_SELECTED.to_owned(),
        0 if orphaned == 0 => format!("all {total} up to date"),
        0 => format!("{orphaned} of {total} orphaned: dovetail leaves them alone, drop them when nobody needs them"),
        _ => format!("{unfresh} of {total} not up to date; `dovetail plan` shows what would be done"),
    }
}

/// The causes; of what is fresh, what nobody can see change, where the answer would else sound too sure.
fn why(judgement: &Judgement) -> String {
    match judgement.state {
        State::Orphaned => "nothing declares it any more".to_owned(),
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
}

impl<'a> Line<'a> {
    fn of(asset: &'a str, judgement: &'a Judgement) -> Self {
        let Judgement { state, causes, unobserved } = judgement;
        Line { asset, state: state.as_str(), causes: CauseLine::all(causes), unobserved }
    }
}
