//! The chain of causes: an asset, and below it what its causes lead to.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::assess::Assessment;
use crate::cli::diff::unified;
use crate::cli::opening::database_diagnostic;
use crate::cli::when::moment;
use crate::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, Inputs, Materialization, Past, PastEvent, PastRun};
use crate::fingerprint::CodeVersion;
use crate::graph::NodeId;
use crate::plan::judgement::{CauseKind, Judgement, State};

/// What the chain is made from.
pub(super) struct Chain<'c> {
    pub compiled: &'c Compiled,
    pub assessment: &'c Assessment,
    /// `None` when there is no database yet.
    pub engine: Option<&'c dyn Engine>,
}

/// One asset of the chain, and one line of `--output json`. The keys are a promise to scripts.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub asset: String,
    /// How many causes away it is from what was asked.
    pub depth: usize,
    pub state: &'static str,
    pub causes: Vec<LinkCause>,
    /// What is not a cause and explains it all the same.
    pub remark: Option<String>,
    /// From the code as it was recorded to that of now.
    pub diff: Option<String>,
    pub config_diff: Option<String>,
    /// Why more of the code counts than the eye sees, or less.
    pub notes: Vec<String>,
    /// Third-party packages that the code uses, with the versions that were recorded.
    pub packages: BTreeMap<String, Option<String>>,
    /// Of the asked asset, and of those whose code differs.
    pub compared_with: Option<Compared>,
    pub unobserved: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct LinkCause {
    pub cause: &'static str,
    pub detail: String,
    /// The asset or source that it is about, where it is about another one.
    pub asset: Option<String>,
}

/// The materialization that the asset of now was compared with.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub run: String,
    pub at: Option<Timestamp>,
    pub user: Option<String>,
    pub git_commit: Option<String>,
    pub git_dirty: Option<bool>,
    pub code_version: Option<String>,
    pub data_version: Option<String>,
    pub inputs: Inputs,
}

/// The newest materialization of an asset, and its run.
pub(super) type Newest = (PastRun, Materialization);

impl Chain<'_> {
    /// The links from an asset on, each before those that its causes lead to, and each once.
    pub fn from(&self, asset: NodeId) -> Result<Vec<Link>, Diagnostic> {
        let mut links = Vec::new();
        let mut seen = HashSet::from([asset]);
        let mut stack = vec![(asset, 0)];
        while let Some((id, depth)) = stack.pop() {
            let Some(judgement) = self.assessment.judged.get(&id) else { continue };
            links.push(self.link(id, depth, judgement)?);
            let about = judgement.causes.iter().filter_map(|cause| cause.about.as_deref());
            let next: Vec<NodeId> =
                about.filter_map(|name| self.compiled.graph.find(name)).filter(|id| seen.insert(*id)).collect();
            stack.extend(next.into_iter().rev().map(|id| (id, depth + 1)));
        }
        Ok(links)
    }

    fn link(&self, id: NodeId, depth: usize, judgement: &Judgement) -> Result<Link, Diagnostic> {
        let name = self.compiled.graph.node(id).name.as_str();
        let is_about_code =
            judgement.causes.iter().any(|cause| matches!(cause.kind, CauseKind::Code | CauseKind::Config));
        // A chain may be long, and of most of it only the causes are told.
        let newest = if depth == 0 || is_about_code { self.newest(name)? } else { None };
        let mut link = Link::new(name, depth, judgement).compared_with(newest.as_ref());
        if judgement.state == State::Fresh && depth > 0 {
            link.remark = Some("it is up to date now, in another version than the asset above has read".to_owned());
        }
        if let Some(version) = self.assessment.code_versions.get(&id) {
            link.notes.clone_from(&version.notes);
            link.packages = packages(version, newest.as_ref());
            if let Some((_, before)) = newest.filter(|_| is_about_code) {
                link.diff = self.code_diff(&before, version);
                link.config_diff = self.config_diff(&before, id);
            }
        }
        Ok(link)
    }

    fn code_diff(&self, before: &Materialization, version: &CodeVersion) -> Option<String> {
        let now = self.compiled.templates.secrets().redact(&version.code);
        let name = format!("code of {}", before.record.run);
        unified((&name, before.code.as_deref()?), ("code of now", &now))
    }

    fn config_diff(&self, before: &Materialization, id: NodeId) -> Option<String> {
        let secrets = self.compiled.templates.secrets();
        let lines = |config: &crate::project::Values| -> String {
            config.iter().map(|(key, value)| format!("{key}: {}\n", secrets.redact(&value.to_string()))).collect()
        };
        let name = format!("config of {}", before.record.run);
        let now = lines(&self.compiled.graph.node(id).config);
        unified((&name, &lines(before.config.as_ref()?)), ("config of now", &now))
    }

    /// The newest materialization of an asset, with its code.
    pub fn newest(&self, name: &str) -> Result<Option<Newest>, Diagnostic> {
        let Some(engine) = self.engine else { return Ok(None) };
        let history = engine.history(name).map_err(|error| database_diagnostic(&error))?;
        let materialized = |past: Past| match past.event {
            PastEvent::Materialized(materialization) => Some((past.run, *materialization)),
            PastEvent::Failed(_) => None,
        };
        Ok(history.into_iter().find_map(materialized))
    }
}

impl Link {
    pub fn new(name: &str, depth: usize, judgement: &Judgement) -> Self {
        let cause = |cause: &crate::plan::judgement::Cause| LinkCause {
            cause: cause.kind.as_str(),
            detail: cause.detail.clone(),
            asset: cause.about.clone(),
        };
        Link {
            asset: name.to_owned(),
            depth,
            state: judgement.state.as_str(),
            causes: judgement.causes.iter().map(cause).collect(),
            remark: None,
            diff: None,
            config_diff: None,
            notes: Vec::new(),
            packages: BTreeMap::new(),
            compared_with: None,
            unobserved: judgement.unobserved.clone(),
        }
    }

    pub fn compared_with(self, newest: Option<&Newest>) -> Self {
        let compared = newest.map(|(run, materialization)| Compared {
            run: run.run.clone(),
            at: moment(materialization.record.started_at),
            user: run.surroundings.user.clone(),
            git_commit: run.surroundings.git_commit.clone(),
            git_dirty: run.surroundings.git_dirty,
            code_version: materialization.record.code_version.clone(),
            data_version: materialization.record.data_version.clone(),
            inputs: materialization.record.inputs.clone(),
        });
        Link { compared_with: compared, ..self }
    }
}

/// The packages that the code uses, with the versions that were recorded.
fn packages(version: &CodeVersion, newest: Option<&Newest>) -> BTreeMap<String, Option<String>> {
    let recorded = |name: &String| newest.and_then(|(_, before)| before.packages.get(name).cloned());
    version.packages.iter().map(|name| (name.clone(), recorded(name))).collect()
}
