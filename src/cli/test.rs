//! `dovetail test`: unit tests.

use super::args::TestArgs;
use super::context::Context;
use super::junit;
use super::unit_tests::{run_unit_tests, selected_unit_tests};
use super::{CommandResult, ExitStatus};

pub(crate) fn test(context: &mut Context, args: &TestArgs) -> CommandResult {
    let compiled = context.compile()?;
    let tests = selected_unit_tests(context, &compiled, &args.selection)?;
    if tests.is_empty() {
        context.printer.note("no unit test is selected");
    }
    let run = run_unit_tests(context, &compiled, &tests, (args.output, args.update))?;
    if let Some(path) = &args.junit {
        junit::write(&context.cwd.join(path), &[run.suite])?;
    }
    Ok(if run.summary.is_success() { ExitStatus::Success } else { ExitStatus::AssetFailed })
}
