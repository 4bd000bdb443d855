//! The statements of the one transaction that makes a staged run visible.

use std::collections::HashSet;
use std::sync::Arc;

use super::raw::Connection;
use super::session::as_subquery;
use super::{DuckDb, lock};
use crate::engine::{EngineError, StagedAsset, Swap};
use crate::graph::{RelationName, quoted};

/// The statements, in order, each with what belongs together. Asks what stands, so it is called before the transaction.
pub(super) fn script(engine: &DuckDb, swaps: &[Swap]) -> Result<Vec<String>, EngineError> {
    let connection = &lock(&engine.connection);
    let mut script = Vec::with_capacity(swaps.len() + 2);
    let drop = |relation: &RelationName| {
        let kind = engine.kind(connection, relation)?;
        Ok(kind
            .map(|is_view| format!("drop {} {relation};", if is_view { "view" } else { "table" }))
            .unwrap_or_default())
    };
    for swap in swaps {
        if let Swap::Table { staged, relation } = swap {
            let rename = format!("alter table {staged} rename to {}", quoted(&relation.identifier));
            script.push(format!("{}{rename}", drop(relation)?));
        }
    }
    for swap in swaps {
        if let Swap::View { relation, query } = swap {
            script.push(format!("{}create view {relation} as {}", drop(relation)?, as_subquery(query)));
        }
    }
    let objects: Vec<&str> = swaps.iter().filter_map(object).collect();
    if !objects.is_empty() {
        script.push(engine.state.publish_objects(&objects));
    }
    script.push(engine.state.discard(connection, &left_over(engine, connection, swaps)?)?);
    Ok(script)
}

fn object(swap: &Swap) -> Option<&str> {
    match swap {
        Swap::Object { asset } => Some(asset),
        Swap::Table { .. } | Swap::View { .. } | Swap::Renaming(_) => None,
    }
}

/// What is staged and does not become anything else: views, whose text is another one when they are published.
fn left_over(engine: &DuckDb, connection: &Arc<Connection>, swaps: &[Swap]) -> Result<Vec<StagedAsset>, EngineError> {
    let renamed: HashSet<String> = swaps
        .iter()
        .filter_map(|swap| match swap {
            Swap::Table { staged, .. } => Some(staged.key()),
            _ => None,
        })
        .collect();
    let mut staged = engine.state.staged(connection)?;
    staged.retain(|staged| staged.relation.as_ref().is_some_and(|relation| !renamed.contains(&relation.key())));
    Ok(staged)
}

/// What stands when the swaps are done, and whether it is a view.
pub(super) fn published(swaps: &[Swap]) -> Vec<(RelationName, bool)> {
    let relation = |swap: &Swap| match swap {
        Swap::Table { relation, .. } => Some((relation.clone(), false)),
        Swap::View { relation, .. } => Some((relation.clone(), true)),
        Swap::Object { .. } | Swap::Renaming(_) => None,
    };
    swaps.iter().filter_map(relation).collect()
}
