//! `dovetail run`: materializes the selected assets.

use super::CommandResult;
use super::args::RunArgs;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(crate) fn run(_context: &mut Context, _args: &RunArgs) -> CommandResult {
    Err(Diagnostic::error(Code::Unsupported, "`run` is not built yet").into())
}
