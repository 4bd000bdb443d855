//! `dovetail.testing`: assets run on data of the caller's, in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use dovetail::cli::{diff_text, known_schemas};
use dovetail::compile::Compiled;
use dovetail::diagnostic::{Diagnostics, Rendering, render};
use dovetail::engine::Sessions;
use dovetail::graph::{Elsewhere, NodeId};
use dovetail::parse::unit_test::{Cell, CellValue, Row, UnitTestOverrides, moment};
use dovetail::project::{LoadOptions, find_root};
use dovetail::source::Span;
use dovetail::unit::{Asked, Came, Input, Surroundings, compare_rows as compare, try_assets};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::call::table_stream;
use crate::connection::Pool;
use crate::error::exception;
use crate::relation::Relation;
use crate::runtime::{Failure, Interpreter};
use crate::{cli, json};

/// What is wrong, as an exception with the texts that the command line would print.
fn wrong(py: Python<'_>, problems: &Diagnostics) -> PyErr {
    let texts: Vec<String> = problems.0.iter().map(|problem| render(problem, Rendering::Plain)).collect();
    exception(py, "TestError", texts.join("\n").trim_end())
}

/// Runs assets of a project in memory; `dovetail.testing` says what the request holds. Gives a dictionary: of each asset its
/// relation, or the parts of its object.
#[pyfunction]
pub(crate) fn run_in_memory<'py>(py: Python<'py>, request: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let item = |key: &str| request.get_item(key).map(|item| item.filter(|item| !item.is_none()));
    let asked = match (item("asset")?, item("select")?) {
        (Some(asset), _) => Asked::Asset(asset.extract()?),
        (None, Some(select)) => Asked::Selection(select.extract()?),
        (None, None) => return Err(PyValueError::new_err("neither an asset nor a selection")),
    };
    let overrides = overrides(py, request)?;
    let options = LoadOptions {
        target: item("target")?.map(|target| target.extract()).transpose()?,
        environment: Arc::new(cli::environment(py)?),
        ..LoadOptions::default()
    };
    let folder: PathBuf = item("project_dir")?.map_or(Ok(PathBuf::from(".")), |folder| folder.extract())?;
    let failure = Failure::default();
    let given = given(&item("given")?, &failure)?;
    let interpreter = Interpreter::default();
    let done = py.detach(|| {
        let root = find_root(&std::env::current_dir().unwrap_or_default().join(folder))?;
        let schemas = |compiled: &Compiled, nodes: &std::collections::BTreeSet<NodeId>| {
            known_schemas(&compiled.project, compiled, nodes)
        };
        let surroundings = Surroundings { python: Some(&interpreter), schemas: &schemas, keeps_rows: false };
        try_assets(&root, &options, (asked, given), &overrides, &surroundings)
    });
    let came = done.map_err(|problems| match failure.get() {
        Some(error) => exception(py, "TestError", &error.message),
        None => wrong(py, &problems),
    })?;
    let print = py.import("builtins")?.getattr("print")?;
    for line in &came.printed {
        print.call1((line,))?;
    }
    let project = crate::call::project(py, &came.compiled.project)?;
    project.set_item("target_dir", &came.files)?;
    let sessions = Arc::clone(&came.engine) as Arc<dyn Sessions>;
    let pool = Pool::new(sessions, Elsewhere::default());
    let results = PyDict::new(py);
    for (name, result) in came.results {
        match result {
            Came::Table(sql) => {
                let relation = Relation::named(Arc::clone(&pool), sql, name.clone());
                results.set_item(name, Py::new(py, relation)?)?;
            }
            Came::Object { object, path, function } => {
                let parts = PyDict::new(py);
                parts.set_item("manager", &object.manager)?;
                parts.set_item("payload", PyBytes::new(py, &object.payload))?;
                parts.set_item("path", path)?;
                parts.set_item("function", function)?;
                parts.set_item("project", &project)?;
                results.set_item(name, parts)?;
            }
        }
    }
    Ok(results)
}

