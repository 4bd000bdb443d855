//! The command line's grammar, in clap's words.

mod build;
mod examples;
mod judge;
mod look;

pub(crate) use build::{BuildArgs, Manner, ReconcileArgs, ReportArgs, RetryArgs, RunArgs, TestArgs};
pub(crate) use judge::{CheckArgs, GcArgs, HistoryArgs, StatusArgs, StatusOutput, WhyArgs};
pub(crate) use look::{
    CompileArgs, GraphArgs, GraphOutput, ImpactArgs, LineageArgs, LineageOutput, LsArgs, LsOutput, LspArgs, ShowArgs,
    ShowOutput,
};

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One graph from SQL models and Python asset functions, run on DuckDB.
#[derive(Debug, Parser)]
#[command(
    name = "dovetail",
    version,
    about = "One graph from SQL models and Python asset functions, run on DuckDB",
    after_help = "\
Examples:
  dovetail init flights           make a project that runs
  dovetail run                    materialize everything
  dovetail run -s +delay_report   one asset and everything above it
  dovetail show delay_report      look at its first rows

Exit codes: 0 ok, 1 an asset or a check failed, 2 the project, the command line or the database is wrong,
130 interrupted",
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The project's folder [default: the nearest one from here upward; environment: DOVETAIL_PROJECT_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub project_dir: Option<PathBuf>,

    /// The target of `dovetail.toml` to use
    #[arg(long, global = true, value_name = "NAME")]
    pub target: Option<String>,

    /// Variables for `var()`: a YAML or JSON object, or `name=value`; may be repeated
    #[arg(long, global = true, value_name = "VARS")]
    pub vars: Vec<String>,

    /// How many assets run at once
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Say only what went wrong; with `--log-format json`, the events of a run all the same
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more, such as what asset functions print
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// When to colour; `auto` respects NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,

    /// How messages are written to stderr; `json` is one object per line
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Materialize assets
    #[command(after_help = examples::RUN_EXAMPLES)]
    Run(RunArgs),

    /// Materialize assets and ask their checks, each before it becomes visible: what fails one stays as it was
    #[command(after_help = examples::BUILD_EXAMPLES)]
    Build(BuildArgs),

    /// Run unit tests on made-up rows, and ask checks of what stands; exit 1 if one fails
    #[command(after_help = examples::TEST_EXAMPLES)]
    Test(TestArgs),

    /// Materialize what is not up to date, and nothing else
    #[command(after_help = examples::RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArgs),

    /// Materialize what failed, was skipped or was stopped in the newest run
    Retry(RetryArgs),

    /// Find what would fail before anything runs: columns that do not exist, types that do not fit
    #[command(after_help = examples::CHECK_EXAMPLES)]
    Check(CheckArgs),

    /// Show what is up to date, what is not, and why; exit 1 if anything selected is not
    #[command(after_help = examples::STATUS_EXAMPLES)]
    Status(StatusArgs),

    /// Show what `reconcile` would do, in order, and why
    #[command(after_help = examples::PLAN_EXAMPLES)]
    Plan(StatusArgs),

    /// Explain why an asset is not up to date, down to the first cause, or what makes it so
    #[command(after_help = examples::WHY_EXAMPLES)]
    Why(WhyArgs),

    /// Show the runs, or what happened to an asset: when, by whom, and what changed
    #[command(after_help = examples::HISTORY_EXAMPLES)]
    History(HistoryArgs),

    /// List what dovetail made and nothing declares any more; move it to the trash, and back
    #[command(after_help = examples::GC_EXAMPLES)]
    Gc(GcArgs),

    /// List assets and sources
    #[command(alias = "list", after_help = examples::LS_EXAMPLES)]
    Ls(LsArgs),

    /// Print the first rows of an asset or of a query, or its columns
    #[command(after_help = examples::SHOW_EXAMPLES)]
    Show(ShowArgs),

    /// Print the SQL that models compile to, and write it to `target/compiled/`
    #[command(after_help = examples::COMPILE_EXAMPLES)]
    Compile(CompileArgs),

    /// Draw the graph as Mermaid or DOT
    #[command(after_help = examples::GRAPH_EXAMPLES)]
    Graph(GraphArgs),

    /// Show what a column comes from and what it goes into, up and down the graph
    #[command(after_help = examples::LINEAGE_EXAMPLES)]
    Lineage(LineageArgs),

    /// Show what breaks when a column is removed or renamed, and what comes out otherwise
    #[command(after_help = examples::IMPACT_EXAMPLES)]
    Impact(ImpactArgs),

    /// Talk to an editor: problems as you type, definitions, references, columns, completion
    #[command(after_help = examples::LSP_EXAMPLES)]
    Lsp(LspArgs),

    /// Make a new project that runs
    #[command(after_help = examples::INIT_EXAMPLES)]
    Init(InitArgs),

    /// Show versions, paths and the database, and say what is wrong
    Debug,

    /// Remove `target/compiled`, `target/cache` and `.dovetail/cache`, never data or reports
    Clean,
}

/// Which assets a command is about.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Assets to take, in dbt's grammar: `name`, `+name`, `name+`, `tag:daily`, `path:models/marts`, ...
    #[arg(short, long, value_name = "EXPRESSION", num_args = 1.., alias = "models", short_alias = 'm', allow_hyphen_values = false)]
    pub select: Vec<String>,

    /// Assets to leave out, in the same grammar
    #[arg(long, value_name = "EXPRESSION", num_args = 1..)]
    pub exclude: Vec<String>,
}

/// How long a command waits for the database.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct WaitArgs {
    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOutput {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InitArgs {
    /// The folder to fill; made when it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected seconds, 0 or more, as in `--wait=60`; `--wait` alone waits for ever".to_owned())
}
