//! What builds: the arguments of `run`, `reconcile` and `retry`.

use std::path::PathBuf;

use clap::Args;

use super::{SelectionArgs, TextOutput, WaitArgs};

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

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub run: RunArgs,

    #[command(flatten)]
    pub report: ReportArgs,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    #[command(flatten)]
    pub report: ReportArgs,

    /// Write what came out into the expectations of unit tests that failed
    #[arg(long)]
    pub update: bool,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

/// How tests and checks are reported beside what people read.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReportArgs {
    /// How to print how tests and checks came out; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,

    /// Write a report for CI systems in JUnit's XML
    #[arg(long, value_name = "PATH")]
    pub junit: Option<PathBuf>,
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

    #[command(flatten)]
    pub report: ReportArgs,
}
