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
        let relation = node.settings.relation.key();
        match relations.get(&relation) {
            Some(first) => problems.push(same_relation(first, node)),
            None => {
                relations.insert(relation, node);
            }
        }
    }
}

/// Reports names that an asset had before and another one has now, or had before too.
pub(super) fn check_renames(nodes: &[Declared], problems: &mut Diagnostics) {
    let mut claimed: HashMap<&str, &Declared> = HashMap::new();
    for node in nodes {
        for before in &node.settings.renamed_from {
            let refused = |what: &str| {
                let message = format!("`{}` cannot be renamed from `{before}`: {what}", node.name);
                Diagnostic::error(Code::ConfigValue, message).at(node.place.clone())
            };
            if let Some(other) = nodes.iter().find(|other| other.name.as_str() == before) {
                let problem =
                    refused("an asset of that name exists").related(other.place.clone(), "it is declared here");
                problems.push(problem.hint("remove `renamed_from`, or the asset of the old name"));
            } else if let Some(other) = claimed.insert(before, node) {
                let what = format!("so is `{}`", other.name);
                problems.push(refused(&what).related(other.place.clone(), "the other is declared here"));
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
