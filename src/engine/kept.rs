//! Objects that are kept in files, of which the database holds only what tells them again.

use serde::{Deserialize, Serialize};

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
}

impl KeptFile {
    /// The name of the only IO manager whose payload is known.
    pub const MANAGER: &str = "file";

    /// `None` for what is no such description.
    pub fn of(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}
