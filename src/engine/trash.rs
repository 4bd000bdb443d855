//! What dovetail made and nobody needs any more, and the trash that it is moved to, in words without an engine.

use serde::{Deserialize, Serialize};

/// In which form the content of an asset is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredAs {
    Table,
    View,
    Object,
}

impl StoredAs {
    pub fn as_str(self) -> &'static str {
        match self {
            StoredAs::Table => "table",
            StoredAs::View => "view",
            StoredAs::Object => "object",
        }
    }

    /// The form that `as_str` calls so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Table, Self::View, Self::Object].into_iter().find(|form| form.as_str() == name)
    }
}

/// What dovetail made last at some place, by its own record, whether or not it still stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    pub asset: String,
    /// The project that made it, where that is known.
    pub project: Option<String>,
    pub stored_as: StoredAs,
    /// `None` for objects.
    pub relation: Option<String>,
    pub rows: Option<u64>,
    /// Size of what is stored, where it is known: of objects.
    pub bytes: Option<u64>,
    /// In microseconds since 1970 UTC.
    pub built_at: i64,
}

/// Whether what dovetail made is still what stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    AsMade,
    Gone,
    /// A table where the record says view, or the other way around.
    OtherKind,
    OtherColumns,
    /// Somebody has put other rows in it, or another table in its place.
    OtherRows,
    /// A view that somebody has made anew.
    OtherQuery,
}

/// Something in the trash.
#[derive(Debug, Clone, PartialEq)]
pub struct Trashed {
    pub id: i64,
    pub made: Made,
    /// In microseconds since 1970 UTC.
    pub moved_at: i64,
}
