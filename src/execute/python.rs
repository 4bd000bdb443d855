//! Asset functions: inputs in, a stream, a query or an object out.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::constraints;
use super::draft::Draft;
use super::event::Event;
use super::materialize::{Failure, Materializer, Staged};
use super::runtime::{InputValue, PythonCall, PythonData, PythonError, PythonErrorKind, PythonInput, PythonOutput};
use super::scheduler::Message;
use super::sql::{keeps_contract, missing_upstream, not_built};
use super::versions;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{BuildSource, EngineError, EngineErrorKind, KeptFile, Session, Sessions, StoredObject};
use crate::graph::{Body, CompiledPython, Materialized, Node, NodeId, RelationName, quoted};
use crate::parse::{Parameter, SourceLocation};
use crate::source::Place;

pub(super) fn build(
    materializer: &Materializer,
    node: &Node,
    compiled: &CompiledPython,
    session: &mut dyn Session,
    events: &Sender<Message>,
) -> Result<Staged, Failure> {
    let python = materializer.context.python.as_ref().ok_or_else(|| no_python(node))?;
    let call = PythonCall {
        project: &materializer.context.project,
        asset: node.name.as_str(),
        path: node.file.path(),
        function: &compiled.body.function,
        parameters: &compiled.body.parameters,
        inputs: inputs(&Reading::of(materializer, node), compiled, session)?,
        sessions: Arc::clone(&materializer.context.engine) as Arc<dyn Sessions>,
        elsewhere: materializer.elsewhere(),
        run: &materializer.run,
        wants_object: node.materialized == Materialized::Object,
        printed: printer(node.name.as_str(), events),
    };
    let output = python.call(call).map_err(|error| python_failure(materializer, node, &error))?;
    store(materializer, node, session, output)
}

fn store(
    materializer: &Materializer,
    node: &Node,
    session: &mut dyn Session,
    output: PythonOutput,
) -> Result<Staged, Failure> {
    let given_version = output.data_version;
    let metadata = || materializer.context.templates.secrets().redact_values(&(output.metadata)());
    let source = match output.data {
        PythonData::Stream(stream) => BuildSource::Stream(stream),
        PythonData::Query(sql) => BuildSource::Query(materializer.with_published_names(session, sql)),
        PythonData::Object(object) => {
            let project = &materializer.context.project;
            let draft = Draft::of(&object, &project.root.join(&project.paths.target));
            let stored = KeptFile::without_draft(object.clone());
            let payload = Some(blake3::hash(&stored.payload).to_hex().to_string());
            let (bytes, metadata) = (Some(stored.payload.len() as u64), metadata());
            let object = Some(object);
            return Ok(Staged { metadata, given_version, payload, bytes, object, draft, ..Staged::default() });
        }
    };
    let parts = materializer.parts(node);
    let extent = versions::extent(node, given_version.as_deref(), &parts);
    match session.build(&materializer.target(node), source, extent) {
        Ok(content) => {
            keeps_contract(materializer, node, session, &content.columns)?;
            constraints::keep(materializer, node, session, &content.columns)?;
            Ok(Staged { metadata: metadata(), given_version, ..Staged::table(content) })
        }
        Err(error) => Err(store_failure(materializer, node, &error, (output.stream_error)())),
    }
}

/// User code may run while the engine reads its stream, so the engine's error may be the user's.
fn store_failure(
    materializer: &Materializer,
    node: &Node,
    error: &EngineError,
    stream_error: Option<PythonError>,
) -> Failure {
    match (error.kind, stream_error) {
        (EngineErrorKind::Cancelled, _) => Failure::Cancelled,
        (_, Some(error)) => python_failure(materializer, node, &error),
        // A `Relation` is only read now.
        (EngineErrorKind::Query, None) if error.message.contains(NOT_THERE) => {
            match missing_upstream(materializer, node) {
                Some(missing) => not_built(node, &missing).at(node.place.clone()).into(),
                None => materializer.engine_failure(node, error),
            }
        }
        _ => materializer.engine_failure(node, error),
    }
}

fn no_python(node: &Node) -> Failure {
    let message = format!("`{}` is a Python asset, and this process has no interpreter", node.name);
    Diagnostic::error(Code::PythonUnavailable, message).at(node.place.clone()).into()
}

/// Hands on what user code prints, under a name.
pub(super) fn printer(name: &str, events: &Sender<Message>) -> Arc<dyn Fn(&str) + Send + Sync> {
    let (asset, events) = (name.to_owned(), events.clone());
    Arc::new(move |line| {
        let _ = events.send(Message::Event(Event::Printed { asset: asset.clone(), line: line.to_owned() }));
    })
}

