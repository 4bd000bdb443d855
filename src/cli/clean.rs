//! `dovetail clean`: removes what dovetail can make again without running anything. Never the database, and never what
//! assets write to `target/` (reports of IO managers), which only a run can make again.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::cache;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::project::{Project, load};

pub(crate) fn clean(context: &mut Context) -> CommandResult {
    let project = load(&context.root()?, &context.load_options()?)?.value;
    let mut removed = 0;
    let folders =
        [project.target_dir().join("compiled"), cache::folder(&project), project.root.join(".dovetail/cache")];
    for folder in folders {
        // A link is removed as a link. What does not exist is clean, and a file of that name is not ours.
        let Ok(metadata) = folder.symlink_metadata() else { continue };
        if metadata.is_file() {
            continue;
        }
        check(&project, &folder)?;
        let result = if metadata.is_dir() { std::fs::remove_dir_all(&folder) } else { std::fs::remove_file(&folder) };
        result.map_err(|error| {
            Diagnostic::error(Code::Unwritable, format!("`{}` cannot be removed: {error}", folder.display()))
        })?;
        removed += 1;
        context.printer.note(&format!("removed {}", folder.strip_prefix(&project.root).unwrap_or(&folder).display()));
        // Fails where something is left inside.
        let _ = folder.parent().map(std::fs::remove_dir);
    }
    if removed == 0 {
        context.printer.note("nothing to remove");
    }
    Ok(ExitStatus::Success)
}

/// Refuses a folder that is not the project's own, or that holds what cannot be made again.
fn check(project: &Project, folder: &Path) -> Result<(), Diagnostics> {
    let refuse = |reason: String| {
        let message = format!("`{}` is not removed: {reason}", folder.display());
        Err(Diagnostic::error(Code::ProjectFile, message).hint("choose another `target` folder in `paths`").into())
    };
    let real = real_path(folder);
    let root = real_path(&project.root);
    if real == root || !real.starts_with(&root) {
        return refuse(format!("it is not inside the project `{}`", project.root.display()));
    }
    let paths = &project.paths;
    let sources = paths.models.iter().chain(&paths.seeds).chain(&paths.macros);
    let sources: Vec<PathBuf> = sources.map(|path| real_path(&project.root.join(path))).collect();
    if let Some(source) = sources.iter().find(|source| **source != root && real.starts_with(source)) {
        return refuse(format!("it is inside `{}`", source.display()));
    }
    let kept = sources.into_iter().chain(project.target.database.as_deref().map(real_path));
    match kept.into_iter().find(|kept| kept.starts_with(&real)) {
        Some(kept) => refuse(format!("it holds `{}`", kept.display())),
        None => Ok(()),
    }
}

/// The path without links; of a path that does not exist, the real parent and the name.
fn real_path(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real_path(parent).join(name),
        _ => path.to_path_buf(),
    }
}
