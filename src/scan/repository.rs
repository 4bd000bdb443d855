//! The git repository that a project is in, asked by way of the `git` command.

use std::path::Path;
use std::process::{Command, Stdio};

/// What git says of a project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Of the commit that is checked out; `None` before the first one.
    pub commit: Option<String>,
    /// Whether the folder holds files that differ from that commit, or that git does not know.
    pub is_dirty: bool,
}

impl Repository {
    /// `None` where the folder is in no repository, or there is no git.
    pub fn of(root: &Path) -> Option<Self> {
        // Most of the time is starting a process, and without a repository there is nothing to ask.
        root.ancestors().find(|folder| folder.join(".git").exists())?;
        let status = ask(root, &["status", "--porcelain=v2", "--branch", "--", "."])?;
        let commit = status.lines().find_map(|line| line.strip_prefix("# branch.oid "));
        Some(Repository {
            commit: commit.filter(|commit| *commit != "(initial)").map(str::to_owned),
            is_dirty: status.lines().any(|line| !line.starts_with('#')),
        })
    }
}

/// What a git command prints; `None` when it fails.
pub(super) fn ask(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        // Looking changes nothing, not even git's own caches.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_a_commit_and_may_be_dirty() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(Repository::of(root), None);
        let git = |arguments: &[&str]| assert!(ask(root, arguments).is_some(), "git {arguments:?}");
        git(&["init", "--quiet"]);
        assert_eq!(Repository::of(root), Some(Repository { commit: None, is_dirty: false }));
        std::fs::write(root.join("a"), "1").unwrap();
        git(&["add", "a"]);
        git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one"]);
        let clean = Repository::of(root).unwrap();
        assert!(clean.commit.as_ref().is_some_and(|commit| commit.len() == 40) && !clean.is_dirty);
        std::fs::write(root.join("a"), "2").unwrap();
        assert_eq!(Repository::of(root).unwrap(), Repository { is_dirty: true, ..clean });
    }
}
