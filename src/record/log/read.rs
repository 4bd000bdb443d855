//! Reading run logs, whoever wrote them and however far they got.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::write::host;

/// A run as its log tells it.
#[derive(Debug, Clone)]
pub struct LoggedRun {
    pub run: String,
    pub command: String,
    pub started_at: jiff::Timestamp,
    pub status: RunStatus,
    pub counts: Counts,
    /// `None` until it has ended.
    pub seconds: Option<f64>,
    pub pid: Option<u32>,
    pub host: Option<String>,
    pub user: Option<String>,
    pub git_commit: Option<String>,
    pub git_dirty: Option<bool>,
    /// What was to be done, in order.
    pub planned: Vec<String>,
    /// What was done, in order.
    pub assets: Vec<LoggedAsset>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    Ok,
    Failed,
    Interrupted,
    /// It goes on.
    Running,
    /// It does not go on, and it never said that it ended: it was killed, or the machine stopped.
    Unfinished,
}

impl RunStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Ok => "ok",
            RunStatus::Failed => "failed",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Running => "running",
            RunStatus::Unfinished => "unfinished",
        }
    }
}

/// How many assets came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub materialized: usize,
    pub unchanged: usize,
    pub failed: usize,
    pub skipped: usize,
    pub cancelled: usize,
}

/// What became of an asset in a run.
#[derive(Debug, Clone, Deserialize)]
pub struct LoggedAsset {
    pub asset: String,
    /// `materialized`, `unchanged`, `failed`, `skipped` or `cancelled`.
    pub status: String,
    #[serde(default)]
    pub seconds: f64,
    #[serde(default)]
    pub rows: Option<u64>,
    /// Why it failed.
    #[serde(default)]
    pub message: Option<String>,
    /// The upstream for whose failure it was skipped.
    #[serde(default)]
    pub because: Option<String>,
    /// When it was done.
    pub at: jiff::Timestamp,
}

#[derive(Deserialize)]
struct Head {
    at: jiff::Timestamp,
    run: String,
    command: String,
    pid: Option<u32>,
    host: Option<String>,
    user: Option<String>,
    git_commit: Option<String>,
    git_dirty: Option<bool>,
    #[serde(default)]
    assets: Vec<String>,
}

#[derive(Deserialize)]
struct End {
    #[serde(flatten)]
    counts: Counts,
    interrupted: bool,
    seconds: f64,
    #[serde(default)]
    checks: CheckEnd,
}

/// How many checks kept the run from being right.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckEnd {
    failed: usize,
    broken: usize,
}

/// What a line is, before the rest of it is looked at.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    event: Option<std::borrow::Cow<'a, str>>,
}

