//! What every command is given: the global flags, the process's surroundings and the printer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::args::{GlobalArgs, SelectionArgs};
use super::facts::look_up;
use super::printer::Printer;
use crate::compile::{self, Compiled};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned};
use crate::execute::PythonRuntime;
use crate::graph::select::{Facts, Selected, Selection};
use crate::graph::{AssetGraph, NodeId};
use crate::project::{LoadOptions, Project, Values, find_root, load};

/// What commands say where a selection may name nothing, as `status:stale` does when all is fresh.
pub(crate) const NOTHING_SELECTED: &str = "nothing is selected: no asset is like that now";

pub(crate) struct Context {
    pub global: GlobalArgs,
    pub cwd: PathBuf,
    pub environment: Arc<BTreeMap<String, String>>,
    pub python: Option<Arc<dyn PythonRuntime>>,
    pub printer: Printer,
}

impl Context {
    /// The project's folder: the one that was named, else the nearest from here upward.
    pub fn root(&self) -> Result<PathBuf, Diagnostic> {
        let named = self.global.project_dir.clone();
        match named.or_else(|| self.environment.get("DOVETAIL_PROJECT_DIR").map(PathBuf::from)) {
            Some(directory) => named_root(&self.cwd, &directory),
            None => find_root(&self.cwd),
        }
    }

    pub fn load_options(&self) -> Result<LoadOptions, Diagnostics> {
        Ok(LoadOptions {
            target: self.global.target.clone(),
            threads: self.global.threads.map(usize::from),
            vars: parse_vars(&self.global.vars)?,
            environment: Arc::clone(&self.environment),
        })
    }

    /// What a selection names; its warnings are printed.
    pub fn selected(
        &mut self,
        selection: &Selection,
        graph: &AssetGraph,
        facts: &Facts,
    ) -> Result<Selected, Diagnostics> {
        let selected = selection.evaluate(graph, facts)?;
        for warning in &selected.warnings.0 {
            self.printer.diagnostic(warning);
        }
        Ok(selected.value)
    }

    /// The project's graph; its warnings are printed.
    pub fn compile(&mut self) -> Result<Compiled, Diagnostics> {
        self.compile_with(None)
    }

    /// The project's graph with a query of the command line among its models, as `compile::INLINE`.
    pub fn compile_with(&mut self, inline: Option<&str>) -> Result<Compiled, Diagnostics> {
        let project = self.load()?;
        self.compile_project(project, inline)
    }

    /// The project without its files.
    pub fn load(&self) -> Result<Warned<Project>, Diagnostics> {
        load(&self.root()?, &self.load_options()?)
    }

    /// As `compile_with`, of a project that is loaded.
    pub fn compile_project(&mut self, project: Warned<Project>, inline: Option<&str>) -> Result<Compiled, Diagnostics> {
        let started = Instant::now();
        let compiled = compile::compile_project(project, self.python.as_deref(), inline)?;
        for warning in &compiled.warnings.0 {
            self.printer.diagnostic(warning);
        }
        for message in &compiled.messages {
            let line = format!("{}: {}", message.model, message.text);
            if message.is_detail { self.printer.detail(&line) } else { self.printer.note(&line) }
        }
        let (count, seconds) = (compiled.graph.nodes.node_count(), started.elapsed().as_secs_f64());
        self.printer.detail(&format!("compiled {count} assets and sources in {seconds:.3} s"));
        Ok(compiled)
    }

    /// The nodes that `--select` and `--exclude` name, sorted by name.
    ///
    /// No `--select` in an empty project is an empty list and not a mistake. `wait` is for the database, where the
    /// selection asks for what it knows.
    pub fn select(
        &mut self,
        compiled: &Compiled,
        args: &SelectionArgs,
        wait: Option<Option<Duration>>,
    ) -> Result<Vec<NodeId>, Diagnostics> {
        let graph = &compiled.graph;
        let mut selected: Vec<NodeId> = self.select_all(compiled, args, wait)?.nodes.into_iter().collect();
        selected.sort_by(|one, other| graph.node(*one).name.cmp(&graph.node(*other).name));
        Ok(selected)
    }

    /// As `select`, with the checks.
    pub fn select_all(
        &mut self,
        compiled: &Compiled,
        args: &SelectionArgs,
        wait: Option<Option<Duration>>,
    ) -> Result<Selected, Diagnostics> {
        let graph = &compiled.graph;
        let selection = Selection::parse(&args.select, &args.exclude)?;
        if graph.nodes.node_count() == 0 && args.select.is_empty() && args.exclude.is_empty() {
            return Ok(Selected::default());
        }
        let facts = look_up(self, compiled, &selection, wait)?;
        self.selected(&selection, graph, &facts)
    }
}

/// A folder that is named must be a project itself: going upward from it would surprise.
fn named_root(cwd: &Path, directory: &Path) -> Result<PathBuf, Diagnostic> {
    let absolute = cwd.join(directory);
    let root = find_root(&absolute)?;
    let same = match (absolute.canonicalize(), root.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    };
    if same {
        return Ok(root);
    }
    let message = format!("`{}` is not a project: it has neither `dovetail.toml` nor `models/`", directory.display());
    Err(Diagnostic::error(Code::NoProject, message).hint(format!("the nearest project is `{}`", root.display())))
}

/// Every `--vars`, later ones over earlier ones.
fn parse_vars(arguments: &[String]) -> Result<Values, Diagnostics> {
    let mut vars = Values::new();
    let mut problems = Diagnostics::default();
    for argument in arguments {
        match parse_vars_argument(argument) {
            Ok(values) => vars.extend(values),
            Err(message) => problems.push(
                Diagnostic::error(Code::Usage, format!("`--vars {argument}` cannot be read: {message}"))
                    .hint("write `--vars '{first_day: 2013-01-01, limit: 10}'` or `--vars limit=10`"),
            ),
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(vars) }
}

fn parse_vars_argument(argument: &str) -> Result<Values, String> {
    if let Some((name, value)) = argument.split_once('=').filter(|(name, _)| is_variable_name(name)) {
        return Ok(Values::from([(name.to_owned(), yaml_scalar(value))]));
    }
    match serde_saphyr::from_str::<Value>(argument) {
        Ok(Value::Object(object)) => Ok(object.into_iter().collect()),
        Ok(_) => Err("it is not an object".to_owned()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            // The place in an argument of one line is no help.
            Err(first
                .rsplit_once(" column ")
                .and_then(|(_, rest)| rest.split_once(": "))
                .map_or(first, |(_, why)| why)
                .to_owned())
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// `10` is a number, `true` a boolean; what is no YAML value is a string as it stands.
fn yaml_scalar(text: &str) -> Value {
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Null) if text.is_empty() => Value::String(String::new()),
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vars_come_as_yaml_json_or_pairs() {
        let read = |argument: &str| serde_json::to_value(parse_vars_argument(argument).unwrap()).unwrap();
        assert_eq!(read("{limit: 10, day: 2013-01-01}"), json!({"limit": 10, "day": "2013-01-01"}));
        assert_eq!(read(r#"{"a": [1, true, null]}"#), json!({"a": [1, true, null]}));
        assert_eq!(read("limit=10"), json!({"limit": 10}));
        assert_eq!(read("query=a=b: [c"), json!({"query": "a=b: [c"}));
        assert_eq!(read("empty="), json!({"empty": ""}));
        assert_eq!(read("url: a=b"), json!({"url": "a=b"}));
        assert!(parse_vars_argument("limit").is_err());
        assert!(parse_vars_argument("{a: ").is_err());
    }
}
