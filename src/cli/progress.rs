//! What a run looks like: a live bar on a terminal, plain lines elsewhere, JSON objects for machines.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::LogFormat;
use super::check_report::{self, counts_in_words};
use super::printer::{Printer, Verbosity};
use crate::diagnostic::Code;
use crate::engine::CheckStatus;
use crate::execute::{CheckReport, Event, Outcome, RunSummary, Withheld};
use crate::graph::{AssetGraph, Kind, Materialized, NodeId};
use crate::plan::Plan;
use crate::record::event_lines;
use crate::template::TemplateEnvironment;

/// How many of the lines that a failed asset printed are shown with its error.
const KEPT_LINES: usize = 20;
/// How many of the slowest assets the end names, when the run took long enough to ask.
const SLOWEST: usize = 3;
const WORTH_ASKING: Duration = Duration::from_secs(1);
/// How many assets a line names.
const NAMED: usize = 3;
const LONGEST_NAME: usize = 48;

/// The sink of a run's events that people see.
pub(crate) struct Progress<'a> {
    printer: &'a mut Printer,
    templates: &'a TemplateEnvironment,
    live: Option<Live>,
    name_width: usize,
    /// What stays pending, whatever comes out of the run, and for what.
    waiting: HashMap<String, String>,
    finished: Vec<(String, Duration)>,
    failed: Vec<String>,
    failed_checks: Vec<String>,
    printed: HashMap<String, VecDeque<String>>,
}

/// The bars of a terminal.
struct Live {
    bars: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<String, ProgressBar>,
}

impl<'a> Progress<'a> {
    pub fn new(printer: &'a mut Printer, graph: &AssetGraph, templates: &'a TemplateEnvironment, plan: &Plan) -> Self {
        let is_live = printer.stderr_is_terminal
            && printer.log_format == LogFormat::Text
            && printer.verbosity >= Verbosity::Normal;
        let names = plan.built().map(|id| graph.node(id).name.as_str().chars().count());
        let name = |id: NodeId| graph.node(id).name.to_string();
        Progress {
            printer,
            templates,
            waiting: plan.waiting.iter().map(|waiting| (name(waiting.asset), name(waiting.upstream))).collect(),
            live: is_live.then(|| Live::new(plan.steps.len())),
            name_width: names.max().unwrap_or(0).min(LONGEST_NAME),
            finished: Vec::new(),
            failed: Vec::new(),
            failed_checks: Vec::new(),
            printed: HashMap::new(),
        }
    }

    pub fn show(&mut self, event: &Event) {
        if self.printer.log_format == LogFormat::Json {
            self.log(event);
            return;
        }
        match event {
            Event::RunStarted { .. } => {}
            Event::Replaced { asset, is_view } => {
                let kind = if *is_view { "view" } else { "table" };
                self.line(&format!("`{asset}` replaces a {kind} that dovetail did not make"));
            }
            Event::AssetStarted { asset, .. } => {
                if let Some(live) = &mut self.live {
                    live.start(asset);
                }
            }
            Event::AssetRetried { asset, attempt, wait, error } => {
                self.line(&format!("retry   {asset}: {} (try {attempt} in {})", error.message, seconds(*wait)));
            }
            Event::Printed { asset, line } => self.keep_or_show(asset, line),
            Event::CheckFinished { report } => self.check(report),
            Event::CheckSkipped { check, because, .. } => {
                if self.printer.verbosity >= Verbosity::Verbose {
                    self.line(&format!("skipped {check}  `{because}` failed"));
                }
            }
            Event::AssetFinished { asset, kind, materialized, elapsed, outcome } => {
                self.finish(asset, *kind, *materialized, *elapsed, outcome);
            }
            Event::Stopping { assets } => {
                let names: Vec<_> = assets.iter().take(NAMED).map(|asset| format!("`{asset}`")).collect();
                let more = match assets.len() - names.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                self.line(&format!("waiting for {}{more} to stop; Ctrl-C again ends at once", names.join(", ")));
            }
            Event::RunFinished { summary } => self.end(summary),
        }
    }

