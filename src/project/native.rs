//! The native front door: `dovetail.toml`, or no config at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Project, Values};
use crate::diagnostic::{Diagnostic, Diagnostics, Warned};

/// What the command line says about the project.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub target: Option<String>,
    pub threads: Option<usize>,
    /// `--vars`, over those of the file.
    pub vars: Values,
    /// The process's environment variables.
    pub environment: Arc<BTreeMap<String, String>>,
}

/// The nearest folder, from `start` upward, with a `dovetail.toml` or a `models` folder.
pub fn find_root(_start: &Path) -> Result<PathBuf, Diagnostic> {
    unimplemented!()
}

pub fn load(_root: &Path, _options: &LoadOptions) -> Result<Warned<Project>, Diagnostics> {
    unimplemented!()
}
