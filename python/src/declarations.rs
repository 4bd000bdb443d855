//! Assets that only importing their module can tell: factories.

use std::collections::BTreeMap;
use std::sync::Arc;

use dovetail::execute::{PythonError, PythonErrorKind};
use dovetail::parse::{
    AssetName, Manner, Parameter, ParsedAsset, ParsedBody, PythonBody, ReadColumn, Reference, UpstreamName,
};
use dovetail::project::Project;
use dovetail::source::{Place, SourceFile};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::{from_description, plain};
use crate::json;
use crate::runtime::Interpreter;
use crate::sources::Sources;

/// Imports the file's module and reads what it registered.
pub(crate) fn read(
    py: Python<'_>,
    interpreter: &Interpreter,
    project: &Project,
    file: &Arc<SourceFile>,
) -> PyResult<Result<Vec<ParsedAsset>, PythonError>> {
    let facts = crate::call::project(py, project)?;
    let arguments = (facts, file.path(), interpreter.turns(), Sources::of(vec![Arc::clone(file)]));
    let declared = py.import("dovetail._call")?.call_method1("declarations", arguments)?;
    if let Ok(description) = declared.cast::<PyDict>() {
        return from_description(description).map(Err);
    }
    let mut assets = Vec::new();
    for declaration in declared.cast::<PyList>()? {
        match asset(declaration.cast::<PyDict>()?, file)? {
            Ok(asset) => assets.push(asset),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(assets))
}

/// Name, annotation, the upstream's name and the columns of `reads=`.
type DeclaredParameter = (String, Option<String>, String, Option<Vec<String>>);

fn parameter((name, annotation, _, reads): DeclaredParameter, place: &Place) -> Parameter {
    let columns =
        |names: Vec<String>| names.into_iter().map(|name| ReadColumn { name, span: place.span }).collect::<Vec<_>>();
    Parameter { name, annotation, reads: reads.map(columns) }
}

fn asset(facts: &Bound<'_, PyDict>, file: &Arc<SourceFile>) -> PyResult<Result<ParsedAsset, PythonError>> {
    let get = |key: &str| facts.as_any().get_item(key);
    let line: Option<usize> = get("line")?.extract()?;
    let place = line.map_or_else(|| Place::start_of(file), |line| Place::new(file, file.line_span(line)));
    let name: String = get("name")?.extract()?;
    let Some(asset_name) = AssetName::new(&name) else {
        let message = format!("`{}` cannot be the name of an asset", name.escape_debug());
        return Ok(Err(PythonError { line, ..plain(PythonErrorKind::Import, message) }));
    };
    let parameters: Vec<DeclaredParameter> = get("parameters")?.extract()?;
    let dependencies: Vec<String> = get("deps")?.extract()?;
    let upstream = |name: &str, manner: Manner| UpstreamName {
        reference: Reference::Asset { package: None, name: name.to_owned() },
        place: place.clone(),
        manner,
    };
    let mut upstreams: Vec<_> = parameters
        .iter()
        .map(|(parameter, _, reference, _)| upstream(reference, Manner::Parameter(parameter.clone())))
        .collect();
    upstreams.extend(dependencies.iter().map(|name| upstream(name, Manner::Dependency)));
    let body = PythonBody {
        function: name,
        is_async: get("is_async")?.extract()?,
        parameters: parameters.into_iter().map(|parameter| self::parameter(parameter, &place)).collect(),
        imported: true,
        config_places: BTreeMap::new(),
    };
    Ok(Ok(ParsedAsset {
        name: asset_name,
        file: Arc::clone(file),
        place: place.clone(),
        config: json::values(&get("config")?)?,
        description: get("description")?.extract()?,
        upstreams,
        body: ParsedBody::Python(body),
    }))
}
