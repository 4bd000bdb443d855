//! `dovetail status`: what is up to date, what is not, and why.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

use super::args::{StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, Looked, in_words};
use super::context::{Context, NOTHING_SELECTED};
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::graph::AssetGraph;
use crate::graph::checks::Check;
use crate::plan::judgement::{Judgement, State};
use crate::plan::orphans::Orphan;
use crate::plan::{CheckJudgement, CheckState, Rule};

pub(crate) fn status(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let Looked { compiled, selected, orphans, assessment, .. } = Assessment::look(context, args)?;
    let mut judged: Vec<(&str, Judgement)> = selected
        .nodes
        .iter()
        .filter_map(|id| Some((compiled.graph.node(*id).name.as_str(), assessment.judged.get(id)?.clone())))
        .collect();
    judged.sort_by_key(|(name, _)| *name);
    let orphan = Judgement::orphaned();
    judged.extend(orphans.iter().map(|left| (left.made.asset.as_str(), orphan.clone())));
    let first_left = judged.len() - orphans.len();
    let unknown = |name: &str| {
        let source = compiled.graph.find(name).map(|id| compiled.graph.node(id))?;
        assessment.observer.why_unknown(source)
    };
    let width = judged.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (number, (asset, judgement)) in judged.iter().enumerate() {
        let orphan = number.checked_sub(first_left).and_then(|number| orphans.get(number));
        match args.output {
            StatusOutput::Json => {
                let line = serde_json::to_string(&Line::of(asset, judgement, orphan)).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
            StatusOutput::Table => {
                let why = orphan.map_or_else(|| why(judgement, &unknown), |orphan| orphan.why.clone());
                let line = format!("{asset:<width$}  {:<8}  {why}", judgement.state.as_str());
                context.printer.text(&format!("{}\n", line.trim_end()));
            }
        }
    }
    let checks: Vec<(&Check, &CheckJudgement)> =
        selected.checks.iter().filter_map(|id| Some((compiled.graph.check(*id), assessment.checks.get(id)?))).collect();
    print_checks(context, args.output, &compiled.graph, &checks);
    if !judged.is_empty() || checks.is_empty() {
        context.printer.note(&summary(&judged, args.verify));
    }
    if let Some(summary) = summary_of_checks(&checks) {
        context.printer.note(&summary);
    }
    let is_fresh = judged.iter().all(|(_, judgement)| judgement.state == State::Fresh)
        && checks.iter().all(|(_, judgement)| judgement.state.is_fresh());
    Ok(if is_fresh { ExitStatus::Success } else { ExitStatus::AssetFailed })
}

/// The checks that are not as they should be: of the others their number says enough.
fn print_checks(context: &mut Context, output: StatusOutput, graph: &AssetGraph, checks: &[(&Check, &CheckJudgement)]) {
    let is_told = |state: CheckState| !matches!(state, CheckState::Fresh | CheckState::Pending);
    let told: Vec<_> = checks.iter().filter(|(_, judgement)| is_told(judgement.state)).collect();
    let width = told.iter().map(|(check, _)| check.name.as_str().chars().count()).max().unwrap_or_default();
    match output {
        StatusOutput::Table => {
            for (check, CheckJudgement { state, why }) in told {
                let line = format!("{:<width$}  {:<8}  {why}", check.name.as_str(), state.as_str());
                context.printer.text(&format!("{}\n", line.trim_end()));
            }
        }
        StatusOutput::Json => {
            for (check, CheckJudgement { state, why }) in checks {
                let asset = graph.node(check.asset).name.as_str();
                let line = json!({
                    "check": check.name.as_str(), "asset": asset, "state": state.as_str(), "why": why,
                });
                context.printer.data_line(&line.to_string());
            }
        }
    }
}

fn summary_of_checks(checks: &[(&Check, &CheckJudgement)]) -> Option<String> {
    let count = |is: &dyn Fn(CheckState) -> bool| checks.iter().filter(|(_, judgement)| is(judgement.state)).count();
    let (total, open) = (checks.len(), count(&|state| !state.is_fresh()));
    let warned = match count(&|state| state == CheckState::Warned) {
        0 => String::new(),
        warned => format!(", {warned} with a warning"),
    };
    match open {
        _ if total == 0 => None,
        0 => Some(format!("checks: all {total} passed{warned}")),
        _ => Some(format!(
            "checks: {open} of {total} failed, or not asked of what stands now{warned}; `dovetail reconcile` asks them"
        )),
    }
}

fn summary(judged: &[(&str, Judgement)], is_verified: bool) -> String {
    let count = |is: fn(State) -> bool| judged.iter().filter(|(_, judgement)| is(judgement.state)).count();
    let (total, unfresh) = (judged.len(), count(|state| state != State::Fresh));
    let orphaned = count(|state| state == State::Orphaned);
    match unfresh - orphaned {
        _ if total == 0 => NOTHING_SELECTED.to_owned(),
        0 if orphaned == 0 => format!("all {total} up to date"),
        0 => format!("{orphaned} of {total} orphaned; `dovetail gc --yes` moves them to the trash"),
        _ => {
            let verify = if is_verified { " --verify" } else { "" };
            format!("{unfresh} of {total} not up to date; `dovetail plan{verify}` shows what would be done")
        }
    }
}

/// The causes; of what is fresh, what the answer rests on, where it would else sound too sure. `unknown` tells why a
/// source could not be looked at.
fn why<'u>(judgement: &Judgement, unknown: &impl Fn(&str) -> Option<&'u str>) -> String {
    match judgement.state {
        State::Fresh => {
            let grounds = grounds(judgement, unknown);
            if grounds.is_empty() { String::new() } else { format!("({})", grounds.join("; ")) }
        }
        _ => in_words(judgement),
    }
}

