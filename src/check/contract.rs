//! Contracts of models, against the columns that binding gives.

use super::inquiry::Inquiry;
use super::leaf::UNKNOWN_TYPE;
use super::lost::made_at;
use super::schema::{Known, Schema, Schemas};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::EngineError;
use crate::graph::{Breach, Kind, NodeId, breaches, folded, incomplete};

/// What types are called that may have been meant; the engine offers the names of all that it can store.
const TYPES: [&str; 32] = [
    "BIGINT",
    "BIT",
    "BLOB",
    "BOOLEAN",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "HUGEINT",
    "INT",
    "INTEGER",
    "INTERVAL",
    "JSON",
    "NUMERIC",
    "REAL",
    "SMALLINT",
    "STRING",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP_S",
    "TINYINT",
    "UBIGINT",
    "UINTEGER",
    "USMALLINT",
    "UTINYINT",
    "UUID",
    "VARCHAR",
];

/// How a model breaks its contract, as far as that is certain before it runs.
///
/// # Errors
/// When the binder cannot be opened.
pub(super) fn problems(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId) -> Result<Vec<Diagnostic>, EngineError> {
    let node = inquiry.graph.node(id);
    let Some(contract) = node.contract() else { return declared_types(inquiry, id) };
    let differs = cast_otherwise(inquiry, id, &contract)?;
    if !differs.is_empty() {
        return Ok(differs.iter().map(|breach| problem(inquiry, id, breach)).collect());
    }
    let told = |breaches: Vec<Breach>| breaches.iter().map(|breach| problem(inquiry, id, breach)).collect();
    let lacks = incomplete(&contract);
    if !lacks.is_empty() {
        return Ok(told(lacks));
    }
    let typed: Vec<(&str, &str)> = contract.iter().filter_map(|(name, declared)| Some((*name, (*declared)?))).collect();
    let declared = inquiry.declared(id, &typed)?;
    Ok(match (&declared, schemas.get(&id)) {
        (Schema::Known(declared), Some(Schema::Known(Known { columns, doubt: None }))) => {
            told(breaches(&declared.columns, columns))
        }
        // The database may have types of its own.
        (Schema::Unknown(_), _) if inquiry.stands.definitions().is_ok_and(|own| own.is_empty()) => {
            told(without_type(inquiry, id, &typed)?)
        }
        _ => Vec::new(),
    })
}

/// Columns that `columns=` of an asset function casts to another type than a property file promises.
fn cast_otherwise(
    inquiry: &Inquiry<'_>,
    id: NodeId,
    contract: &[(&str, Option<&str>)],
) -> Result<Vec<Breach>, EngineError> {
    let node = inquiry.graph.node(id);
    let mut found = Vec::new();
    for (name, cast) in node.declared_types().filter(|_| node.kind == Kind::Python) {
        let promised = contract.iter().find(|(promised, _)| folded(promised) == folded(name));
        let Some(promised) = promised.and_then(|(_, declared)| *declared).filter(|promised| *promised != cast) else {
            continue;
        };
        let engines = |declared: &str| -> Result<Option<String>, EngineError> {
            let known = inquiry.declared(id, &[(name, declared)])?;
            Ok(known.columns().and_then(|columns| Some(columns.first()?.engine_type.clone())))
        };
        if let (Some(cast), Some(promised)) = (engines(cast)?, engines(promised)?)
            && cast != promised
        {
            let what = format!("the column `{name}` is promised as {promised}, and `columns=` casts it to {cast}");
            found.push(Breach { column: name.to_owned(), is_made: false, what });
        }
    }
    Ok(found)
}

/// Types that an asset function declares and that are none.
fn declared_types(inquiry: &Inquiry<'_>, id: NodeId) -> Result<Vec<Diagnostic>, EngineError> {
    let node = inquiry.graph.node(id);
    let declared: Vec<(&str, &str)> = node.declared_types().collect();
    if node.kind != Kind::Python || declared.is_empty() || inquiry.stands.definitions().is_ok_and(|own| !own.is_empty())
    {
        return Ok(Vec::new());
    }
    let wrong = match inquiry.declared(id, &declared)? {
        Schema::Unknown(_) => without_type(inquiry, id, &declared)?,
        _ => Vec::new(),
    };
    Ok(wrong.iter().map(|breach| problem(inquiry, id, breach)).collect())
}

/// The columns whose declared types are none.
fn without_type(inquiry: &Inquiry<'_>, id: NodeId, declared: &[(&str, &str)]) -> Result<Vec<Breach>, EngineError> {
    let mut found = Vec::new();
    for (name, kind) in declared {
        if let Schema::Unknown(unknown) = inquiry.declared(id, &[(name, kind)])? {
            let why = unknown.reason.trim_start_matches(UNKNOWN_TYPE);
            let meant = did_you_mean(kind, TYPES).map(|meant| format!("did you mean `{meant}`?"));
            let why = meant.as_deref().unwrap_or(why);
            let what = format!("the column `{name}` is declared `{kind}`, which is no type: {why}");
            found.push(Breach { column: (*name).to_owned(), is_made: false, what });
        }
    }
    Ok(found)
}

/// At the contract, with the place in the query that makes the column.
fn problem(inquiry: &Inquiry<'_>, id: NodeId, breach: &Breach) -> Diagnostic {
    let node = inquiry.graph.node(id);
    let place = node.declared_at(&breach.column);
    let message = format!("`{}` breaks its contract: {}", node.name, breach.what);
    let problem = Diagnostic::error(Code::ContractBroken, message).at(place);
    match made_at(inquiry, id, &breach.column).filter(|_| breach.is_made) {
        Some(place) => problem.related(place, "the column is made here"),
        None => problem,
    }
}