impl LoggedRun {
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        // The run may end meanwhile, but then what it wrote last is there to be read.
        let is_locked = is_locked(&file);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let mut run = Self::begun(text.lines().next()?)?;
        // A last line without an end, and lines that nobody knows, say nothing.
        let mut has_ended = false;
        for line in text.lines().skip(1) {
            has_ended |= run.learn(line).unwrap_or_default();
        }
        if !has_ended && is_locked.unwrap_or_else(|| run.has_process()) {
            run.status = RunStatus::Running;
        }
        Some(run)
    }

    fn begun(line: &str) -> Option<Self> {
        let head: Head = serde_json::from_str(line).ok()?;
        Some(LoggedRun {
            run: head.run,
            command: head.command,
            started_at: head.at,
            status: RunStatus::Unfinished,
            counts: Counts::default(),
            seconds: None,
            pid: head.pid,
            host: head.host,
            user: head.user,
            git_commit: head.git_commit,
            git_dirty: head.git_dirty,
            planned: head.assets,
            assets: Vec::new(),
        })
    }

    /// True when the line is the run's end.
    fn learn(&mut self, line: &str) -> Option<bool> {
        match serde_json::from_str::<Kind<'_>>(line).ok()?.event?.as_ref() {
            "asset_finished" => {
                let asset: LoggedAsset = serde_json::from_str(line).ok()?;
                self.counts.count(&asset.status);
                self.assets.push(asset);
                Some(false)
            }
            "run_finished" => {
                let End { counts, interrupted, seconds, checks } = serde_json::from_str(line).ok()?;
                self.status = match counts.failed + counts.skipped + counts.cancelled + checks.failed + checks.broken {
                    _ if interrupted => RunStatus::Interrupted,
                    0 => RunStatus::Ok,
                    _ => RunStatus::Failed,
                };
                (self.counts, self.seconds) = (counts, Some(seconds));
                Some(true)
            }
            "run_stopped" => {
                self.status = RunStatus::Failed;
                Some(true)
            }
            _ => None,
        }
    }

    /// Whether the process that wrote the log is there, as far as this machine can know.
    fn has_process(&self) -> bool {
        let here = self.host.is_some() && self.host == host();
        let process = self.pid.and_then(|pid| libc::pid_t::try_from(pid).ok()).filter(|pid| here && *pid > 0);
        process.is_some_and(|pid| {
            // SAFETY: signal 0 is never sent.
            let answer = unsafe { libc::kill(pid, 0) };
            answer == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
        })
    }

    /// What was to be done and was not, in order.
    pub fn undone(&self) -> Vec<&str> {
        let is_done = |asset: &&LoggedAsset| ["materialized", "unchanged"].contains(&asset.status.as_str());
        let done: HashSet<&str> = self.assets.iter().filter(is_done).map(|asset| asset.asset.as_str()).collect();
        self.planned.iter().map(String::as_str).filter(|name| !done.contains(name)).collect()
    }
}

impl Counts {
    fn count(&mut self, status: &str) {
        match status {
            "materialized" => self.materialized += 1,
            "unchanged" => self.unchanged += 1,
            "failed" => self.failed += 1,
            "skipped" => self.skipped += 1,
            "cancelled" => self.cancelled += 1,
            _ => {}
        }
    }
}

/// Whether the writer holds the file; `None` where files cannot be locked.
fn is_locked(file: &File) -> Option<bool> {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            Some(false)
        }
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<LoggedRun> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        LoggedRun::read(file.path())
    }

    const HEAD: &str = r#"{"at":"2026-01-02T03:04:05Z","event":"log_started","run":"1-2","command":"run","pid":4194304,"host":"h","assets":["a","b","c"]}"#;
    const DONE: &str = r#"{"at":"2026-01-02T03:04:06Z","event":"asset_finished","asset":"a","status":"materialized","seconds":0.5,"rows":3}"#;
    const END: &str = r#"{"at":"2026-01-02T03:04:07Z","event":"run_finished","materialized":1,"failed":0,"interrupted":false,"seconds":2.0}"#;

    #[test]
    fn a_log_may_be_cut_anywhere() {
        let whole = format!("{HEAD}\n{DONE}\n{{\"event\":\"of another time\"}}\nno json\n{END}\n");
        let run = read(&whole).unwrap();
        assert_eq!((run.status, run.counts.materialized, run.seconds), (RunStatus::Ok, 1, Some(2.0)));
        assert_eq!(run.undone(), ["b", "c"]);
        for length in 0..whole.len() - 1 {
            let cut = read(&whole[..length]);
            assert_eq!(cut.is_some(), length >= HEAD.len(), "{length}");
            assert!(cut.is_none_or(|run| run.status == RunStatus::Unfinished), "{length}");
        }
    }

    #[test]
    fn a_locked_log_is_of_a_run_that_goes_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{HEAD}\n{DONE}\n")).unwrap();
        let writer = File::options().append(true).open(file.path()).unwrap();
        writer.lock().unwrap();
        assert_eq!(LoggedRun::read(file.path()).unwrap().status, RunStatus::Running);
        drop(writer);
        assert_eq!(LoggedRun::read(file.path()).unwrap().status, RunStatus::Unfinished);
    }
}
