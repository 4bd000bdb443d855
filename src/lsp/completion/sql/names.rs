//! Names as SQL can be given them, and what a statement means by them.

use crate::graph::{NodeId, quoted};
use crate::lsp::analysis::Snapshot;
use crate::parse::Reference;
use crate::parse::sql::is_no_name;
use crate::template::{Placeholder, find_placeholders};

/// A name with quotes, where DuckDB takes it for another or for none without them.
pub(super) fn as_sql(name: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || is_beyond_ascii(letter);
    let starts_well =
        name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_' || is_beyond_ascii(letter));
    let is_plain = starts_well && name.chars().all(is_part) && !is_no_name(name);
    if is_plain { name.to_owned() } else { quoted(name) }
}

fn is_beyond_ascii(letter: char) -> bool {
    !letter.is_ascii() && letter.is_alphanumeric()
}

/// What a statement means by a name, be it written or printed by `ref` or `source`.
pub(super) fn node_named(snapshot: &Snapshot, name: &[String]) -> Option<NodeId> {
    match name {
        [one] => match find_placeholders(one).into_iter().next() {
            Some((_, Placeholder::Reference(reference, _))) => referred(snapshot, &reference),
            Some((_, Placeholder::This(_))) => None,
            None => bare(snapshot, one),
        },
        [first, second] => {
            let source = format!("{first}.{second}");
            found(snapshot, &|id| is_relation(snapshot, id, &[first, second]))
                .or_else(|| found(snapshot, &|id| is_called(snapshot, id, &source, true)))
        }
        [database, schema, table] => found(snapshot, &|id| is_relation(snapshot, id, &[database, schema, table])),
        _ => None,
    }
}

fn referred(snapshot: &Snapshot, reference: &Reference) -> Option<NodeId> {
    let graph = snapshot.graph();
    match reference {
        Reference::Asset { name, .. } => graph.find(name),
        Reference::Source { source, table } => graph.find(&format!("{source}.{table}")),
        Reference::Table(_) => None,
    }
}

/// An asset before anything else, by its name or by its relation's; then a table where the project's own are.
fn bare(snapshot: &Snapshot, name: &str) -> Option<NodeId> {
    let graph = snapshot.graph();
    let schema = &snapshot.compiled.project.target.schema;
    let is_identifier = |id: NodeId| graph.node(id).relation.identifier.eq_ignore_ascii_case(name);
    let exact = graph.find(name).filter(|id| !graph.node(*id).is_source());
    exact
        .or_else(|| found(snapshot, &|id| is_called(snapshot, id, name, false)))
        .or_else(|| found(snapshot, &|id| !graph.node(id).is_source() && is_identifier(id)))
        .or_else(|| found(snapshot, &|id| is_relation(snapshot, id, &[schema, name])))
}

/// The one node that fits.
fn found(snapshot: &Snapshot, fits: &dyn Fn(NodeId) -> bool) -> Option<NodeId> {
    let mut all = snapshot.graph().ids().filter(|id| fits(*id));
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn is_called(snapshot: &Snapshot, id: NodeId, name: &str, is_source: bool) -> bool {
    let node = snapshot.graph().node(id);
    node.is_source() == is_source && node.name.as_str().eq_ignore_ascii_case(name)
}

fn is_relation(snapshot: &Snapshot, id: NodeId, parts: &[&str]) -> bool {
    let relation = &snapshot.graph().node(id).relation;
    let own = [Some(relation.identifier.as_str()), Some(relation.schema.as_str()), relation.database.as_deref()];
    let mut pairs = parts.iter().rev().zip(own);
    let has_database = relation.database.is_some();
    has_database == (parts.len() == 3) && pairs.all(|(part, own)| own.is_some_and(|own| own.eq_ignore_ascii_case(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for name in ["amount", "Customer", "größe", "date", "_x1", "name"] {
            assert_eq!(as_sql(name), name);
        }
        assert_eq!(as_sql("order"), "\"order\"");
        assert_eq!(as_sql("Total Amount"), "\"Total Amount\"");
        assert_eq!(as_sql("a\"b"), "\"a\"\"b\"");
        assert_eq!(as_sql("1st"), "\"1st\"");
        assert_eq!(as_sql(""), "\"\"");
        assert_eq!(as_sql("a-b"), "\"a-b\"");
    }
}
