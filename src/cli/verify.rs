//! What an assessment asks the engine for particular assets only: their declared columns, and all their rows.

use std::collections::{HashMap, HashSet};

use crate::engine::{Column, Content, Engine, EngineError, ExistingRelation, Extent};
use crate::fingerprint::CodeVersion;
use crate::graph::{AssetGraph, NodeId, quoted};
use crate::plan::DECLARED_COLUMNS;
use crate::record::Records;

/// The declared columns, in the engine's words, of assets whose declaration is not the one that was recorded.
pub(super) fn declared(
    engine: &dyn Engine,
    graph: &AssetGraph,
    code_versions: &HashMap<NodeId, CodeVersion>,
    records: &Records,
) -> Result<HashMap<NodeId, Vec<Column>>, EngineError> {
    let mut session = None;
    let mut found = HashMap::new();
    for (id, version) in code_versions {
        let Some(record) = records.get(graph.node(*id).name.as_str()) else { continue };
        let part = version.parts.iter().find(|part| part.name == DECLARED_COLUMNS);
        if part.is_none_or(|part| record.code_parts.get(&part.name) == Some(&part.hash)) {
            continue;
        }
        let nulls: Vec<String> =
            graph.node(*id).declared_types().map(|(name, declared)| null(name, declared)).collect();
        let session = match &mut session {
            Some(session) => session,
            empty => empty.insert(engine.session()?),
        };
        // A type that the engine does not know is an error of the asset, when it is built.
        if let Ok(columns) = session.columns(&format!("select {}", nulls.join(", "))) {
            found.insert(*id, columns);
        }
    }
    Ok(found)
}

fn null(name: &str, declared: &str) -> String {
    format!("cast(null as {declared}) as {}", quoted(name))
}

/// What the tables hold whose content can be compared with what was written.
pub(super) fn contents(
    engine: &dyn Engine,
    graph: &AssetGraph,
    records: &Records,
    relations: &[ExistingRelation],
) -> Result<HashMap<NodeId, Content>, EngineError> {
    let method = engine.capabilities().hash_method.as_str();
    let tables = relations.iter().filter(|found| !found.is_view && found.relation.database.is_none());
    let tables: HashSet<String> = tables.map(|found| found.relation.key()).collect();
    let mut session = engine.session()?;
    let mut contents = HashMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let record = records.get(node.name.as_str()).filter(|record| record.hash_by(method).is_some());
        if record.is_some() && tables.contains(&node.relation.key()) {
            contents.insert(id, session.content(&node.relation, Extent::Rows)?);
        }
    }
    Ok(contents)
}
