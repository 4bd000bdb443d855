//! `dovetail plan`: what `reconcile` would do, in order, and why.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::args::{SelectionArgs, StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, Looked, in_words};
use super::context::{Context, NOTHING_SELECTED};
use super::ls::unprintable;
use super::opening::database_diagnostic;
use super::progress::seconds;
use super::{CommandResult, ExitStatus};
use crate::diagnostic::Diagnostic;
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, NodeId};
use crate::plan::judgement::Judgement;
use crate::plan::{Plan, Reason, Step, Waiting, plan_reconcile};

pub(crate) fn plan(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let look = Assessment::look(context, args)?;
    let usual = look.engine.as_ref().map(|engine| engine.usual_seconds()).transpose();
    let usual = usual.map_err(|error| database_diagnostic(&error))?.unwrap_or_default();
    let Looked { compiled, selected, assessment, .. } = &look;
    let plan = plan_reconcile(&compiled.graph, selected, &assessment.judged, &assessment.checks);
    let mut lines = steps(&look, &plan, &usual);
    lines.extend(asked(&look, &plan));
    lines.extend(waits(&look, &plan));
    let orphan = Judgement::orphaned();
    // Without a selection the plan is what `reconcile` does, and that leaves orphans alone.
    if !args.selection.select.is_empty() {
        lines.extend(look.orphans.iter().map(|left| Line::new(&left.made.asset, &orphan, Action::Leave, None)));
    }
    if lines.is_empty() {
        let is_nothing =
            look.selected.nodes.is_empty() && look.selected.checks.is_empty() && !args.selection.select.is_empty();
        let fresh = "nothing to do: everything selected is up to date";
        context.printer.note(if is_nothing { NOTHING_SELECTED } else { fresh });
        look.leave();
        return Ok(ExitStatus::Success);
    }
    print(context, args.output, &mut lines)?;
    let summary = summary(&lines, &command(args));
    if !summary.is_empty() {
        context.printer.note(&summary);
    }
    if let Some(waiting) = waiting_in_words(&compiled.graph, &assessment.judged, &plan.waiting) {
        context.printer.note(&waiting);
    }
    look.leave();
    Ok(ExitStatus::Success)
}

/// The steps of the plan, with the times that they usually take.
fn steps<'l>(look: &'l Looked, plan: &Plan, usual: &BTreeMap<String, f64>) -> Vec<Line<'l>> {
    let Looked { compiled, assessment, .. } = look;
    let line = |step: &Step| {
        if !step.builds() {
            return None;
        }
        let action = match step.reason {
            Reason::Pending => Action::Check,
            Reason::Stale | Reason::Selected => Action::Build,
            Reason::Asked => Action::Test,
        };
        let asset = compiled.graph.node(step.asset).name.as_str();
        Some(Line::new(asset, assessment.judged.get(&step.asset)?, action, usual.get(asset).copied()))
    };
    plan.steps.iter().filter_map(line).collect()
}

/// The checks that are asked of what stands.
fn asked<'l>(look: &'l Looked, plan: &Plan) -> Vec<Line<'l>> {
    let Looked { compiled, assessment, .. } = look;
    let asked = plan.steps.iter().filter(|step| !step.builds()).flat_map(|step| &step.checks);
    let line = |id: &CheckId| {
        let check = compiled.graph.check(*id);
        let judgement = assessment.checks.get(id)?;
        Some(Line {
            asset: compiled.graph.node(check.asset).name.as_str(),
            check: Some(check.name.as_str()),
            state: judgement.state.as_str(),
            causes: Vec::new(),
            action: Action::Test,
            order: 0,
            seconds: None,
            why: judgement.why.clone(),
        })
    };
    asked.filter_map(line).collect()
}

/// What is no step, since it waits for what is not selected.
fn waits<'l>(look: &'l Looked, plan: &Plan) -> Vec<Line<'l>> {
    let Looked { compiled, assessment, .. } = look;
    let steps: HashSet<NodeId> = plan.steps.iter().map(|step| step.asset).collect();
    let line = |waiting: &Waiting| {
        let asset = compiled.graph.node(waiting.asset).name.as_str();
        let line = Line::new(asset, assessment.judged.get(&waiting.asset)?, Action::Wait, None);
        let why = format!("it waits for {}", upstream_in_words(&compiled.graph, &assessment.judged, waiting));
        Some(Line { why, ..line })
    };
    plan.waiting.iter().filter(|waiting| !steps.contains(&waiting.asset)).filter_map(line).collect()
}

fn upstream_in_words(graph: &AssetGraph, judged: &HashMap<NodeId, Judgement>, waiting: &Waiting) -> String {
    let state = judged.get(&waiting.upstream).map_or("not up to date", |judgement| judgement.state.as_str());
    format!("`{}`, which is {state} and not selected", graph.node(waiting.upstream).name)
}

