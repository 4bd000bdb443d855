//! One thing that happened to an asset, as it is listed, and what changed with it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::when::moment;
use crate::engine::{Inputs, Materialization, Past, PastEvent, Recorded};
use crate::project::Values;
use crate::record::{LoggedAsset, LoggedRun};

/// One line of `--output json`. The keys are a promise to scripts; what is not known is null.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub asset: String,
    /// 1 is the newest.
    pub number: usize,
    pub run: String,
    pub command: Option<String>,
    /// Of a materialization, when it began; of what did not come out, when its run began.
    pub at: Option<Timestamp>,
    /// `materialized`, `failed`, `skipped` or `cancelled`.
    pub outcome: String,
    pub user: Option<String>,
    pub git_commit: Option<String>,
    pub git_dirty: Option<bool>,
    pub seconds: f64,
    pub rows: Option<u64>,
    pub code_version: Option<String>,
    pub data_version: Option<String>,
    /// Versions of what was read, by name.
    pub inputs: BTreeMap<String, Option<String>>,
    /// Since the materialization before; null for the first one.
    pub changed: Option<Changes>,
    pub metadata: Option<Values>,
    /// Why it did not come out.
    pub message: Option<String>,
}

/// What differs between two materializations.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Changes {
    /// Names of the parts of the code version, config among them.
    pub code: Vec<String>,
    /// Names of what was read.
    pub inputs: Vec<String>,
    pub data: bool,
}

impl Entry {
    /// The entries of a history, newest first as it is.
    pub fn all(asset: &str, history: &[Past]) -> Vec<Self> {
        let entry = |(index, past): (usize, &Past)| {
            let entry = Entry::begun(asset, index + 1, past);
            match &past.event {
                PastEvent::Materialized(materialization) => {
                    let before = history[index + 1..].iter().find_map(materialized);
                    entry.materialized(materialization, before.map(|before| &before.record))
                }
                PastEvent::Failed(failure) => Entry {
                    outcome: failure.outcome.as_str().to_owned(),
                    seconds: failure.seconds,
                    message: failure.message.clone(),
                    ..entry
                },
            }
        };
        history.iter().enumerate().map(entry).collect()
    }

    fn begun(asset: &str, number: usize, past: &Past) -> Self {
        let surroundings = &past.run.surroundings;
        Entry {
            asset: asset.to_owned(),
            number,
            run: past.run.run.clone(),
            command: past.run.command.clone(),
            at: past.run.started_at.and_then(moment),
            outcome: String::new(),
            user: surroundings.user.clone(),
            git_commit: surroundings.git_commit.clone(),
            git_dirty: surroundings.git_dirty,
            seconds: 0.0,
            rows: None,
            code_version: None,
            data_version: None,
            inputs: BTreeMap::new(),
            changed: None,
            metadata: None,
            message: None,
        }
    }

    fn materialized(self, materialization: &Materialization, before: Option<&Recorded>) -> Self {
        let record = &materialization.record;
        Entry {
            at: moment(record.started_at),
            outcome: "materialized".to_owned(),
            seconds: record.seconds,
            rows: record.rows,
            code_version: record.code_version.clone(),
            data_version: record.data_version.clone(),
            inputs: record.inputs.iter().map(|(name, version)| (name.clone(), version.data.clone())).collect(),
            changed: before.map(|before| Changes::between(before, record)),
            metadata: Some(materialization.metadata.clone()),
            ..self
        }
    }

    /// What a run's log says of an asset: no more than that.
    pub fn logged(number: usize, run: &LoggedRun, asset: &LoggedAsset) -> Self {
        let because = asset.because.as_ref().map(|because| format!("`{because}` failed"));
        Entry {
            asset: asset.asset.clone(),
            number,
            run: run.run.clone(),
            command: Some(run.command.clone()),
            at: Some(asset.at),
            outcome: asset.status.clone(),
            user: run.user.clone(),
            git_commit: run.git_commit.clone(),
            git_dirty: run.git_dirty,
            seconds: asset.seconds,
            rows: asset.rows,
            code_version: None,
            data_version: None,
            inputs: BTreeMap::new(),
            changed: None,
            metadata: None,
            message: asset.message.clone().or(because),
        }
    }
}

/// The materialization that a past event is.
pub(super) fn materialized(past: &Past) -> Option<&Materialization> {
    match &past.event {
        PastEvent::Materialized(materialization) => Some(materialization),
        PastEvent::Failed(_) => None,
    }
}

impl Changes {
    fn between(before: &Recorded, after: &Recorded) -> Self {
        Changes {
            code: differing(&before.code_parts, &after.code_parts),
            inputs: differing(&versions(&before.inputs), &versions(&after.inputs)),
            data: before.data_version != after.data_version,
        }
    }

    /// In a cell of a table.
    pub fn in_words(&self) -> String {
        let of = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} ({})", names.join(", ")));
        let data = self.data.then(|| "data".to_owned());
        let words: Vec<String> =
            [of("code", &self.code), of("inputs", &self.inputs), data].into_iter().flatten().collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

/// Of content and columns; that a file was merely touched is no change.
fn versions(inputs: &Inputs) -> BTreeMap<String, [Option<&str>; 2]> {
    inputs.iter().map(|(name, input)| (name.clone(), [input.data.as_deref(), input.columns.as_deref()])).collect()
}

/// The keys under which two maps do not hold the same.
fn differing<T: PartialEq>(before: &BTreeMap<String, T>, after: &BTreeMap<String, T>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(name.as_str()) != after.get(name.as_str())).cloned().collect()
}
