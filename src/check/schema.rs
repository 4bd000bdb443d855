//! What is known of a node's columns before anything runs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::Column;
use crate::graph::NodeId;

/// What is known of the nodes that were looked at.
pub type Schemas = HashMap<NodeId, Schema>;

/// The columns of a node, as far as they are known.
#[derive(Debug, Clone)]
pub enum Schema {
    Known(Known),
    Unknown(Unknown),
    /// Its query does not bind.
    Wrong,
    /// It has no columns: an object, what a Python function returns.
    Valueless,
}

#[derive(Debug, Clone)]
pub struct Known {
    pub columns: Arc<[Column]>,
    /// Why the columns of a run may be others after all: what reads them is never called wrong.
    pub doubt: Option<Arc<str>>,
}

/// Why the columns of a node are not known.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// The node that nobody knows the columns of: the one itself, or one above it.
    pub root: NodeId,
    pub reason: Arc<str>,
}

impl Schema {
    pub fn known(columns: Vec<Column>) -> Self {
        Schema::Known(Known { columns: columns.into(), doubt: None })
    }

    pub fn unknown(root: NodeId, reason: impl Into<Arc<str>>) -> Self {
        Schema::Unknown(Unknown { root, reason: reason.into() })
    }

    /// The same columns, of which a run may make others.
    #[must_use]
    pub fn doubted(self, doubt: Option<impl Into<Arc<str>>>) -> Self {
        match (self, doubt) {
            (Schema::Known(known), Some(doubt)) => Schema::Known(Known { doubt: Some(doubt.into()), ..known }),
            (schema, _) => schema,
        }
    }

    pub fn columns(&self) -> Option<&[Column]> {
        match self {
            Schema::Known(known) => Some(&known.columns),
            _ => None,
        }
    }
}

/// Whether one of the columns has the name, as SQL compares names.
pub fn has(columns: &[Column], name: &str) -> bool {
    find(columns, name).is_some()
}

/// The column of the name, as SQL compares names.
pub fn find<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}
