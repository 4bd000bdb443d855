//! What is built and not published, and what takes its place when it is.

use super::Renaming;
use crate::graph::RelationName;

/// Something that is built and not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedAsset {
    pub run: String,
    pub asset: String,
    /// Where it stands meanwhile; `None` for an object.
    pub relation: Option<RelationName>,
    pub is_view: bool,
}

/// What becomes visible when what is staged is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// An asset gets another name, before anything else.
    Renaming(Renaming),
    /// The table that is staged there takes the relation's place.
    Table { staged: RelationName, relation: RelationName },
    /// A view of this query takes the relation's place: the one that is staged reads what is staged.
    View { relation: RelationName, query: String },
    /// The object that is staged for the asset takes the place of the one before.
    Object { asset: String },
}