/// Who reads, and where what it reads is.
pub(super) struct Reading<'r> {
    pub materializer: &'r Materializer,
    pub name: &'r str,
    pub at: &'r Place,
    /// Where an asset stands that is not read where it is published.
    pub place: &'r dyn Fn(NodeId) -> Option<RelationName>,
    /// An object that was made just now, and is stored nowhere.
    pub object: Option<&'r StoredObject>,
}

impl Reading<'_> {
    fn of<'r>(materializer: &'r Materializer, node: &'r Node) -> Reading<'r> {
        let (name, at) = (node.name.as_str(), &node.place);
        Reading { materializer, name, at, place: &|_| None, object: None }
    }

    fn place(&self, id: NodeId) -> Option<RelationName> {
        (self.place)(id).or_else(|| self.materializer.place(id))
    }

    /// An engine's error about what is read.
    fn failure(&self, error: &EngineError) -> Failure {
        if error.kind == EngineErrorKind::Cancelled {
            return Failure::Cancelled;
        }
        let message = format!("`{}` failed: {}", self.name, error.message);
        let problem = Diagnostic::error(Code::SqlFailed, message).at(self.at.clone()).hint_if(error.hint());
        self.materializer.redacted(problem)
    }
}

pub(super) fn inputs(
    reading: &Reading<'_>,
    compiled: &CompiledPython,
    session: &mut dyn Session,
) -> Result<Vec<PythonInput>, Failure> {
    let input = |(index, upstream): &(usize, NodeId)| {
        let parameter = compiled.body.parameters[*index].clone();
        let value = input_value(reading, (*upstream, &parameter), session)?;
        let upstream = reading.materializer.context.graph.node(*upstream);
        Ok(PythonInput { parameter, upstream: upstream.name.to_string(), value })
    };
    compiled.inputs.iter().map(input).collect()
}

fn input_value(
    reading: &Reading<'_>,
    (id, parameter): (NodeId, &Parameter),
    session: &mut dyn Session,
) -> Result<InputValue, Failure> {
    let Reading { materializer, name: reader, at, .. } = *reading;
    let graph = &materializer.context.graph;
    let upstream = graph.node(id);
    if matches!(upstream.body, Body::Source(SourceLocation::Function { .. })) {
        return Ok(InputValue::Source { path: upstream.file.path().to_owned() });
    }
    if upstream.materialized != Materialized::Object {
        let item = graph.redirected_item(id, &|id| reading.place(id));
        return Ok(InputValue::Query(format!("select {} from {item}", columns(parameter))));
    }
    let name = upstream.name.as_str();
    let is_staged = materializer.staging.as_ref().is_some_and(|staging| staging.is_staged(id));
    let object = match reading.object.filter(|object| object.asset == name) {
        Some(object) => Ok(Some(object.clone())),
        None if is_staged => session.staged_object(name),
        None => session.get_object(name),
    };
    let object = object.map_err(|error| reading.failure(&error))?;
    let object = object.ok_or_else(|| {
        let message = format!("`{reader}` reads the object `{name}`, which is not materialized");
        let diagnostic = Diagnostic::error(Code::UpstreamMissing, message).at(at.clone());
        Failure::from(diagnostic.hint(format!("build it too: `--select +{reader}`")))
    })?;
    let function = match &upstream.body {
        Body::Python(compiled) => compiled.body.function.clone(),
        _ => upstream.name.to_string(),
    };
    Ok(InputValue::Object { object, path: upstream.file.path().to_owned(), function })
}

/// What a parameter receives of its upstream.
fn columns(parameter: &Parameter) -> String {
    let Some(reads) = &parameter.reads else { return "*".to_owned() };
    reads.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

/// What the engine or user code says when a lazy input turns out not to be there.
const NOT_THERE: &str = "does not exist";

fn python_failure(materializer: &Materializer, node: &Node, error: &PythonError) -> Failure {
    let may_be_missing = error.kind == PythonErrorKind::Input || error.message.contains(NOT_THERE);
    if may_be_missing && let Some(missing) = missing_upstream(materializer, node) {
        return not_built(node, &missing).at(node.place.clone()).into();
    }
    if error.kind == PythonErrorKind::Cancelled {
        return Failure::Cancelled;
    }
    let subject = format!("`{}`", node.name);
    materializer.redacted(error.told(&subject, error.code(), (&node.file, &node.place)))
}
