//! Objects that are kept in files, of which the database holds only what tells them again.

use serde::{Deserialize, Serialize};

use super::StoredObject;

/// The file of an object, as the IO manager `file` (`FileIO` of the Python package) describes it in what it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Relative to the target folder.
    pub path: String,
    /// In bytes; `None`, as the hash, where a dovetail stored it that did not say.
    #[serde(default)]
    pub size: Option<u64>,
    /// Of all that is in it, in hexadecimal (BLAKE3).
    #[serde(default)]
    pub hash: Option<String>,
    /// Where it stands until it is published, relative to the target folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

impl KeptFile {
    /// The name of the only IO manager whose payload is known.
    pub const MANAGER: &str = "file";

    /// The file that an object is kept in.
    pub fn of_object(object: &StoredObject) -> Option<Self> {
        if object.manager == Self::MANAGER { Self::of(&object.payload) } else { None }
    }

    /// An object as it is stored when its file is where it belongs.
    pub fn without_draft(object: StoredObject) -> StoredObject {
        let published = Self::of_object(&object).filter(|file| file.draft.is_some());
        let payload = published.and_then(|file| serde_json::to_vec(&KeptFile { draft: None, ..file }).ok());
        StoredObject { payload: payload.unwrap_or_else(|| object.payload.clone()), ..object }
    }

    /// `None` for what is no such description.
    pub fn of(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}
