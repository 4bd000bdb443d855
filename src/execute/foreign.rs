//! What stands where a run builds, and dovetail did not make.

use std::collections::HashSet;

use super::event::Event;
use super::scheduler::RunContext;
use crate::engine::EngineError;
use crate::graph::{Materialized, Node, folded};
use crate::plan::Plan;
use crate::record::Standing;

/// What the plan replaces of others, as events. The database is asked only where something is built for the first time.
pub(super) fn replaced(context: &RunContext, plan: &Plan, standing: &Standing) -> Result<Vec<Event>, EngineError> {
    let built = plan.steps.iter().filter(|step| step.builds());
    let steps = built.map(|step| context.graph.node(step.asset));
    let new: Vec<&Node> = steps.filter(|node| is_new(node, standing)).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let own = context.engine.relations()?.into_iter().filter(|found| found.relation.database.is_none());
    let places: HashSet<String> = new.iter().map(|node| node.relation.key()).collect();
    let found: Vec<_> = own.filter(|found| places.contains(&found.relation.key())).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let made = context.engine.made()?;
    let made: HashSet<String> = made.iter().filter_map(|made| Some(folded(made.relation.as_ref()?))).collect();
    let replaced = |node: &&Node| {
        let stands = found.iter().find(|found| found.relation.key() == node.relation.key())?;
        let event = Event::Replaced { asset: node.name.to_string(), is_view: stands.is_view };
        (!made.contains(&node.relation.key())).then_some(event)
    };
    Ok(new.iter().filter_map(replaced).collect())
}

/// Whether an asset was not built before in the place where it is built now. Of old records nobody knows the place.
fn is_new(node: &Node, standing: &Standing) -> bool {
    let is_relation = matches!(node.materialized, Materialized::Table | Materialized::View);
    is_relation
        && standing
            .record(node.name.as_str())
            .is_none_or(|record| record.relation.as_deref().is_some_and(|relation| !node.relation.is_written(relation)))
}
