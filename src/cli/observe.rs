//! Looks at the sources that a command is about, once, before anything else happens.

use super::context::Context;
use crate::compile::Compiled;
use crate::engine::Engine;
use crate::graph::NodeId;
use crate::record::{Observer, sources_of};

/// Observes what these assets read, and prints what user code did wrong about it.
pub(crate) fn observe(
    context: &mut Context,
    compiled: &Compiled,
    engine: Option<&dyn Engine>,
    assets: impl IntoIterator<Item = NodeId>,
) -> Observer {
    let mut observer = Observer::new(&compiled.project.root);
    let sources = sources_of(&compiled.graph, assets);
    let askable = (engine, context.python.as_deref());
    for warning in observer.look(&compiled.project, &compiled.graph, &sources, askable) {
        context.printer.diagnostic(&compiled.templates.secrets().redact_diagnostic(warning));
    }
    observer
}
