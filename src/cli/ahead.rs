//! Begins with what the first asset function of a run imports while the database is opened and SQL is running.

use super::context::Context;
use crate::compile::Compiled;
use crate::graph::{Body, Kind};
use crate::parse::SourceLocation;
use crate::parse::python::{Import, first_imports};
use crate::plan::Plan;
use crate::scan::{FoundModule, Modules};

/// Imports packages ahead, as far as the module of the first asset function would import them before anything of the
/// project's own runs: what that does to them (by the environment, say) must have been done.
pub(super) fn import_ahead(context: &Context, compiled: &Compiled, plan: &Plan) {
    let Some(python) = &context.python else { return };
    let Compiled { graph, modules, .. } = compiled;
    // Functions of sources are asked before any asset function is called.
    if graph.ids().any(|id| matches!(graph.node(id).body, Body::Source(SourceLocation::Function { .. }))) {
        return;
    }
    let Some(first) = plan.built().map(|id| graph.node(id)).find(|node| node.kind == Kind::Python) else {
        return;
    };
    let is_anothers = |import: &Import| is_anothers(modules, &import.module);
    let imports: Vec<Import> = first_imports(&first.file).into_iter().take_while(is_anothers).collect();
    if !imports.is_empty() {
        python.import_ahead(&imports);
    }
}

/// Whether a module is no part of the project.
fn is_anothers(modules: &Modules, module: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    !modules.is_top_level(package) && matches!(modules.find(package), FoundModule::Nothing)
}
