//! A project as far as it compiles at this moment, for whoever looks at it again and again while somebody types.
//!
//! A file whose text is what it was is not parsed again. One that is wrong takes part as it was when it was last right, so
//! that a word which is half written takes nothing from anybody else; one that never was right is left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::declarations::Declarations;
use super::{Compiled, Harvest, redacted};
use crate::diagnostic::{Diagnostics, Severity, Warned};
use crate::execute::PythonRuntime;
use crate::fingerprint::imported_files;
use crate::graph::{Resolved, Use, resolve_uses};
use crate::hash::of_pieces;
use crate::parse::sql::NamesMemory;
use crate::parse::{Parsed, properties, seed, sql};
use crate::project::Project;
use crate::scan::{Modules, Overlay, Scanned, scan_under};
use crate::source::SourceFile;
use crate::template::TemplateEnvironment;

/// So many times files that are wrong are exchanged for what they were, until the rest fits together.
const MOST_TRIES: usize = 6;

/// What a project is at this moment.
pub struct Draft {
    /// With some files as they were before, where they are wrong now; `None` where nothing fits together.
    pub compiled: Option<Compiled>,
    /// Where files name what they read.
    pub uses: Vec<Use>,
    /// All errors and warnings, of the files as they are now.
    pub problems: Diagnostics,
    /// Every file as it is now, by its path.
    pub files: BTreeMap<PathBuf, Arc<SourceFile>>,
}

/// What is remembered from one draft to the next.
#[derive(Default)]
pub struct Drafts {
    files: HashMap<PathBuf, Known>,
    templates: Option<Templates>,
    /// The hash of all that imports look at, as it is saved.
    importable: Option<blake3::Hash>,
}

/// A file and what it gave.
struct Known {
    file: Arc<SourceFile>,
    harvest: Harvest,
    /// What importing the module gave, where it has to be imported.
    imported: Option<Harvest>,
    /// How it took part in the last graph, where it is otherwise now.
    before: Option<Harvest>,
    /// Whether it is in the last graph as it is.
    took_part: bool,
    /// Whether it must be parsed again, although its text is what it was.
    is_expired: bool,
}

struct Templates {
    environment: Arc<TemplateEnvironment>,
    settings: String,
    macros: Vec<Arc<SourceFile>>,
}

/// What takes the place of a file in one attempt.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    AsItIs,
    AsItWas,
    LeftOut,
}

impl Drafts {
    /// Looks at the project with these texts over its files. `python` imports modules, as they are saved, whose assets cannot
    /// be read from their texts.
    pub fn draft(
        &mut self,
        project: Warned<Project>,
        overlay: &Overlay,
        python: Option<&dyn PythonRuntime>,
    ) -> Result<Draft, Diagnostics> {
        let Warned { value: project, warnings } = project;
        let mut scanned = scan_under(&project, overlay)?;
        let mut problems = warnings;
        self.keep_files(&mut scanned);
        if let Err(errors) = self.keep_templates(&project, &scanned) {
            problems.extend(errors);
        }
        let Some(templates) = self.templates.as_ref().map(|templates| Arc::clone(&templates.environment)) else {
            return Err(problems);
        };
        self.parse(&scanned, &templates);
        let modules = Modules::new(&project.root, &scanned.python);
        self.import(&project, (&scanned, &modules), overlay, python);
        let order = paths_in_order(&scanned);
        let (resolved, found) = self.resolve(&project, &order, &templates);
        problems.extend(redacted(found, &templates));
        let files = order.iter().map(|path| (path.clone(), Arc::clone(&self.files[path].file)));
        let files = files.chain(scanned.macros.iter().map(|file| (file.path().to_path_buf(), Arc::clone(file))));
        let files = files.collect();
        let (graph, uses) = match resolved {
            Some(Resolved { graph, uses }) => (Some(graph), uses),
            None => (None, Vec::new()),
        };
        let compiled = graph.map(|graph| Compiled {
            project: Arc::new(project),
            graph,
            templates,
            modules,
            warnings: Diagnostics::default(),
            messages: Vec::new(),
        });
        Ok(Draft { compiled, uses, problems: problems.sorted(), files })
    }

