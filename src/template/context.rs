//! The state of one rendering: what the template configured, referenced and logged so far.
//!
//! It travels as the root of the render context, so the environment with its functions and macros is shared by threads
//! and holds nothing that belongs to one model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::invocation::Invocation;
use super::placeholder::{Part, Placeholder};
use crate::parse::Reference;
use crate::project::Values;
use crate::source::{Place, SourceFile};

/// The name under which functions find the state of the rendering; no template can spell it.
const SELF: &str = "\u{F0DE0}render";

/// A template after rendering.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The text, with placeholders where relations will stand.
    pub text: String,
    /// All `config(...)` calls, merged.
    pub config: Values,
    /// Where the keys of `config` stand that macros set.
    pub config_places: BTreeMap<String, Place>,
    pub calls: Vec<ReferenceCall>,
    /// What `log()` and `exceptions.warn()` said, in order.
    pub messages: Vec<Message>,
    /// The same without what belongs to this invocation alone; `None` for most templates, which say nothing of it.
    pub repeatable: Option<Repeatable>,
}

/// What a template would say at every invocation alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The rendered text, with fixed values in the place of those that differ.
    pub text: String,
    /// The values that differ at each invocation and stand in the real text, such as `run_started_at`.
    pub without: Vec<&'static str>,
}

/// A `ref()` or `source()` that was called, printed or not.
#[derive(Debug, Clone)]
pub struct ReferenceCall {
    pub reference: Reference,
    /// The call in the template (or in the macro that made it).
    pub place: Place,
}

/// Something that a template said while it was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub level: MessageLevel,
    /// Without the values of secret environment variables.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageLevel {
    /// `log(message)`: for the log only.
    Debug,
    /// `log(message, info=True)`: for the terminal too.
    Info,
    /// `exceptions.warn(message)`.
    Warning,
}

/// The root of the render context.
#[derive(Debug)]
pub(super) struct RenderContext {
    file: Arc<SourceFile>,
    package: String,
    invocation: Arc<Invocation>,
    state: Mutex<RenderState>,
}

#[derive(Debug, Default)]
pub(super) struct RenderState {
    pub config: Values,
    /// The template whose call set a key of `config` last.
    pub config_templates: BTreeMap<String, String>,
    /// Each call with the name of the template that it stands in.
    pub calls: Vec<(String, Reference)>,
    pub messages: Vec<Message>,
    /// Names of the invocation's own values that were looked up, used or not.
    pub volatile: BTreeSet<&'static str>,
}

impl RenderContext {
    pub fn new(file: &Arc<SourceFile>, package: &str, invocation: &Arc<Invocation>) -> Arc<Self> {
        Arc::new(RenderContext {
            file: Arc::clone(file),
            package: package.to_owned(),
            invocation: Arc::clone(invocation),
            state: Mutex::default(),
        })
    }

    /// The rendering that a function was called from.
    pub fn of(state: &State<'_, '_>) -> Result<Arc<Self>, Error> {
        state.lookup(SELF).and_then(|value| value.downcast_object::<RenderContext>()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, "this function works only while a model is rendered")
        })
    }

    pub fn state(&self) -> MutexGuard<'_, RenderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    fn model(&self) -> Value {
        let path = self.file.path().to_string_lossy().into_owned();
        Value::from_pairs([
            ("name", Value::from(self.file.stem())),
            ("alias", Value::from(self.file.stem())),
            ("resource_type", Value::from("model")),
            ("package_name", Value::from(self.package.as_str())),
            ("path", Value::from(path.as_str())),
            ("original_file_path", Value::from(path)),
        ])
    }
}

impl Object for RenderContext {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            SELF => Some(Value::from_dyn_object(Arc::clone(self))),
            "this" => Some(Value::from_object(Relation(Placeholder::This(Part::Whole)))),
            "model" => Some(self.model()),
            _ => {
                let (name, value) = self.invocation.get(key)?;
                self.state().volatile.insert(name);
                Some(value)
            }
        }
    }
}

/// What `ref`, `source` and `this` give: prints as a placeholder, and so do its parts.
#[derive(Debug)]
pub(super) struct Relation(pub Placeholder);

impl Object for Relation {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let part = match key.as_str()? {
            "database" => Part::Database,
            "schema" => Part::Schema,
            "identifier" | "name" | "table" | "alias" => Part::Identifier,
            _ => return None,
        };
        Some(Value::from(self.0.part(part).to_string()))
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
