//! `dovetail plan`: what `reconcile` would do, in order, and why.

use serde::Serialize;

use super::args::{StatusArgs, StatusOutput};
use super::assess::{Assessment, CauseLine, in_words};
use super::context::Context;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::graph::NodeId;
use crate::plan::{Reason, plan_reconcile};

pub(crate) fn plan(context: &mut Context, args: &StatusArgs) -> CommandResult {
    let (compiled, selected, assessment) = Assessment::look(context, args)?;
    let plan = plan_reconcile(&compiled.graph, &selected, &assessment.judged);
    if plan.steps.is_empty() {
        context.printer.note("nothing to do: everything selected is up to date");
        return Ok(ExitStatus::Success);
    }
    let name = |id: NodeId| compiled.graph.node(id).name.as_str();
    let width = plan.steps.iter().map(|step| name(step.asset).chars().count()).max().unwrap_or_default();
    for (index, step) in plan.steps.iter().enumerate() {
        let Some(judgement) = assessment.judged.get(&step.asset) else { continue };
        let action = match step.reason {
            Reason::Pending => "check",
            Reason::Stale | Reason::Selected => "build",
        };
        let (asset, state) = (name(step.asset), judgement.state.as_str());
        let seconds = assessment.records.get(asset).map(|record| record.seconds);
        let line = match args.output {
            StatusOutput::Json => {
                let causes = CauseLine::all(&judgement.causes);
                let line = Line { asset, state, causes, action, order: index + 1, seconds };
                serde_json::to_string(&line).map_err(unprintable)?
            }
            StatusOutput::Table => {
                let time = seconds.map(|seconds| format!("{seconds:.2} s")).unwrap_or_default();
                let why = in_words(judgement);
                format!("{:>4}  {action}  {asset:<width$}  {state:<8}  {time:>9}  {why}", index + 1)
            }
        };
        context.printer.data_line(line.trim_end());
    }
    let pending = plan.steps.iter().filter(|step| step.reason == Reason::Pending).count();
    let certain = plan.steps.len() - pending;
    let more = if pending > 0 {
        format!(", {pending} to check, which are built only if what they read comes out differently")
    } else {
        String::new()
    };
    context.printer.note(&format!("{certain} to build{more}; `dovetail reconcile` does it"));
    Ok(ExitStatus::Success)
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    state: &'static str,
    causes: Vec<CauseLine<'a>>,
    action: &'static str,
    order: usize,
    /// Of the last time; `None` when there was none.
    seconds: Option<f64>,
}
