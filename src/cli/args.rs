//! The command line's grammar, in clap's words.

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

Exit codes: 0 ok, 1 an asset failed, 2 the project, the command line or the database is wrong,
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

    /// Say only what went wrong
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
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),

    /// Materialize what is not up to date, and nothing else
    #[command(after_help = RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArgs),

    /// Materialize what failed, was skipped or was stopped in the newest run
    Retry(RetryArgs),

    /// Find what would fail before anything runs: columns that do not exist, types that do not fit
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),

    /// Show what is up to date, what is not, and why; exit 1 if anything selected is not
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),

    /// Show what `reconcile` would do, in order, and why
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(StatusArgs),

    /// Explain why an asset is not up to date, down to the first cause, or what makes it so
    #[command(after_help = WHY_EXAMPLES)]
    Why(WhyArgs),

    /// Show the runs, or what happened to an asset: when, by whom, and what changed
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArgs),

    /// List what dovetail made and nothing declares any more; move it to the trash, and back
    #[command(after_help = GC_EXAMPLES)]
    Gc(GcArgs),

    /// List assets and sources
    #[command(alias = "list", after_help = LS_EXAMPLES)]
    Ls(LsArgs),

    /// Print the first rows of an asset or of a query, or its columns
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),

    /// Print the SQL that models compile to, and write it to `target/compiled/`
    #[command(after_help = COMPILE_EXAMPLES)]
    Compile(CompileArgs),

    /// Draw the graph as Mermaid or DOT
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph(GraphArgs),

    /// Show what a column comes from and what it goes into, up and down the graph
    #[command(after_help = LINEAGE_EXAMPLES)]
    Lineage(LineageArgs),

    /// Show what breaks when a column is removed or renamed, and what comes out otherwise
    #[command(after_help = IMPACT_EXAMPLES)]
    Impact(ImpactArgs),

    /// Talk to an editor: problems as you type, definitions, references, columns, completion
    #[command(after_help = "Editors start it; docs/editor.md says how.")]
    Lsp(LspArgs),

    /// Make a new project that runs
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArgs),

    /// Show versions, paths and the database, and say what is wrong
    Debug,

    /// Remove `target/compiled`, `target/cache` and `.dovetail/cache`, never data or reports
    Clean,
}

#[derive(Debug, Args)]
pub(crate) struct LspArgs {
    /// Talk over stdin and stdout, which is the only way: some editors ask for it
    #[arg(long)]
    pub stdio: bool,
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

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Stop at the first failure instead of finishing what does not depend on it
    #[arg(short = 'x', long)]
    pub fail_fast: bool,

    /// Publish everything in one commit at the end, or nothing if anything failed; as `publish = "run"` in
    /// `dovetail.toml`
    #[arg(long)]
    pub atomic: bool,

    /// Build without checking first whether every query can run
    #[arg(long)]
    pub no_check: bool,

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RetryArgs {
    /// Stop at the first failure instead of finishing what does not depend on it
    #[arg(short = 'x', long)]
    pub fail_fast: bool,

    /// Publish everything in one commit at the end, or nothing if anything failed; goes without saying where the run that
    /// is taken up was published so
    #[arg(long)]
    pub atomic: bool,

    /// Build without checking first whether every query can run
    #[arg(long)]
    pub no_check: bool,

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    pub run: RunArgs,

    /// Read every table to see whether its rows are those that were written
    #[arg(long)]
    pub verify: bool,
}

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

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
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

