//! What can be known of data that dovetail does not make: the files of sources and seeds.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use globset::GlobBuilder;
use walkdir::WalkDir;

use crate::engine::InputVersion;
use crate::graph::{Body, Kind, Node};
use crate::hash::of_pieces;
use crate::parse::SourceLocation;

/// The end of a parquet file holds its schema, and place, size and statistics of all its columns.
const FOOTER: u64 = 64 << 10;

/// Observes files, each once.
pub struct Observer {
    root: PathBuf,
    observed: Mutex<HashMap<String, InputVersion>>,
}

impl Observer {
    /// `root` is the project's folder.
    pub fn new(root: &Path) -> Self {
        Observer { root: root.to_owned(), observed: Mutex::default() }
    }

    /// The version of a source's or a seed's files; `None` for other assets. What is neither a file here nor known from
    /// elsewhere has a version without data.
    ///
    /// `known` is how a record saw them last: files of equal size and time are not read again.
    pub fn observe(&self, node: &Node, known: Option<&InputVersion>) -> Option<InputVersion> {
        match &node.body {
            Body::Source(SourceLocation::Files { path, .. }) => Some(self.files(path, known)),
            Body::Source(SourceLocation::Table { .. }) => Some(InputVersion::default()),
            _ if node.kind == Kind::Seed => {
                let pattern = globset::escape(&self.root.join(node.file.path()).to_string_lossy());
                Some(self.files(&pattern, known))
            }
            _ => None,
        }
    }

    fn files(&self, pattern: &str, known: Option<&InputVersion>) -> InputVersion {
        let before = self.observed.lock().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
        if let Some(version) = before {
            return version;
        }
        let version = self.look(pattern, known).unwrap_or_default();
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.insert(pattern.to_owned(), version.clone());
        version
    }

    /// `None` for what cannot be looked at: addresses, patterns that only the engine understands, unreadable files.
    fn look(&self, pattern: &str, known: Option<&InputVersion>) -> Option<InputVersion> {
        if pattern.contains("://") {
            return None;
        }
        let files = found(pattern)?;
        let seen = self.hash(&files, |_, metadata| Ok(size_and_time(metadata))).ok()?;
        let same = known.filter(|known| known.seen.as_deref() == Some(&seen)).and_then(|known| known.data.clone());
        let data = same.map_or_else(|| self.hash(&files, content), Ok).ok()?;
        Some(InputVersion { data: Some(data), columns: None, seen: Some(seen) })
    }

    /// The hash of the files' names and of something about each.
    fn hash(
        &self,
        files: &[(PathBuf, Metadata)],
        about: impl Fn(&Path, &Metadata) -> io::Result<Vec<u8>>,
    ) -> io::Result<String> {
        let mut pieces: Vec<Vec<u8>> = Vec::with_capacity(2 * files.len());
        for (path, metadata) in files {
            // A project that moves as a whole keeps its versions.
            let name = path.strip_prefix(&self.root).unwrap_or(path);
            pieces.extend([name.as_os_str().as_encoded_bytes().to_vec(), about(path, metadata)?]);
        }
        Ok(of_pieces(pieces.iter().map(Vec::as_slice)).to_hex().to_string())
    }
}

/// The files that a path or pattern names, sorted. `None` when the pattern is none.
fn found(pattern: &str) -> Option<Vec<(PathBuf, Metadata)>> {
    let matcher = GlobBuilder::new(pattern).literal_separator(true).build().ok()?.compile_matcher();
    let is_plain = |part: &str| !part.contains(['*', '?', '[', '{', '\\']);
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

fn size_and_time(metadata: &Metadata) -> Vec<u8> {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    [metadata.len().to_le_bytes().as_slice(), &nanoseconds.to_le_bytes()].concat()
}

/// The hash of what is in a file; of a parquet file, of its size and its end.
fn content(path: &Path, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
        hasher.update(&metadata.len().to_le_bytes());
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(FOOTER)))?;
    }
    hasher.update_reader(file)?;
    Ok(hasher.finalize().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(folder: &Path, pattern: &str, known: Option<&InputVersion>) -> InputVersion {
        Observer::new(folder).files(&folder.join(pattern).to_string_lossy(), known)
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
        assert_eq!(Observer::new(Path::new("/")).files("s3://bucket/a.parquet", None), InputVersion::default());
    }
}
