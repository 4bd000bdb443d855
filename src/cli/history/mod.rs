//! `dovetail history`: the runs, or what happened to an asset, and how two of its materializations differ.

mod asset;
mod differences;
mod entry;
mod runs;

use super::CommandResult;
use super::args::HistoryArgs;
use super::context::Context;

pub(crate) fn history(context: &mut Context, args: &HistoryArgs) -> CommandResult {
    let project = context.load()?;
    for warning in &project.warnings.0 {
        context.printer.diagnostic(warning);
    }
    match &args.name {
        None => runs::runs(context, &project.value, args),
        Some(name) => asset::asset(context, &project.value, name, args),
    }
}
