//! stub
use super::args::GraphArgs;
use super::context::Context;
use super::{CommandResult, ExitStatus};
pub(crate) fn graph(_c: &mut Context, _a: &GraphArgs) -> CommandResult {
    Ok(ExitStatus::Success)
}
