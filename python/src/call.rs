//! One call of one asset function: the arguments go to `dovetail._call`, its outcome becomes a `PythonOutput`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use dovetail::engine::StoredObject;
use dovetail::execute::{InputValue, PythonCall, PythonData, PythonError, PythonErrorKind, PythonInput, PythonOutput};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCFunction, PyDict, PyList, PyTuple};

use crate::batches::Batches;
use crate::capsule::{stream_of, stream_schema};
use crate::connection::{Connection, Pool};
use crate::error::{engine_error, from_description, plain};
use crate::json;
use crate::limits::{guarded, needs_guard};
use crate::relabelled::{Relabelled, relabel};
use crate::relation::Relation;
use crate::runtime::{Failure, Interpreter, output};
use crate::stream::{ArraySource, export};
use crate::unpacked::{needs_unpacking, unpacked};

pub(crate) type Done<T> = PyResult<Result<T, PythonError>>;

/// Calls the function and takes what it gave, without reading more than a stream's first item.
pub(crate) fn run(py: Python<'_>, interpreter: &Interpreter, call: PythonCall<'_>) -> Done<PythonOutput> {
    let pool = Pool::of(&call);
    let request = request(py, interpreter, &call, &pool)?;
    let outcome = py.import("dovetail._call")?.call_method1("call", (request,))?;
    let done = take(&outcome, call.asset, &pool);
    pool.close();
    done
}

/// What `dovetail._call` needs to know.
pub(crate) fn request<'py>(
    py: Python<'py>,
    interpreter: &Interpreter,
    call: &PythonCall<'_>,
    pool: &Arc<Pool>,
) -> PyResult<Bound<'py, PyDict>> {
    let request = PyDict::new(py);
    request.set_item("project", project(py, call.project)?)?;
    request.set_item("asset", call.asset)?;
    request.set_item("path", call.path)?;
    request.set_item("function", call.function)?;
    request.set_item("run", call.run)?;
    request.set_item("wants_object", call.wants_object)?;
    request.set_item("connection", Connection { pool: Arc::clone(pool) })?;
    request.set_item("turns", interpreter.turns())?;
    request.set_item("sources", interpreter.sources(py))?;
    let inputs: PyResult<Vec<_>> = call.inputs.iter().map(|value| input(py, value, pool)).collect();
    request.set_item("inputs", PyList::new(py, inputs?)?)?;
    let printed = Arc::clone(&call.printed);
    let print = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<()> {
        let line: String = arguments.get_item(0)?.extract()?;
        arguments.py().detach(|| printed(&line));
        Ok(())
    };
    request.set_item("printed", PyCFunction::new_closure(py, None, None, print)?)?;
    Ok(request)
}

/// What `Context` shows of the project.
pub(crate) fn project<'py>(py: Python<'py>, project: &dovetail::project::Project) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("name", &project.name)?;
    facts.set_item("root", &project.root)?;
    facts.set_item("target_dir", project.target_dir())?;
    facts.set_item("target", &project.target.name)?;
    facts.set_item("files", if project.target.is_one_of_several { project.target.name.as_str() } else { "" })?;
    facts.set_item("vars", json::to_python(py, &project.vars)?)?;
    Ok(facts)
}

fn input<'py>(py: Python<'py>, input: &PythonInput, pool: &Arc<Pool>) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("parameter", &input.parameter.name)?;
    facts.set_item("annotation", &input.parameter.annotation)?;
    facts.set_item("upstream", &input.upstream)?;
    match &input.value {
        InputValue::Query(sql) => {
            facts.set_item("relation", Relation::named(Arc::clone(pool), sql.clone(), input.upstream.clone()))?;
        }
        InputValue::Source { path } => facts.set_item("source", path)?,
        InputValue::Object { object, path, function } => {
            facts.set_item("manager", &object.manager)?;
            facts.set_item("payload", PyBytes::new(py, &object.payload))?;
            facts.set_item("path", path)?;
            facts.set_item("function", function)?;
        }
    }
    Ok(facts)
}

fn take(outcome: &Bound<'_, PyAny>, asset: &str, pool: &Pool) -> Done<PythonOutput> {
    let form: String = outcome.getattr("form")?.extract()?;
    if form == "error" {
        return from_description(outcome.getattr("data")?.cast::<PyDict>()?).map(Err);
    }
    let failure = Failure::default();
    let data = outcome.getattr("data")?;
    let data = match form.as_str() {
        "query" => {
            let query: String = data.extract()?;
            let redirected = pool.redirected(&query).map_err(|error| engine_error(outcome.py(), &error))?;
            PythonData::Query(redirected.into_owned())
        }
        "object" => {
            let (manager, payload): (String, Vec<u8>) = data.extract()?;
            PythonData::Object(StoredObject { asset: asset.to_owned(), manager, payload })
        }
        "stream" => match stream(&data, outcome, &failure)? {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        },
        _ => match batches(&data, outcome, &failure)? {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        },
    };
    let data_version = outcome.getattr("data_version")?.extract()?;
    Ok(Ok(PythonOutput { data_version, ..output(data, outcome.getattr("metadata")?.unbind(), &failure) }))
}

fn not_a_table(text: String) -> PythonError {
    plain(PythonErrorKind::Output, text)
}

/// Engine types that columns stand for, where Arrow cannot say it.
pub(crate) fn engine_types(outcome: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    outcome.getattr("types")?.extract()
}

fn stream(data: &Bound<'_, PyAny>, outcome: &Bound<'_, PyAny>, failure: &Failure) -> Done<PythonData> {
    Ok(table_stream(data, &engine_types(outcome)?, failure)?.map(PythonData::Stream))
}

/// The rows of an object that speaks Arrow; `types` are the engine's of columns whose type Arrow cannot say.
pub(crate) fn table_stream(
    data: &Bound<'_, PyAny>,
    types: &[(String, String)],
    failure: &Failure,
) -> Done<FFI_ArrowArrayStream> {
    let mut stream = stream_of(data)?;
    let schema = match data.py().detach(|| stream_schema(&mut stream).map(|schema| (schema, ()))) {
        Ok((schema, ())) => schema,
        Err(text) => return Ok(Err(not_a_table(text))),
    };
    Ok(match relabel(&schema, types) {
        Ok(None) if !needs_guard(&schema) && !needs_unpacking(&schema) => Ok(stream),
        Ok(relabelled) => {
            let schema = relabelled.unwrap_or_else(|| Arc::new(schema));
            let source = Relabelled { inner: stream, schema: Arc::clone(&schema) };
            Ok(to_engine(Box::new(source), schema, failure))
        }
        Err(text) => Err(not_a_table(text)),
    })
}

fn batches(data: &Bound<'_, PyAny>, outcome: &Bound<'_, PyAny>, failure: &Failure) -> Done<PythonData> {
    let first = data.getattr("first")?;
    let mut batches = match Batches::new(&first, data.clone().unbind(), failure.clone())? {
        Ok(batches) => batches,
        Err(text) => return Ok(Err(not_a_table(text))),
    };
    match relabel(batches.schema(), &engine_types(outcome)?) {
        Ok(Some(schema)) => batches.relabel(schema),
        Ok(None) => {}
        Err(text) => return Ok(Err(not_a_table(text))),
    }
    let schema = Arc::clone(batches.schema());
    Ok(Ok(PythonData::Stream(to_engine(Box::new(batches), schema, failure))))
}

fn to_engine(source: Box<dyn ArraySource>, schema: SchemaRef, failure: &Failure) -> FFI_ArrowArrayStream {
    let (source, schema) = unpacked(source, schema);
    export(guarded(source, schema, failure))
}
