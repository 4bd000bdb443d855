//! The pipeline's front half in one place: from a folder to the graph of its assets.

mod declarations;
mod draft;
mod known;

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned};
use crate::execute::PythonRuntime;
use crate::graph::{AssetGraph, resolve};
use crate::parse::python::{ModuleAssets, ParsedModule};
use crate::parse::sql::NamesMemory;
use crate::parse::{
    AssetName, Parsed, ParsedAsset, ParsedBody, ParsedProperties, check, properties, python, seed, sql,
};
use crate::project::{LoadOptions, Project, load};
use crate::scan::{Modules, Scanned, scan};
use crate::source::SourceFile;
use crate::template::{Message, MessageLevel, TemplateEnvironment, name_place};
use declarations::{Declarations, Undeclared};
pub use draft::{Draft, Drafts};
use known::{Known, KnownNames, KnownProperties};

/// The name under which a query of the command line joins the graph.
pub const INLINE: &str = "<inline>";

/// A project that compiles.
pub struct Compiled {
    pub project: Arc<Project>,
    pub graph: AssetGraph,
    pub templates: Arc<TemplateEnvironment>,
    /// The project's Python modules, as far as anybody asks for them.
    pub modules: Modules,
    pub warnings: Diagnostics,
    /// What the project's templates said, in the order of the files.
    pub messages: Vec<TemplateMessage>,
}

impl Compiled {
    /// A project without files, in memory.
    ///
    /// # Errors
    /// None that could be expected.
    pub(crate) fn of_nothing() -> Result<Self, Diagnostics> {
        let project = Project::in_memory(&std::env::temp_dir());
        let templates = Arc::new(TemplateEnvironment::new(&project, &[])?);
        let modules = Modules::new(&project.root, &[]);
        let (graph, warnings, messages) = (AssetGraph::default(), Diagnostics::default(), Vec::new());
        Ok(Compiled { project: Arc::new(project), graph, templates, modules, warnings, messages })
    }
}

/// A line of `log()` or `print()`.
#[derive(Serialize, Deserialize)]
pub struct TemplateMessage {
    pub model: AssetName,
    pub text: String,
    /// The template did not ask for it to be shown: `log()` without `info=True`.
    pub is_detail: bool,
}

/// Loads, scans, parses and resolves the project in the folder `root`.
///
/// `python` imports modules whose assets cannot be read from their text; without it such a module is an error
/// (`Code::PythonUnavailable`). `inline` is a query that joins the graph as the model [`INLINE`].
///
/// # Errors
/// Everything that is wrong at the first stage at which something is wrong.
pub fn compile(
    root: &Path,
    options: &LoadOptions,
    python: Option<&dyn PythonRuntime>,
    inline: Option<&str>,
) -> Result<Compiled, Diagnostics> {
    compile_project(load(root, options)?, python, inline)
}

/// The part of `compile` after the project is loaded, for callers that do something with it meanwhile.
///
/// # Errors
/// As `compile`.
pub fn compile_project(
    project: Warned<Project>,
    python: Option<&dyn PythonRuntime>,
    inline: Option<&str>,
) -> Result<Compiled, Diagnostics> {
    let Warned { value: project, mut warnings } = project;
    let scanned = scan(&project).map_err(|problems| together(problems, &warnings))?;
    let modules = Modules::new(&project.root, &scanned.python);
    let place = inline.is_none().then(|| known::Place::of(&project, &scanned));
    if let Some(Known { graph, warnings: known, messages, .. }) = place.as_ref().and_then(|place| place.read(&project))
    {
        let templates = Arc::new(TemplateEnvironment::new(&project, &scanned.macros)?);
        warnings.extend(known);
        return Ok(Compiled { project: Arc::new(project), graph, templates, modules, warnings, messages });
    }
    let known_names = KnownNames::of(&project);
    let Warned { value: Harvested { mut parsed, templates, is_repeatable }, warnings: mut found } =
        parse(&project, (&scanned, &modules), python, inline, &known_names.memory)
            .map_err(|problems| together(problems, &warnings))?;
    known_names.keep(&templates);
    let messages = messages(&mut parsed);
    let resolved = resolve(&project, parsed, &templates)
        .map_err(|problems| redacted(together(together(problems, &found), &warnings), &templates))?;
    found.extend(resolved.warnings);
    let (graph, found) = (resolved.value, redacted(found, &templates));
    if let Some(place) = place.filter(|_| is_repeatable) {
        place.write(&project, &templates, &graph, &found, &messages);
    }
    let mut warnings = redacted(warnings, &templates);
    warnings.extend(found);
    let templates = Arc::new(templates);
    Ok(Compiled { project: Arc::new(project), graph, templates, modules, warnings, messages })
}

