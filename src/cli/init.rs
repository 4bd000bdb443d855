//! stub
use super::args::InitArgs;
use super::context::Context;
use super::{CommandResult, ExitStatus};
pub(crate) fn init(_c: &mut Context, _a: &InitArgs) -> CommandResult {
    Ok(ExitStatus::Success)
}
