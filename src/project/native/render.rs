//! `{{ env_var('NAME', 'default') }}` in the values of `dovetail.toml`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Content, Node, Reader};

/// Renders values with one function, `env_var`.
pub struct Templates {
    environment: Environment<'static>,
    /// The variable that the last rendering missed.
    missing: Arc<Mutex<Option<String>>>,
}

impl Templates {
    pub fn new(variables: &Arc<BTreeMap<String, String>>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let missing = Arc::new(Mutex::new(None));
        let (variables, noted) = (Arc::clone(variables), Arc::clone(&missing));
        let env_var = move |name: String, default: Option<minijinja::Value>| match (variables.get(&name), default) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => Ok(default.to_string()),
            (None, None) => {
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.clone());
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("`{name}` is not set")))
            }
        };
        environment.add_function("env_var", env_var);
        Templates { environment, missing }
    }

    /// Renders every text of the file, except in targets that are not in use: what they need may not be set here.
    pub fn render_document(&self, reader: &mut Reader<'_>, document: &mut Node<'_>, target: &str) {
        let Content::Table(entries) = &mut document.content else { return };
        for entry in entries {
            match (entry.key.as_ref(), &mut entry.value.content) {
                ("targets", Content::Table(targets)) => {
                    for entry in targets {
                        if entry.key == target {
                            self.render(reader, &mut entry.value);
                        } else {
                            forget_templates(&mut entry.value);
                        }
                    }
                }
                _ => self.render(reader, &mut entry.value),
            }
        }
    }

    /// Renders a value and all that it holds. What cannot be rendered is reported and becomes nothing.
    pub fn render(&self, reader: &mut Reader<'_>, node: &mut Node<'_>) {
        match &mut node.content {
            Content::Text(text) if is_template(text) => match self.environment.render_str(text, ()) {
                Ok(rendered) => node.content = Content::Rendered(rendered),
                Err(error) => {
                    let problem = self.problem(&error).at(reader.place(node.span));
                    reader.report(problem);
                    node.content = Content::Null;
                }
            },
            Content::List(items) => items.iter_mut().for_each(|item| self.render(reader, item)),
            Content::Table(entries) => entries.iter_mut().for_each(|entry| self.render(reader, &mut entry.value)),
            _ => {}
        }
    }

    fn problem(&self, error: &minijinja::Error) -> Diagnostic {
        if let Some(name) = self.missing.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let message = format!("environment variable `{name}` is not set");
            return Diagnostic::error(Code::MissingEnvironmentVariable, message)
                .hint(format!("set it, or give a default: `env_var('{name}', '...')`"));
        }
        let detail = error.detail().unwrap_or("it cannot be rendered");
        let code = if error.kind() == ErrorKind::SyntaxError { Code::JinjaSyntax } else { Code::JinjaRender };
        Diagnostic::error(code, format!("template in `dovetail.toml`: {detail}"))
            .hint("values of `dovetail.toml` may use `env_var` and Jinja's own filters")
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn forget_templates(node: &mut Node<'_>) {
    match &mut node.content {
        Content::Text(text) if is_template(text) => node.content = Content::Null,
        Content::List(items) => items.iter_mut().for_each(forget_templates),
        Content::Table(entries) => entries.iter_mut().for_each(|entry| forget_templates(&mut entry.value)),
        _ => {}
    }
}
