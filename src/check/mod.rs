//! `AssetGraph -> Schemas + Diagnostics`: the columns of every asset, found by binding each query against empty twins of
//! what it reads, and what is wrong before anything runs.
//!
//! Unknown is an answer: what reads something unknown is unknown, with the reason, and never called wrong. Nothing is
//! called wrong that a run could do.

mod binding;
mod constraints;
mod contract;
mod explain;
mod further;
mod inquiry;
mod leaf;
mod locate;
mod lost;
mod memory;
mod model;
mod questions;
mod reads;
mod refused;
mod schema;
mod stands;
mod told;
mod typed;
mod view;

pub(crate) use explain::older;
pub use inquiry::{Inquiry, Kept, Mode};
pub(crate) use refused::{failed, refused};
pub use schema::{Known, Schema, Schemas, Unknown};
pub use stands::{Opening, Stands};
pub use told::told_once;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::diagnostic::Diagnostic;
use crate::engine::{EngineError, Refusal};
use crate::graph::{Body, Materialized, NodeId};
use model::Checked;

/// What a check found.
pub struct Findings {
    /// Of every node that was looked at.
    pub schemas: Schemas,
    /// What is wrong with the assets that were asked about; by file and position.
    pub problems: Vec<(NodeId, Diagnostic)>,
    /// For the next check.
    pub kept: Kept,
}

/// Looks at everything that is asked about.
///
/// # Errors
/// When the binder cannot be opened: an extension or a setting of the target cannot be had.
pub fn check(inquiry: Inquiry<'_>) -> Result<Findings, EngineError> {
    let mut schemas = Schemas::new();
    let mut refusals: Vec<(NodeId, Refusal)> = Vec::new();
    let mut problems: Vec<(NodeId, Diagnostic)> = Vec::new();
    let mut only_assumed: BTreeSet<NodeId> = BTreeSet::new();
    for level in &inquiry.levels {
        let found: Vec<Result<Checked, EngineError>> = level.par_iter().map(|id| inquiry.node(*id, &schemas)).collect();
        for (id, checked) in level.iter().zip(found) {
            let Checked { schema, refusals: told } = checked?;
            let unreadable = inquiry.unreadable(*id, &schema);
            let is_wrong = matches!(schema, Schema::Wrong) || unreadable.is_some();
            problems.extend(unreadable.filter(|_| inquiry.assets.contains(id)).map(|problem| (*id, problem)));
            let assumed = inquiry.assumed.get(id).filter(|_| is_wrong).cloned();
            only_assumed.extend(assumed.is_some().then_some(*id));
            schemas.insert(*id, assumed.unwrap_or(schema));
            refusals.extend(told.into_iter().map(|refusal| (*id, refusal)));
        }
    }
    refusals.retain(|(id, _)| inquiry.assets.contains(id));
    problems.extend(explain::explain(&inquiry, &schemas, refusals));
    for id in inquiry.assets {
        let found = reads::problems(&inquiry, &schemas, *id).into_iter();
        problems.extend(found.map(|problem| (*id, problem)));
        // What is only assumed of an asset promises nothing.
        if only_assumed.contains(id) {
            continue;
        }
        let promises = contract::problems(&inquiry, &schemas, *id)?.into_iter();
        let promises = promises.chain(constraints::problems(&inquiry, &schemas, *id)?);
        problems.extend(promises.map(|problem| (*id, problem)));
    }
    problems.extend(questions::problems(&inquiry, &schemas)?);
    let problems = told::sorted(problems);
    let kept = Kept { memory: inquiry.memory.keep(), binder: inquiry.binding.keep(), ..Kept::default() };
    Ok(Findings { schemas, problems, kept })
}

impl Inquiry<'_> {
    fn node(&self, id: NodeId, schemas: &Schemas) -> Result<Checked, EngineError> {
        let node = self.graph.node(id);
        match &node.body {
            Body::Sql(sql) if !self.stands_as_it_is(id) && node.materialized != Materialized::Object => {
                self.model(id, sql, schemas)
            }
            _ => self.leaf(id, schemas).map(Checked::from),
        }
    }
}
