//! What a model can call: `ref`, `source`, `config`, `var`, `env_var`, `log`, ... All of dbt's names that dovetail knows.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, State, Value};

use super::context::{Message, MessageLevel, Relation, RenderContext};
use super::markers;
use super::objects::{Config, Exceptions, Unsupported};
use super::placeholder::{Part, Placeholder};
use super::raised::{raise, return_value};
use super::reads::Reads;
use super::secrets::Secrets;
use super::value::from_json;
use super::values;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::parse::Reference;
use crate::project::Project;

/// dbt's functions that need a database while the project is compiled.
const UNSUPPORTED: [&str; 6] = ["adapter", "run_query", "statement", "load_result", "api", "store_result"];

/// All arguments of a call, keywords included.
type Arguments = Rest<ValueOrKwargs>;

/// Adds everything but macros to an environment.
pub(super) fn register(
    environment: &mut Environment<'static>,
    project: &Arc<Project>,
    secrets: &Arc<Secrets>,
    reads: &Arc<Reads>,
) {
    environment.add_function("ref", reference);
    environment.add_function("source", source);
    environment.add_function("is_incremental", || false);
    environment.add_function("log", log);
    environment.add_function("print", print);
    environment.add_function("return", |value: Option<Value>| -> Result<Value, Error> {
        Err(return_value(value.unwrap_or(Value::from(()))))
    });
    values::register(environment);
    let vars = Arc::clone(project);
    environment.add_function("var", move |args: Arguments| variable(&vars, &args.into_values()));
    let (variables, secrets, reads) = (Arc::clone(project), Arc::clone(secrets), Arc::clone(reads));
    environment.add_function("env_var", move |args: Arguments| {
        environment_variable(&variables, &secrets, &reads, &args.into_values())
    });
    environment.add_global("config", Value::from_object(Config(Arc::clone(project))));
    environment.add_global("exceptions", Value::from_object(Exceptions));
    environment.add_global("execute", true);
    environment.add_global("project_name", project.name.as_str());
    environment.add_global("target", target(project));
    for name in UNSUPPORTED {
        environment.add_global(name, Value::from_object(Unsupported(name)));
    }
}

fn reference(state: &State, args: Arguments) -> Result<Value, Error> {
    let args = args.into_values();
    let (names, kwargs): (&[Value], Kwargs) = from_args(&args)?;
    if kwargs.has("v") || kwargs.has("version") {
        return Err(raise(Diagnostic::error(Code::Unsupported, "versions of models are not supported")));
    }
    kwargs.assert_all_used()?;
    let reference = match texts("ref", names)?.as_slice() {
        [name] => Reference::Asset { package: None, name: name.clone() },
        [package, name] => Reference::Asset { package: Some(package.clone()), name: name.clone() },
        other => return Err(wrong_count("ref", "one name, or a package and a name", other.len())),
    };
    called(state, reference)
}

fn source(state: &State, args: Rest<Value>) -> Result<Value, Error> {
    match texts("source", &args)?.as_slice() {
        [source, table] => called(state, Reference::Source { source: source.clone(), table: table.clone() }),
        other => Err(wrong_count("source", "a source and a table", other.len())),
    }
}

fn called(state: &State, reference: Reference) -> Result<Value, Error> {
    let context = RenderContext::of(state)?;
    context.state().calls.push((state.name().to_owned(), reference.clone()));
    Ok(Value::from_object(Relation(Placeholder::Reference(reference, Part::Whole))))
}

fn wrong_count(function: &str, wanted: &str, given: usize) -> Error {
    raise(Diagnostic::error(Code::JinjaRender, format!("`{function}` takes {wanted}, not {given} arguments")))
}

/// Arguments that must be texts.
pub(super) fn texts(function: &str, values: &[Value]) -> Result<Vec<String>, Error> {
    values.iter().map(|value| text(function, value)).collect()
}

