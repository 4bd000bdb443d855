//! Values with methods that every template sees: `config`, `exceptions`, `run_started_at`, and what is not there yet.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::context::{Message, MessageLevel, RenderContext};
use super::functions::text;
use super::markers;
use super::raised::raise;
use super::value::{from_json, to_json};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::{Project, Values, merge_config};

/// `config(...)`, `config.get(...)`, `config.require(...)`.
#[derive(Debug)]
pub(super) struct Config(pub Arc<Project>);

impl Config {
    /// What is configured so far: folders first, the template's own calls over them.
    fn lookup(&self, context: &RenderContext, name: &str) -> Option<Value> {
        let mut values = self.0.defaults_for(context.file().path());
        merge_config(&mut values, &context.state().config);
        values.get(name).map(from_json)
    }

    fn get(&self, state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (positional, kwargs): (&[Value], Kwargs) = from_args(args)?;
        let (name, default): (&Value, Option<Value>) = from_args(positional)?;
        let named: Option<Value> = kwargs.get("default")?;
        // dbt's `validator` is accepted and has nothing to check here.
        let _: Option<Value> = kwargs.get("validator")?;
        kwargs.assert_all_used()?;
        let found = self.lookup(&*RenderContext::of(state)?, &text("config.get", name)?);
        Ok(found.or(default).or(named).unwrap_or(Value::from(())))
    }

    fn require(&self, state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (name, kwargs): (&Value, Kwargs) = from_args(args)?;
        let _: Option<Value> = kwargs.get("validator")?;
        let name = text("config.require", name)?;
        self.lookup(&*RenderContext::of(state)?, &name).ok_or_else(|| {
            raise(Diagnostic::error(Code::ConfigValue, format!("config `{name}` is required and not set")))
        })
    }
}

impl Object for Config {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (dictionaries, kwargs): (&[Value], Kwargs) = from_args(args)?;
        let context = RenderContext::of(state)?;
        let mut values = Values::new();
        for dictionary in dictionaries {
            if dictionary.kind() != ValueKind::Map {
                let message = format!("`config` takes `key=value` or a dictionary, not {}", dictionary.kind());
                return Err(raise(Diagnostic::error(Code::JinjaRender, message)));
            }
            let serde_json::Value::Object(entries) = to_json(dictionary) else { continue };
            values.extend(entries);
        }
        for name in kwargs.args() {
            values.insert(name.to_owned(), to_json(&kwargs.peek::<Value>(name)?));
        }
        values.values_mut().for_each(markers::strip_json);
        let mut rendering = context.state();
        merge_config(&mut rendering.config, &values);
        rendering.config_templates.extend(values.into_keys().map(|key| (key, state.name().to_owned())));
        Ok(Value::from(""))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        match name {
            "get" => self.get(state, args),
            "require" => self.require(state, args),
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("`config` has no method `{name}`"))),
        }
    }
}

/// `exceptions.raise_compiler_error(message)`, `exceptions.warn(message)`.
#[derive(Debug)]
pub(super) struct Exceptions;

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        let (message,): (&Value,) = from_args(args)?;
        let text = markers::strip(&message.to_string());
        match name {
            "raise_compiler_error" => Err(raise(Diagnostic::error(Code::CompilerError, text))),
            "warn" => {
                RenderContext::of(state)?.state().messages.push(Message { level: MessageLevel::Warning, text });
                Ok(Value::from(""))
            }
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("`exceptions` has no method `{name}`"))),
        }
    }
}

/// A name of dbt's that dovetail does not have yet: says so however it is used.
#[derive(Debug)]
pub(super) struct Unsupported(pub &'static str);

impl Unsupported {
    fn error(&self) -> Error {
        let message = format!("`{}` is not supported: dovetail compiles models without a database", self.0);
        raise(Diagnostic::error(Code::Unsupported, message))
    }
}

impl Object for Unsupported {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from(self.error()))
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Err(self.error())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, _name: &str, _args: &[Value]) -> Result<Value, Error> {
        Err(self.error())
    }
}

/// `run_started_at`: prints as ISO 8601 in UTC; `strftime` and `isoformat` as in Python.
#[derive(Debug)]
pub(super) struct Timestamp(jiff::Zoned);

impl Timestamp {
    pub fn now() -> Self {
        Timestamp::at(jiff::Timestamp::now())
    }

    pub fn at(moment: jiff::Timestamp) -> Self {
        Timestamp(moment.to_zoned(jiff::tz::TimeZone::UTC))
    }

    /// The start of a millennium, as good as any.
    pub fn fixed() -> Self {
        let date = jiff::civil::date(2001, 1, 1).to_datetime(jiff::civil::Time::midnight());
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC);
        zoned.map_or_else(|_| Timestamp(jiff::Zoned::default()), Timestamp)
    }

    fn format(&self, format: &str) -> Result<Value, Error> {
        jiff::fmt::strtime::format(format, &self.0).map(Value::from).map_err(|error| {
            raise(Diagnostic::error(Code::JinjaRender, format!("`{format}` is not a time format: {error}")))
        })
    }
}

impl Object for Timestamp {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        match name {
            "strftime" => {
                let (format,): (&Value,) = from_args(args)?;
                self.format(&text("strftime", format)?)
            }
            "isoformat" => Ok(Value::from(self.to_string())),
            // The time is UTC already, which is what dbt's projects ask for.
            "astimezone" => Ok(Value::from_dyn_object(Arc::clone(self))),
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("`run_started_at` has no method `{name}`"))),
        }
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"))
    }
}
