//! Runs the steps of a plan.

#[derive(Debug, Clone, Default)]
pub struct Cancellation {}
#[derive(Debug, Clone, Default)]
pub struct RunOptions {}
pub fn execute() {}
