//! Why an asset would come out differently: by its code, by the packages of that, and by what it reads.

use super::judgement::{Cause, CauseKind};
use super::schema;
use super::staleness::World;
use crate::engine::{Column, Failure, InputVersion, Inputs, Recorded};
use crate::fingerprint::{CodeVersion, Part};
use crate::graph::{AssetGraph, NodeId};

/// That the last try did not work out.
pub(super) fn failed_cause(failure: &Failure) -> Cause {
    let said = failure.message.as_deref().and_then(|message| message.lines().next()).unwrap_or("it failed");
    Cause::new(CauseKind::Failed, format!("last time: {said}"))
}

/// The part of a code version that declared columns are.
pub const DECLARED_COLUMNS: &str = "config columns";

/// The parts in which two code versions differ.
pub(super) fn code_causes(version: Option<&CodeVersion>, record: &Recorded, declared: &[Column]) -> Vec<Cause> {
    let Some(version) = version else { return Vec::new() };
    let Some(before) = &record.code_version else {
        return vec![Cause::new(CauseKind::Code, "it was built before code versions were recorded")];
    };
    if *before == version.hash {
        return Vec::new();
    }
    let part_cause = |name: &str, what: &str| {
        let kind = if name.starts_with("config ") { CauseKind::Config } else { CauseKind::Code };
        Cause::new(kind, format!("{name} {what}"))
    };
    let mut causes: Vec<Cause> = Vec::new();
    let schema = schema::causes(declared, &record.columns);
    for Part { name, hash } in &version.parts {
        let is_said = match name.as_str() {
            DECLARED_COLUMNS => !schema.is_empty(),
            // That an asset stands elsewhere goes without saying when it has another name.
            "config relation" => record.renamed_from.is_some(),
            _ => false,
        };
        match record.code_parts.get(name) {
            Some(before) if before == hash => {}
            _ if is_said => {}
            Some(_) => causes.push(part_cause(name, "changed")),
            None => causes.push(part_cause(name, "is new")),
        }
    }
    causes.extend(schema);
    let is_gone = |name: &&String| !version.parts.iter().any(|part| part.name == **name);
    causes.extend(record.code_parts.keys().filter(is_gone).map(|name| part_cause(name, "is gone")));
    if causes.is_empty() && record.renamed_from.is_none() {
        causes.push(Cause::new(CauseKind::Code, "this dovetail takes code versions in another way"));
    }
    causes
}

/// The packages of the code that are installed in another version than was recorded. The versions are no part of the code
/// version: that they begin to count, or no longer do, makes nothing stale.
pub(super) fn package_causes(world: &World<'_>, id: NodeId, record: &Recorded) -> Vec<Cause> {
    let (Some(installed), Some(version)) = (world.packages, world.code_versions.get(&id)) else { return Vec::new() };
    let is_same_code = record.code_version.as_deref() == Some(version.hash.as_str());
    let package_cause = |name: &String| {
        let detail = match (record.packages.get(name), installed.get(name)) {
            (before, now) if before == now => return None,
            (Some(before), Some(now)) => format!("package {name} is {now}, and was {before}"),
            (Some(before), None) => format!("package {name} is not known, and was {before}"),
            // Code that uses another package than before is other code.
            (None, _) if !is_same_code => return None,
            (None, _) => format!("package {name} was not recorded"),
        };
        Some(Cause::new(CauseKind::Code, detail))
    };
    version.counted_packages().iter().filter_map(package_cause).collect()
}

/// What is read in another version than it was. A view shows its inputs as they are: only their columns matter to it.
pub(super) fn input_causes(graph: &AssetGraph, now: &Inputs, record: &Recorded) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (name, version) in now {
        let is_source = graph.find(name).is_none_or(|id| graph.node(id).is_source());
        let kind = if is_source { CauseKind::Source } else { CauseKind::Upstream };
        let Some(before) = record.inputs.get(name) else {
            causes.push(Cause::new(kind, format!("`{name}` was not read before")).about(name));
            continue;
        };
        // Nobody keeps the columns of a source: a view over one is made anew when its data changes.
        let aspect = |version: &InputVersion| match record.is_view && !is_source {
            true => version.columns.clone(),
            false => version.data.clone(),
        };
        // What changed may be in columns that are not read.
        let is_read = version.part.is_none() || before.part != version.part;
        // An upstream that has no version now is not built: that is its own state.
        if let (Some(was), Some(is)) = (aspect(before), aspect(version))
            && was != is
            && is_read
        {
            let what = if before.looked() == version.looked() { "changed" } else { "is observed in another way" };
            causes.push(Cause::new(kind, format!("`{name}` {what}")).about(name));
        }
        if aspect(before).is_none() && aspect(version).is_some() {
            causes.push(Cause::new(kind, format!("`{name}` was read in a version that is not known")).about(name));
        }
    }
    causes
}
