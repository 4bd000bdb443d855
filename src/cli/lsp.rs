//! `dovetail lsp`: what the server of `lsp/` is given of the process.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::context::Context;
use super::inspect::inspect_beside;
use super::{CommandResult, ExitStatus};
use crate::check::{Findings, Kept};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned};
use crate::engine::{Engine, EngineError, Recollection};
use crate::execute::PythonRuntime;
use crate::graph::NodeId;
use crate::lsp::{Host, serve};
use crate::project::{LoadOptions, Project, find_root, load};

pub(crate) fn lsp(context: &mut Context) -> CommandResult {
    let is_named = context.global.project_dir.is_some() || context.environment.contains_key("DOVETAIL_PROJECT_DIR");
    let host = Process {
        named: is_named.then(|| context.root()).transpose()?,
        options: context.load_options()?,
        python: context.python.clone(),
        recollection: Mutex::default(),
    };
    let output = stdout_for_messages()
        .map_err(|error| Diagnostic::error(Code::Unwritable, format!("cannot write to stdout: {error}")))?;
    let is_goodbye = serve(io::stdin(), output, Arc::new(host), &context.cwd);
    Ok(if is_goodbye { ExitStatus::Success } else { ExitStatus::AssetFailed })
}

/// Stdout, for messages alone: whatever else is printed, by modules that are imported, goes to stderr.
#[cfg(unix)]
fn stdout_for_messages() -> io::Result<File> {
    use std::os::fd::AsFd;

    let messages = io::stdout().as_fd().try_clone_to_owned()?;
    // SAFETY: both numbers are those of open files; nothing of Rust's owns either.
    if unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(File::from(messages))
}

#[cfg(not(unix))]
fn stdout_for_messages() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

/// The process that the server runs in.
struct Process {
    /// The project that the command line names.
    named: Option<PathBuf>,
    options: LoadOptions,
    python: Option<Arc<dyn PythonRuntime>>,
    recollection: Mutex<Recollection>,
}

impl Host for Process {
    fn root(&self, folder: &Path) -> Result<PathBuf, Diagnostic> {
        match &self.named {
            Some(named) => Ok(named.clone()),
            None => find_root(folder),
        }
    }

    fn load(&self, root: &Path) -> Result<Warned<Project>, Diagnostics> {
        load(root, &self.options)
    }

    fn inspect(&self, compiled: &Compiled, assets: &BTreeSet<NodeId>, kept: Kept) -> Result<Findings, Diagnostic> {
        let recall = |project: &Arc<Project>| -> Result<Arc<dyn Engine>, EngineError> {
            self.recollection.lock().unwrap_or_else(PoisonError::into_inner).of(project)
        };
        inspect_beside(compiled, (assets, &compiled.graph.check_ids().collect()), kept, &recall)
    }

    fn python(&self) -> Option<&dyn PythonRuntime> {
        self.python.as_deref()
    }
}