    /// Puts the files that are known in the place of those that were read and are the same; forgets those that are gone.
    fn keep_files(&mut self, scanned: &mut Scanned) {
        let Scanned { models, tests, python, properties, seeds, macros: _ } = scanned;
        for file in models.iter_mut().chain(tests).chain(python).chain(properties).chain(seeds) {
            match self.files.get(file.path()) {
                Some(known) if known.file.text() == file.text() => *file = Arc::clone(&known.file),
                _ => {}
            }
        }
        let present: BTreeSet<PathBuf> = paths_in_order(scanned).into_iter().collect();
        self.files.retain(|path, _| present.contains(path));
    }

    /// Makes the environment anew where a macro or a setting changed. Where a macro file is wrong, the one before stays.
    fn keep_templates(&mut self, project: &Project, scanned: &Scanned) -> Result<(), Diagnostics> {
        let settings = format!("{:?}", Project { environment: Arc::default(), file: None, ..project.clone() });
        let is_same =
            |one: &Arc<SourceFile>, other: &Arc<SourceFile>| one.path() == other.path() && one.text() == other.text();
        if let Some(known) = &self.templates {
            let same_macros = known.macros.len() == scanned.macros.len()
                && known.macros.iter().zip(&scanned.macros).all(|(one, other)| is_same(one, other));
            if same_macros && known.settings == settings {
                return Ok(());
            }
        }
        let environment = Arc::new(TemplateEnvironment::new(project, &scanned.macros)?);
        self.templates = Some(Templates { environment, settings, macros: scanned.macros.clone() });
        // Whatever a template says may be otherwise now.
        for file in scanned.models.iter().chain(&scanned.tests) {
            if let Some(known) = self.files.get_mut(file.path()) {
                known.is_expired = true;
            }
        }
        Ok(())
    }

    fn parse(&mut self, scanned: &Scanned, templates: &TemplateEnvironment) {
        self.parse_each(&scanned.models, |file| Harvest::asset(sql::parse(file, templates, &NamesMemory::default())));
        self.parse_each(&scanned.tests, |file| Harvest::test(sql::parse(file, templates, &NamesMemory::default())));
        self.parse_each(&scanned.python, Harvest::module);
        self.parse_each(&scanned.properties, |file| Harvest::properties(properties::parse(file)));
        self.parse_each(&scanned.seeds, |file| Harvest::asset(seed::parse(file).map_err(Diagnostics::from)));
    }

    fn parse_each(&mut self, files: &[Arc<SourceFile>], parse: impl Fn(&Arc<SourceFile>) -> Harvest + Send + Sync) {
        let is_new = |file: &&Arc<SourceFile>| {
            self.files.get(file.path()).is_none_or(|known| known.is_expired || !Arc::ptr_eq(&known.file, file))
        };
        let new: Vec<&Arc<SourceFile>> = files.iter().filter(is_new).collect();
        let harvests: Vec<Harvest> = new.par_iter().map(|file| parse(file)).collect();
        for (file, harvest) in new.into_iter().zip(harvests) {
            let before = self.files.remove(file.path()).and_then(Known::into_part);
            let file = Arc::clone(file);
            let path = file.path().to_path_buf();
            let known = Known { file, harvest, imported: None, before, took_part: false, is_expired: false };
            self.files.insert(path, known);
        }
    }

