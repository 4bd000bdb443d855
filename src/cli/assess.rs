//! How the world is next to how it should be: what `status`, `plan` and `reconcile` ask before anything else.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::args::StatusArgs;
use super::context::Context;
use super::run::{database_diagnostic, open_diagnostic, open_to_read};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Engine, EngineErrorKind, Recorded};
use crate::fingerprint::{CodeVersion, code_versions};
use crate::graph::NodeId;
use crate::graph::select::Selection;
use crate::plan::orphans::{Orphan, orphans};
use crate::plan::staleness::{Cause, Judgement, World, judge};
use crate::record::{Found, Observer, Standing};

/// What was found out about every asset.
pub(crate) struct Assessment {
    pub judged: HashMap<NodeId, Judgement>,
    pub code_versions: HashMap<NodeId, CodeVersion>,
    /// By the asset's name.
    pub records: HashMap<String, Recorded>,
    /// What dovetail made and nothing declares any more.
    pub orphans: Vec<Orphan>,
}

impl Assessment {
    /// Compares; without an engine there is nothing yet.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(compiled: &Compiled, engine: Option<&dyn Engine>) -> Result<Self, Diagnostic> {
        let (graph, root) = (&compiled.graph, &compiled.project.root);
        let code_versions = code_versions(graph, &compiled.modules, root, graph.ids());
        let asked = |engine: &dyn Engine| Ok((engine.recorded(None)?, Found::by(engine)?, engine.failures()?));
        let (records, found, failures) =
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
            relations: &found.relations,
            objects: &found.objects,
            failures: &failures,
        };
        let (judged, orphans) = (judge(graph, &world), orphans(graph, &found));
        Ok(Assessment { judged, code_versions, records, orphans })
    }

    /// The assessment of a project that a command only looks at, and what of it is selected.
    ///
    /// # Errors
    /// When the project does not compile, nothing is selected, or the database cannot be opened.
    pub fn look(context: &mut Context, args: &StatusArgs) -> Result<(Compiled, BTreeSet<NodeId>, Self), Diagnostics> {
        let selection = Selection::parse(&args.selection.select, &args.selection.exclude)?;
        let compiled = context.compile()?;
        let selected = context.selected(&selection, &compiled.graph)?;
        let engine = match open_to_read(context, &compiled.project, args.wait) {
            Err(error) if error.kind == EngineErrorKind::NoDatabase => None,
            opened => Some(opened.map_err(|error| open_diagnostic(&compiled.project, &error))?),
        };
        let assessment = Assessment::of(&compiled, engine.as_deref())?;
        Ok((compiled, selected, assessment))
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
