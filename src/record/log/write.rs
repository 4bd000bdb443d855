//! Writing a run's log.

use std::fs::File;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::{KEPT, RunLogs, event_lines};
use crate::diagnostic::{Diagnostic, diagnostic_json};
use crate::engine::Surroundings;
use crate::execute::Event;
use crate::template::Secrets;

/// The log of a run that goes on. It is locked until it is dropped, or its process ends in whatever way: so that readers
/// can tell a run that goes on from one that never ended.
pub struct RunLog {
    file: File,
    line: Vec<u8>,
}

/// What is known of a run before it starts.
pub struct LogHead<'a> {
    pub run: &'a str,
    pub command: &'a str,
    pub surroundings: &'a Surroundings,
    /// What is planned, in order.
    pub assets: Vec<&'a str>,
}

#[derive(Serialize)]
struct HeadLine<'a> {
    level: &'static str,
    event: &'static str,
    run: &'a str,
    command: &'a str,
    pid: u32,
    host: Option<String>,
    user: Option<&'a str>,
    git_commit: Option<&'a str>,
    git_dirty: Option<bool>,
    versions: &'a std::collections::BTreeMap<String, String>,
    assets: &'a [&'a str],
}

/// A line of the log, with the moment at which it was written.
#[derive(Serialize)]
struct Dated<T> {
    at: jiff::Timestamp,
    #[serde(flatten)]
    line: T,
}

impl RunLogs {
    /// Begins the log of a run, and removes the oldest logs where there are more than are kept.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn begin(&self, head: &LogHead<'_>) -> io::Result<RunLog> {
        std::fs::create_dir_all(&self.folder)?;
        let file = File::create_new(self.path(head.run))?;
        // Where files cannot be locked, readers ask for the process.
        let _ = file.lock();
        let mut log = RunLog { file, line: Vec::with_capacity(1024) };
        log.write(&HeadLine {
            level: "info",
            event: "log_started",
            run: head.run,
            command: head.command,
            pid: std::process::id(),
            host: host(),
            user: head.surroundings.user.as_deref(),
            git_commit: head.surroundings.git_commit.as_deref(),
            git_dirty: head.surroundings.git_dirty,
            versions: &head.surroundings.versions,
            assets: &head.assets,
        })?;
        self.remove_oldest();
        Ok(log)
    }

    fn remove_oldest(&self) {
        let runs = self.runs();
        for run in &runs[..runs.len().saturating_sub(KEPT)] {
            // Another process may have been quicker.
            let _ = std::fs::remove_file(self.path(run));
        }
    }
}

impl RunLog {
    /// Writes an event.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn event(&mut self, event: &Event, secrets: &Secrets) -> io::Result<()> {
        event_lines(event, secrets).iter().try_for_each(|line| self.write(line))
    }

    /// Writes that the run ended without having finished, such as for want of a database.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stopped(&mut self, problem: &Diagnostic) -> io::Result<()> {
        let mut line = diagnostic_json(problem, None);
        line["event"] = Value::from("run_stopped");
        self.write(&line)
    }

    /// One call of the system for each line: it is there when the process is killed right after.
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Dated { at: jiff::Timestamp::now(), line })?;
        self.line.push(b'\n');
        self.file.write_all(&self.line)
    }
}

/// The name of this machine.
pub(super) fn host() -> Option<String> {
    let mut name = [0_u8; 256];
    // SAFETY: the buffer is as long as said, and its last byte stays 0.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let end = name.iter().position(|byte| *byte == 0)?;
    (!failed && end > 0).then(|| String::from_utf8_lossy(&name[..end]).into_owned())
}
