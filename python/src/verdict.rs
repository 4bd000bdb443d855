//! One call of one check function: the arguments go to `dovetail._verdict`, its outcome becomes a `PythonVerdict`.

use std::sync::Arc;

use dovetail::engine::{EngineError, EngineErrorKind, FailingRows};
use dovetail::execute::{PythonCall, PythonCheck, PythonError, PythonErrorKind, PythonVerdict};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batches::Batches;
use crate::call::{Done, engine_types, request};
use crate::capsule::{stream_of, stream_schema};
use crate::connection::Pool;
use crate::error::{from_description, plain};
use crate::relabelled::Relabelled;
use crate::runtime::{Failure, Interpreter};
use crate::{failing, json};

/// Calls the function, and reads the rows that it gives to their end.
pub(crate) fn run(
    py: Python<'_>,
    interpreter: &Interpreter,
    call: &PythonCall<'_>,
    check: &PythonCheck<'_>,
) -> Done<PythonVerdict> {
    let pool = Pool::of(call);
    let request = request(py, interpreter, call, &pool)?;
    request.set_item("check", check.name)?;
    let outcome = py.import("dovetail._verdict")?.call_method1("call", (request,))?;
    let done = take(&outcome, check, &pool);
    pool.close();
    done
}

/// Whether it passed, a message, the line of an assertion, and metadata.
type Said<'py> = (Option<bool>, Option<String>, Option<usize>, Bound<'py, PyAny>);

fn take(outcome: &Bound<'_, PyAny>, check: &PythonCheck<'_>, pool: &Pool) -> Done<PythonVerdict> {
    let form: String = outcome.getattr("form")?.extract()?;
    let data = outcome.getattr("data")?;
    let failures = match form.as_str() {
        "error" => return from_description(data.cast::<PyDict>()?).map(Err),
        "query" => {
            let query: String = data.extract()?;
            data.py().detach(|| pool.failing(&query, check.keeps)).map(Some).map_err(|error| query_failed(&error))
        }
        "stream" => stream(&data, outcome, check.keeps)?.map(Some),
        "batches" => batches(&data, outcome, check.keeps)?.map(Some),
        _ => Ok(None),
    };
    let failures = match failures {
        Ok(failures) => failures,
        Err(error) => return Ok(Err(error)),
    };
    let (passed, message, line, metadata): Said<'_> = outcome.getattr("said")?.call0()?.extract()?;
    let metadata = json::values(&metadata)?;
    Ok(Ok(PythonVerdict { passed, message, line, failures, metadata }))
}

/// A `Relation` is only read now.
fn query_failed(error: &EngineError) -> PythonError {
    let kind = match error.kind {
        EngineErrorKind::Cancelled => PythonErrorKind::Cancelled,
        EngineErrorKind::ColumnType => PythonErrorKind::ColumnType,
        _ => PythonErrorKind::Raised,
    };
    PythonError { hint: error.hint(), ..plain(kind, error.message.clone()) }
}

fn stream(data: &Bound<'_, PyAny>, outcome: &Bound<'_, PyAny>, keeps: usize) -> Done<FailingRows> {
    let types = engine_types(outcome)?;
    let mut inner = stream_of(data)?;
    let read = data.py().detach(|| {
        let schema = Arc::new(stream_schema(&mut inner)?);
        let mut source = Relabelled { inner, schema: Arc::clone(&schema) };
        failing::read(&mut source, &schema, &types, keeps)
    });
    Ok(read.map_err(|text| plain(PythonErrorKind::Output, text)))
}

fn batches(data: &Bound<'_, PyAny>, outcome: &Bound<'_, PyAny>, keeps: usize) -> Done<FailingRows> {
    let types = engine_types(outcome)?;
    let failure = Failure::default();
    let mut batches = match Batches::new(&data.getattr("first")?, data.clone().unbind(), failure.clone())? {
        Ok(batches) => batches,
        Err(text) => return Ok(Err(plain(PythonErrorKind::Output, text))),
    };
    let read = data.py().detach(|| {
        let schema = Arc::clone(batches.schema());
        let read = failing::read(&mut batches, &schema, &types, keeps);
        // What user code does and prints at its end belongs to the call.
        drop(batches);
        read
    });
    Ok(read.map_err(|text| failure.get().unwrap_or_else(|| plain(PythonErrorKind::Output, text))))
}
