//! What compares a project with its database: the arguments of `check`, `status`, `plan`, `why`, `history` and `gc`.

use clap::{Args, ValueEnum};

use super::{SelectionArgs, TextOutput, WaitArgs};

#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// How to print it; `json` is one object per line: each asset and source with its columns and what is wrong
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Read every table to see whether its rows are those that were written
    #[arg(long)]
    pub verify: bool,

    /// How to print it; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusOutput {
    Table,
    Json,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct WhyArgs {
    /// The asset
    pub name: String,

    /// Read every table to see whether its rows are those that were written
    #[arg(long)]
    pub verify: bool,

    /// How to print it; `json` is one object per line: the asset, then what its causes lead to
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct HistoryArgs {
    /// The asset, also one that the project does not have any more; without it, the runs
    #[arg(value_name = "ASSET")]
    pub name: Option<String>,

    /// Show how two materializations of the asset differ: each is a number as listed, or the beginning of a run's id
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], requires = "name")]
    pub diff: Vec<String>,

    /// How many to show
    #[arg(short, long, value_name = "N", default_value_t = 20, conflicts_with = "diff")]
    pub limit: usize,

    /// How to print it; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GcArgs {
    /// Assets that the tables, views and objects belonged to [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Do it: move orphans to the trash, or with `--empty` drop what is in it
    #[arg(short, long)]
    pub yes: bool,

    /// Move back from the trash what stood in a place last
    #[arg(long, conflicts_with_all = ["yes", "empty"])]
    pub restore: bool,

    /// Show what is in the trash; with `--yes` drop it for good
    #[arg(long)]
    pub empty: bool,

    /// How to print it; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}
