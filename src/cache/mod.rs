//! What was found out before, in `target/cache`: it only saves time (docs/decisions/0005).
//!
//! An entry is found by the hash of everything that it was made of, the build of dovetail among it. What cannot be read
//! back as it was written is as good as absent, and what cannot be written is left out.

pub(crate) mod files;
pub(crate) mod memory;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hash::of_pieces;
use crate::project::Project;

/// Entries of a kind that are kept: those of a few targets, variables or states of the files.
const KEPT: usize = 4;

/// Changes with every source file that dovetail is built of (build.rs).
const BUILD: &str = env!("DOVETAIL_BUILD");

/// Bytes of the hash in front of an entry.
const CHECK: usize = 32;

/// Bytes that are asked for at once to write an entry: growing would touch twice the memory, and what is not used costs
/// nothing.
const ROOM: usize = 1 << 22;

/// The cache of a project.
pub(crate) struct Cache {
    folder: PathBuf,
    /// Of the build and the project's settings, but for the environment: that counts only where it is read.
    settings: String,
    /// What is as a unit test has it is not kept: it would drive out what is as the project has it.
    is_kept: bool,
}

/// What an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    kind: &'static str,
    hash: String,
}

/// The folder of a project's cache.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.target_dir().join("cache")
}

impl Cache {
    pub fn of(project: &Project) -> Self {
        // An empty file is another thing than none: entries number the files.
        let text = project.file.as_ref().map(|file| file.text());
        let settings = Project { environment: Default::default(), file: None, ..project.clone() };
        // Every field is in it, those too that somebody adds later.
        let is_kept = project.overrides.is_none();
        Cache { folder: folder(project), settings: format!("{settings:?}\n{text:?}"), is_kept }
    }

    /// The key of an entry that is made of these pieces, the project's settings and this dovetail.
    pub fn key<'a>(&'a self, kind: &'static str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Key {
        let common = [BUILD.as_bytes(), kind.as_bytes(), self.settings.as_bytes()];
        let hash = of_pieces(common.into_iter().chain(pieces));
        Key { kind, hash: hash.to_hex().as_str()[..32].to_owned() }
    }

    /// `None` when there is no whole entry of this key.
    pub fn read<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let bytes = fs::read(self.path(key)).ok()?;
        let (check, text) = bytes.split_at_checked(CHECK)?;
        if check != blake3::hash(text).as_bytes() {
            return None;
        }
        rmp_serde::from_slice(text).ok()
    }

    /// Keeps an entry, and no more than a few others of its kind.
    pub fn write(&self, key: &Key, value: &impl Serialize) {
        if !self.is_kept {
            return;
        }
        let mut bytes = Vec::with_capacity(ROOM);
        bytes.resize(CHECK, 0);
        // Fields are told by their places: their names would be a quarter of what is read. A type that leaves fields out must
        // not do so here.
        if value.serialize(&mut rmp_serde::Serializer::new(&mut bytes)).is_err() {
            return;
        }
        let check = *blake3::hash(&bytes[CHECK..]).as_bytes();
        bytes[..CHECK].copy_from_slice(&check);
        // A disk that is full or read-only costs time and nothing else.
        let _ = self.replace(key, &bytes);
    }

    /// Readers see the old entry or the new one: it is written beside, then renamed.
    fn replace(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let ignored = self.folder.join(".gitignore");
        if !ignored.exists() {
            fs::write(ignored, "*\n")?;
        }
        let beside = self.folder.join(format!("{}-{}.tmp", key.kind, std::process::id()));
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, self.path(key)));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        self.remove_old(key.kind)?;
        written
    }

    /// Leaves the newest entries of a kind. What a process left half-written is among the old ones in time.
    fn remove_old(&self, kind: &str) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter(|entry| is_of(&entry.path(), kind))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        entries.sort();
        let old = entries.len().saturating_sub(KEPT);
        entries.into_iter().take(old).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}-{}", key.kind, key.hash))
    }
}

fn is_of(path: &Path, kind: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.split_once('-')).is_some_and(|(of, _)| of == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{LoadOptions, load};

    fn cache(root: &Path) -> Cache {
        fs::create_dir_all(root.join("models")).unwrap();
        Cache::of(&load(root, &LoadOptions::default()).unwrap().value)
    }

    #[test]
    fn only_whole_entries_of_the_key_are_read() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        let key = cache.key("numbers", [&b"one"[..]]);
        assert_eq!(cache.read::<Vec<u8>>(&key), None);
        cache.write(&key, &vec![1_u8, 2]);
        assert_eq!(cache.read(&key), Some(vec![1_u8, 2]));
        assert_eq!(cache.read::<Vec<u8>>(&cache.key("numbers", [&b"on"[..], b"e"])), None);
        assert_eq!(cache.read::<String>(&key), None);
        let whole = fs::read(cache.path(&key)).unwrap();
        for end in 0..whole.len() {
            fs::write(cache.path(&key), &whole[..end]).unwrap();
            assert_eq!(cache.read::<Vec<u8>>(&key), None, "of {end} bytes");
        }
        let mut other = whole.clone();
        *other.iter_mut().rev().nth(1).unwrap() = b'3';
        fs::write(cache.path(&key), other).unwrap();
        assert_eq!(cache.read::<Vec<u8>>(&key), None);
        fs::write(cache.path(&key), whole).unwrap();
        assert_eq!(cache.read(&key), Some(vec![1_u8, 2]));
    }

    #[test]
    fn old_entries_go_and_other_kinds_stay() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        cache.write(&cache.key("letters", []), &"a");
        let keys: Vec<Key> = (0_u8..9).map(|number| cache.key("numbers", [&[number][..]])).collect();
        for (number, key) in keys.iter().enumerate() {
            cache.write(key, &number);
            // Times may be as coarse as a tick.
            let file = fs::File::options().write(true).open(cache.path(key)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64)).unwrap();
        }
        assert_eq!(keys.iter().filter_map(|key| cache.read(key)).collect::<Vec<usize>>(), [5, 6, 7, 8]);
        assert_eq!(cache.read(&cache.key("letters", [])), Some("a".to_owned()));
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_none() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        fs::write(root.path().join("target"), "a file").unwrap();
        let key = cache.key("numbers", []);
        cache.write(&key, &1);
        assert_eq!(cache.read::<u8>(&key), None);
    }
}
