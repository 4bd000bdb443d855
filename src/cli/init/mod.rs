//! `dovetail init`: a small project that runs.

use std::path::Path;

use super::args::InitArgs;
use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::diagnostic::{Code, Diagnostic};

/// The starter project: path and content.
const STARTER: [(&str, &str); 6] = [
    ("seeds/raw_orders.csv", include_str!("starter/seeds/raw_orders.csv")),
    ("models/stg_orders.sql", include_str!("starter/models/stg_orders.sql")),
    ("models/customer_segments.py", include_str!("starter/models/customer_segments.py")),
    ("models/segment_report.sql", include_str!("starter/models/segment_report.sql")),
    ("README.md", include_str!("starter/README.md")),
    (".gitignore", include_str!("starter/gitignore")),
];

/// What a folder has when it is a project, of dovetail or of dbt.
const PROJECT_MARKS: [&str; 3] = ["dovetail.toml", "models", "dbt_project.yml"];

pub(crate) fn init(context: &mut Context, args: &InitArgs) -> CommandResult {
    let folder = context.cwd.join(&args.directory);
    check(&folder, &args.directory)?;
    for (path, content) in STARTER {
        let path = folder.join(path);
        // A README or .gitignore of the user's own stays.
        if !path.exists() {
            write(&path, content)?;
        }
    }
    let is_here = args.directory == Path::new(".");
    let shown = args.directory.display();
    context.printer.note(&if is_here {
        "made a project here".to_owned()
    } else {
        format!("made a project in `{shown}`")
    });
    context.printer.note("");
    context.printer.note("next:");
    if !is_here {
        context.printer.note(&format!("  cd {}", shell_word(&shown.to_string())));
    }
    context.printer.note("  dovetail run");
    context.printer.note("  dovetail show segment_report");
    Ok(ExitStatus::Success)
}

/// A path as a shell takes it.
fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+,@:".contains(letter);
    if !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let dashed = if text.starts_with('-') { "./" } else { "" };
    format!("{dashed}'{}'", text.replace('\'', "'\\''"))
}

fn check(folder: &Path, named: &Path) -> Result<(), Diagnostic> {
    let shown = named.display();
    if folder.exists() && !folder.is_dir() {
        return Err(Diagnostic::error(Code::Usage, format!("`{shown}` is a file, not a folder")));
    }
    match PROJECT_MARKS.iter().find(|mark| folder.join(mark).exists()) {
        Some(mark) => Err(Diagnostic::error(Code::Usage, format!("`{shown}` is a project already: it has `{mark}`"))
            .hint("name another folder: `dovetail init DIR`")),
        None => Ok(()),
    }
}

fn write(path: &Path, content: &str) -> Result<(), Diagnostic> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, content)).map_err(|error| {
        Diagnostic::error(Code::Unwritable, format!("`{}` cannot be written: {error}", path.display()))
    })
}