    /// Imports what must be imported, once for each state of the files that are saved: what nobody saved cannot be imported.
    fn import(
        &mut self,
        project: &Project,
        (scanned, modules): (&Scanned, &Modules),
        overlay: &Overlay,
        python: Option<&dyn PythonRuntime>,
    ) {
        let undeclared = |file: &&Arc<SourceFile>| !self.files[file.path()].harvest.undeclared.is_empty();
        let files: Vec<&Arc<SourceFile>> = scanned.python.iter().filter(undeclared).collect();
        if files.is_empty() {
            return;
        }
        let imported = imported_files(modules, files.iter().map(|file| &***file));
        let importable = scanned.python.iter().chain(&scanned.properties).chain(&imported);
        let saved = importable.filter(|file| overlay.get(file.path()).is_none());
        let pieces = saved.flat_map(|file| [file.path().as_os_str().as_encoded_bytes(), file.text().as_bytes()]);
        let importable = of_pieces(pieces);
        let is_same = self.importable.replace(importable) == Some(importable);
        let declarations = Declarations::new(project, scanned, modules, python);
        for file in files {
            let Some(known) = self.files.get_mut(file.path()) else { continue };
            let is_saved = overlay.get(file.path()).is_none();
            if is_saved && !(is_same && known.imported.is_some()) {
                if std::mem::take(&mut known.took_part) {
                    known.before = Some(known.whole());
                }
                known.imported = Some(declarations.declare(known.harvest.undeclared.clone()));
            }
        }
    }

    /// The graph of the files, those that are wrong as they were before, and all that is wrong with the files as they are.
    fn resolve(
        &mut self,
        project: &Project,
        order: &[PathBuf],
        templates: &TemplateEnvironment,
    ) -> (Option<Resolved>, Diagnostics) {
        let mut problems = Diagnostics::default();
        let mut parts: HashMap<PathBuf, Part> = HashMap::new();
        for path in order {
            let known = &self.files[path];
            problems.extend(known.problems().0.iter().cloned());
            parts.insert(path.clone(), if known.is_whole() { Part::AsItIs } else { known.instead() });
        }
        let missing = Missing::of(&parts);
        let mut tells = true;
        for _ in 0..MOST_TRIES {
            let mut parsed = self.parsed(order, &parts);
            let checks = Harvest::checks(&parsed.properties, templates, &NamesMemory::default());
            parsed.checks = checks.parsed.checks;
            if tells {
                problems.extend(checks.problems);
            }
            match resolve_uses(project, parsed, templates) {
                Ok(resolved) => {
                    if tells {
                        problems.extend(missing.not_of(resolved.warnings));
                    }
                    self.took_part(&parts);
                    return (Some(resolved.value), problems);
                }
                Err(found) => {
                    let blamed = self.blamed(&found, &parts);
                    if std::mem::take(&mut tells) {
                        problems.extend(missing.not_of(found));
                    }
                    if blamed.is_empty() {
                        break;
                    }
                    for (path, part) in blamed {
                        parts.insert(path, part);
                    }
                }
            }
        }
        (None, problems)
    }

    /// Everything that the files declare, in order.
    fn parsed(&self, order: &[PathBuf], parts: &HashMap<PathBuf, Part>) -> Parsed {
        let mut all = Harvest::default();
        for path in order {
            let known = &self.files[path];
            match parts[path] {
                Part::AsItIs => all.absorb(known.whole()),
                Part::AsItWas => all.absorb(known.before.clone().unwrap_or_default()),
                Part::LeftOut => {}
            }
        }
        all.parsed
    }

    /// The files to which errors point, and what should stand in their places.
    fn blamed(&self, errors: &Diagnostics, parts: &HashMap<PathBuf, Part>) -> Vec<(PathBuf, Part)> {
        let places = errors.0.iter().filter(|problem| problem.severity == Severity::Error);
        let paths: BTreeSet<&Path> = places.filter_map(|problem| Some(problem.place.as_ref()?.file.path())).collect();
        let change = |path: &Path| {
            let known = self.files.get(path)?;
            match parts.get(path)? {
                Part::AsItIs => Some((path.to_path_buf(), known.instead())),
                Part::AsItWas => Some((path.to_path_buf(), Part::LeftOut)),
                Part::LeftOut => None,
            }
        };
        paths.into_iter().filter_map(change).collect()
    }