/// The problems that end a stage, with the warnings of those before it.
fn together(mut problems: Diagnostics, warnings: &Diagnostics) -> Diagnostics {
    problems.extend(warnings.0.iter().cloned());
    problems.sorted()
}

/// Takes the messages out of the models.
fn messages(parsed: &mut Parsed) -> Vec<TemplateMessage> {
    let mut messages = Vec::new();
    for asset in parsed.assets.iter_mut().chain(&mut parsed.tests) {
        let ParsedBody::Sql(body) = &mut asset.body else { continue };
        let said = std::mem::take(&mut body.messages).into_iter();
        messages.extend(said.map(|message| TemplateMessage {
            model: asset.name.clone(),
            text: message.text,
            is_detail: message.level == MessageLevel::Debug,
        }));
    }
    messages
}

/// `exceptions.warn()` as warnings, taken out of the model's messages.
fn warnings(asset: &mut ParsedAsset) -> Diagnostics {
    let ParsedBody::Sql(body) = &mut asset.body else { return Diagnostics::default() };
    let (warned, said) = body.messages.drain(..).partition(|message| message.level == MessageLevel::Warning);
    body.messages = said;
    let warned: Vec<Message> = warned;
    let place = || name_place(&asset.file, |word| word == "exceptions").unwrap_or_else(|| asset.place.clone());
    let warning = |message: Message| {
        let text = format!("`{}` warns: {}", asset.name, message.text);
        Diagnostic::warning(Code::CompilerError, text).at(place())
    };
    Diagnostics(warned.into_iter().map(warning).collect())
}

/// No message leaves with a secret in it that a template has read.
fn redacted(problems: Diagnostics, templates: &TemplateEnvironment) -> Diagnostics {
    Diagnostics(problems.into_iter().map(|problem| templates.secrets().redact_diagnostic(problem)).collect())
}

/// What one file gives: assets, or property files' content, or a module that must be imported.
#[derive(Clone, Default)]
struct Harvest {
    parsed: Parsed,
    undeclared: Vec<Undeclared>,
    problems: Diagnostics,
}

/// What all files give.
struct Harvested {
    parsed: Parsed,
    templates: TemplateEnvironment,
    /// The same files give the same again: no module had to be imported.
    is_repeatable: bool,
}

/// Parses all files in parallel; the errors of all languages come together.
fn parse(
    project: &Project,
    (scanned, modules): (&Scanned, &Modules),
    python: Option<&dyn PythonRuntime>,
    inline: Option<&str>,
    names: &NamesMemory,
) -> Result<Warned<Harvested>, Diagnostics> {
    let mut harvest = Harvest::default();
    let templates = match TemplateEnvironment::new(project, &scanned.macros) {
        Ok(templates) => {
            harvest.absorb_each(&scanned.models, |file| Harvest::asset(sql::parse(file, &templates, names)));
            harvest.absorb_each(&scanned.tests, |file| Harvest::test(sql::parse(file, &templates, names)));
            if let Some(text) = inline {
                harvest.absorb(Harvest::asset(sql::parse(&SourceFile::new(INLINE, text), &templates, names)));
            }
            Some(templates)
        }
        Err(problems) => {
            harvest.problems.extend(problems);
            None
        }
    };
    harvest.absorb_each(&scanned.python, Harvest::module);
    harvest.absorb(Harvest::all_properties(project, &scanned.properties));
    harvest.absorb_each(&scanned.seeds, |file| Harvest::asset(seed::parse(file).map_err(Diagnostics::from)));
    if let Some(templates) = &templates {
        let checks = Harvest::checks(&harvest.parsed.properties, templates, names);
        harvest.absorb(checks);
    }
    let undeclared = std::mem::take(&mut harvest.undeclared);
    let is_repeatable = undeclared.is_empty();
    let imported = Declarations::new(project, scanned, modules, python).declare(undeclared);
    harvest.absorb(imported);
    match templates {
        Some(templates) => {
            let parsed = harvest.parsed;
            redacted(harvest.problems, &templates).with(Harvested { parsed, templates, is_repeatable })
        }
        None => Err(harvest.problems.sorted()),
    }
}

