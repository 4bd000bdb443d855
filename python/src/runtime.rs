//! `PythonRuntime` over the interpreter that this process runs in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::c_ulong;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dovetail::execute::{
    Pretence, PythonCall, PythonCheck, PythonData, PythonError, PythonErrorKind, PythonOutput, PythonRuntime,
    PythonSource, PythonVerdict,
};
use dovetail::parse::ParsedAsset;
use dovetail::parse::python::Import;
use dovetail::project::Project;
use dovetail::source::SourceFile;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::connection::lock;
use crate::error::{from_description, plain, unexpected};
use crate::sources::Sources;
use crate::{call, declarations, observe, verdict};

/// The interpreter, and the threads in which it runs user code now.
#[derive(Default)]
pub(crate) struct Interpreter {
    running: Arc<Running>,
    /// What the run that goes on was compiled from.
    sources: Mutex<Option<Py<Sources>>>,
}

/// Threads that run user code, by the interpreter's own thread numbers.
#[derive(Default)]
pub(crate) struct Running {
    threads: Mutex<HashMap<c_ulong, usize>>,
    cancelled: AtomicBool,
}

/// How many pieces of user code are running in this process.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// True while user code is running that did not listen to `cancel`: the process must not wait for it.
#[pyfunction]
pub(crate) fn is_stuck() -> bool {
    ACTIVE.load(Ordering::SeqCst) > 0
}

/// Marks the current thread as running user code for as long as it lives; made and dropped while attached.
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct Turn {
    running: Arc<Running>,
    thread: c_ulong,
    over: AtomicBool,
}

