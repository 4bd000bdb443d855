//! Names and relations are unique.

use std::collections::HashMap;

use super::Materialized;
use super::databases::same;
use super::declare::Declared;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Reports nodes of one name, and assets that would be written to one relation.
pub(super) fn check_duplicates(nodes: &[Declared], problems: &mut Diagnostics) {
    let mut names: HashMap<&str, &Declared> = HashMap::with_capacity(nodes.len());
    let mut relations: HashMap<String, &Declared> = HashMap::with_capacity(nodes.len());
    for node in nodes {
        if let Some(first) = names.get(node.name.as_str()) {
            problems.push(same_name(first, node));
            continue;
        }
        names.insert(node.name.as_str(), node);
        if !matches!(node.settings.materialized, Materialized::Table | Materialized::View) {
            continue;
        }
        let relation = node.settings.relation.to_string().to_lowercase();
        match relations.get(&relation) {
            Some(first) => problems.push(same_relation(first, node)),
            None => {
                relations.insert(relation, node);
            }
        }
    }
}

fn same_name(first: &Declared, second: &Declared) -> Diagnostic {
    Diagnostic::error(Code::DuplicateName, format!("two assets are named `{}`", second.name))
        .at(second.place.clone())
        .related(first.place.clone(), "the first is declared here")
        .hint("rename one of them")
}

fn same_relation(first: &Declared, second: &Declared) -> Diagnostic {
    let hint = if same(first.name.as_str(), second.name.as_str()) {
        "DuckDB does not tell upper from lower case: rename one of them, or change its `alias`"
    } else {
        "change `alias` or `schema` of one of them"
    };
    let relation = &second.settings.relation;
    let message = format!("`{}` and `{}` would both be written to `{relation}`", first.name, second.name);
    Diagnostic::error(Code::DuplicateRelation, message)
        .at(second.place.clone())
        .related(first.place.clone(), "the other is declared here")
        .hint(hint)
}