    /// Takes down how each file took part in a graph that fits together.
    fn took_part(&mut self, parts: &HashMap<PathBuf, Part>) {
        for (path, part) in parts {
            let Some(known) = self.files.get_mut(path) else { continue };
            if *part == Part::AsItIs {
                known.took_part = true;
                known.before = None;
            }
        }
    }
}

impl Known {
    /// What stands in its place when it is wrong.
    fn instead(&self) -> Part {
        if self.before.is_some() { Part::AsItWas } else { Part::LeftOut }
    }

    /// What it gives, with what importing it gave.
    fn whole(&self) -> Harvest {
        let mut whole = self.harvest.clone();
        if let Some(imported) = &self.imported {
            whole.absorb(imported.clone());
        }
        whole
    }

    fn is_whole(&self) -> bool {
        let is_imported = self.harvest.undeclared.is_empty() || self.imported.is_some();
        is_imported && !self.problems().has_errors()
    }

    fn problems(&self) -> Diagnostics {
        let imported = self.imported.iter().flat_map(|imported| imported.problems.0.iter());
        Diagnostics(self.harvest.problems.0.iter().chain(imported).cloned().collect())
    }

    /// As what it takes part from now on where its next text is wrong.
    fn into_part(self) -> Option<Harvest> {
        if self.took_part { Some(self.whole()) } else { self.before }
    }
}

/// What is left out is missed by others, which is no mistake of theirs.
enum Missing {
    /// Assets of these names.
    Named(Vec<String>),
    /// Whatever modules and property files declare.
    Anything,
}

impl Missing {
    fn of(parts: &HashMap<PathBuf, Part>) -> Self {
        let left_out = parts.iter().filter(|(_, part)| **part == Part::LeftOut).map(|(path, _)| path);
        let name = |path: &PathBuf| {
            let is_named = path.extension().is_some_and(|extension| extension == "sql" || extension == "csv");
            path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_named).map(str::to_owned)
        };
        left_out.map(name).collect::<Option<_>>().map_or(Missing::Anything, Missing::Named)
    }

    /// The problems that have nothing to do with it.
    fn not_of(&self, problems: Diagnostics) -> Diagnostics {
        let Missing::Named(names) = self else { return Diagnostics::default() };
        let is_other = |text: &str| !names.iter().any(|name| text.to_lowercase().contains(&name.to_lowercase()));
        Diagnostics(problems.0.into_iter().filter(|problem| is_other(&problem.message)).collect())
    }
}

