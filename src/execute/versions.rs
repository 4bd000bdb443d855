//! Which data version an asset has that was just built.

use crate::engine::{Extent, PartsAsked, Recorded, Session};
use crate::fingerprint::CodeVersion;
use crate::graph::{DataVersioning, Materialized, Node};
use crate::hash::of_pieces;

/// A version that the project's own code gave.
const GIVEN: &str = "given 1";
/// The hash of an object's payload.
const PAYLOAD: &str = "payload 1";
/// Made of an object's payload and of the code that it comes with.
const PAYLOAD_AND_CODE: &str = "payload and code 1";
/// None that could be found again.
const OFF: &str = "off";

/// The version of what an asset holds, and how it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DataVersion {
    pub version: Option<String>,
    pub method: Option<String>,
    /// The content's hash by that method, where it is not the version.
    pub hash: Option<String>,
}

/// What a version is made of.
pub(super) struct Found<'f> {
    /// By the project's own code.
    pub given: Option<&'f str>,
    /// Of an object's payload.
    pub payload: Option<&'f str>,
    /// What of the project's code those run who take an object, and what is not in its payload: the methods of its class,
    /// the `load` of its IO manager.
    pub code: Option<&'f CodeVersion>,
    /// Of a table's content, by `hash_method`.
    pub content: Option<&'f str>,
    pub hash_method: &'f str,
    /// The hash by `hash_method` of what the version before stands for, where it is known.
    pub content_before: Option<&'f str>,
    pub run: &'f str,
}

/// How closely the content of an asset must be looked at; `asked` is what others read of it.
pub(super) fn extent<'s>(node: &Node, given: Option<&str>, asked: &'s PartsAsked) -> Extent<'s> {
    match (node.data_versioning, given) {
        (DataVersioning::Off, _) | (_, Some(_)) => Extent::Columns,
        _ if asked.parts.is_empty() => Extent::Rows,
        _ => Extent::Parts(asked),
    }
}

/// The version of an asset, whose record before was `before`.
pub(super) fn data_version(node: &Node, found: &Found<'_>, before: Option<&Recorded>) -> DataVersion {
    let of = |version: String, method: &str| DataVersion {
        version: Some(version),
        method: Some(method.to_owned()),
        hash: None,
    };
    if let Some(given) = found.given {
        return of(hash(&[GIVEN, given]), GIVEN);
    }
    if node.materialized == Materialized::View {
        return DataVersion::default();
    }
    if node.data_versioning == DataVersioning::Off {
        // Nobody has read this one.
        return of(hash(&[OFF, found.run, node.name.as_str()]), OFF);
    }
    if let Some(payload) = found.payload {
        let Some(code) = found.code else { return of(payload.to_owned(), PAYLOAD) };
        // Where it is stored and by which settings says nothing of what it does.
        let parts = code.parts.iter().filter(|part| !part.name.starts_with("config "));
        let parts = parts.flat_map(|part| [part.name.as_str(), part.hash.as_str()]);
        let pieces: Vec<&str> = [PAYLOAD_AND_CODE, payload].into_iter().chain(parts).collect();
        return of(hash(&pieces), PAYLOAD_AND_CODE);
    }
    let Some(content) = found.content else { return DataVersion::default() };
    let version = before.filter(|_| found.content_before == Some(content));
    match version.and_then(|before| before.data_version.clone()) {
        // Who has read it by the version before need not read it again.
        Some(version) if version != content => {
            DataVersion { hash: Some(content.to_owned()), ..of(version, found.hash_method) }
        }
        _ => of(content.to_owned(), found.hash_method),
    }
}

/// The hash by today's method of what the version before stands for. Where that was found in another way, as by an older
/// engine, what stands is hashed once more before it is replaced.
pub(super) fn content_before(
    session: &mut dyn Session,
    node: &Node,
    before: Option<&Recorded>,
    hash_method: &str,
) -> Option<String> {
    let before = before.filter(|before| before.data_version.is_some())?;
    if node.data_versioning != DataVersioning::Content || node.materialized != Materialized::Table {
        return None;
    }
    if before.data_method.as_deref() == Some(hash_method) {
        return before.hash_by(hash_method).map(str::to_owned);
    }
    let stands = before.relation.as_deref() == Some(node.relation.in_own_database().to_string().as_str());
    if !stands || before.is_view {
        return None;
    }
    // A table that is gone or was altered by hand has no version that could be kept.
    let content = session.content(&node.relation, Extent::Rows).ok()?;
    content.hash.filter(|_| content.columns == before.columns && content.rows == before.rows)
}

fn hash(pieces: &[&str]) -> String {
    of_pieces(pieces.iter().map(|piece| piece.as_bytes())).to_hex().to_string()
}
