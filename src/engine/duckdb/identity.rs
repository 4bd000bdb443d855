//! What a database's file looks like from outside: enough to know that nothing was committed to it.

use std::path::{Path, PathBuf};

use crate::hash::of_pieces;
use crate::project::Project;

/// The two headers, of which each checkpoint rewrites one and counts its checkpoints there.
#[cfg(unix)]
const HEADERS: usize = 3 * 4096;

/// Beside the file: its log, and what a checkpoint that was broken off leaves of it.
#[cfg(unix)]
const BESIDE: [&str; 3] = [".wal", ".wal.checkpoint", ".wal.recovery"];

/// A hash that differs as soon as something was committed. `None` where that cannot be told from the one file: there is
/// none, another process holds it, or the target names more than a file (attachments, extensions, secrets).
///
/// Never to be called while this process has the database open: closing the file would give up its lock.
pub(in crate::engine) fn identity(project: &Project) -> Option<String> {
    let target = &project.target;
    let is_file_alone = target.attach.is_empty() && target.extensions.is_empty() && target.secrets.is_empty();
    let path = target.database.as_deref().filter(|_| is_file_alone)?;
    let pieces = seen(path)?;
    Some(of_pieces(pieces.iter().map(Vec::as_slice)).to_hex().to_string())
}

#[cfg(unix)]
fn seen(path: &Path) -> Option<Vec<Vec<u8>>> {
    use std::io::Read;

    let file = std::fs::File::open(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if is_locked(&file) {
        return None;
    }
    let mut headers = Vec::with_capacity(HEADERS);
    file.take(HEADERS as u64).read_to_end(&mut headers).ok()?;
    let mut pieces = vec![path.as_os_str().as_encoded_bytes().to_vec(), stamp(&metadata), headers];
    for ending in BESIDE {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        pieces.push(match PathBuf::from(beside).symlink_metadata() {
            Ok(metadata) => stamp(&metadata),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(_) => return None,
        });
    }
    Some(pieces)
}

#[cfg(not(unix))]
fn seen(_: &Path) -> Option<Vec<Vec<u8>>> {
    None
}

/// Which file it is, how long, and when it was changed.
#[cfg(unix)]
fn stamp(metadata: &std::fs::Metadata) -> Vec<u8> {
    use std::os::unix::fs::MetadataExt;

    let numbers = [metadata.dev(), metadata.ino(), metadata.len()];
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let numbers = numbers.map(u64::to_le_bytes).into_iter().chain(times.map(i64::to_le_bytes));
    numbers.flatten().collect()
}

/// Whether opening the database to read it would be refused: a process that writes holds a lock on all of the file.
#[cfg(unix)]
fn is_locked(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;

    // SAFETY: all-zero is a lock from the file's start to its end.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_RDLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: asks about the lock, and writes who holds it into `lock`.
    let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) };
    asked == -1 || lock.l_type != libc::F_UNLCK as libc::c_short
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::project::{LoadOptions, load};

    fn project(root: &Path, config: &str) -> Project {
        std::fs::write(root.join("dovetail.toml"), format!("[targets.dev]\ndatabase = 'x.duckdb'\n{config}")).unwrap();
        load(root, &LoadOptions::default()).unwrap().value
    }

    #[test]
    fn every_write_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "");
        assert_eq!(identity(&project), None);
        let mut seen = Vec::new();
        let mut look = |what: &str| {
            let found = identity(&project).unwrap();
            assert!(!seen.contains(&found), "{what}");
            assert_eq!(identity(&project).as_ref(), Some(&found));
            seen.push(found);
        };
        let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
        write("x.duckdb", b"one");
        look("a file");
        write("x.duckdb.wal", b"1");
        look("a log");
        write("x.duckdb.wal", b"12");
        look("a longer log");
        std::fs::remove_file(folder.path().join("x.duckdb.wal")).unwrap();
        // The header counts what the clock of the file system may be too coarse for.
        write("x.duckdb", b"two");
        look("another header");
        std::fs::copy(folder.path().join("x.duckdb"), folder.path().join("copy")).unwrap();
        std::fs::rename(folder.path().join("copy"), folder.path().join("x.duckdb")).unwrap();
        look("another file");
    }

    #[test]
    fn what_is_more_than_a_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.duckdb"), "x").unwrap();
        assert!(identity(&project(folder.path(), "")).is_some());
        for config in ["attach = ['y.duckdb']", "extensions = ['httpfs']", "secrets = [{ type = 's3' }]"] {
            assert_eq!(identity(&project(folder.path(), config)), None, "{config}");
        }
    }
}
