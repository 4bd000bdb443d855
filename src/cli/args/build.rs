//! What builds: the arguments of `run`, `reconcile` and `retry`.

use clap::Args;

use super::{SelectionArgs, WaitArgs};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    #[command(flatten)]
    pub manner: Manner,
}

/// How whatever is to be built is built.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Manner {
    /// Stop at the first failure instead of finishing what does not depend on it
    #[arg(short = 'x', long)]
    pub fail_fast: bool,

    /// Publish everything in one commit at the end, or nothing if anything failed; as `publish = "run"` in
    /// `dovetail.toml`. `retry` does so where the run did that it takes up
    #[arg(long)]
    pub atomic: bool,

    /// Build without checking first whether every query can run
    #[arg(long)]
    pub no_check: bool,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub manner: Manner,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    pub run: RunArgs,

    /// Read every table to see whether its rows are those that were written
    #[arg(long)]
    pub verify: bool,
}
