//! Modules whose assets only an import can tell: asked once, then remembered by content.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dovetail::execute::{
    PythonCall, PythonCheck, PythonError, PythonErrorKind, PythonOutput, PythonRuntime, PythonSource, PythonVerdict,
};
use dovetail::parse::{AssetName, Manner, Parameter, ParsedAsset, ParsedBody, PythonBody, Reference, UpstreamName};
use dovetail::project::{Project as LoadedProject, Values};
use dovetail::source::{Place, SourceFile, Span};

use crate::harness::{Project, assert_said};

const FACTORY: &str = "\
from dovetail import asset

def make(name):
    @asset(name=name)
    def inner(base):
        return base

for name in ['x', 'y']:
    make(name)
";

/// Says that a module makes `x` and `y`, both over `base`.
struct Runtime {
    imports: Arc<AtomicUsize>,
    fails: bool,
}

impl PythonRuntime for Runtime {
    fn declarations(&self, _project: &LoadedProject, file: &Arc<SourceFile>) -> Result<Vec<ParsedAsset>, PythonError> {
        self.imports.fetch_add(1, Ordering::Relaxed);
        if self.fails {
            return Err(PythonError {
                kind: PythonErrorKind::Import,
                message: "ModuleNotFoundError: No module named 'pandas'".to_owned(),
                traceback: "Traceback (most recent call last):\n  File \"models/made.py\", line 1, in <module>"
                    .to_owned(),
                line: Some(1),
                hint: Some("install it: `pip install pandas`".to_owned()),
            });
        }
        Ok(["x", "y"].map(|name| made(file, name)).into())
    }

    fn observe(
        &self,
        _project: &LoadedProject,
        _sources: &[PythonSource<'_>],
    ) -> Vec<Result<Option<String>, PythonError>> {
        unreachable!("nothing is observed in these tests")
    }

    fn call(&self, _call: PythonCall<'_>) -> Result<PythonOutput, PythonError> {
        unreachable!("nothing runs in these tests")
    }

    fn check(&self, _call: PythonCall<'_>, _check: &PythonCheck<'_>) -> Result<PythonVerdict, PythonError> {
        unreachable!("nothing runs in these tests")
    }

    fn cancel(&self) {}

    fn versions(&self) -> Vec<(String, String)> {
        vec![("python".to_owned(), "3.13.0".to_owned())]
    }
}

fn made(file: &Arc<SourceFile>, name: &str) -> ParsedAsset {
    let place = Place::new(file, Span::new(70, 75));
    ParsedAsset {
        name: AssetName::new(name).unwrap(),
        file: Arc::clone(file),
        place: place.clone(),
        config: Values::from([("owner".to_owned(), "team:ops".into())]),
        description: Some(format!("Makes {name}.")),
        upstreams: vec![UpstreamName {
            reference: Reference::Asset { package: None, name: "base".to_owned() },
            place,
            manner: Manner::Parameter("base".to_owned()),
        }],
        body: ParsedBody::Python(PythonBody {
            config_places: std::collections::BTreeMap::new(),
            function: name.to_owned(),
            is_async: false,
            parameters: vec![Parameter {
                name: "base".to_owned(),
                annotation: Some("pl.DataFrame".to_owned()),
                reads: None,
            }],
            imported: true,
        }),
    }
}

fn project(fails: bool) -> (Project, Arc<AtomicUsize>) {
    let imports = Arc::new(AtomicUsize::new(0));
    let runtime = Runtime { imports: Arc::clone(&imports), fails };
    let project =
        Project::new().file("models/base.sql", "select 1 as i").file("models/made.py", FACTORY).python(runtime);
    (project, imports)
}

#[test]
fn a_factory_is_imported_once() {
    let (project, imports) = project(false);
    let first = project.run(&["ls", "-o", "json"]);
    assert_said!(first);
    assert_eq!(project.run(&["ls", "-o", "json"]).stdout, first.stdout);
    assert_eq!(imports.load(Ordering::Relaxed), 1);
    let project = project.file("models/base.sql", "select 2 as i");
    project.run(&["ls"]);
    assert_eq!(imports.load(Ordering::Relaxed), 1, "SQL cannot change what a module declares");
    let project = project.file("models/helper.py", "x = 1\n");
    project.run(&["ls"]);
    assert_eq!(imports.load(Ordering::Relaxed), 2, "modules import each other");
    let project = project.file("lib/names.py", "x = 1\n").file("models/helper.py", "import lib.other\n");
    let project = project.file("models/made.py", format!("from lib.names import x\n{FACTORY}"));
    project.run(&["ls"]);
    let project = project.file("lib/names.py", "x = 2\n").file("lib/unrelated.py", "x = 2\n");
    project.run(&["ls"]);
    assert_eq!(imports.load(Ordering::Relaxed), 4, "a module outside of the models folders is imported, too");
    let project = project.file("lib/unrelated.py", "x = 3\n").file("models/made.py", FACTORY);
    let project = project.file("models/helper.py", "x = 1\n");
    project.run(&["ls"]);
    let project = project.file(".dovetail/cache/declarations.json", "{\"version\": 99}");
    assert_eq!(project.run(&["ls", "-o", "json"]).stdout, first.stdout);
    assert_eq!(imports.load(Ordering::Relaxed), 6, "a cache of another version is not read");
}

#[test]
fn an_import_that_fails_says_why_it_happened() {
    let (project, imports) = project(true);
    assert_said!(project.run(&["ls"]));
    project.run(&["ls"]);
    assert_eq!(imports.load(Ordering::Relaxed), 2, "failures are not remembered");
}
