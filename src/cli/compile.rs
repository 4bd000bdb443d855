//! `dovetail compile`: the SQL that goes to the engine, printed and written to `target/compiled/`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::args::CompileArgs;
use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::compile::{Compiled, INLINE};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{Body, CompiledSql, Node};

pub(crate) fn compile(context: &mut Context, args: &CompileArgs) -> CommandResult {
    let compiled = context.compile_with(args.inline.as_deref())?;
    let models = match &args.inline {
        Some(_) => compiled.graph.find(INLINE).into_iter().collect(),
        None => context.select(&compiled, &args.selection, args.waiting.wait)?,
    };
    let models: Vec<Model> = models.iter().filter_map(|id| Model::of(&compiled, compiled.graph.node(*id))).collect();
    if models.is_empty() {
        context.printer.note("no SQL models are selected, so there is nothing to compile");
    }
    for model in &models {
        if models.len() > 1 {
            context.printer.data_line(&format!("-- {}", model.name));
        }
        context.printer.data_line(model.text.trim_start_matches(['\r', '\n']).trim_end());
        if models.len() > 1 {
            context.printer.data_line("");
        }
    }
    // Last: what was asked for is said where nothing can be written, too.
    if args.inline.is_none() {
        write(&compiled, &models)?;
    }
    Ok(ExitStatus::Success)
}

/// A model's compiled text, fit to be seen.
struct Model<'a> {
    name: &'a str,
    path: &'a Path,
    text: String,
}

impl<'a> Model<'a> {
    fn of(compiled: &Compiled, node: &'a Node) -> Option<Self> {
        let sql = sql_of(node)?;
        let text = compiled.templates.secrets().redact(&sql.text);
        Some(Model { name: node.name.as_str(), path: node.file.path(), text })
    }
}

fn sql_of(node: &Node) -> Option<&CompiledSql> {
    match &node.body {
        Body::Sql(sql) => Some(sql),
        Body::Python(_) | Body::Seed | Body::Source(_) => None,
    }
}

/// Writes what changed, and removes what no model of the project compiles to any more.
fn write(compiled: &Compiled, models: &[Model<'_>]) -> Result<(), Diagnostics> {
    let folder = compiled.project.target_dir().join("compiled");
    let problems: Vec<Diagnostic> = models.par_iter().filter_map(|model| write_model(&folder, model).err()).collect();
    if !problems.is_empty() {
        return Err(Diagnostics(problems));
    }
    let graph = &compiled.graph;
    let all = graph.ids().map(|id| graph.node(id)).filter(|node| sql_of(node).is_some());
    remove_others(&folder, &all.map(|node| folder.join(node.file.path())).collect());
    Ok(())
}

fn write_model(folder: &Path, model: &Model<'_>) -> Result<(), Diagnostic> {
    let path = folder.join(model.path);
    let unwritable = |reason: &dyn std::fmt::Display| {
        Diagnostic::error(Code::Unwritable, format!("`{}` cannot be written: {reason}", path.display()))
    };
    if !model.path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(unwritable(&"it would stand outside the target folder"));
    }
    if std::fs::read(&path).is_ok_and(|before| before == model.text.as_bytes()) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&path, &model.text))
        .map_err(|error| unwritable(&error))
}

/// What cannot be removed stays: it is only litter.
fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) {
    for entry in walkdir::WalkDir::new(folder).min_depth(1).contents_first(true).into_iter().flatten() {
        let path = entry.path();
        if entry.file_type().is_dir() {
            // Fails where something is left inside.
            let _ = std::fs::remove_dir(path);
        } else if path.extension().is_some_and(|extension| extension == "sql") && !kept.contains(path) {
            let _ = std::fs::remove_file(path);
        }
    }
}