impl Running {
    fn enter(self: &Arc<Self>) -> Turn {
        // SAFETY: has no preconditions.
        let thread = unsafe { pyo3::ffi::PyThread_get_thread_ident() };
        *lock(&self.threads).entry(thread).or_default() += 1;
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        Turn { running: Arc::clone(self), thread, over: AtomicBool::new(false) }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

#[pymethods]
impl Turn {
    fn over(&self) {
        if self.over.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut threads = lock(&self.running.threads);
        if let Some(count) = threads.get_mut(&self.thread) {
            *count -= 1;
            if *count == 0 {
                threads.remove(&self.thread);
            }
        }
        drop(threads);
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.over();
    }
}

/// Hands out turns to the Python side, which runs user code in several places (call, generator, loader).
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct Turns(Arc<Running>);

#[pymethods]
impl Turns {
    /// Fails when the run is cancelled already.
    fn enter(&self) -> PyResult<Turn> {
        if self.0.is_cancelled() {
            return Err(PyKeyboardInterrupt::new_err("the run was cancelled"));
        }
        Ok(self.0.enter())
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Keeps the first error of a stream, for whoever asks after the engine has reported its failure.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<PythonError>>>);

impl Failure {
    pub(crate) fn set(&self, error: PythonError) {
        lock(&self.0).get_or_insert(error);
    }

    pub(crate) fn get(&self) -> Option<PythonError> {
        lock(&self.0).clone()
    }
}

impl Interpreter {
    pub(crate) fn turns(&self) -> Turns {
        Turns(Arc::clone(&self.running))
    }

    pub(crate) fn sources(&self, py: Python<'_>) -> Option<Py<Sources>> {
        lock(&self.sources).as_ref().map(|sources| sources.clone_ref(py))
    }

    fn attached<T>(&self, work: impl FnOnce(Python<'_>) -> PyResult<Result<T, PythonError>>) -> Result<T, PythonError> {
        let cancelled = || plain(PythonErrorKind::Cancelled, "the run was cancelled".to_owned());
        if self.running.is_cancelled() {
            return Err(cancelled());
        }
        let done = Python::try_attach(|py| work(py).unwrap_or_else(|error| Err(unexpected(py, &error))));
        let done = done.unwrap_or_else(|| Err(cancelled()));
        // An interrupted asset says so, whatever the exception became on its way through libraries.
        done.map_err(|error| if self.running.is_cancelled() { cancelled() } else { error })
    }
}

impl PythonRuntime for Interpreter {
    fn declarations(&self, project: &Project, file: &Arc<SourceFile>) -> Result<Vec<ParsedAsset>, PythonError> {
        self.attached(|py| declarations::read(py, self, project, file))
    }

    fn observe(&self, project: &Project, sources: &[PythonSource<'_>]) -> Vec<Result<Option<String>, PythonError>> {
        sources.iter().map(|source| self.attached(|py| observe::version(py, self, project, source))).collect()
    }

    fn compiled(&self, modules: Vec<Arc<SourceFile>>) {
        let sources = Python::try_attach(|py| Py::new(py, Sources::of(modules)));
        *lock(&self.sources) = sources.and_then(Result::ok);
    }

    fn import_ahead(&self, imports: &[Import]) {
        Python::try_attach(|py| -> PyResult<()> {
            let imports: Vec<(&str, Vec<&str>)> = imports
                .iter()
                .map(|import| (import.module.as_str(), import.names.iter().map(String::as_str).collect()))
                .collect();
            py.import("dovetail._ahead")?.call_method1("begin", (imports, self.turns()))?;
            Ok(())
        });
    }

    fn call(&self, call: PythonCall<'_>) -> Result<PythonOutput, PythonError> {
        self.attached(|py| call::run(py, self, call))
    }

    fn check(&self, call: PythonCall<'_>, check: &PythonCheck<'_>) -> Result<PythonVerdict, PythonError> {
        self.attached(|py| verdict::run(py, self, &call, check))
    }

    fn pretend(&self, project: &Project, pretence: Option<&Pretence<'_>>) -> Result<(), PythonError> {
        self.attached(|py| {
            let clock = py.import("dovetail._clock")?;
            let Some(pretence) = pretence else {
                clock.call_method0("restore")?;
                return Ok(Ok(()));
            };
            let modules = py.import("dovetail._modules")?;
            modules.call_method1("expect", (&project.root, self.sources(py)))?;
            let paths: Vec<_> = pretence.modules.iter().map(|path| path.to_string_lossy()).collect();
            let moment = pretence.moment.map(|moment| moment.as_microsecond() as f64 / 1e6);
            let root = project.root.to_string_lossy();
            let failed = clock.call_method1("pretend", (root, paths, moment, pretence.environment.clone()))?;
            if failed.is_none() { Ok(Ok(())) } else { from_description(failed.cast::<PyDict>()?).map(Err) }
        })
    }

    fn cancel(&self) {
        self.running.cancelled.store(true, Ordering::SeqCst);
        Python::try_attach(|py| {
            let exception = py.get_type::<PyKeyboardInterrupt>();
            for thread in lock(&self.running.threads).keys() {
                // SAFETY: attached; a number that is no thread's any more is ignored.
                unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(*thread as _, exception.as_ptr()) };
            }
            // Event loops wait outside of bytecode, where the exception above does not reach them.
            let asked = py.import("dovetail._async").and_then(|module| module.call_method0("cancel_all"));
            drop(asked);
        });
    }

    fn packages(&self, modules: &BTreeSet<&str>) -> BTreeMap<String, String> {
        let versions = Python::try_attach(|py| -> PyResult<BTreeMap<String, String>> {
            let modules: Vec<&str> = modules.iter().copied().collect();
            py.import("dovetail._packages")?.call_method1("versions", (modules,))?.extract()
        });
        versions.and_then(Result::ok).unwrap_or_default()
    }

    fn versions(&self) -> Vec<(String, String)> {
        let versions = Python::try_attach(|py| -> PyResult<Vec<(String, String)>> {
            py.import("dovetail._call")?.call_method0("versions")?.extract()
        });
        versions.and_then(Result::ok).unwrap_or_default()
    }
}

/// What `dovetail._call` gave: data in one of three forms, and a function that tells its metadata.
pub(crate) fn output(data: PythonData, metadata: Py<PyAny>, failure: &Failure) -> PythonOutput {
    let failure = failure.clone();
    let metadata = move || {
        let values = Python::try_attach(|py| crate::json::values(metadata.call0(py)?.bind(py)));
        values.and_then(Result::ok).unwrap_or_default()
    };
    let stream_error = Arc::new(move || failure.get());
    PythonOutput { data, data_version: None, metadata: Box::new(metadata), stream_error }
}
