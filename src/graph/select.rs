//! Selections: which nodes a `--select` expression names. The grammar is dbt's; `docs/selection.md` describes it.

use std::collections::BTreeSet;

use super::{AssetGraph, NodeId};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// A parsed `--select` with its `--exclude`.
#[derive(Debug, Clone, Default)]
pub struct Selection {}

impl Selection {
    /// `select` and `exclude` as given on the command line, each argument possibly holding several expressions.
    /// No `select` at all means everything.
    pub fn parse(_select: &[String], _exclude: &[String]) -> Result<Self, Diagnostics> {
        unimplemented!()
    }

    /// The nodes that the selection names. `Err` (`Code::NothingSelected`) when it names none.
    pub fn evaluate(&self, _graph: &AssetGraph) -> Result<BTreeSet<NodeId>, Diagnostic> {
        unimplemented!()
    }
}
