//! The minijinja environment of a project: its macros, its variables, Python's methods on values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::calls::{argument_place, name_place};
use super::context::{Message, RenderContext, Rendered, Repeatable};
use super::failure::Failure;
use super::functions::register;
use super::invocation::{self, Invocation};
use super::macros::{MacroIndex, template_name};
use super::markers::{mark, read};
use super::placeholder::readable;
use super::reads::Reads;
use super::references::place_calls;
use super::scanner::has_tags;
use super::secrets::Secrets;
use super::source_map::SourceMap;
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::parse::Reference;
use crate::project::{Project, Values};
use crate::source::{Place, SourceFile};

/// Macro calls deeper than about a quarter of this are taken for endless; the stack of a worker thread holds as many.
const RECURSION_LIMIT: usize = 200;

/// The number of the model itself in marks; macro files count from 0.
const MODEL: usize = usize::MAX;

/// Renders the project's templates; shared by the threads that parse.
pub struct TemplateEnvironment {
    plain: Environment<'static>,
    /// The same with marks in the macros, made when the first source map is asked for.
    marked: OnceLock<Environment<'static>>,
    macros: MacroIndex,
    project: Arc<Project>,
    secrets: Arc<Secrets>,
    reads: Arc<Reads>,
    invocation: Arc<Invocation>,
}