    fn check(&mut self, report: &CheckReport) {
        let CheckReport { record, question, .. } = report;
        if record.status != CheckStatus::Passed {
            let width = self.printer.stderr_width();
            let problem = check_report::told(report, width);
            if record.status.blocks() {
                self.failed_checks.push(record.check.clone());
            }
            return self.suspended(|printer| printer.diagnostic(&problem));
        }
        if self.printer.verbosity >= Verbosity::Verbose {
            let why = record.proof.as_ref().map(|proof| format!(" (proved {proof})")).unwrap_or_default();
            let said = record.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            self.line(&format!("passed  {}  {question}{why}{said}", record.check));
        }
    }

    fn keep_or_show(&mut self, asset: &str, line: &str) {
        let line = self.templates.secrets().redact(line);
        if self.printer.verbosity >= Verbosity::Verbose {
            self.line(&format!("        {asset} | {line}"));
            return;
        }
        let kept = self.printed.entry(asset.to_owned()).or_default();
        kept.push_back(line);
        if kept.len() > KEPT_LINES {
            kept.pop_front();
        }
    }

    fn finish(&mut self, asset: &str, kind: Kind, materialized: Materialized, elapsed: Duration, outcome: &Outcome) {
        if let Some(live) = &mut self.live {
            live.finish(asset);
        }
        let what = format!("{} {}", kind.as_str(), materialized.as_str());
        let width = self.name_width;
        match outcome {
            Outcome::Materialized { rows, .. } => {
                self.finished.push((asset.to_owned(), elapsed));
                let rows = rows.map(row_count).unwrap_or_default();
                self.line(&format!("ok      {asset:<width$}  {what:<13}  {rows:>16}  {:>8}", seconds(elapsed)));
            }
            Outcome::Unchanged => {
                let why = match self.waiting.get(asset) {
                    Some(upstream) => {
                        format!("what was built of what it reads came out as it was; `{upstream}` was not")
                    }
                    None if materialized == Materialized::View => "it shows what it reads as that is now".to_owned(),
                    None => "what it reads came out as it was".to_owned(),
                };
                self.line(&format!("same    {asset:<width$}  {why}"));
            }
            Outcome::Failed(error) => {
                self.finished.push((asset.to_owned(), elapsed));
                self.failed.push(asset.to_owned());
                let mut error = error.as_ref().clone();
                error.details = with_printed(error.details, self.printed.remove(asset));
                self.suspended(|printer| {
                    if printer.verbosity >= Verbosity::Normal {
                        let elapsed = seconds(elapsed);
                        printer.note(&format!("failed  {asset:<width$}  {what:<13}  {:>16}  {elapsed:>8}", ""));
                    }
                    // What its checks found has been told.
                    match error.code {
                        Code::CheckFailed if printer.verbosity >= Verbosity::Normal => printer.note(&error.message),
                        Code::CheckFailed => {}
                        _ => printer.diagnostic(&error),
                    }
                });
            }
            Outcome::Skipped { because } => self.line(&format!("skipped {asset:<width$}  `{because}` failed")),
            Outcome::Cancelled => self.line(&format!("stopped {asset:<width$}")),
            Outcome::Asked | Outcome::AskedInVain { .. } => {}
        }
        self.printed.remove(asset);
    }

    fn end(&mut self, summary: &RunSummary) {
        if let Some(live) = self.live.take() {
            live.end();
        }
        if summary.elapsed >= WORTH_ASKING && self.finished.len() > SLOWEST {
            self.finished.sort_by_key(|(_, elapsed)| std::cmp::Reverse(*elapsed));
            let slowest = self.finished.iter().take(SLOWEST);
            let slowest: Vec<_> = slowest.map(|(asset, elapsed)| format!("{asset} {}", seconds(*elapsed))).collect();
            self.printer.note(&format!("slowest: {}", slowest.join(", ")));
        }
        if !self.failed.is_empty() {
            let failed = self.failed.join(", ");
            self.suspended(|printer| printer.note(&format!("failed: {failed}")));
        }
        if !self.failed_checks.is_empty() {
            let failed = self.failed_checks.join(", ");
            self.printer.note(&format!("failed checks: {failed}"));
        }
        self.printer.note(&summary_line(summary));
        if let Some(withheld) = &summary.withheld {
            self.withheld(withheld);
        }
    }

