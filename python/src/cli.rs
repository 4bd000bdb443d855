//! The command line, as the console script calls it.

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;

use dovetail::cli::{Invocation, main};
use pyo3::prelude::*;

use crate::runtime::Interpreter;

/// Runs one command with the interpreter released, and returns the exit code.
#[pyfunction]
pub(crate) fn run_cli(py: Python<'_>, args: Vec<OsString>) -> PyResult<u8> {
    let cwd = env::current_dir()?;
    // A variable that is not UTF-8 can be named by nobody.
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let invocation = Invocation {
        args,
        cwd,
        environment: variables.collect(),
        stdout: Box::new(stdout()),
        stderr: Box::new(stderr()),
        stdout_is_terminal: stdout().is_terminal(),
        stderr_is_terminal: stderr().is_terminal(),
        python: Some(Arc::new(Interpreter::default())),
    };
    Ok(py.detach(|| main(invocation)))
}
