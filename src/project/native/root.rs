//! Finds the folder that a project lives in.

use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};

pub const CONFIG_FILE: &str = "dovetail.toml";
const DBT_FILE: &str = "dbt_project.yml";

/// The nearest folder, from `start` upward, with a `dovetail.toml` or a `models` folder.
///
/// `DT0001` when there is none, `DT0505` when the nearest project is one of dbt's.
pub fn find_root(start: &Path) -> Result<PathBuf, Diagnostic> {
    let start = absolute(start)?;
    for folder in start.ancestors() {
        if folder.join(CONFIG_FILE).is_file() {
            return Ok(folder.to_path_buf());
        }
        if folder.join(DBT_FILE).is_file() {
            return Err(dbt_project(folder));
        }
        if folder.join("models").is_dir() {
            return Ok(folder.to_path_buf());
        }
    }
    let message = format!("no project in `{}` or any folder above it", start.display());
    let hint = "run `dovetail init` to start one, or name its folder with `--project-dir`";
    Err(Diagnostic::error(Code::NoProject, message).hint(hint))
}

fn dbt_project(folder: &Path) -> Diagnostic {
    let message = format!("`{}` is a dbt project, which dovetail does not read yet", folder.display());
    Diagnostic::error(Code::Unsupported, message).hint(
        "an empty `dovetail.toml` beside `dbt_project.yml` makes it a native project; dbt's own config is not read",
    )
}

/// The path from the root of the file system, without `.` and `..`.
pub fn absolute(path: &Path) -> Result<PathBuf, Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::error(Code::NoProject, format!("`{}` cannot be opened: {error}", path.display()))
            .hint("name the project's folder with `--project-dir`")
    };
    let absolute = std::path::absolute(path).map_err(failed)?;
    // `..` behind a symbolic link leads elsewhere than the text says: only the file system knows.
    let has_parent = absolute.components().any(|part| part == Component::ParentDir);
    let absolute = if has_parent { absolute.canonicalize().map_err(failed)? } else { absolute };
    std::fs::metadata(&absolute).map_err(failed)?;
    Ok(absolute.components().collect())
}

pub fn folder_name(root: &Path) -> String {
    root.file_name().map_or_else(|| "project".to_string(), |name| name.to_string_lossy().into_owned())
}
