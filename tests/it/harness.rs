//! A throw-away project and what a command said about it: stdout, stderr and exit code together.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dovetail::cli::{Invocation, main};
use dovetail::execute::PythonRuntime;

/// A project in a temporary folder called `project`.
pub struct Project {
    directory: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    python: Option<Arc<dyn PythonRuntime>>,
    is_terminal: bool,
}

impl Project {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("project")).unwrap();
        Project { directory, environment: BTreeMap::new(), python: None, is_terminal: false }
    }

    /// `orders` (a seed) -> `stg_orders` (a view) -> `totals` (Python) -> `report`, with a source beside it.
    pub fn example() -> Self {
        Project::new()
            .file("seeds/orders.csv", "id,customer,amount\n1,Ada,10.5\n2,Grace,20\n3,Ada,5\n")
            .file("models/staging/stg_orders.sql", "-- Orders as they come.\nselect id, customer, amount from orders\n")
            .file(
                "models/totals.py",
                "from dovetail import asset\n\n\n@asset(tags=['daily'], owner='team:ops')\ndef totals(stg_orders):\n    \"\"\"Amount by customer.\"\"\"\n    return stg_orders\n",
            )
            .file(
                "models/report.sql",
                "{{ config(materialized='table', tags=['daily', 'report'], group='finance') }}\nselect * from {{ ref('totals') }} join {{ source('raw', 'regions') }} using (customer)\n",
            )
            .file(
                "models/properties.yml",
                "sources:\n  - name: raw\n    description: Raw data.\n    tables:\n      - name: regions\nmodels:\n  - name: report\n    description: The report.\n",
            )
    }

    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn python(mut self, python: impl PythonRuntime + 'static) -> Self {
        self.python = Some(Arc::new(python));
        self
    }

    /// A person looks at stdout, in a terminal of so many columns.
    pub fn terminal(mut self, columns: usize) -> Self {
        self.is_terminal = true;
        self.env("COLUMNS", &columns.to_string()).env("NO_COLOR", "1")
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    /// Runs `dovetail` with these arguments in the project's folder.
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_in(Path::new("."), args)
    }

    pub fn run_in(&self, folder: &Path, args: &[&str]) -> Said {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let code = self.call(folder, args, (&stdout, &stderr));
        Said { stdout: self.filtered(&stdout.text()), stderr: self.filtered(&stderr.text()), code }
    }

    /// What a terminal shows, where both streams are one text.
    pub fn screen(&self, args: &[&str]) -> String {
        let screen = Captured::default();
        self.call(Path::new("."), args, (&screen, &screen));
        self.filtered(&screen.text())
    }

    fn call(&self, folder: &Path, args: &[&str], (stdout, stderr): (&Captured, &Captured)) -> u8 {
        let args = std::iter::once("dovetail").chain(args.iter().copied()).map(OsString::from).collect();
        main(Invocation {
            args,
            cwd: self.root().join(folder),
            environment: self.environment.clone(),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_is_terminal: self.is_terminal,
            stderr_is_terminal: false,
            python: self.python.clone(),
        })
    }

    /// Without what differs from one run to the next.
    fn filtered(&self, text: &str) -> String {
        let real = self.directory.path().canonicalize().unwrap();
        let text = text.replace(&*real.to_string_lossy(), "[TMP]");
        text.replace(&*self.directory.path().to_string_lossy(), "[TMP]").replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }
}

/// What a command said.
pub struct Said {
    pub stdout: String,
    pub stderr: String,
    pub code: u8,
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "exit code: {}", self.code)?;
        writeln!(formatter, "----- stdout -----\n{}", self.stdout.trim_end())?;
        writeln!(formatter, "----- stderr -----\n{}", self.stderr.trim_end())
    }
}

/// A stream that remembers what was written.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compares what a command said with the snapshot, and hides times.
macro_rules! assert_said {
    ($said:expr) => {
        insta::with_settings!({
            filters => vec![
                (r"\b\d+(\.\d+)? ?(ms|s)\b", "[TIME]"),
                (r"threads +\d+", "threads     [N]"),
                (r"DuckDB \d+\.\d+\.\d+", "DuckDB [VERSION]"),
            ],
            omit_expression => true,
        }, {
            insta::assert_snapshot!($said.to_string());
        });
    };
}
pub(crate) use assert_said;