fn grounds<'u>(judgement: &Judgement, unknown: &impl Fn(&str) -> Option<&'u str>) -> Vec<String> {
    let mut grounds = Vec::new();
    match judgement.rule {
        Some(Rule::MaxAge { due: Some(due) }) => grounds.extend(timestamp(due).map(|due| {
            let due = due.to_zoned(TimeZone::system());
            format!("by `max_age` until {}", due.strftime("%Y-%m-%d %H:%M:%S"))
        })),
        Some(Rule::WhenAsked) => grounds.push("built anew only when asked".to_owned()),
        Some(Rule::MaxAge { due: None }) | None => {}
    }
    if !judgement.counted.is_empty() {
        grounds.push(format!("observed by the number of rows only: {}", judgement.counted.join(", ")));
    }
    if !judgement.unobserved.is_empty() {
        let named = |name: &String| match unknown(name) {
            Some(reason) => format!("{name} ({reason})"),
            None => name.clone(),
        };
        let names: Vec<String> = judgement.unobserved.iter().map(named).collect();
        grounds.push(format!("not observed: {}", names.join(", ")));
    }
    grounds
}

/// `None` for a time that is further away than calendars go.
fn timestamp(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    state: &'static str,
    causes: Vec<CauseLine<'a>>,
    unobserved: &'a [String],
    /// Sources of which only the number of rows is seen.
    counted: &'a [String],
    /// `max_age`, `only when asked`, or nothing where what is seen of its code and its inputs decides.
    rule: Option<&'static str>,
    /// When `max_age` makes it stale, such as `2013-01-01T00:00:00Z`.
    due: Option<String>,
    /// Only of what is orphaned: where it stands, which need not be where its asset does.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(asset: &'a str, judgement: &'a Judgement, orphan: Option<&'a Orphan>) -> Self {
        let Judgement { state, causes, unobserved, counted, rule } = judgement;
        let (rule, due) = match rule {
            Some(Rule::MaxAge { due }) => (Some("max_age"), *due),
            Some(Rule::WhenAsked) => (Some("only when asked"), None),
            None => (None, None),
        };
        let due = due.and_then(timestamp).map(|due| due.to_string());
        let relation = orphan.and_then(|orphan| orphan.made.relation.as_deref());
        Line { asset, state: state.as_str(), causes: CauseLine::all(causes), unobserved, counted, rule, due, relation }
    }
}
