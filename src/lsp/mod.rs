//! `dovetail lsp`: the project as an editor asks about it, over the language server protocol.
//!
//! One more consumer of `compile` and `check`. What is not saved lies over the files (`scan::Overlay`); nobody else knows
//! that there is an editor. A thread looks at the project whenever a text changes (`worker`), and requests are answered from
//! the newest state in which it fitted together, through what was edited since (`position::Shift`).

mod analysis;
mod completion;
mod definition;
mod documents;
mod hover;
mod keys;
mod position;
mod publish;
mod references;
mod seeds;
mod server;
mod sql;
mod start;
mod subject;
mod symbols;
mod transport;
mod uri;
mod view;
mod worker;
mod yaml;

pub(crate) use analysis::Host;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Talks to an editor over these streams until it says goodbye. `folder` is where a project is looked for when the editor
/// names no folder with one. True when it ended as editors should end it.
pub(crate) fn serve(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    host: Arc<dyn Host>,
    folder: &Path,
) -> bool {
    server::talk(transport::connect(input, output), host, folder)
}
