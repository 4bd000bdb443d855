//! What can be known of files by looking at them.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::UNIX_EPOCH;

use globset::GlobBuilder;
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::engine::InputVersion;
use crate::hash::{of_file, of_pieces};

/// Looks at files, each once.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    observed: Mutex<HashMap<String, Arc<OnceLock<InputVersion>>>>,
    /// Patterns that named files once, and name none now.
    gone: Mutex<HashSet<String>>,
}

impl Files {
    /// `root` is the project's folder.
    pub fn new(root: &Path) -> Self {
        Files { root: root.to_owned(), observed: Mutex::default(), gone: Mutex::default() }
    }

    /// The version of the file of the project at a path.
    pub fn own(&self, path: &Path, known: Option<&InputVersion>) -> InputVersion {
        self.version(&globset::escape(&self.root.join(path).to_string_lossy()), known)
    }

    /// The version of the files that a pattern names; one without data where they cannot be looked at.
    ///
    /// `known` is how a record saw them last: files of equal size and time are not read again.
    pub fn version(&self, pattern: &str, known: Option<&InputVersion>) -> InputVersion {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(observed.entry(pattern.to_owned()).or_default());
        // Another worker may ask for the same file, but not wait for the others.
        drop(observed);
        let version = cell.get_or_init(|| self.look(pattern, known).unwrap_or_default()).clone();
        let was_there = known.is_some_and(|known| known.data.is_some());
        if version.data.is_none() && was_there && names_nothing(pattern) {
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(pattern.to_owned());
        }
        version
    }

    /// Why a pattern that was looked at has no version, where that is known.
    pub fn why_unknown(&self, pattern: &str) -> Option<&'static str> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let is_one_file = is_plain(pattern);
        gone.contains(pattern).then_some(if is_one_file { "the file is gone" } else { "no file matches it any more" })
    }

    /// `None` for what cannot be looked at: addresses, patterns that only the engine understands, unreadable files, and
    /// where there are none.
    fn look(&self, pattern: &str, known: Option<&InputVersion>) -> Option<InputVersion> {
        if pattern.contains("://") {
            return None;
        }
        let files = found(&below_home(pattern)?)?;
        // Where nothing was ever found, the engine may look in other places. What is gone cannot be built anew, and what
        // was made of it stays.
        if files.is_empty() {
            return None;
        }
        let seen = self.hash(&files, |_, metadata| Ok(size_and_time(metadata))).ok()?;
        let same = known.filter(|known| known.seen.as_deref() == Some(&seen)).and_then(|known| known.data.clone());
        let data = same.map_or_else(|| self.hash(&files, content), Ok).ok()?;
        Some(InputVersion { data: Some(data), columns: None, seen: Some(seen), part: None })
    }

    /// The hash of the files' names and of something about each.
    fn hash(
        &self,
        files: &[(PathBuf, Metadata)],
        about: impl Fn(&Path, &Metadata) -> io::Result<Vec<u8>> + Sync,
    ) -> io::Result<String> {
        let of_file = |(path, metadata): &(PathBuf, Metadata)| {
            // A project that moves as a whole keeps its versions.
            let name = path.strip_prefix(&self.root).unwrap_or(path);
            Ok([name.as_os_str().as_encoded_bytes().to_vec(), about(path, metadata)?])
        };
        let pieces: Vec<[Vec<u8>; 2]> = files.par_iter().map(of_file).collect::<io::Result<_>>()?;
        Ok(of_pieces(pieces.iter().flatten().map(Vec::as_slice)).to_hex().to_string())
    }
}

/// A hash of the names, sizes and times of the files that an absolute path or pattern names; `None` where there are none,
/// or where it cannot be told.
pub fn stamp(pattern: &str) -> Option<String> {
    let files = found(&below_home(pattern)?)?;
    let pieces = files
        .iter()
        .flat_map(|(path, metadata)| [path.as_os_str().as_encoded_bytes().to_vec(), size_and_time(metadata)]);
    let pieces: Vec<Vec<u8>> = pieces.collect();
    (!pieces.is_empty()).then(|| of_pieces(pieces.iter().map(Vec::as_slice)).to_hex().to_string())
}