    fn withheld(&mut self, withheld: &Withheld) {
        if let Some(error) = &withheld.error {
            self.printer.diagnostic(error);
        }
        let staged = match withheld.staged {
            0 => String::new(),
            count => format!("; {} staged, to look at with `dovetail show --staged ASSET`", grouped(count as u64)),
        };
        self.printer.note(&format!("nothing is published: what stood before the run still stands{staged}"));
    }

    /// A line of the run's course.
    fn line(&mut self, text: &str) {
        self.suspended(|printer| printer.note(text.trim_end()));
    }

    /// Prints with the bars out of the way.
    fn suspended(&mut self, print: impl FnOnce(&mut Printer)) {
        let printer = &mut *self.printer;
        match &self.live {
            Some(live) => live.bars.suspend(|| print(printer)),
            None => print(printer),
        }
    }

    fn log(&mut self, event: &Event) {
        for object in event_lines(event, self.templates.secrets()) {
            self.printer.log_line(&object);
        }
    }
}

impl Live {
    fn new(total: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len}, {elapsed}");
        let bar = ProgressBar::new(total as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let total = bars.add(bar);
        total.enable_steady_tick(Duration::from_millis(100));
        Live { bars, total, running: BTreeMap::new() }
    }

    fn start(&mut self, asset: &str) {
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let bar = self.bars.insert_before(&self.total, bar).with_message(asset.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.running.insert(asset.to_owned(), bar);
    }

    fn finish(&mut self, asset: &str) {
        if let Some(bar) = self.running.remove(asset) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        self.total.inc(1);
    }

    fn end(self) {
        for bar in self.running.values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

/// What the asset printed belongs to its error: often it says more.
fn with_printed(details: Option<String>, printed: Option<VecDeque<String>>) -> Option<String> {
    let Some(printed) = printed else { return details };
    let lines: Vec<String> = printed.into_iter().map(|line| format!("  {line}")).collect();
    let printed = format!("it printed:\n{}", lines.join("\n"));
    Some(details.map_or(printed.clone(), |details| format!("{}\n{printed}", details.trim_end())))
}

fn summary_line(summary: &RunSummary) -> String {
    let counts = [
        (summary.materialized, "materialized"),
        (summary.unchanged, "unchanged"),
        (summary.failed, "failed"),
        (summary.skipped, "skipped"),
        (summary.cancelled, "stopped"),
    ];
    let checks = counts_in_words(&summary.checks).map(|checks| format!("checks: {checks}"));
    // Where only checks were asked, nothing was to be materialized.
    let says_none = checks.is_none() || counts.iter().any(|(count, _)| *count > 0);
    let counts = counts.iter().enumerate().filter(|(index, (count, _))| (*index == 0 && says_none) || *count > 0);
    let counts: Vec<_> = counts.map(|(_, (count, word))| format!("{} {word}", grouped(*count as u64))).collect();
    let head = if summary.interrupted { "interrupted" } else { "done" };
    let parts: Vec<String> = [counts.join(", ")].into_iter().filter(|text| !text.is_empty()).chain(checks).collect();
    format!("{head}: {} in {}", parts.join("; "), seconds(summary.elapsed))
}

pub(crate) fn row_count(rows: u64) -> String {
    format!("{} {}", grouped(rows), if rows == 1 { "row" } else { "rows" })
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let head = digits.len() % 3;
    let mut text = digits[..head].to_owned();
    for (index, digit) in digits[head..].chars().enumerate() {
        if index % 3 == 0 && !text.is_empty() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.42 s`, `12.3 s`, `2 min 5 s`.
pub(crate) fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{seconds:.2} s"),
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        _ => format!("{} min {} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_times_are_short() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(336_776), grouped(1_000_000)],
            ["0", "999", "336,776", "1,000,000"]
        );
        let times = [0.0, 9.994, 12.34, 125.9].map(|time| seconds(Duration::from_secs_f64(time)));
        assert_eq!(times, ["0.00 s", "9.99 s", "12.3 s", "2 min 5 s"]);
    }
}
