//! A function under `@asset` or `@check`: what its decorator and its signature say.

use std::sync::Arc;

use ruff_python_ast::{ParameterWithDefault, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use super::arguments::{self, Arguments, Input, Read, Takes};
use super::constants::Constants;
use super::imports::Imports;
use super::walk::Declared;
use super::{Unreadable, docstring, place, text_of};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::{AssetName, Manner, Parameter, ParsedAsset, ParsedBody, PythonBody, Reference, UpstreamName};
use crate::project::Values;
use crate::source::{Place, SourceFile, Span};

/// What a function under a decorator declares.
pub struct Function {
    pub name: AssetName,
    /// What a check is about.
    pub asset: Option<(String, Span)>,
    pub config: Values,
    pub description: Option<String>,
    pub upstreams: Vec<UpstreamName>,
    pub body: PythonBody,
}

/// The asset, or nothing when its name cannot be one; what is wrong goes to `problems`.
pub fn asset(
    file: &Arc<SourceFile>,
    declared: &Declared<'_>,
    imports: &Imports<'_>,
    constants: &Constants<'_>,
    problems: &mut Diagnostics,
) -> Result<Option<ParsedAsset>, Unreadable> {
    let function = read(file, declared, &Takes::of_asset(), imports, constants, problems)?;
    Ok(function.map(|function| ParsedAsset {
        name: function.name,
        file: Arc::clone(file),
        place: place(file, declared.function.name.range),
        config: function.config,
        description: function.description,
        upstreams: function.upstreams,
        body: ParsedBody::Python(function.body),
    }))
}

/// The function, or nothing when its name cannot be one; what is wrong goes to `problems`.
pub fn read(
    file: &Arc<SourceFile>,
    declared: &Declared<'_>,
    takes: &Takes<'_>,
    imports: &Imports<'_>,
    constants: &Constants<'_>,
    problems: &mut Diagnostics,
) -> Result<Option<Function>, Unreadable> {
    let function = declared.function;
    let arguments = arguments::read(file, declared.decorator, takes, constants, problems);
    let inputs = arguments.as_ref().map_or(&[][..], |arguments| &arguments.inputs);
    let reads = arguments.as_ref().map_or(&[][..], |arguments| &arguments.reads);
    let mut signature =
        Signature { file, imports, inputs, reads, parameters: Vec::new(), upstreams: Vec::new(), problems };
    signature.read(function);
    let Signature { parameters, mut upstreams, .. } = signature;
    let arguments = arguments?;
    upstreams.extend(arguments.deps.iter().map(|(name, span)| UpstreamName {
        reference: asset_reference(name),
        place: Place::new(file, *span),
        manner: Manner::Dependency,
    }));
    let Some(name) = name_of(file, function, takes, &arguments, problems) else { return Ok(None) };
    let body = PythonBody {
        function: function.name.to_string(),
        is_async: function.is_async,
        parameters,
        imported: false,
        config_places: arguments.places,
    };
    let description = arguments.description.or_else(|| docstring::of(&function.body));
    Ok(Some(Function { name, asset: arguments.asset, config: arguments.config, description, upstreams, body }))
}

fn asset_reference(name: &str) -> Reference {
    Reference::Asset { package: None, name: name.to_string() }
}

fn name_of(
    file: &Arc<SourceFile>,
    function: &StmtFunctionDef,
    takes: &Takes<'_>,
    arguments: &Arguments,
    problems: &mut Diagnostics,
) -> Option<AssetName> {
    let Some((name, span)) = &arguments.name else { return AssetName::new(&function.name) };
    let fit = AssetName::new(name);
    if fit.is_none() {
        let message = format!("the {}'s name holds control characters", takes.word);
        let problem = Diagnostic::error(Code::BadName, message);
        problems.push(problem.at(Place::new(file, *span)));
    }
    fit
}

/// Reads a function's parameters: which of them receive data, and from whom.
struct Signature<'s> {
    file: &'s Arc<SourceFile>,
    imports: &'s Imports<'s>,
    inputs: &'s [Input],
    reads: &'s [Read],
    parameters: Vec<Parameter>,
    upstreams: Vec<UpstreamName>,
    problems: &'s mut Diagnostics,
}

