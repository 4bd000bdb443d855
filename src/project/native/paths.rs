//! `[paths]`: the project's folders.

use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Entry, Node, Reader};
use crate::project::Paths;
use crate::source::Span;

const KEYS: &[&str] = &["models", "seeds", "macros", "tests", "target"];

pub fn read(reader: &mut Reader<'_>, node: Option<&Node<'_>>, root: &Path) -> Paths {
    let mut paths = Paths {
        models: vec!["models".into()],
        seeds: vec!["seeds".into()],
        macros: vec!["macros".into()],
        tests: vec!["tests".into()],
        target: "target".into(),
    };
    let Some(node) = node else { return paths };
    let mut target_span = node.span;
    for entry in reader.table("paths", node) {
        match entry.key.as_ref() {
            "models" => paths.models = folders(reader, entry, root),
            "seeds" => paths.seeds = folders(reader, entry, root),
            "macros" => paths.macros = folders(reader, entry, root),
            "tests" => paths.tests = folders(reader, entry, root),
            "target" => {
                target_span = entry.value.span;
                if let Some(target) = reader.name("target", &entry.value) {
                    paths.target = clean(&target);
                }
            }
            _ => reader.unknown_key(entry, "`[paths]`", KEYS),
        }
    }
    check_target(reader, &paths, root, target_span);
    paths
}

fn folders(reader: &mut Reader<'_>, entry: &Entry<'_>, root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (text, span) in reader.spanned_texts(&entry.key, &entry.value) {
        let folder = clean(&text);
        if !root.join(&folder).is_dir() {
            let message = format!("there is no folder `{text}`");
            let warning = Diagnostic::warning(Code::ProjectFile, message).at(reader.place(span));
            reader.report(warning);
        }
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// `dovetail clean` deletes the target folder, so nothing else may live in it.
fn check_target(reader: &mut Reader<'_>, paths: &Paths, root: &Path, span: Span) {
    let target = root.join(&paths.target);
    let others = paths.models.iter().chain(&paths.seeds).chain(&paths.macros).chain(&paths.tests);
    let holds = |folder: &Path| folder.starts_with(&target);
    if holds(root) || others.into_iter().any(|folder| holds(&root.join(folder))) {
        let message = "the target folder holds other files of the project";
        let problem = reader.problem(span, message);
        reader.report(problem.hint("dovetail owns everything in it: name a folder of its own"));
    }
}

/// Without `.` parts and slashes at the end; `..` counts by the text alone.
fn clean(text: &str) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(cleaned.components().next_back(), Some(Component::Normal(_))) => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}
