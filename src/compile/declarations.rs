//! Assets that only importing a module can tell, remembered by the content of the project's Python files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Harvest;
use crate::diagnostic::{Code, Diagnostic};
use crate::execute::{PythonError, PythonRuntime};
use crate::fingerprint::imported_files;
use crate::hash::of_pieces;
use crate::parse::python::WrittenArguments;
use crate::parse::{AssetName, Manner, Parameter, ParsedAsset, ParsedBody, PythonBody, Reference, UpstreamName};
use crate::project::{Project, Values};
use crate::scan::{Modules, Scanned};
use crate::source::{Place, SourceFile, Span};

/// A module that must be imported, and why.
#[derive(Clone)]
pub(super) struct Undeclared {
    pub file: Arc<SourceFile>,
    pub because: String,
    pub place: Place,
    pub written: WrittenArguments,
}

/// Imports modules for their declarations, or remembers what an import gave before.
pub(super) struct Declarations<'a> {
    project: &'a Project,
    scanned: &'a Scanned,
    modules: &'a Modules,
    python: Option<&'a dyn PythonRuntime>,
}

/// What is kept on disk; a file of another version or of other content is ignored and replaced.
#[derive(Default, Serialize, Deserialize)]
struct Cache {
    version: u32,
    /// Hash of dovetail's version and of all Python and property files, and of what they import of the project.
    content: String,
    modules: BTreeMap<String, Vec<KnownAsset>>,
}

const CACHE_VERSION: u32 = 2;

impl<'a> Declarations<'a> {
    pub fn new(
        project: &'a Project,
        scanned: &'a Scanned,
        modules: &'a Modules,
        python: Option<&'a dyn PythonRuntime>,
    ) -> Self {
        Declarations { project, scanned, modules, python }
    }

    pub fn declare(&self, undeclared: Vec<Undeclared>) -> Harvest {
        let mut harvest = Harvest::default();
        if undeclared.is_empty() {
            return harvest;
        }
        let mut cache = self.read_cache(self.content_hash(&undeclared));
        let mut learnt = false;
        for module in &undeclared {
            let key = module.file.path().to_string_lossy().into_owned();
            let known = cache.modules.get(&key).and_then(|known| self.recall(known, &module.file));
            match known.map_or_else(|| self.import(module).inspect(|_| learnt = true), Ok) {
                Ok(mut assets) => {
                    if let Some(known) = assets.iter().map(KnownAsset::of).collect() {
                        cache.modules.insert(key, known);
                    }
                    module.written.place(&mut assets);
                    harvest.parsed.assets.extend(assets);
                }
                Err(problem) => harvest.problems.push(*problem),
            }
        }
        if learnt {
            self.write_cache(&cache);
        }
        harvest
    }

    fn import(&self, module: &Undeclared) -> Result<Vec<ParsedAsset>, Box<Diagnostic>> {
        let path = module.file.path().display();
        let Some(python) = self.python else {
            let message = format!("`{path}` must be imported to know its assets, and there is no Python");
            return Err(Box::new(
                Diagnostic::error(Code::PythonUnavailable, message)
                    .at(module.place.clone())
                    .label(&module.because)
                    .hint("run the `dovetail` command that `pip install` put beside your Python"),
            ));
        };
        python.declarations(self.project, &module.file).map_err(|error| Box::new(import_problem(module, &error)))
    }

    fn recall(&self, known: &[KnownAsset], file: &Arc<SourceFile>) -> Option<Vec<ParsedAsset>> {
        known.iter().map(|asset| asset.parsed(file, &self.scanned.python)).collect()
    }

    fn cache_path(&self) -> PathBuf {
        self.project.root.join(".dovetail").join("cache").join("declarations.json")
    }

    /// An empty cache when there is none that fits: it only saves time.
    fn read_cache(&self, content: String) -> Cache {
        let text = std::fs::read(self.cache_path()).unwrap_or_default();
        match serde_json::from_slice::<Cache>(&text) {
            Ok(cache) if cache.version == CACHE_VERSION && cache.content == content => cache,
            _ => Cache { version: CACHE_VERSION, content, modules: BTreeMap::new() },
        }
    }