/// The files that declare something, always in the same order, so that the graph depends on nothing else.
fn paths_in_order(scanned: &Scanned) -> Vec<PathBuf> {
    let Scanned { models, tests, python, properties, seeds, macros: _ } = scanned;
    let files = models.iter().chain(tests).chain(python).chain(properties).chain(seeds);
    files.map(|file| file.path().to_path_buf()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{LoadOptions, load};

    struct Folder {
        folder: tempfile::TempDir,
        drafts: Drafts,
        overlay: Overlay,
    }

    impl Folder {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Folder { folder, drafts: Drafts::default(), overlay: Overlay::default() }
        }

        fn draft(&mut self) -> Draft {
            let project = load(self.folder.path(), &LoadOptions::default()).unwrap();
            self.drafts.draft(project, &self.overlay, None).unwrap()
        }

        fn typed(&mut self, path: &str, text: &str) -> Draft {
            self.overlay.insert(SourceFile::new(path, text));
            self.draft()
        }
    }

    /// The files of all problems.
    fn wrong(draft: &Draft) -> Vec<&str> {
        let places = draft.problems.0.iter().map(|problem| problem.place.as_ref().unwrap());
        places.map(|place| place.file.path().to_str().unwrap()).collect()
    }

    /// `reader<upstream` of all edges.
    fn edges(draft: &Draft) -> Vec<String> {
        let graph = &draft.compiled.as_ref().unwrap().graph;
        let edge =
            |id| graph.upstream(id).map(move |above| format!("{}<{}", graph.node(id).name, graph.node(above).name));
        graph.ids().flat_map(edge).collect()
    }

    const A: (&str, &str) = ("models/a.sql", "select 1 as x");
    const B: (&str, &str) = ("models/b.sql", "select x from a");

    #[test]
    fn what_is_wrong_takes_part_as_it_was() {
        let mut folder = Folder::new(&[A, B]);
        assert!(wrong(&folder.draft()).is_empty());
        let draft = folder.typed("models/a.sql", "select 1 as (");
        assert_eq!((wrong(&draft), edges(&draft)), (vec!["models/a.sql"], vec!["b<a".to_owned()]));
        assert_eq!(draft.files[Path::new("models/a.sql")].text(), "select 1 as (");
        let draft = folder.typed("models/b.sql", "select x from nowhere");
        assert_eq!((wrong(&draft), edges(&draft)), (vec!["models/a.sql", "models/b.sql"], vec!["b<a".to_owned()]));
        let draft = folder.typed("models/a.sql", "select 2 as x");
        assert_eq!((wrong(&draft), edges(&draft)), (vec!["models/b.sql"], vec!["b<a".to_owned()]));
        let draft = folder.typed("models/b.sql", "select 1 as y");
        assert_eq!((wrong(&draft).len(), edges(&draft).len()), (0, 0));
    }

    #[test]
    fn what_never_was_right_is_left_out_and_told_once() {
        let mut folder = Folder::new(&[A, B, ("models/c.sql", "select from {{ ref("), ("models/d.sql", "from c")]);
        let draft = folder.draft();
        assert_eq!((wrong(&draft), edges(&draft)), (vec!["models/c.sql"], vec!["b<a".to_owned()]));
        // What has nothing to do with it is told all the same.
        let draft = folder.typed("models/b.sql", "select x from nowhere");
        assert_eq!(wrong(&draft), ["models/b.sql", "models/c.sql"]);
        folder.typed("models/b.sql", "select x from a");
        let draft = folder.typed("models/c.sql", "select 1 as y");
        assert_eq!((wrong(&draft), edges(&draft)), (vec![], vec!["b<a".to_owned(), "d<c".to_owned()]));
    }

    #[test]
    fn macros_that_are_wrong_stay_what_they_were() {
        let mut folder = Folder::new(&[
            ("macros/m.sql", "{% macro one() %}1{% endmacro %}"),
            ("models/a.sql", "select {{ one() }} as x"),
        ]);
        assert!(wrong(&folder.draft()).is_empty());
        let draft = folder.typed("macros/m.sql", "{% macro one() %}1");
        assert_eq!(wrong(&draft), ["macros/m.sql"]);
        assert!(draft.compiled.is_some());
        let draft = folder.typed("macros/m.sql", "{% macro two() %}1{% endmacro %}");
        assert_eq!(wrong(&draft), ["models/a.sql"]);
        assert!(draft.compiled.is_some());
    }

    #[test]
    fn only_what_changed_is_parsed_again() {
        let mut folder = Folder::new(&[A, B]);
        let before = folder.draft();
        let after = folder.typed("models/b.sql", "select x + 1 as x from a");
        let file = |draft: &Draft, path: &str| Arc::clone(&draft.files[Path::new(path)]);
        assert!(Arc::ptr_eq(&file(&before, "models/a.sql"), &file(&after, "models/a.sql")));
        assert!(!Arc::ptr_eq(&file(&before, "models/b.sql"), &file(&after, "models/b.sql")));
        let uses: Vec<&str> =
            after.uses.iter().map(|one| &one.place.file.text()[one.place.span.start..one.place.span.end]).collect();
        assert_eq!(uses, ["a"]);
    }
}