/// The files that a path or pattern names, sorted. `None` when the pattern is none.
fn found(pattern: &str) -> Option<Vec<(PathBuf, Metadata)>> {
    let matcher = GlobBuilder::new(pattern).literal_separator(true).build().ok()?.compile_matcher();
    let folder: PathBuf =
        Path::new(pattern).components().take_while(|part| is_plain(&part.as_os_str().to_string_lossy())).collect();
    let mut files: Vec<(PathBuf, Metadata)> = WalkDir::new(&folder)
        .follow_links(true)
        .max_depth(if pattern.contains("**") { usize::MAX } else { pattern.matches('/').count() + 1 })
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_type().is_file() && (entry.path() == Path::new(pattern) || matcher.is_match(entry.path()))
        })
        .filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?)))
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(files)
}

fn is_plain(path: &str) -> bool {
    !path.contains(['*', '?', '[', '{', '\\'])
}

fn names_nothing(pattern: &str) -> bool {
    below_home(pattern).and_then(|pattern| found(&pattern)).is_some_and(|files| files.is_empty())
}

fn size_and_time(metadata: &Metadata) -> Vec<u8> {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    [metadata.len().to_le_bytes().as_slice(), &nanoseconds.to_le_bytes()].concat()
}

/// The hash of all that is in a file. The footer of a parquet file would be read faster, but holds no checksum: a value
/// between the least and the greatest of its column leaves it as it is.
fn content(path: &Path, _: &Metadata) -> io::Result<Vec<u8>> {
    Ok(of_file(path)?.as_bytes().to_vec())
}

/// A path with the home folder in it, as the engine reads it.
fn below_home(pattern: &str) -> Option<String> {
    match pattern.strip_prefix('~') {
        Some(rest) => Some(format!("{}{rest}", globset::escape(&std::env::home_dir()?.to_string_lossy()))),
        None => Some(pattern.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn version(folder: &Path, pattern: &str, known: Option<&InputVersion>) -> InputVersion {
        Files::new(folder).version(&folder.join(pattern).to_string_lossy(), known)
    }

    #[test]
    fn content_counts_and_times_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        std::fs::write(&file, "x\n1\n").unwrap();
        let before = version(folder.path(), "a.csv", None);
        let touched = File::options().write(true).open(&file).unwrap();
        touched.set_modified(UNIX_EPOCH).unwrap();
        let after = version(folder.path(), "a.csv", Some(&before));
        assert!(before.data == after.data && before.seen != after.seen && before.data.is_some());
        std::fs::write(&file, "x\n2\n").unwrap();
        assert_ne!(version(folder.path(), "a.csv", Some(&after)).data, before.data);
    }

    #[test]
    fn patterns_see_files_that_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data/deep")).unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "x").unwrap();
        write("data/a.csv");
        let flat = |pattern: &str| version(folder.path(), pattern, None).data.unwrap();
        let (one, all) = (flat("data/*.csv"), flat("data/**/*.csv"));
        write("data/deep/b.csv");
        assert!(flat("data/*.csv") == one && flat("data/**/*.csv") != all);
        write("data/c.csv");
        assert_ne!(flat("data/*.csv"), one);
    }

    #[test]
    fn addresses_have_no_version() {
        assert_eq!(Files::new(Path::new("/")).version("s3://bucket/a.parquet", None), InputVersion::default());
    }

    #[test]
    fn a_parquet_file_with_the_same_footer_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (rows, footer) = (vec![1_u8; 256 << 10], vec![7_u8; 64 << 10]);
        std::fs::write(folder.path().join("a.parquet"), [rows.as_slice(), &footer].concat()).unwrap();
        let before = version(folder.path(), "a.parquet", None);
        let mut other = rows;
        other[1000] = 2;
        std::fs::write(folder.path().join("a.parquet"), [other.as_slice(), &footer].concat()).unwrap();
        assert_ne!(version(folder.path(), "a.parquet", None).data, before.data);
    }

    #[test]
    fn what_is_not_there_has_no_version_and_what_is_gone_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let why = |pattern: &str, known: Option<&InputVersion>| {
            let (files, pattern) = (Files::new(folder.path()), folder.path().join(pattern));
            let pattern = pattern.to_string_lossy();
            assert_eq!(files.version(&pattern, known), InputVersion::default());
            files.why_unknown(&pattern)
        };
        assert_eq!(why("a.csv", None), None);
        std::fs::write(folder.path().join("a.csv"), "x").unwrap();
        let there = version(folder.path(), "a.csv", None);
        std::fs::remove_file(folder.path().join("a.csv")).unwrap();
        assert_eq!(why("a.csv", Some(&there)), Some("the file is gone"));
        assert_eq!(why("*.csv", Some(&there)), Some("no file matches it any more"));
    }
}