/// That a selection leaves out what something of it waits for, and how to take it along; `None` where nothing waits.
pub(crate) fn waiting_in_words(
    graph: &AssetGraph,
    judged: &HashMap<NodeId, Judgement>,
    waiting: &[Waiting],
) -> Option<String> {
    let first = waiting.first()?;
    let asset = &graph.node(first.asset).name;
    let upstream = upstream_in_words(graph, judged, first);
    Some(match waiting.len() {
        1 => format!("`{asset}` stays pending: it waits for {upstream}; `--select +{asset}` takes it along"),
        count => format!(
            "{count} stay pending, waiting for what is not selected, such as `{asset}` for {upstream}; \
             `--select +{asset}` takes it along"
        ),
    })
}

fn print(context: &mut Context, output: StatusOutput, lines: &mut [Line<'_>]) -> Result<(), Diagnostic> {
    let width = lines.iter().map(|line| line.name().chars().count()).max().unwrap_or_default();
    for (index, line) in lines.iter_mut().enumerate() {
        line.order = index + 1;
        match output {
            StatusOutput::Json => context.printer.data_line(&serde_json::to_string(line).map_err(unprintable)?),
            StatusOutput::Table => context.printer.text(&format!("{}\n", line.text(width).trim_end())),
        }
    }
    Ok(())
}

/// What the lines come to; nothing where all of them wait. Times are of work, which several threads share.
fn summary(lines: &[Line<'_>], command: &str) -> String {
    let count = |action: Action| lines.iter().filter(|line| line.action == action).count();
    let (builds, checks, orphans) = (count(Action::Build), count(Action::Check), count(Action::Leave));
    let tests = count(Action::Test);
    let mut words = Vec::new();
    if builds > 0 || checks > 0 {
        let all = about(lines, |action| action == Action::Build);
        words.push(format!("{builds} to build{}", all.map(|all| format!(" (about {all})")).unwrap_or_default()));
    }
    if checks > 0 {
        let all = about(lines, |action| matches!(action, Action::Build | Action::Check));
        let all = all.map(|all| format!(" (with all of them about {all})")).unwrap_or_default();
        words.push(format!("{checks} to check, which are built only if what they read comes out differently{all}"));
    }
    if tests > 0 {
        words.push(format!("{tests} to test, which are asked of what stands"));
    }
    if orphans > 0 {
        words.push(format!(
            "{orphans} orphaned, which dovetail leaves alone until `dovetail gc --yes` moves them to the trash"
        ));
    }
    let command = if builds + checks + tests > 0 { format!("; {command} does it") } else { String::new() };
    format!("{}{command}", words.join(", "))
}

/// What does what this plan shows.
fn command(args: &StatusArgs) -> String {
    let verify = if args.verify { " --verify" } else { "" };
    let SelectionArgs { select, exclude } = &args.selection;
    let selected = if select.is_empty() && exclude.is_empty() { "" } else { ", with the same selection," };
    format!("`dovetail reconcile{verify}`{selected}")
}

/// The sum of the usual times, and for how many assets none is known; `None` when there is none at all.
fn about(lines: &[Line<'_>], counts: impl Fn(Action) -> bool) -> Option<String> {
    let counted: Vec<Option<f64>> = lines.iter().filter(|line| counts(line.action)).map(|line| line.seconds).collect();
    let known: Vec<f64> = counted.iter().copied().flatten().collect();
    let time = seconds(Duration::try_from_secs_f64(known.iter().sum()).unwrap_or_default());
    match counted.len() - known.len() {
        _ if known.is_empty() => None,
        0 => Some(time),
        unknown => Some(format!("{time}, and {unknown} for the first time")),
    }
}

/// What is done with an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Build,
    /// Built if what it reads comes out differently.
    Check,
    /// Its checks are asked of what stands.
    Test,
    /// Nothing: it waits for what is not selected.
    Wait,
    /// Nothing: it is no part of the project any more.
    Leave,
}

impl<'a> Line<'a> {
    fn new(asset: &'a str, judgement: &'a Judgement, action: Action, seconds: Option<f64>) -> Self {
        let causes = CauseLine::all(&judgement.causes);
        let (state, why) = (judgement.state.as_str(), in_words(judgement));
        Line { asset, check: None, state, causes, action, order: 0, seconds, why }
    }

    /// What the line is about.
    fn name(&self) -> &'a str {
        self.check.unwrap_or(self.asset)
    }

    fn text(&self, width: usize) -> String {
        let action = match self.action {
            Action::Build => "build",
            Action::Check => "check",
            Action::Test => "test",
            Action::Wait => "wait",
            Action::Leave => "leave",
        };
        let time =
            self.seconds.and_then(|time| Duration::try_from_secs_f64(time).ok()).map(seconds).unwrap_or_default();
        let (Line { state, order, why, .. }, name) = (self, self.name());
        format!("{order:>4}  {action:<5}  {name:<width$}  {state:<8}  {time:>9}  {why}")
    }
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    /// The check that is asked, and nothing else done.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'a str>,
    state: &'static str,
    causes: Vec<CauseLine<'a>>,
    action: Action,
    order: usize,
    /// The median of the last times; `None` when there was none.
    seconds: Option<f64>,
    #[serde(skip)]
    why: String,
}