impl Signature<'_> {
    fn read(&mut self, function: &StmtFunctionDef) {
        let parameters = &function.parameters;
        for parameter in parameters.posonlyargs.iter().filter(|parameter| parameter.default.is_none()) {
            let name = parameter.name();
            let message = format!("the parameter `{name}` can only be given by position, but upstreams go by name");
            self.refuse(parameter.range(), message, "remove the `/`");
        }
        for parameter in parameters.args.iter().chain(&parameters.kwonlyargs) {
            self.parameter(parameter);
        }
        for (parameter, stars) in [(&parameters.vararg, "*"), (&parameters.kwarg, "**")] {
            let Some(parameter) = parameter else { continue };
            let message = format!("`{stars}{}` names no upstream", parameter.name);
            self.refuse(parameter.range, message, "name each upstream as a parameter of its own");
        }
        self.check_inputs(function);
    }

    fn refuse(&mut self, range: TextRange, message: String, hint: &str) {
        let problem = Diagnostic::error(Code::PythonParameter, message);
        self.problems.push(problem.at(place(self.file, range)).hint(hint));
    }

    fn parameter(&mut self, parameter: &ParameterWithDefault) {
        let name = parameter.name().to_string();
        let annotation = parameter.parameter.annotation.as_deref();
        let input = self.inputs.iter().find(|input| input.parameter == name);
        let is_context = input.is_none() && annotation.is_some_and(|annotation| self.imports.is_context(annotation));
        // A parameter with a default is the function's own business, unless `inputs=` says otherwise.
        if input.is_none() && !is_context && parameter.default.is_some() {
            return;
        }
        if !is_context {
            let (reference, place) = match input {
                Some(input) => (asset_reference(&input.upstream), Place::new(self.file, input.upstream_span)),
                None => (asset_reference(&name), place(self.file, parameter.name().range)),
            };
            self.upstreams.push(UpstreamName { reference, place, manner: Manner::Parameter(name.clone()) });
        }
        let annotation = annotation.map(|annotation| text_of(self.file, annotation.range()));
        let read = self.reads.iter().find(|read| read.parameter == name).filter(|_| !is_context);
        self.parameters.push(Parameter { name, annotation, reads: read.map(|read| read.columns.clone()) });
    }

    /// `inputs=` and `reads=` are about parameters, and only about those that receive data.
    fn check_inputs(&mut self, function: &StmtFunctionDef) {
        let parameters = function.parameters.args.iter().chain(&function.parameters.kwonlyargs);
        let names: Vec<&str> = parameters.map(|parameter| parameter.name().as_str()).collect();
        for input in self.inputs.iter().filter(|input| !names.contains(&input.parameter.as_str())) {
            self.no_parameter(function, ("inputs", &input.parameter, input.parameter_span), &names);
        }
        let receives = |read: &&Read| {
            self.parameters.iter().any(|parameter| parameter.name == read.parameter && parameter.reads.is_some())
        };
        let lost: Vec<&Read> = self.reads.iter().filter(|read| !receives(read)).collect();
        for read in lost {
            self.no_parameter(function, ("reads", &read.parameter, read.parameter_span), &names);
        }
    }

    fn no_parameter(
        &mut self,
        function: &StmtFunctionDef,
        (argument, parameter, span): (&str, &str, Span),
        names: &[&str],
    ) {
        let what = if names.contains(&parameter) { "receives no data in" } else { "is not a parameter of" };
        let message = format!("`{argument}` names `{parameter}`, which {what} `{}`", function.name);
        let nearest = did_you_mean(parameter, names.iter().copied());
        let problem = Diagnostic::error(Code::AssetArgument, message).at(Place::new(self.file, span));
        self.problems.push(problem.hint_if(nearest.map(|nearest| format!("did you mean `{nearest}`?"))));
    }
}
