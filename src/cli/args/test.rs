//! The arguments of `test`.

use std::path::PathBuf;

use clap::Args;

use super::{SelectionArgs, TextOutput};

#[derive(Debug, Clone, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Write what came out into the expectations of unit tests that failed
    #[arg(long)]
    pub update: bool,

    /// How to print the results; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,

    /// Write the results as JUnit XML too, for CI systems
    #[arg(long, value_name = "PATH")]
    pub junit: Option<PathBuf>,
}
