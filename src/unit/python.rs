//! Asset functions in a trial.

use std::sync::{Arc, PoisonError};

use super::trial::Trial;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{BuildSource, EngineErrorKind};
use crate::execute::{InputValue, PythonCall, PythonData, PythonError, PythonInput, PythonOutput};
use crate::graph::{Body, CompiledPython, Elsewhere, Materialized, Node, NodeId, quoted};
use crate::parse::Parameter;

impl Trial<'_> {
    pub(super) fn run_python(&mut self, id: NodeId, compiled: &CompiledPython) -> Result<(), Diagnostics> {
        let node = self.graph().node(id);
        let Some(python) = self.setting.python else {
            let message = format!("`{}` is a Python asset, and this process has no interpreter", node.name);
            return Err(Diagnostic::error(Code::PythonUnavailable, message).at(node.place.clone()).into());
        };
        let inputs = compiled.inputs.iter().map(|(index, upstream)| {
            let parameter = compiled.body.parameters[*index].clone();
            let value = self.input(node, *upstream, &parameter)?;
            Ok(PythonInput { parameter, upstream: self.graph().node(*upstream).name.to_string(), value })
        });
        let inputs: Result<Vec<PythonInput>, Diagnostic> = inputs.collect();
        let (inputs, sessions) = (inputs?, self.engine());
        let printed = Arc::clone(&self.printed);
        let print = move |line: &str| printed.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        let call = PythonCall {
            project: self.scratch(),
            asset: node.name.as_str(),
            path: node.file.path(),
            function: &compiled.body.function,
            parameters: &compiled.body.parameters,
            inputs,
            sessions,
            elsewhere: Elsewhere::default(),
            // Nobody's run.
            run: "",
            wants_object: node.materialized == Materialized::Object,
            printed: Arc::new(print),
        };
        let output = python.call(call).map_err(|error| self.told(failure(node, &error)))?;
        self.store(id, output)
    }

    fn store(&mut self, id: NodeId, output: PythonOutput) -> Result<(), Diagnostics> {
        let node = self.graph().node(id);
        let source = match output.data {
            PythonData::Stream(stream) => BuildSource::Stream(stream),
            PythonData::Query(sql) => BuildSource::Query(sql),
            PythonData::Object(object) => {
                self.objects.insert(id, object);
                return Ok(());
            }
        };
        let relation = self.result_of(id);
        self.build(&relation, source).map_err(|error| match (output.stream_error)() {
            // User code may run while the engine reads its stream.
            Some(error) => self.told(failure(node, &error)),
            None => {
                let code =
                    if error.kind == EngineErrorKind::ColumnType { Code::ColumnType } else { Code::PythonOutput };
                let message = format!("`{}` failed: {}", node.name, error.message);
                self.told(Diagnostic::error(code, message).at(node.place.clone()))
            }
        })
    }

    fn told(&self, problem: Diagnostic) -> Diagnostics {
        self.setting.compiled.templates.secrets().redact_diagnostic(problem).into()
    }

    fn input(&self, node: &Node, id: NodeId, parameter: &Parameter) -> Result<InputValue, Diagnostic> {
        let upstream = self.graph().node(id);
        if upstream.materialized != Materialized::Object {
            let columns = match &parameter.reads {
                Some(reads) => reads.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", "),
                None => "*".to_owned(),
            };
            return Ok(InputValue::Query(format!("select {columns} from {}", self.table_of(id))));
        }
        let Some(object) = self.objects.get(&id).cloned() else {
            let message = format!("`{}` reads the object `{}`, which is not there", node.name, upstream.name);
            return Err(Diagnostic::error(Code::UnitTestInput, message).at(node.place.clone()));
        };
        let function = match &upstream.body {
            Body::Python(compiled) => compiled.body.function.clone(),
            _ => upstream.name.to_string(),
        };
        Ok(InputValue::Object { object, path: upstream.file.path().to_owned(), function })
    }
}

fn failure(node: &Node, error: &PythonError) -> Diagnostic {
    error.told(&format!("`{}`", node.name), error.code(), (&node.file, &node.place))
}
