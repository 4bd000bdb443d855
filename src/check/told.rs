//! The order in which problems are told, and which of them are told together.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{AssetGraph, NodeId};

/// So many assets that have the same problem are named.
const MOST_NAMED: usize = 5;

/// What makes two problems the same, whosesoever they are.
type Told = (Position, Code, String);

type Position = Option<(PathBuf, usize, usize)>;

fn position(problem: &Diagnostic) -> Position {
    let place = problem.place.as_ref()?;
    Some((place.file.path().to_owned(), place.span.start, place.span.end))
}

/// Problems by file and position, each of an asset once.
pub(super) fn sorted(mut problems: Vec<(NodeId, Diagnostic)>) -> Vec<(NodeId, Diagnostic)> {
    problems.sort_by(|(_, one), (_, other)| {
        (position(one), one.related.len(), &one.message).cmp(&(position(other), other.related.len(), &other.message))
    });
    problems.dedup_by(|(one, same), (other, problem)| {
        one == other
            && (position(same), same.code, &same.message) == (position(problem), problem.code, &problem.message)
    });
    problems
}

/// For people: what is wrong with a query that several assets have in theirs (of an ephemeral one, of a macro) once, with the
/// names of the others.
pub fn told_once(graph: &AssetGraph, problems: Vec<(NodeId, Diagnostic)>) -> Vec<(NodeId, Diagnostic)> {
    let mut told: Vec<(NodeId, Diagnostic)> = Vec::new();
    let mut first: HashMap<Told, usize> = HashMap::new();
    let mut others: HashMap<usize, Vec<NodeId>> = HashMap::new();
    for (id, problem) in problems {
        let same = (position(&problem), problem.code, without_subject(graph, id, &problem.message));
        if let Some(index) = first.get(&same).filter(|_| is_shared(graph, id, &problem)) {
            others.entry(*index).or_default().push(id);
            continue;
        }
        // What an ephemeral asset is told of itself comes before what its readers are told of it.
        first.entry(same).or_insert(told.len());
        told.push((id, problem));
    }
    for (index, others) in others {
        if let Some((_, problem)) = told.get_mut(index) {
            problem.hints.push(format!("the same is wrong in {}", named(graph, &others)));
        }
    }
    told
}

/// What is said of an asset, without its name in front.
fn without_subject(graph: &AssetGraph, id: NodeId, message: &str) -> String {
    let subject = format!("`{}`", graph.node(id).name);
    message.strip_prefix(&subject).unwrap_or(message).to_owned()
}

/// Whether it stands in a query or a macro that is not the asset's own.
fn is_shared(graph: &AssetGraph, id: NodeId, problem: &Diagnostic) -> bool {
    let file = problem.place.as_ref().map(|place| &place.file).filter(|_| !problem.is_somewhere);
    file.is_some_and(|file| file.path() != graph.node(id).file.path() && file.extension() == "sql")
}

fn named(graph: &AssetGraph, assets: &[NodeId]) -> String {
    let mut names: Vec<String> = assets.iter().map(|id| format!("`{}`", graph.node(*id).name)).collect();
    names.dedup();
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
