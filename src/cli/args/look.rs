//! What shows a project: the arguments of `ls`, `show`, `compile`, `graph`, `lineage`, `impact` and `lsp`.

use clap::{Args, ValueEnum};

use super::{SelectionArgs, TextOutput, WaitArgs};

#[derive(Debug, Clone, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What to print of each; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = LsOutput::Name)]
    pub output: LsOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LsOutput {
    Name,
    Json,
    Path,
}

#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["name", "inline", "failures"]))]
pub(crate) struct ShowArgs {
    /// The asset or source
    pub name: Option<String>,

    /// A query instead of an asset; Jinja and asset names work as in a model
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,

    /// What the newest answer to a check of data found, instead of an asset: the rows that are kept of it
    #[arg(long, value_name = "CHECK", conflicts_with_all = ["schema", "staged"])]
    pub failures: Option<String>,

    /// How many rows
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    pub limit: u64,

    /// How to print them; `json` is one object per line, with the engine's text (`"infinity"`, `"NaN"`) for values that
    /// JSON has no form for
    #[arg(short, long, value_enum, default_value_t = ShowOutput::Table)]
    pub output: ShowOutput,

    /// Its columns and their types instead of rows, as `check` finds them before anything runs
    #[arg(long, conflicts_with_all = ["limit", "staged", "wait"])]
    pub schema: bool,

    /// What the last run built and did not publish, if it was to be published as one and was not
    #[arg(long)]
    pub staged: bool,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowOutput {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// A query to compile instead of the project's models
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "exclude"])]
    pub inline: Option<String>,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// The language to draw in
    #[arg(short, long, value_enum, default_value_t = GraphOutput::Mermaid)]
    pub output: GraphOutput,

    #[command(flatten)]
    pub waiting: WaitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphOutput {
    Mermaid,
    Dot,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LineageArgs {
    /// The column, as `asset.column`
    pub column: String,

    /// Only what it comes from
    #[arg(long)]
    pub upstream: bool,

    /// Only what it goes into
    #[arg(long)]
    pub downstream: bool,

    /// How to print it; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = LineageOutput::Text)]
    pub output: LineageOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineageOutput {
    Text,
    Json,
    Mermaid,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ImpactArgs {
    /// The column, as `asset.column`
    pub column: String,

    /// How to print it; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,
}

#[derive(Debug, Args)]
pub(crate) struct LspArgs {
    /// Talk over stdin and stdout, which is the only way: some editors ask for it
    #[arg(long)]
    pub stdio: bool,
}