impl TemplateEnvironment {
    /// Reads the macro files.
    ///
    /// # Errors
    /// Syntax errors of macro files (`JinjaSyntax`) and macros of one name (`DuplicateMacro`), all at once.
    pub fn new(project: &Project, macros: &[Arc<SourceFile>]) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let index = MacroIndex::new(macros, &mut diagnostics);
        let (project, secrets) = (Arc::new(project.clone()), Arc::new(Secrets::default()));
        let reads = Arc::new(Reads::default());
        let mut plain = environment(&project, &secrets, &reads);
        let errors = index.register(&mut plain, &macros_given(&project), |_, file| file.text().to_owned());
        for (file, error) in errors {
            let failure = Failure { file: &file, prelude: 0, macros: &index, known_names: Vec::new() };
            diagnostics.push(failure.diagnostic(&error));
        }
        if diagnostics.has_errors() {
            return Err(diagnostics.sorted());
        }
        let now = project.overrides.as_ref().and_then(|overrides| overrides.now);
        let invocation = Arc::new(now.map_or_else(Invocation::current, Invocation::at));
        Ok(TemplateEnvironment { plain, marked: OnceLock::new(), macros: index, project, secrets, reads, invocation })
    }

    /// Renders a model.
    ///
    /// # Errors
    /// The one error that stopped the rendering, at its place in the model or in the macro that it comes from.
    pub fn render(&self, file: &Arc<SourceFile>) -> Result<Rendered, Diagnostics> {
        if !has_tags(file.text()) {
            let text = file.text().to_owned();
            let (config, config_places) = (Values::new(), BTreeMap::new());
            let (calls, messages) = (Vec::new(), Vec::new());
            return Ok(Rendered { text, config, config_places, calls, messages, repeatable: None });
        }
        let context = self.context(file);
        let prelude = self.macros.prelude(file.text());
        let text = self.render_text(&self.plain, file, &prelude, file.text(), &context).map_err(|error| {
            let known_names = known_names(&self.plain);
            let failure = Failure { file, prelude: prelude.len(), macros: &self.macros, known_names };
            Diagnostics::from(failure.diagnostic(&error))
        })?;
        let state = std::mem::take(&mut *context.state());
        if !state.volatile.is_empty() {
            self.reads.anything_else();
        }
        let calls = self.place(file, state.calls);
        let redacted = |message: Message| Message { text: self.secrets.redact(&readable(&message.text)), ..message };
        let messages = state.messages.into_iter().map(redacted).collect();
        let repeatable = self.repeatable(file, &prelude, &text, state.volatile.into_iter().collect());
        let config_places = self.config_places(state.config_templates);
        Ok(Rendered { text, config: state.config, config_places, calls, messages, repeatable })
    }

    /// Renders once more with fixed values where a value of this invocation was looked up, and tells of it where that
    /// changes the text. (A macro file looks up all that its macros name.)
    fn repeatable(
        &self,
        file: &Arc<SourceFile>,
        prelude: &str,
        text: &str,
        without: Vec<&'static str>,
    ) -> Option<Repeatable> {
        if without.is_empty() {
            return None;
        }
        let context = RenderContext::new(file, &self.project.name, &Arc::new(Invocation::fixed()));
        let fixed = self.render_text(&self.plain, file, prelude, file.text(), &context).ok()?;
        (fixed != text).then_some(Repeatable { text: fixed, without })
    }

    fn context(&self, file: &Arc<SourceFile>) -> Arc<RenderContext> {
        RenderContext::new(file, &self.project.name, &self.invocation)
    }

    /// The map from the rendered text of `file` back to the templates; renders again, so only errors pay for it.
    pub fn source_map(&self, file: &Arc<SourceFile>) -> SourceMap {
        if !has_tags(file.text()) {
            return SourceMap::identity(file);
        }
        let prelude = self.macros.prelude(file.text());
        let context = self.context(file);
        let Ok(plain) = self.render_text(&self.plain, file, &prelude, file.text(), &context) else {
            return SourceMap::identity(file);
        };
        let marked = mark(file.text(), MODEL);
        for environment in [self.marked(), &self.plain] {
            let context = self.context(file);
            let Ok(output) = self.render_text(environment, file, &prelude, &marked, &context) else { continue };
            let (text, pieces) = read(&output);
            if text == plain {
                return SourceMap::from_marks(file, &pieces, |number| self.numbered(file, number));
            }
        }
        SourceMap::by_lines(file, &plain)
    }

    /// Where a model first names a macro that leads to the macro file.
    pub fn call_into(&self, model: &Arc<SourceFile>, macro_file: &SourceFile) -> Option<Place> {
        name_place(model, |word| self.macros.leads_to(word, macro_file))
    }

    /// Where the project's macros are defined, by their names.
    pub fn macros(&self) -> &HashMap<String, Place> {
        self.macros.places()
    }

    pub fn project_name(&self) -> &str {
        &self.project.name
    }

    /// The nearest name of a macro or function to one that is none; `None` also where it is one.
    pub fn misspelt(&self, name: &str) -> Option<String> {
        let plain = environment(&self.project, &self.secrets, &self.reads);
        let names: Vec<String> =
            known_names(&plain).into_iter().chain(self.macros.names().map(str::to_owned)).collect();
        if names.iter().any(|known| known == name) {
            return None;
        }
        did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The environment variables that were looked at; `None` where rendering also looked at secrets, or at values that
    /// differ at each invocation.
    pub fn variables_read(&self) -> Option<BTreeSet<String>> {
        self.reads.only_variables()
    }

    fn numbered(&self, model: &Arc<SourceFile>, number: usize) -> Option<Arc<SourceFile>> {
        if number == MODEL { Some(Arc::clone(model)) } else { self.macros.files().nth(number).cloned() }
    }

    fn render_text(
        &self,
        environment: &Environment<'static>,
        file: &SourceFile,
        prelude: &str,
        text: &str,
        context: &Arc<RenderContext>,
    ) -> Result<String, Error> {
        let name = template_name(file);
        let root = Value::from_dyn_object(Arc::clone(context));
        if prelude.is_empty() {
            return environment.render_named_str(&name, text, root);
        }
        environment.render_named_str(&name, &format!("{prelude}{text}"), root)
    }

    fn marked(&self) -> &Environment<'static> {
        self.marked.get_or_init(|| {
            let mut marked = environment(&self.project, &self.secrets, &self.reads);
            // Errors cannot happen here that did not happen without marks; a template that is missing all the same
            // makes the map fall back to marks in the model alone.
            let _ = self
                .macros
                .register(&mut marked, &macros_given(&self.project), |number, file| mark(file.text(), number));
            marked
        })
    }

    /// The keys that macros set, in their files.
    fn config_places(&self, templates: BTreeMap<String, String>) -> BTreeMap<String, Place> {
        let placed = |(key, template): (String, String)| {
            let place = argument_place(self.macros.file(&template)?, "config", &key)?;
            Some((key, place))
        };
        templates.into_iter().filter_map(placed).collect()
    }

    fn place(&self, file: &Arc<SourceFile>, calls: Vec<(String, Reference)>) -> Vec<super::ReferenceCall> {
        let in_files = calls.into_iter().map(|(template, reference)| {
            let file = self.macros.file(&template).unwrap_or(file);
            (Arc::clone(file), reference)
        });
        place_calls(in_files.collect())
    }
}

/// What a unit test has macros give.
fn macros_given(project: &Project) -> Values {
    project.overrides.as_ref().map(|overrides| overrides.macros.clone()).unwrap_or_default()
}

fn environment(project: &Arc<Project>, secrets: &Arc<Secrets>, reads: &Arc<Reads>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Without it a tag anywhere in a file would change the file's last line.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.set_recursion_limit(RECURSION_LIMIT);
    // Makes errors carry the span of the expression that failed.
    environment.set_debug(true);
    register(&mut environment, project, secrets, reads);
    environment
}

fn known_names(environment: &Environment<'static>) -> Vec<String> {
    let globals = environment.globals().map(|(name, _)| name.to_owned());
    let own = ["this", "model"].into_iter().chain(invocation::NAMES).map(str::to_owned);
    globals.chain(own).filter(|name| !name.starts_with("__")).collect()
}
