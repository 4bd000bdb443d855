//! The seam to Python: what the core asks of an interpreter. The core compiles and is tested without one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;

use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{FailingRows, Sessions, StoredObject};
use crate::graph::Elsewhere;
use crate::parse::python::Import;
use crate::parse::{Parameter, ParsedAsset};
use crate::project::{Project, Values};
use crate::source::{Place, SourceFile};

/// An interpreter that can run the project's asset functions. Called from several threads at once.
pub trait PythonRuntime: Send + Sync {
    /// The assets of a module whose declarations cannot be read from its syntax tree, by importing it.
    fn declarations(&self, project: &Project, file: &Arc<SourceFile>) -> Result<Vec<ParsedAsset>, PythonError>;

    /// Asks the observing functions of sources which version their data has now; `None` where one does not know.
    fn observe(&self, project: &Project, sources: &[PythonSource<'_>]) -> Vec<Result<Option<String>, PythonError>>;

    /// The project's modules as they were compiled: what is imported from now on is them, or an error. Others are not
    /// looked at.
    fn compiled(&self, _modules: Vec<Arc<SourceFile>>) {}

    /// Begins to import modules of others, in this order, beside whatever else goes on. Returns at once; whoever needs a
    /// module that cannot be imported will say so.
    fn import_ahead(&self, _imports: &[Import]) {}

    /// Calls an asset function. The output's stream may go on running user code while it is read.
    fn call(&self, call: PythonCall<'_>) -> Result<PythonOutput, PythonError>;

    /// Calls a check function, and reads what it gives to its end. The call's `asset` is the one that the check is about.
    fn check(&self, call: PythonCall<'_>, check: &PythonCheck<'_>) -> Result<PythonVerdict, PythonError>;

    /// Has code of the project see another clock and another environment from now on, or with `None` its own again.
    fn pretend(&self, _project: &Project, _pretence: Option<&Pretence<'_>>) -> Result<(), PythonError> {
        Ok(())
    }

    /// Asks the functions that are running to stop; they may not listen.
    fn cancel(&self);

    /// The versions of the packages that these top-level modules come from, as far as they are installed. Imports none.
    fn packages(&self, _modules: &BTreeSet<&str>) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Version of the interpreter and of the packages that matter, for `debug`.
    fn versions(&self) -> Vec<(String, String)>;
}

/// One call of one asset function, or of a check function.
pub struct PythonCall<'a> {
    pub project: &'a Project,
    pub asset: &'a str,
    /// The module's file, relative to the project's root.
    pub path: &'a Path,
    pub function: &'a str,
    /// All parameters, those without an upstream (a `Context`) included.
    pub parameters: &'a [Parameter],
    pub inputs: Vec<PythonInput>,
    /// Lets `Relation`s read while the function is running.
    pub sessions: Arc<dyn Sessions>,
    /// Where `Relation`s read what is not published yet.
    pub elsewhere: Elsewhere,
    pub run: &'a str,
    /// Whether the asset is an object, so that its value goes to its IO manager.
    pub wants_object: bool,
    /// Receives what the function prints, line by line or at the end.
    pub printed: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Which check a call is of.
pub struct PythonCheck<'a> {
    pub name: &'a str,
    /// How many failing rows to keep as texts.
    pub keeps: usize,
}

/// What a unit test has the project's Python code see.
pub struct Pretence<'a> {
    /// The files of the modules whose functions will run, relative to the project's root: they are imported first.
    pub modules: &'a [&'a Path],
    /// What clocks say, as far as that can be had.
    pub moment: Option<jiff::Timestamp>,
    /// Variables of the environment that are set otherwise.
    pub environment: &'a BTreeMap<String, String>,
}

/// A source that a function declares.
pub struct PythonSource<'a> {
    pub name: &'a str,
    /// The module's file, relative to the project's root.
    pub path: &'a Path,
}

pub struct PythonInput {
    pub parameter: Parameter,
    /// Name of the upstream, for messages.
    pub upstream: String,
    pub value: InputValue,
}

pub enum InputValue {
    /// A query whose rows arrive in the form that the annotation asks for.
    Query(String),
    /// An object, loaded by its IO manager.
    Object { object: StoredObject, path: std::path::PathBuf, function: String },
    /// What the function of a source returns.
    Source { path: std::path::PathBuf },
}

/// What an asset function gave.
pub struct PythonOutput {
    pub data: PythonData,
    /// What the project's own code calls the version of the data.
    pub data_version: Option<String>,
    /// What the function says about its result; complete once the stream has been read.
    pub metadata: Box<dyn FnOnce() -> Values + Send>,
    /// The user's error when reading the stream fails: asked after the engine reports `EngineErrorKind::Source`.
    pub stream_error: Arc<dyn Fn() -> Option<PythonError> + Send + Sync>,
}

pub enum PythonData {
    Stream(FFI_ArrowArrayStream),
    /// A `Relation`: the rows never leave the engine.
    Query(String),
    Object(StoredObject),
}

/// What a check function gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PythonVerdict {
    /// `None` where only the failing rows say it.
    pub passed: Option<bool>,
    pub message: Option<String>,
    /// Line (from 1) of a failed `assert` in the check's own file.
    pub line: Option<usize>,
    /// Failing rows: how many there are, and the first of them as texts.
    pub failures: Option<FailingRows>,
    pub metadata: Values,
}

/// A failure on the Python side, already in words.
#[derive(Debug, Clone)]
pub struct PythonError {
    pub kind: PythonErrorKind,
    /// The exception's type and text, such as `ValueError: no rows`.
    pub message: String,
    /// The project's own frames, as Python prints them; empty when none is involved.
    pub traceback: String,
    /// Line (from 1) of the innermost frame in the asset's own file.
    pub line: Option<usize>,
    pub hint: Option<String>,
}

impl PythonError {
    pub fn code(&self) -> Code {
        match self.kind {
            PythonErrorKind::Raised | PythonErrorKind::Cancelled => Code::PythonFailed,
            PythonErrorKind::Import => Code::PythonImport,
            PythonErrorKind::Input => Code::PythonInput,
            PythonErrorKind::Output => Code::PythonOutput,
            PythonErrorKind::ColumnType => Code::ColumnType,
            PythonErrorKind::ObjectStore => Code::ObjectStore,
        }
    }

    /// What is told of it, at its line of `file`, or else at `place`. Of a text of several lines, the traceback tells the rest.
    pub fn told(&self, subject: &str, code: Code, (file, place): (&Arc<SourceFile>, &Place)) -> Diagnostic {
        let place = match self.line {
            Some(line) => Place::new(file, file.line_span(line)),
            None => place.clone(),
        };
        let first = self.message.lines().next().unwrap_or_default();
        let is_told = self.traceback.contains(self.message.trim_end());
        let message = format!("{subject} failed: {}", if is_told { first } else { &self.message });
        let problem = Diagnostic::error(code, message).at(place).hint_if(self.hint.clone());
        if self.traceback.is_empty() { problem } else { problem.details(self.traceback.clone()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonErrorKind {
    /// The user's code raised.
    Raised,
    /// The module could not be imported.
    Import,
    /// An input cannot be handed over in the form that the annotation asks for.
    Input,
    /// The output cannot be stored.
    Output,
    /// A column's type cannot cross.
    ColumnType,
    /// An IO manager failed.
    ObjectStore,
    /// `cancel` was called.
    Cancelled,
}
