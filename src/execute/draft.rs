//! Files of objects that are written and not published: they stand beside the place where they will be.

use std::io;
use std::path::{Path, PathBuf};

use crate::engine::{EngineError, EngineErrorKind, KeptFile, StoredObject};

/// A file that becomes visible with the record of its object, or goes when that does not.
#[derive(Debug)]
pub(super) struct Draft {
    from: PathBuf,
    to: PathBuf,
}

impl Draft {
    /// The draft of an object, if it is kept in a file. `target` is the folder that its path is relative to.
    pub fn of(object: &StoredObject, target: &Path) -> Option<Self> {
        let file = KeptFile::of_object(object)?;
        Some(Draft { from: target.join(file.draft?), to: target.join(file.path) })
    }

    /// Puts it where readers look, in one step.
    ///
    /// # Errors
    /// When the folder cannot be written; the record then tells of another file than the one that is there.
    pub fn publish(&self) -> Result<(), EngineError> {
        match std::fs::rename(&self.from, &self.to) {
            // It was before.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.to.exists() => Ok(()),
            Err(error) => {
                let message = format!("`{}` cannot be written: {error}", self.to.display());
                Err(EngineError { kind: EngineErrorKind::Execution, message, offset: None })
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is there once it is published.
        let _ = std::fs::remove_file(&self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_goes() {
        let folder = tempfile::tempdir().unwrap();
        let payload = br#"{"path": "a.txt", "draft": ".a.1.txt", "size": 1, "hash": "x"}"#.to_vec();
        let object = StoredObject { asset: "a".into(), manager: KeptFile::MANAGER.into(), payload };
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
        write("a.txt", "old");
        write(".a.1.txt", "bad");
        drop(Draft::of(&object, folder.path()).unwrap());
        assert_eq!((read("a.txt").as_deref(), read(".a.1.txt")), (Some("old"), None));
        write(".a.1.txt", "new");
        let draft = Draft::of(&object, folder.path()).unwrap();
        draft.publish().unwrap();
        draft.publish().unwrap();
        drop(draft);
        assert_eq!((read("a.txt").as_deref(), read(".a.1.txt")), (Some("new"), None));
        let stored = KeptFile::without_draft(object);
        assert!(Draft::of(&stored, folder.path()).is_none() && KeptFile::of(&stored.payload).unwrap().path == "a.txt");
    }
}