    /// A cache that cannot be written costs an import next time and nothing else.
    fn write_cache(&self, cache: &Cache) {
        let path = self.cache_path();
        let Some(folder) = path.parent() else { return };
        let Ok(text) = serde_json::to_vec(cache) else { return };
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&beside, text))
            .and_then(|()| std::fs::rename(&beside, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
    }

    /// Of all that importing these modules may look at: they import each other, and modules outside of the models folders.
    fn content_hash(&self, undeclared: &[Undeclared]) -> String {
        let imported = imported_files(self.modules, undeclared.iter().map(|module| &*module.file));
        let files = self.scanned.python.iter().chain(&self.scanned.properties).chain(&imported);
        let pieces = files.flat_map(|file| [file.path().as_os_str().as_encoded_bytes(), file.text().as_bytes()]);
        of_pieces(std::iter::once(env!("CARGO_PKG_VERSION").as_bytes()).chain(pieces)).to_hex().to_string()
    }
}

fn import_problem(module: &Undeclared, error: &PythonError) -> Diagnostic {
    let place = match error.line {
        Some(line) => Place::new(&module.file, module.file.line_span(line)),
        None => module.place.clone(),
    };
    let mut problem = Diagnostic::error(
        Code::PythonImport,
        format!("`{}` could not be imported: {}", module.file.path().display(), error.message),
    )
    .at(place)
    .hint_if(error.hint.clone());
    if !error.traceback.is_empty() {
        problem = problem.details(&error.traceback);
    }
    problem.hint(format!("it had to be imported because {}", module.because))
}

/// A `ParsedAsset` of Python as it is kept on disk.
#[derive(Serialize, Deserialize)]
struct KnownAsset {
    name: String,
    place: KnownPlace,
    config: Values,
    description: Option<String>,
    upstreams: Vec<KnownUpstream>,
    function: String,
    is_async: bool,
    parameters: Vec<Parameter>,
}

#[derive(Serialize, Deserialize)]
struct KnownUpstream {
    package: Option<String>,
    name: String,
    place: KnownPlace,
    /// `None` for an edge without data.
    parameter: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KnownPlace {
    path: PathBuf,
    start: usize,
    end: usize,
}

impl KnownAsset {
    /// `None` for what is not an asset function or names its upstreams in another way: it is imported each time.
    fn of(asset: &ParsedAsset) -> Option<Self> {
        let ParsedBody::Python(body) = &asset.body else { return None };
        Some(KnownAsset {
            name: asset.name.as_str().to_owned(),
            place: KnownPlace::of(&asset.place),
            config: asset.config.clone(),
            description: asset.description.clone(),
            upstreams: asset.upstreams.iter().map(KnownUpstream::of).collect::<Option<_>>()?,
            function: body.function.clone(),
            is_async: body.is_async,
            parameters: body.parameters.clone(),
        })
    }

    fn parsed(&self, file: &Arc<SourceFile>, files: &[Arc<SourceFile>]) -> Option<ParsedAsset> {
        Some(ParsedAsset {
            name: AssetName::new(&self.name)?,
            file: Arc::clone(file),
            place: self.place.place(files)?,
            config: self.config.clone(),
            description: self.description.clone(),
            upstreams: self.upstreams.iter().map(|upstream| upstream.parsed(files)).collect::<Option<_>>()?,
            body: ParsedBody::Python(PythonBody {
                function: self.function.clone(),
                is_async: self.is_async,
                parameters: self.parameters.clone(),
                imported: true,
                config_places: BTreeMap::new(),
            }),
        })
    }
}

impl KnownUpstream {
    fn of(upstream: &UpstreamName) -> Option<Self> {
        let Reference::Asset { package, name } = &upstream.reference else { return None };
        let parameter = match &upstream.manner {
            Manner::Parameter(parameter) => Some(parameter.clone()),
            Manner::Dependency => None,
            Manner::Call | Manner::PlainName { .. } | Manner::Text { .. } | Manner::Argument => return None,
        };
        let place = KnownPlace::of(&upstream.place);
        Some(KnownUpstream { package: package.clone(), name: name.clone(), place, parameter })
    }

    fn parsed(&self, files: &[Arc<SourceFile>]) -> Option<UpstreamName> {
        Some(UpstreamName {
            reference: Reference::Asset { package: self.package.clone(), name: self.name.clone() },
            place: self.place.place(files)?,
            manner: self.parameter.clone().map_or(Manner::Dependency, Manner::Parameter),
        })
    }
}

impl KnownPlace {
    fn of(place: &Place) -> Self {
        KnownPlace { path: place.file.path().to_path_buf(), start: place.span.start, end: place.span.end }
    }

    fn place(&self, files: &[Arc<SourceFile>]) -> Option<Place> {
        let file = files.iter().find(|file| file.path() == self.path)?;
        Some(Place::new(file, Span::new(self.start, self.end)))
    }
}
