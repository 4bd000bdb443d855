//! What is kept of materializations, in words without an engine.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::{Column, Part};
use crate::project::Values;

/// What is written about one materialization, in the transaction that publishes it.
#[derive(Debug, Clone)]
pub struct MaterializationRecord {
    pub asset: String,
    /// The name of the project that built it.
    pub project: String,
    pub run: String,
    pub kind: &'static str,
    pub materialized: &'static str,
    /// `None` for objects, which no relation holds.
    pub relation: Option<String>,
    /// Start, in microseconds since 1970 UTC.
    pub started_at: i64,
    pub seconds: f64,
    pub rows: Option<u64>,
    pub columns: Vec<Column>,
    /// What was computed, see `fingerprint::CodeVersion`.
    pub code_version: String,
    /// Names and hashes of the parts of the code version.
    pub code_parts: BTreeMap<String, String>,
    /// For people, without secrets; with `config`, only where the code is not that of the materialization before.
    pub code: Option<String>,
    pub config: Option<Values>,
    /// Versions of the third-party packages that the code uses, where they are known.
    pub packages: BTreeMap<String, String>,
    pub inputs: Inputs,
    pub data_version: Option<String>,
    /// How the data version was found: a hash method of the engine's, or another word.
    pub data_method: Option<String>,
    /// The content's hash by that method, where the version is not that hash: it was kept from a method before.
    pub data_hash: Option<String>,
    /// What is in the columns that others read, where they do not read all of them.
    pub parts: Vec<Part>,
    /// Size of what was stored, where it is known: of objects.
    pub bytes: Option<u64>,
    pub metadata: Values,
}

impl From<MaterializationRecord> for Recorded {
    fn from(record: MaterializationRecord) -> Self {
        Recorded {
            is_view: record.materialized == "view",
            asset: record.asset,
            project: Some(record.project),
            run: record.run,
            started_at: record.started_at,
            rows: record.rows,
            code_version: Some(record.code_version),
            code_parts: record.code_parts,
            packages: record.packages,
            inputs: record.inputs,
            columns: record.columns,
            data_version: record.data_version,
            data_method: record.data_method,
            data_hash: record.data_hash,
            parts: record.parts,
            renamed_from: None,
            relation: record.relation,
            definition: None,
            replaced_by: None,
            seconds: record.seconds,
        }
    }
}

/// What is known of an asset's newest materialization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    pub asset: String,
    /// The name of the project that built it; `None` where a dovetail recorded it that did not say.
    pub project: Option<String>,
    pub run: String,
    /// In microseconds since 1970 UTC.
    pub started_at: i64,
    /// `None` for views and objects.
    pub rows: Option<u64>,
    /// `None` where a dovetail recorded it that did not take code versions yet.
    pub code_version: Option<String>,
    pub code_parts: BTreeMap<String, String>,
    /// Versions of the third-party packages that the code used, where they were known.
    pub packages: BTreeMap<String, String>,
    pub inputs: Inputs,
    pub columns: Vec<Column>,
    pub data_version: Option<String>,
    /// How the data version was found; `None` where a dovetail recorded it that did not say.
    pub data_method: Option<String>,
    /// The content's hash by that method, where the version is not that hash.
    pub data_hash: Option<String>,
    /// What is in the columns that others read, where they do not read all of them.
    pub parts: Vec<Part>,
    /// The name under which it is recorded, where the asset has another one now.
    pub renamed_from: Option<String>,
    pub is_view: bool,
    /// `None` for objects.
    pub relation: Option<String>,
    /// Of a view: `ExistingRelation::definition` when the run ended that made it, where this engine took it down.
    pub definition: Option<String>,
    /// Another asset, which was built at the same relation since: what stands there is not this asset's any more.
    pub replaced_by: Option<String>,
    pub seconds: f64,
}

impl Recorded {
    /// The hash of the content by this method, where it is known.
    pub fn hash_by(&self, method: &str) -> Option<&str> {
        let hash = self.data_hash.as_deref().or(self.data_version.as_deref());
        hash.filter(|_| self.data_method.as_deref() == Some(method))
    }
}

/// What an asset has read, by the upstream's name (by the path, for a seed's file).
pub type Inputs = BTreeMap<String, InputVersion>;

/// In which version an upstream was read. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct InputVersion {
    /// Of its content.
    pub data: Option<String>,
    /// Of the names and types of its columns.
    pub columns: Option<String>,
    /// Of what can be seen of files without reading them: paths, sizes, times. Of what the engine looked at: how closely,
    /// as `Closeness::in_words` says it.
    pub seen: Option<String>,
    /// The columns that were read of it, where it is certain that no others were, and what is in them: for a view only
    /// their names and types.
    pub part: Option<Part>,
}

/// What is not known is left out of texts. Where fields have no names, all of them stand there.
impl Serialize for InputVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names_fields = serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("InputVersion", 4)?;
        for (name, value) in [("data", &self.data), ("columns", &self.columns), ("seen", &self.seen)] {
            match value {
                None if names_fields => fields.skip_field(name)?,
                _ => fields.serialize_field(name, value)?,
            }
        }
        match &self.part {
            None if names_fields => fields.skip_field("part")?,
            part => fields.serialize_field("part", part)?,
        }
        fields.end()
    }
}

impl InputVersion {
    /// How closely the engine looked at it; `None` for what is observed in another way or not at all.
    pub fn looked(&self) -> Option<&str> {
        self.seen.as_deref().filter(|seen| seen.starts_with("by "))
    }
}
