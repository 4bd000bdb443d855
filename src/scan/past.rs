//! The project's files as a commit has them, laid out in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A copy of the project's files, removed when it is dropped.
#[derive(Debug)]
pub struct PastFiles {
    scratch: PathBuf,
    root: PathBuf,
}

/// Why there is no such copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastProblem {
    /// The project is in no repository.
    NoRepository,
    /// Git knows no commit by this name.
    UnknownReference,
    /// In git's words, or the operating system's.
    Failed(String),
}

/// Tells the copies of one process apart.
static COPIES: AtomicU32 = AtomicU32::new(0);

impl PastFiles {
    /// The files below `root` as `reference` (a commit, branch or tag) has them; `None` where it has none there.
    ///
    /// They go below `.dovetail/cache`, in a folder of the project's own name: without a config, a project is called
    /// like its folder.
    ///
    /// # Errors
    /// When git cannot tell, or the files cannot be written.
    pub fn of(root: &Path, reference: &str) -> Result<Option<Self>, PastProblem> {
        let text = |arguments: &[&str]| git(root, &[], arguments).map(|text| text.trim_end().to_owned());
        // Where there is one and git refuses it, git says why.
        root.ancestors().find(|folder| folder.join(".git").exists()).ok_or(PastProblem::NoRepository)?;
        let directory = text(&["rev-parse", "--absolute-git-dir"]).map_err(PastProblem::Failed)?;
        let below = text(&["rev-parse", "--show-prefix"]).map_err(PastProblem::Failed)?;
        let commit = format!("{reference}^{{commit}}");
        let commit = text(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .map_err(|_| PastProblem::UnknownReference)?;
        let tree = format!("{commit}:{below}");
        if text(&["rev-parse", "--verify", "--quiet", &tree]).is_err() {
            return Ok(None);
        }
        let copy = Self::folder(root).map_err(|error| PastProblem::Failed(error.to_string()))?;
        // An index of its own: the user's is not touched.
        let index = copy.scratch.join("index");
        let environment = [("GIT_INDEX_FILE", index.as_path()), ("GIT_WORK_TREE", copy.root.as_path())];
        let directory = format!("--git-dir={directory}");
        for arguments in [["read-tree", &tree], ["checkout-index", "--all"]] {
            let arguments = [&[directory.as_str()], arguments.as_slice()].concat();
            git(&copy.root, &environment, &arguments).map_err(PastProblem::Failed)?;
        }
        Ok(Some(copy))
    }

    /// The copy of the project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn folder(root: &Path) -> std::io::Result<Self> {
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("files-{}-{number}", std::process::id());
        let scratch = root.join(".dovetail").join("cache").join(name);
        let copy = scratch.join(root.file_name().unwrap_or("project".as_ref()));
        // What a killed process of the same number left.
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&copy)?;
        Ok(PastFiles { scratch, root: copy })
    }
}

impl Drop for PastFiles {
    fn drop(&mut self) {
        // What is left is removed by `dovetail clean`.
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

/// What a git command prints, or why it fails.
fn git(folder: &Path, environment: &[(&str, &Path)], arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .envs(environment.iter().copied())
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_as_they_were_and_the_rest_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        std::fs::create_dir_all(root.join("models")).unwrap();
        assert_eq!(PastFiles::of(&root, "HEAD").unwrap_err(), PastProblem::NoRepository);
        let commit = || {
            for arguments in [
                ["init", "--quiet"].as_slice(),
                &["add", "."],
                &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one", "--allow-empty"],
            ] {
                git(folder.path(), &[], arguments).unwrap();
            }
        };
        commit();
        assert!(PastFiles::of(&root, "HEAD").unwrap().is_none());
        std::fs::write(root.join("models/a.sql"), "select 1").unwrap();
        std::fs::write(folder.path().join("beside"), "1").unwrap();
        commit();
        std::fs::write(root.join("models/a.sql"), "select 2").unwrap();
        let status = || git(&root, &[], &["status", "--porcelain", "--untracked-files=no"]).unwrap();
        let before = status();
        let past = PastFiles::of(&root, "HEAD").unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(past.root().join("models/a.sql")).unwrap(), "select 1");
        assert_eq!(past.root().file_name(), root.file_name());
        assert!(!past.root().join("beside").exists() && status() == before);
        let place = past.root().to_owned();
        drop(past);
        assert!(!place.exists());
        for unknown in ["nowhere", "--help", ""] {
            assert_eq!(PastFiles::of(&root, unknown).unwrap_err(), PastProblem::UnknownReference, "{unknown}");
        }
    }
}