impl Harvest {
    fn asset(parsed: Result<ParsedAsset, Diagnostics>) -> Self {
        let mut harvest = Harvest::default();
        match parsed {
            Ok(mut asset) => {
                harvest.problems = warnings(&mut asset);
                harvest.parsed.assets.push(asset);
            }
            Err(problems) => harvest.problems = problems,
        }
        harvest
    }

    /// Of a check that is a file of its own, which is written like a model.
    fn test(parsed: Result<ParsedAsset, Diagnostics>) -> Self {
        let mut harvest = Harvest::asset(parsed);
        harvest.parsed.tests = std::mem::take(&mut harvest.parsed.assets);
        harvest
    }

    /// The checks that property files ask for.
    fn checks(properties: &ParsedProperties, templates: &TemplateEnvironment, names: &NamesMemory) -> Self {
        let mut harvest = Harvest::default();
        let asked = check::asked(properties);
        let read: Vec<_> = asked.into_par_iter().map(|asked| check::read(asked, templates, names)).collect();
        for read in read {
            match read {
                Ok(check) => harvest.parsed.checks.push(check),
                Err(problems) => harvest.problems.extend(problems),
            }
        }
        harvest
    }

    fn module(file: &Arc<SourceFile>) -> Self {
        let mut harvest = Harvest::default();
        match python::parse(file) {
            Ok(ParsedModule { sources, checks, assets }) => {
                harvest.parsed.python_sources = sources;
                harvest.parsed.python_checks = checks;
                match assets {
                    ModuleAssets::Read(assets) => harvest.parsed.assets = assets,
                    ModuleAssets::NeedsImport { because, place, written } => {
                        harvest.undeclared.push(Undeclared { file: Arc::clone(file), because, place, written });
                    }
                }
            }
            Err(problems) => harvest.problems = problems,
        }
        harvest
    }

    fn properties(parsed: Result<Warned<ParsedProperties>, Diagnostics>) -> Self {
        let mut harvest = Harvest::default();
        match parsed {
            Ok(properties) => {
                harvest.parsed.properties = properties.value;
                harvest.problems = properties.warnings;
            }
            Err(problems) => harvest.problems = problems,
        }
        harvest
    }

    /// Of all property files together.
    fn all_properties(project: &Project, files: &[Arc<SourceFile>]) -> Self {
        let known = KnownProperties::of(project, files);
        let mut harvest = Harvest::default();
        if let Some((said, warnings)) = known.read() {
            (harvest.parsed.properties, harvest.problems) = (said, warnings);
            return harvest;
        }
        harvest.absorb_each(files, |file| Harvest::properties(properties::parse(file)));
        if !harvest.problems.has_errors() {
            known.keep((&harvest.parsed.properties, &harvest.problems));
        }
        harvest
    }

    /// The files keep their order, so that the graph does not depend on the timing of threads.
    fn absorb_each(&mut self, files: &[Arc<SourceFile>], parse: impl Fn(&Arc<SourceFile>) -> Harvest + Send + Sync) {
        let harvests: Vec<Harvest> = files.par_iter().map(parse).collect();
        harvests.into_iter().for_each(|harvest| self.absorb(harvest));
    }

    fn absorb(&mut self, other: Harvest) {
        self.parsed.assets.extend(other.parsed.assets);
        self.parsed.tests.extend(other.parsed.tests);
        self.parsed.checks.extend(other.parsed.checks);
        self.parsed.python_sources.extend(other.parsed.python_sources);
        self.parsed.python_checks.extend(other.parsed.python_checks);
        self.parsed.properties.assets.extend(other.parsed.properties.assets);
        self.parsed.properties.sources.extend(other.parsed.properties.sources);
        self.parsed.properties.checks.extend(other.parsed.properties.checks);
        self.parsed.properties.unit_tests.extend(other.parsed.properties.unit_tests);
        self.undeclared.extend(other.undeclared);
        self.problems.extend(other.problems);
    }
}
