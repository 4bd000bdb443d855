//! What does not mean any more what it meant in the files of a commit: `changed:<reference>`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::context::Context;
use crate::compile::{Compiled, compile};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rendering, render};
use crate::fingerprint::code_versions;
use crate::graph::{AssetGraph, Kind, Node, NodeId};
use crate::scan::{PastFiles, PastProblem};
use crate::source::Place;

/// The assets whose code version or whose seed file differs from what the files as of `reference` give, and those that
/// were not there. `place` is where the expression names the reference.
///
/// # Errors
/// When git does not know the reference, or what it names does not compile.
pub(crate) fn changed(
    context: &Context,
    compiled: &Compiled,
    reference: &str,
    place: &Place,
) -> Result<HashSet<NodeId>, Diagnostics> {
    let graph = &compiled.graph;
    let root = &compiled.project.root;
    let past = PastFiles::of(root, reference).map_err(|problem| not_known(&problem, reference, place))?;
    let meanings = meanings(compiled, root);
    let before = match &past {
        None => HashMap::new(),
        Some(files) => {
            know_declarations(root, files.root());
            // Without Python: what it imported for the past would stand in the way of the project's own modules.
            let past = compile(files.root(), &context.load_options()?, None, None)
                .map_err(|problems| does_not_compile(&problems, reference, place))?;
            by_name(&past.graph, self::meanings(&past, files.root()))
        }
    };
    let is_changed = |(id, meaning): &(NodeId, String)| before.get(graph.node(*id).name.as_str()) != Some(meaning);
    Ok(meanings.into_iter().filter(is_changed).map(|(id, _)| id).collect())
}

/// What each asset means: its code, and of a seed the content of its file.
fn meanings(compiled: &Compiled, root: &Path) -> Vec<(NodeId, String)> {
    let graph = &compiled.graph;
    let versions = code_versions(graph, &compiled.modules, &compiled.project, graph.ids());
    let meaning = |(id, version): (NodeId, crate::fingerprint::CodeVersion)| {
        let content = seed_content(graph.node(id), root);
        (id, format!("{} {content}", version.hash))
    };
    versions.into_iter().map(meaning).collect()
}

/// A hash of a seed's file; nothing for others. A file that cannot be read is like no other.
fn seed_content(node: &Node, root: &Path) -> String {
    if node.kind != Kind::Seed {
        return String::new();
    }
    let bytes = std::fs::read(root.join(node.file.path()));
    bytes.map_or_else(|error| error.to_string(), |bytes| blake3::hash(&bytes).to_hex().to_string())
}

fn by_name(graph: &AssetGraph, meanings: Vec<(NodeId, String)>) -> HashMap<String, String> {
    meanings.into_iter().map(|(id, meaning)| (graph.node(id).name.to_string(), meaning)).collect()
}

/// Hands on what imports of factories gave: it is remembered by content, so it holds where no Python file differs.
fn know_declarations(root: &Path, past: &Path) {
    let cache = Path::new(".dovetail").join("cache");
    let copied = std::fs::create_dir_all(past.join(&cache)).and_then(|()| {
        std::fs::copy(root.join(&cache).join("declarations.json"), past.join(&cache).join("declarations.json"))
    });
    // Without it, a factory is an error that says so.
    let _ = copied;
}

fn not_known(problem: &PastProblem, reference: &str, place: &Place) -> Diagnostic {
    let (message, hint) = match problem {
        PastProblem::NoRepository => (
            "`changed:` compares with a commit, and the project is in no git repository".to_owned(),
            Some("`git init` makes one"),
        ),
        PastProblem::UnknownReference => (
            format!("git knows no commit `{reference}`"),
            Some("name a commit, a branch or a tag, as in `changed:HEAD` or `changed:main`"),
        ),
        PastProblem::Failed(why) => (format!("the files of `{reference}` cannot be had: {why}"), None),
    };
    Diagnostic::error(Code::Selection, message).at(place.clone()).hint_if(hint.map(str::to_owned))
}

fn does_not_compile(problems: &Diagnostics, reference: &str, place: &Place) -> Diagnostic {
    let message = format!("the project as of `{reference}` does not compile, so nobody knows what changed since");
    let problem = Diagnostic::error(Code::Selection, message).at(place.clone());
    let problem = match problems.0.first() {
        // Hints are about files that can be mended, and these are past.
        Some(first) => {
            let first = Diagnostic { hints: Vec::new(), ..first.clone() };
            problem.details(render(&first, Rendering::Plain))
        }
        None => problem,
    };
    match problems.0.iter().any(|problem| problem.code == Code::PythonUnavailable) {
        true => problem.hint("it makes assets by code, and modules of the past are not imported"),
        false => problem,
    }
}
