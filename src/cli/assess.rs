//! How the world is next to how it should be: what `status`, `plan` and `reconcile` ask before anything else.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::args::StatusArgs;
use super::context::Context;
use super::run::{database_diagnostic, open_diagnostic, said_once, when_locked};
use crate::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::engine::{Access, Engine, EngineErrorKind, Inputs, Recorded, open};
use crate::fingerprint::code_versions;
use crate::graph::NodeId;
use crate::plan::staleness::{Cause, Judgement, World, judge};
use crate::record::{Observer, Standing};

/// What was found out about every asset.
pub(crate) struct Assessment {
    pub judged: HashMap<NodeId, Judgement>,
    pub records: Vec<Recorded>,
    /// Assets that dovetail made, that still stand, and that nothing declares any more; sorted.
    pub orphans: Vec<String>,
}

impl Assessment {
    /// Compares; without an engine there is nothing yet.
    pub fn of(compiled: &Compiled, engine: Option<&dyn Engine>) -> Result<Self, Diagnostic> {
        let graph = &compiled.graph;
        let code_versions = code_versions(graph, &compiled.modules, &compiled.project.root, graph.ids());
        let asked = |engine: &dyn Engine| Ok((engine.recorded(None)?, engine.relations()?));
        let (records, relations) =
            engine.map(asked).transpose().map_err(|error| database_diagnostic(&error))?.unwrap_or_default();
        let standing = Standing::of(records.clone());
        let observer = Observer::new(&compiled.project.root);
        let inputs: HashMap<NodeId, Inputs> =
            graph.ids().map(|id| (id, standing.inputs(graph, id, &observer))).collect();
        let by_name: HashMap<String, Recorded> =
            records.iter().map(|record| (record.asset.clone(), record.clone())).collect();
        let world = World { code_versions: &code_versions, records: &by_name, inputs: &inputs, relations: &relations };
        let judged = judge(graph, &world);
        let stands: HashSet<String> = relations.iter().map(|found| found.relation.to_string().to_lowercase()).collect();
        let declared: HashSet<String> =
            graph.ids().map(|id| graph.node(id).relation.to_string().to_lowercase()).collect();
        let is_orphan = |record: &&Recorded| {
            let relation = record.relation.as_deref().unwrap_or_default().to_lowercase();
            graph.find(&record.asset).is_none() && stands.contains(&relation) && !declared.contains(&relation)
        };
        let mut orphans: Vec<String> = records.iter().filter(is_orphan).map(|record| record.asset.clone()).collect();
        orphans.sort();
        Ok(Assessment { judged, records, orphans })
    }

    /// How long an asset took the last time.
    pub fn seconds(&self, asset: &str) -> Option<f64> {
        self.records.iter().find(|record| record.asset == asset).map(|record| record.seconds)
    }
}

/// Opens the database to look at it; `None` when there is none yet.
pub(crate) fn open_to_look(
    context: &mut Context,
    compiled: &Compiled,
    args: &StatusArgs,
) -> Result<Option<Arc<dyn Engine>>, Diagnostic> {
    let say = RefCell::new(said_once(&mut context.printer));
    let keep_waiting = |holder: &str| {
        (say.borrow_mut())(holder);
        true
    };
    match open(&compiled.project, Access::ReadOnly, when_locked(args.wait), &keep_waiting) {
        Ok(engine) => Ok(Some(engine)),
        Err(error) if error.kind == EngineErrorKind::NoDatabase => Ok(None),
        Err(error) => Err(open_diagnostic(&compiled.project, &error)),
    }
}

/// The causes in one line of a table.
pub(crate) fn in_words(judgement: &Judgement) -> String {
    let mut words: Vec<&str> = judgement.causes.iter().map(|cause| cause.detail.as_str()).take(3).collect();
    let more = format!("and {} more", judgement.causes.len().saturating_sub(words.len()));
    if judgement.causes.len() > words.len() {
        words.push(&more);
    }
    words.join("; ")
}

/// A cause as scripts see it.
#[derive(Serialize)]
pub(crate) struct CauseLine<'a> {
    cause: &'static str,
    detail: &'a str,
}

impl<'a> CauseLine<'a> {
    pub fn all(causes: &'a [Cause]) -> Vec<Self> {
        causes.iter().map(|cause| CauseLine { cause: cause.kind.as_str(), detail: &cause.detail }).collect()
    }
}