    /// How to print it; `json` is one object per line: the asset, then what its causes lead to
    #[arg(short, long, value_enum, default_value_t = TextOutput::Text)]
    pub output: TextOutput,

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOutput {
    Text,
    Json,
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

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
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

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What to print of each; `json` is one object per line
    #[arg(short, long, value_enum, default_value_t = LsOutput::Name)]
    pub output: LsOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LsOutput {
    Name,
    Json,
    Path,
}

#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["name", "inline"]))]
pub(crate) struct ShowArgs {
    /// The asset or source
    pub name: Option<String>,

    /// A query instead of an asset; Jinja and asset names work as in a model
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,

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

    /// Wait while another process holds the database, for ever or for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<Duration>>,
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
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// The language to draw in
    #[arg(short, long, value_enum, default_value_t = GraphOutput::Mermaid)]
    pub output: GraphOutput,
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

const RUN_EXAMPLES: &str = "\
Examples:
  dovetail run                              everything
  dovetail run -s stg_flights+              an asset and everything below it
  dovetail run -s tag:daily --exclude slow  by tag, without one of them
  dovetail run --atomic                     all of it becomes visible at once, or nothing
  dovetail run --wait=60                    wait a minute for a locked database";

const RECONCILE_EXAMPLES: &str = "\
Examples:
  dovetail reconcile                    everything that is not up to date
  dovetail reconcile -s +delay_report   a report and what it is made of";

const CHECK_EXAMPLES: &str = "\
Examples:
  dovetail check
  dovetail check -s +delay_report
  dovetail check -o json | jq -r 'select(.state == \"wrong\") | .asset'";

const STATUS_EXAMPLES: &str = "\
Examples:
  dovetail status
  dovetail status -s +delay_report
  dovetail status -o json | jq -r 'select(.state != \"fresh\") | .asset'";

const PLAN_EXAMPLES: &str = "\
Examples:
  dovetail plan                    what `dovetail reconcile` would do
  dovetail plan -s +delay_report
  dovetail plan -s changed:main    what a branch changed
  dovetail plan -o json | jq .causes";

const WHY_EXAMPLES: &str = "\
Examples:
  dovetail why delay_report
  dovetail why delay_report -o json | jq -r .diff";

const HISTORY_EXAMPLES: &str = "\
Examples:
  dovetail history                            the runs, also while one goes on
  dovetail history delay_report               what happened to an asset
  dovetail history delay_report --diff 2 1    what the newest changed";

const GC_EXAMPLES: &str = "\
Examples:
  dovetail gc                      what nothing declares any more
  dovetail gc --yes old_report     move it to the trash
  dovetail gc --restore            move everything back
  dovetail gc --empty --yes        drop what is in the trash";

const LS_EXAMPLES: &str = "\
Examples:
  dovetail ls                            all names
  dovetail ls -s +delay_report           what a report is made of
  dovetail ls -s kind:python -o path     the files of all asset functions
  dovetail ls -o json | jq .upstream";

const SHOW_EXAMPLES: &str = "\
Examples:
  dovetail show delay_report
  dovetail show delay_report --limit 100 --output csv
  dovetail show --inline \"select count(*) from {{ ref('stg_flights') }}\"
  dovetail show delay_report --schema
  dovetail show delay_report --staged     what a failed `run --atomic` left";

const COMPILE_EXAMPLES: &str = "\
Examples:
  dovetail compile                  all models
  dovetail compile -s delay_report  one of them
  dovetail compile --inline \"select * from {{ ref('stg_flights') }}\"";

const GRAPH_EXAMPLES: &str = "\
Examples:
  dovetail graph                            Mermaid, as GitHub draws it
  dovetail graph -o dot | dot -Tsvg > graph.svg
  dovetail graph -s +delay_report";

const LINEAGE_EXAMPLES: &str = "\
Examples:
  dovetail lineage delay_report.mean_delay
  dovetail lineage raw.flights.arr_delay --downstream
  dovetail lineage delay_report.mean_delay -o mermaid";

const IMPACT_EXAMPLES: &str = "\
Examples:
  dovetail impact stg_flights.arr_delay
  dovetail impact stg_flights.arr_delay -o json | jq -r 'select(.effect == \"breaks\") | .asset'";

const INIT_EXAMPLES: &str = "\
Examples:
  dovetail init flights
  dovetail init              in this folder";
