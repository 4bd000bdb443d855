//! How the world is next to how it should be: what `status`, `plan` and `reconcile` ask before anything else.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::args::StatusArgs;
use super::context::Context;
use super::facts::{gather, open_if_there};
use super::run::database_diagnostic;
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Engine, Recorded};
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::NodeId;
use crate::graph::select::{Facts, Selection};
use crate::plan::staleness::{Cause, Judgement, World, judge, orphans};
use crate::record::{Observer, Standing};

/// What was found out about every asset.
pub(crate) struct Assessment {
    pub judged: HashMap<NodeId, Judgement>,
    pub code_versions: HashMap<NodeId, CodeVersion>,
    /// By the asset's name.
    pub records: HashMap<String, Recorded>,
    /// Names of what dovetail made and nothing declares any more.
    pub orphans: Vec<String>,
}

impl Assessment {
    /// Compares; without an engine there is nothing yet.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(compiled: &Compiled, engine: Option<&dyn Engine>) -> Result<Self, Diagnostic> {
        let (graph, root) = (&compiled.graph, &compiled.project.root);
        let code_versions = code_versions(graph, &compiled.modules, root, graph.ids());
        let asked = |engine: &dyn Engine| Ok((engine.recorded(None)?, engine.relations()?, engine.failures()?));
        let (records, relations, failures) =
            engine.map(asked).transpose().map_err(|error| database_diagnostic(&error))?.unwrap_or_default();
        let standing = Standing::of(records.clone());
        let records = records.into_iter().map(|record| (record.asset.clone(), record)).collect();
        let observer = Observer::new(root);
        let inputs = graph.ids().map(|id| (id, standing.inputs(graph, id, &observer))).collect();
        let failures = failures.into_iter().map(|failure| (failure.asset.clone(), failure)).collect();
        let world = World {
            code_versions: &code_versions,
            records: &records,
            inputs: &inputs,
            relations: &relations,
            failures: &failures,
        };
        let (judged, orphans) = (judge(graph, &world), orphans(graph, &world));
        Ok(Assessment { judged, code_versions, records, orphans })
    }

    /// The assessment of a project that a command only looks at, and what of it is selected.
    ///
    /// # Errors
    /// When the project does not compile, nothing is selected, or the database cannot be opened.
    pub fn look(context: &mut Context, args: &StatusArgs) -> Result<Look, Diagnostics> {
        let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
        let compiled = context.compile()?;
        // A mistake in the selection is told before the database is asked, where the graph alone shows it.
        let by_graph = selection.asked().is_nothing();
        let early = by_graph.then(|| context.selected(&selection, &compiled.graph, &Facts::default())).transpose()?;
        let engine = open_if_there(context, &compiled, args.wait)?;
        let assessment = Assessment::of(&compiled, engine.as_deref())?;
        let selected = match early {
            Some(selected) => selected,
            None => {
                let judged = Some(&assessment.judged);
                let facts = gather(context, &compiled, &selection, engine.as_deref(), judged)?;
                context.selected(&selection, &compiled.graph, &facts)?
            }
        };
        let orphans = if selection.takes_orphans() { assessment.orphans.clone() } else { Vec::new() };
        Ok(Look { compiled, selected, orphans, assessment, engine })
    }
}

/// A project next to its database, as far as it is selected.
pub(crate) struct Look {
    pub compiled: Compiled,
    pub selected: BTreeSet<NodeId>,
    /// What is selected of what is no longer in the graph.
    pub orphans: Vec<String>,
    pub assessment: Assessment,
    /// `None` when there is no database yet.
    pub engine: Option<Arc<dyn Engine>>,
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