pub(super) fn text(function: &str, value: &Value) -> Result<String, Error> {
    let Some(text) = value.as_str() else {
        let message = format!("`{function}` takes text, not {}", value.kind());
        return Err(raise(Diagnostic::error(Code::JinjaRender, message)));
    };
    Ok(markers::strip(text))
}

/// The arguments of `function(name)`, `function(name, default)`, `function(name, default=default)`.
fn name_and_default(function: &str, args: &[Value]) -> Result<(String, Option<Value>), Error> {
    let (positional, kwargs): (&[Value], Kwargs) = from_args(args)?;
    let (name, _): (&Value, Option<Value>) = from_args(positional)?;
    // `Option<Value>` takes a default of none for one that was not given.
    let default = positional.get(1).cloned().or_else(|| kwargs.get("default").ok());
    kwargs.assert_all_used()?;
    Ok((text(function, name)?, default))
}

fn variable(project: &Project, args: &[Value]) -> Result<Value, Error> {
    let (name, default) = name_and_default("var", args)?;
    if let Some(value) = project.vars.get(&name) {
        return Ok(from_json(value));
    }
    default.ok_or_else(|| {
        let near = did_you_mean(&name, project.vars.keys().map(String::as_str));
        raise(
            Diagnostic::error(Code::UndefinedVariable, format!("variable `{name}` is not defined"))
                .hint_if(near.map(|near| format!("did you mean `{near}`?")))
                .hint("set it under `[vars]` or with `--vars`, or give a default: `var('name', default)`"),
        )
    })
}

fn environment_variable(project: &Project, secrets: &Secrets, reads: &Reads, args: &[Value]) -> Result<Value, Error> {
    let (name, default) = name_and_default("env_var", args)?;
    reads.variable(&name);
    let value = project.environment.get(&name).map(|value| Value::from(value.as_str()));
    // As in dbt, a default of none is a default for `var` and not for `env_var`.
    let value = value.or(default.filter(|default| !default.is_none()));
    let value = value.ok_or_else(|| {
        raise(
            Diagnostic::error(Code::MissingEnvironmentVariable, format!("environment variable `{name}` is not set"))
                .hint("set it, or give a default: `env_var('NAME', 'default')`"),
        )
    })?;
    if Secrets::is_secret(&name) {
        reads.anything_else();
        secrets.register(&value.to_string());
    }
    Ok(value)
}

fn log(state: &State, args: Arguments) -> Result<String, Error> {
    let args = args.into_values();
    let (positional, kwargs): (&[Value], Kwargs) = from_args(&args)?;
    let (message, positional): (&Value, Option<bool>) = from_args(positional)?;
    let info = positional.or(kwargs.get::<Option<bool>>("info")?).unwrap_or(false);
    kwargs.assert_all_used()?;
    let level = if info { MessageLevel::Info } else { MessageLevel::Debug };
    RenderContext::of(state)?.state().messages.push(Message { level, text: markers::strip(&message.to_string()) });
    Ok(String::new())
}

/// dbt's `print` writes to stdout at once; here stdout is for data.
fn print(state: &State, message: &Value) -> Result<String, Error> {
    let text = markers::strip(&message.to_string());
    RenderContext::of(state)?.state().messages.push(Message { level: MessageLevel::Info, text });
    Ok(String::new())
}

fn target(project: &Project) -> Value {
    let target = &project.target;
    let path = target.database.as_ref().map(|path| path.to_string_lossy().into_owned());
    let database = target.catalog();
    Value::from_pairs([
        ("name", Value::from(target.name.as_str())),
        ("target_name", Value::from(target.name.as_str())),
        ("profile_name", Value::from(project.name.as_str())),
        ("schema", Value::from(target.schema.as_str())),
        ("database", Value::from(database.as_str())),
        ("dbname", Value::from(database)),
        ("path", Value::from(path.unwrap_or_else(|| ":memory:".to_owned()))),
        ("threads", Value::from(target.threads)),
        ("type", Value::from("duckdb")),
    ])
}
