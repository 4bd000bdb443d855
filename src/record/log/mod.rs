//! Run logs: the events of a run in `.dovetail/runs/<run>.jsonl`, one object a line, for readers that cannot open the
//! database while the run holds it.
//!
//! The log follows the state and is never trusted over it: it may lack its end, or be gone.

mod event;
mod read;
mod write;

pub use event::event_lines;
pub use read::{Counts, LoggedAsset, LoggedRun, RunStatus};
pub use write::{LogHead, RunLog};

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many logs are kept.
const KEPT: usize = 100;
const ENDING: &str = ".jsonl";

/// The logs of a project's runs.
pub struct RunLogs {
    folder: PathBuf,
}

impl RunLogs {
    /// `root` is the project's folder.
    pub fn of(root: &Path) -> Self {
        RunLogs { folder: root.join(".dovetail").join("runs") }
    }

    /// The ids of the runs that have a log, oldest first: ids are made so that they sort.
    pub fn runs(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut runs: Vec<String> = names
            .filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned))
            .filter(|run| time_of(run).is_some())
            .collect();
        runs.sort_by_key(|run| time_of(run));
        runs
    }

    /// An id for a run that begins now: unique without a counter, by the time in microseconds and the process, and later
    /// than those of all runs before it, also when the clock was set back.
    pub fn new_run(&self) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let newest = self.runs().last().and_then(|run| time_of(run)).map_or(0, |time| time.saturating_add(1));
        format!("{:x}-{:x}", now.max(newest), std::process::id())
    }

    /// The log of a run; `None` when there is none that says what run it is of.
    pub fn read(&self, run: &str) -> Option<LoggedRun> {
        LoggedRun::read(&self.path(run))
    }

    fn path(&self, run: &str) -> PathBuf {
        self.folder.join(format!("{run}{ENDING}"))
    }
}

/// The time in a run's id.
fn time_of(run: &str) -> Option<u64> {
    u64::from_str_radix(run.split_once('-')?.0, 16).ok()
}
