//! The command line, as the console script calls it.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, stderr, stdout};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::Arc;

use dovetail::cli::{Invocation, main};
use pyo3::prelude::*;

use crate::runtime::Interpreter;

/// Tells the engine where packages of extensions may be (`duckdb-extension-<name>`).
const EXTENSION_PATH: &str = "DOVETAIL_EXTENSION_PATH";

/// Runs one command with the interpreter released, and returns the exit code.
#[pyfunction]
pub(crate) fn run_cli(py: Python<'_>, args: Vec<OsString>) -> PyResult<u8> {
    keep_standard_streams();
    let cwd = env::current_dir()?;
    let environment = environment(py)?;
    let invocation = Invocation {
        args,
        cwd,
        environment,
        stdout: Box::new(stdout()),
        stderr: Box::new(stderr()),
        stdout_is_terminal: stdout().is_terminal(),
        stderr_is_terminal: stderr().is_terminal(),
        python: Some(Arc::new(Interpreter::default())),
    };
    Ok(py.detach(|| main(invocation)))
}

/// The variables of the process, and where packages of extensions may be.
pub(crate) fn environment(py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
    // A variable that is not UTF-8 can be named by nobody.
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut environment: BTreeMap<String, String> = variables.collect();
    environment.entry(EXTENSION_PATH.to_owned()).or_insert(packages_path(py)?);
    Ok(environment)
}

/// A process that was started with a closed stdin, stdout or stderr would give its number to the next file that is
/// opened, such as the database, and what is printed would be written there.
fn keep_standard_streams() {
    while let Ok(file) = File::options().read(true).write(true).open("/dev/null") {
        if file.as_raw_fd() > 2 {
            return;
        }
        // Open until the process ends, on purpose.
        let _ = file.into_raw_fd();
    }
}

/// The folders in which packages are installed, separated as in `PATH`.
fn packages_path(py: Python<'_>) -> PyResult<String> {
    let folders: Vec<String> = py.import("sys")?.getattr("path")?.extract()?;
    Ok(folders.into_iter().filter(|folder| folder.ends_with("-packages")).collect::<Vec<_>>().join(":"))
}
