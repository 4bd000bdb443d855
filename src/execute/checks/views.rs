//! Views through which checks see what is built. Readers see it by them from the moment that it is published, so what a view
//! will show is looked at before.

use std::collections::HashMap;

use super::Unpublished;
use crate::engine::{BuildSource, EngineError, Extent, Session};
use crate::execute::materialize::Materializer;
use crate::execute::staging::suffix;
use crate::graph::checks::{Check, CheckId};
use crate::graph::{Body, Materialized, NodeId, RelationName};

/// Views as they will be, for a moment: where they are read meanwhile.
pub(super) type Twins = HashMap<NodeId, RelationName>;

/// How a view is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    AsItStands,
    ByTwin,
    /// It is not there, so nobody reads by it.
    NotAtAll,
}

/// Looks for the views between checks and an asset that is built.
pub(super) struct Views<'a> {
    materializer: &'a Materializer,
    built: &'a Unpublished<'a>,
    seen: HashMap<NodeId, Sight>,
    twins: Twins,
}

impl<'a> Views<'a> {
    /// Makes the twins that these checks need. Beside them, the checks that can be asked.
    ///
    /// # Errors
    /// When the engine refuses a view.
    pub fn of(
        materializer: &'a Materializer,
        checks: &[CheckId],
        built: &'a Unpublished<'a>,
        session: &mut dyn Session,
    ) -> Result<(Twins, Vec<CheckId>), EngineError> {
        let mut views = Views { materializer, built, seen: HashMap::new(), twins: Twins::new() };
        let mut asked = Vec::with_capacity(checks.len());
        for id in checks {
            let check = materializer.context.graph.check(*id);
            let mut can_be_asked = check.reads.contains(&built.asset) || views.is_there(check);
            // What reads the asset itself, or is about something else, needs no view.
            for read in check.reads.iter() {
                if !views.is_between(*read) {
                    continue;
                }
                can_be_asked &= views.sight(*read, session)? != Sight::NotAtAll;
            }
            if can_be_asked {
                asked.push(*id);
            }
        }
        Ok((views.twins, asked))
    }

    /// Whether all is there that a check reads: what it sees by way of a view is no reason to build the rest of it.
    fn is_there(&self, check: &Check) -> bool {
        let materializer = self.materializer;
        let graph = &materializer.context.graph;
        let is_built = |id: &NodeId| {
            let node = graph.node(*id);
            node.is_source() || self.is_between(*id) || materializer.standing.record(node.name.as_str()).is_some()
        };
        check.reads.iter().all(is_built)
    }

    /// Whether a node is a view that shows the asset.
    fn is_between(&self, id: NodeId) -> bool {
        let graph = &self.materializer.context.graph;
        let is_view = graph.node(id).materialized == Materialized::View && !graph.node(id).is_source();
        id != self.built.asset && is_view && graph.shown_by(id).contains(&self.built.asset)
    }

    fn sight(&mut self, id: NodeId, session: &mut dyn Session) -> Result<Sight, EngineError> {
        if let Some(known) = self.seen.get(&id) {
            return Ok(*known);
        }
        let materializer = self.materializer;
        let graph = &materializer.context.graph;
        let mut reads_twin = false;
        for above in graph.reads(id) {
            if self.is_between(above) {
                reads_twin |= self.sight(above, session)? == Sight::ByTwin;
            }
        }
        let will_be_new = materializer.builds.contains(&id) && !materializer.is_as_built(id);
        let is_elsewhere = materializer.staging.is_some();
        let as_it_stands = match materializer.standing.record(graph.node(id).name.as_str()) {
            Some(_) if !is_elsewhere => Sight::AsItStands,
            _ => Sight::NotAtAll,
        };
        let sight = match will_be_new || reads_twin || is_elsewhere {
            true if self.can_be_made(id) => {
                self.make(id, session)?;
                Sight::ByTwin
            }
            _ => as_it_stands,
        };
        self.seen.insert(id, sight);
        Ok(sight)
    }

    /// Whether a view will be what its text says, and all else that it reads is as it will be.
    fn can_be_made(&self, id: NodeId) -> bool {
        let materializer = self.materializer;
        let graph = &materializer.context.graph;
        let is_done = |read: &NodeId| {
            *read == self.built.asset
                || !materializer.builds.contains(read)
                || materializer.pending.contains(read)
                || self.twins.contains_key(read)
                || materializer
                    .standing
                    .record(graph.node(*read).name.as_str())
                    .is_some_and(|record| record.run == materializer.run)
        };
        (materializer.builds.contains(&id) || materializer.is_as_built(id)) && graph.reads(id).iter().all(is_done)
    }

    fn make(&mut self, id: NodeId, session: &mut dyn Session) -> Result<(), EngineError> {
        let materializer = self.materializer;
        let node = materializer.context.graph.node(id);
        let Body::Sql(compiled) = &node.body else { return Ok(()) };
        let staging = materializer.staging.as_ref();
        let place = |read: NodeId| {
            let of_built = staging.filter(|_| read == self.built.asset);
            let of_built = of_built.map(|staging| staging.target(materializer.context.graph.node(read)));
            self.twins.get(&read).cloned().or(of_built).or_else(|| staging?.place(read))
        };
        let statement = compiled.redirected(&place).statement;
        let identifier = format!("{}{}", node.relation.identifier, suffix("asked", &materializer.run));
        let twin = RelationName { identifier, ..node.relation.clone() };
        session.build(&twin, BuildSource::View(statement), Extent::Columns)?;
        self.twins.insert(id, twin);
        Ok(())
    }
}
