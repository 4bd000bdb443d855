//! Whether the files that objects are kept in are what was written.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::engine::KeptFile;
use crate::hash::of_file;

/// What is wrong with the file of an object; its path is relative to the project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    Gone(PathBuf),
    /// Something else is in it than was written.
    Altered(PathBuf),
}

/// The files of objects that are not what they were, by the asset's name. `target` is relative to `root`. Only sizes are
/// compared, unless the files are to be read.
pub fn damaged(
    objects: &BTreeMap<String, Option<KeptFile>>,
    (root, target): (&Path, &Path),
    read: bool,
) -> HashMap<String, Damage> {
    let kept: Vec<(&String, &KeptFile)> =
        objects.iter().filter_map(|(asset, file)| Some((asset, file.as_ref()?))).collect();
    let damage = |(asset, file): (&String, &KeptFile)| {
        let path = target.join(&file.path);
        let damage = match is_as_written(&root.join(&path), file, read) {
            Ok(true) => return None,
            Ok(false) => Damage::Altered(path),
            // A file that cannot be looked at cannot be loaded either.
            Err(_) => Damage::Gone(path),
        };
        Some((asset.clone(), damage))
    };
    kept.into_par_iter().filter_map(damage).collect()
}

fn is_as_written(path: &Path, file: &KeptFile, read: bool) -> io::Result<bool> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || file.size.is_some_and(|size| size != metadata.len()) {
        return Ok(false);
    }
    match file.hash.as_ref().filter(|_| read) {
        Some(hash) => Ok(of_file(path)?.to_hex().as_str() == hash),
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_seen_and_contents_when_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target/a.txt");
        std::fs::create_dir_all(folder.path().join("target")).unwrap();
        std::fs::write(&path, "one").unwrap();
        let hash = of_file(&path).unwrap().to_hex().to_string();
        let file = KeptFile { path: "a.txt".to_owned(), size: Some(3), hash: Some(hash), draft: None };
        let old = KeptFile::of(br#"{"path": "a.txt"}"#).unwrap();
        let objects: BTreeMap<String, Option<KeptFile>> =
            [("new", Some(file)), ("old", Some(old)), ("pickled", None)].map(|(name, file)| (name.into(), file)).into();
        let found = |read: bool| {
            let mut found: Vec<_> = damaged(&objects, (folder.path(), Path::new("target")), read).into_iter().collect();
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
            found
        };
        let shown = PathBuf::from("target/a.txt");
        let altered = vec![("new".to_owned(), Damage::Altered(shown.clone()))];
        assert_eq!((found(false), found(true)), (vec![], vec![]));
        std::fs::write(&path, "two").unwrap();
        assert_eq!((found(false), found(true)), (vec![], altered.clone()));
        std::fs::write(&path, "three").unwrap();
        assert_eq!((found(false), found(true)), (altered.clone(), altered));
        std::fs::remove_file(&path).unwrap();
        let gone = ["new", "old"].map(|name| (name.to_owned(), Damage::Gone(shown.clone())));
        assert_eq!(found(false), gone);
    }
}