/// How a table differs from rows; nothing where it does not.
#[pyfunction]
pub(crate) fn compare_rows(
    py: Python<'_>,
    table: &Bound<'_, PyAny>,
    types: Vec<(String, String)>,
    expected: &Bound<'_, PyList>,
    is_ordered: bool,
) -> PyResult<Option<String>> {
    let failure = Failure::default();
    let stream = match table_stream(table, &types, &failure)? {
        Ok(stream) => stream,
        Err(error) => return Err(exception(py, "TestError", &error.message)),
    };
    let rows = rows(expected)?;
    let diff = py.detach(|| compare(stream, &rows, is_ordered)).map_err(|problems| wrong(py, &problems))?;
    Ok(diff.map(|diff| diff_text(&diff, None)))
}

fn overrides(py: Python<'_>, request: &Bound<'_, PyDict>) -> PyResult<UnitTestOverrides> {
    let table = |key: &str| match request.get_item(key)?.filter(|item| !item.is_none()) {
        Some(item) => json::values(&item),
        None => Ok(BTreeMap::new()),
    };
    let environment = match request.get_item("env")?.filter(|item| !item.is_none()) {
        Some(item) => item.extract()?,
        None => BTreeMap::new(),
    };
    let now: Option<String> = request.get_item("now")?.map_or(Ok(None), |item| item.extract())?;
    let now = now.map(|text| {
        moment(&text)
            .ok_or_else(|| exception(py, "TestError", &format!("`{text}` is no moment: write 2024-03-01 12:00:00+00")))
    });
    Ok(UnitTestOverrides {
        vars: table("vars")?,
        environment,
        macros: table("macros")?,
        now: now.transpose()?,
        ..Default::default()
    })
}

fn given(items: &Option<Bound<'_, PyAny>>, failure: &Failure) -> PyResult<Vec<(String, Input)>> {
    let mut given = Vec::new();
    for item in items.iter().flat_map(|items| items.try_iter()).flatten() {
        let (name, kind, data, types): (String, String, Bound<'_, PyAny>, Vec<(String, String)>) = item?.extract()?;
        let input = match kind.as_str() {
            "rows" => Input::Rows(rows(data.cast::<PyList>()?)?),
            _ => match table_stream(&data, &types, failure)? {
                Ok(stream) => Input::Stream(stream),
                Err(error) => {
                    let message = format!("data of `{name}`: {}", error.message);
                    return Err(exception(data.py(), "TestError", &message));
                }
            },
        };
        given.push((name, input));
    }
    Ok(given)
}

/// Rows as `dovetail.testing` takes them apart: lists of names and tagged values.
fn rows(rows: &Bound<'_, PyList>) -> PyResult<Vec<Row>> {
    let span = Span::new(0, 0);
    let cell = |entry: Bound<'_, PyAny>| {
        let (column, value): (String, Bound<'_, PyAny>) = entry.extract()?;
        Ok(Cell { column, column_span: span, value: cell_value(&value)?, span })
    };
    rows.iter().map(|row| row.try_iter()?.map(|entry| cell(entry?)).collect::<PyResult<Row>>()).collect()
}

fn cell_value(value: &Bound<'_, PyAny>) -> PyResult<CellValue> {
    if value.is_none() {
        return Ok(CellValue::Null);
    }
    let pair = value.cast::<PyTuple>()?;
    let (tag, inner): (String, Bound<'_, PyAny>) = pair.extract()?;
    Ok(match tag.as_str() {
        "truth" => CellValue::Truth(inner.extract()?),
        "number" => CellValue::Number(inner.extract()?),
        "list" => CellValue::List(inner.try_iter()?.map(|item| cell_value(&item?)).collect::<PyResult<_>>()?),
        "table" => {
            let entry = |entry: Bound<'_, PyAny>| {
                let (key, value): (String, Bound<'_, PyAny>) = entry.extract()?;
                Ok((key, cell_value(&value)?))
            };
            CellValue::Table(inner.try_iter()?.map(|item| entry(item?)).collect::<PyResult<_>>()?)
        }
        _ => CellValue::Text(inner.extract()?),
    })
}
