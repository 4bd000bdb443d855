//! stub
use super::args::ShowArgs;
use super::context::Context;
use super::{CommandResult, ExitStatus};
pub(crate) fn show(_c: &mut Context, _a: &ShowArgs) -> CommandResult {
    Ok(ExitStatus::Success)
}
