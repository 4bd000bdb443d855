use super::*;

const ASSETS: &str = r#"
"""A module."""
import polars as pl
from dovetail import asset
import models.helpers as h
from .helpers import clean, Report as R
from models import settings

LIMIT = 3
UNUSED = 4

def local(x, by=LIMIT):
    """Doc."""
    total: int = x + by
    return total

@asset(tags=["a"], columns={"x": "BIGINT"})
def first(orders: pl.DataFrame):
    """One."""
    return local(clean(orders))

@asset
def second(first: "pl.LazyFrame", size=LIMIT):
    report = R()
    return report.run(h.scale(first), size)

@asset
def third(orders):
    def inner(limit):
        from models.deep.below import bottom
        return bottom(orders, limit)
    return inner(settings.RATE)
"#;

const HELPERS: &str = r#"
import functools
from lib.tools import trim as cut

FACTOR = 2

def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@logged
def clean(frame):
    # a comment
    return cut(frame, 'x')

def scale(frame):
    return frame * FACTOR

class Report:
    """A report."""
    title = "t"

    def run(self, frame, size):
        return self.title, frame, size

def unused(): return clean(1)
"#;

fn project() -> Files {
    files([
        ("models/orders.sql", "select 1 as id"),
        ("models/assets.py", ASSETS),
        ("models/helpers.py", HELPERS),
        ("models/settings.py", "RATE = 1\nOTHER = 2\n"),
        ("models/deep/__init__.py", ""),
        (
            "models/deep/below.py",
            "from ..settings import OTHER\n\ndef bottom(a, b):\n    return [a for a in b if a > OTHER]\n",
        ),
        ("lib/tools.py", "def trim(frame, what):\n    return (frame, what)\n\ndef other(): pass\n"),
    ])
}

#[test]
fn text_without_meaning_changes_nothing() {
    let project = project();
    let edits = [
        ("models/assets.py", "\"\"\"A module.\"\"\"", "'''Another.'''"),
        ("models/assets.py", "\"\"\"One.\"\"\"", "\"\"\"Two.\"\"\"\n    # why"),
        ("models/assets.py", "    \"\"\"Doc.\"\"\"\n", ""),
        ("models/assets.py", "total: int = x", "total = x"),
        (
            "models/assets.py",
            "tags=[\"a\"]",
            "tags=['b'], owner='me', description='d', retries=2, meta={'a': 1}, group='g'",
        ),
        ("models/assets.py", "return local(clean(orders))", "return (local(\n        clean(orders),\n    ))"),
        ("models/assets.py", "UNUSED = 4", "UNUSED = 5"),
        ("models/assets.py", "import models.helpers as h", "from models import helpers as h"),
        ("models/assets.py", "from .helpers import clean,", "from models.helpers import unused, clean,"),
        ("models/helpers.py", "# a comment", "# another comment"),
        ("models/helpers.py", "'x'", "\"x\""),
        ("models/helpers.py", "\"\"\"A report.\"\"\"", "pass"),
        ("models/helpers.py", "def unused(): return clean(1)", "def unused(): return clean(2)\n\ndef more(): ..."),
        ("lib/tools.py", "def other(): pass", "def other(): return 1"),
        ("lib/tools.py", "return (frame, what)", "return frame, what"),
        ("models/deep/__init__.py", "", "# nothing\n"),
    ];
    for (path, old, new) in edits {
        let after = if old.is_empty() { project.with(path, new) } else { project.edit(path, old, new) };
        assert_eq!(project.changed(&after), "", "{old} -> {new}");
    }
}

#[test]
fn meaning_changes_exactly_its_users() {
    let project = project();
    let edits = [
        ("models/helpers.py", "return cut(frame, 'x')", "return cut(frame, 'y')", "first"),
        ("models/helpers.py", "return function(*args)", "return function(*args) or 1", "first"),
        ("models/helpers.py", "@logged\n", "", "first"),
        ("models/helpers.py", "FACTOR = 2", "FACTOR = 3", "second"),
        ("models/helpers.py", "title = \"t\"", "title = \"u\"", "second"),
        ("models/helpers.py", "return self.title, frame, size", "return self.title, size, frame", "second"),
        ("models/helpers.py", "import trim as cut", "import other as cut", "first"),
        ("lib/tools.py", "return (frame, what)", "return (what, frame)", "first"),
        ("models/assets.py", "LIMIT = 3", "LIMIT = 5", "first second"),
        ("models/assets.py", "size=LIMIT", "size=4", "second"),
        ("models/assets.py", "by=LIMIT", "by=2", "first"),
        ("models/assets.py", "pl.DataFrame", "pl.LazyFrame", "first"),
        ("models/assets.py", "import polars as pl", "import pandas as pl", "first second"),
        ("models/assets.py", "\"BIGINT\"", "\"INTEGER\"", "first"),
        ("models/assets.py", "inner(settings.RATE)", "inner(settings.OTHER)", "third"),
        ("models/settings.py", "RATE = 1", "RATE = 1.0", "third"),
        ("models/settings.py", "OTHER = 2", "OTHER = 3", "third"),
        ("models/deep/below.py", "a > OTHER", "a >= OTHER", "third"),
        ("models/deep/below.py", "from ..settings import OTHER", "OTHER = 2", "third"),
        ("models/assets.py", "columns={", "name='first', inputs={'orders': 'third'}, columns={", "first"),
    ];
    for (path, old, new, expected) in edits {
        assert_eq!(project.changed(&project.edit(path, old, new)), expected, "{old} -> {new}");
    }
}

#[test]
fn what_a_module_does_on_import_counts_for_its_users() {
    let project = project();
    let base = project.edit("models/helpers.py", "FACTOR = 2", "FACTOR = {'a': 2}\nSIDE = []\n");
    let edits = [
        "pl.Config.set_tbl_rows(3)",
        "FACTOR['x'] = 1",
        "if FACTOR:\n    FACTOR = 3",
        "FACTOR = 7",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None",
        "_ = FACTOR.update(b=3)",
        "_ = register_all()",
        "from __future__ import annotations",
        "@SIDE.append\ndef kept(): ...",
        "import models.settings\nmodels.settings.RATE = 3",
    ];
    for statement in edits {
        let after = base.with("models/helpers.py", &format!("{statement}\n{}", base.0["models/helpers.py"]));
        assert_eq!(base.changed(&after), "first second third", "{statement}");
    }
    for harmless in [
        "LOG = logging.getLogger(__name__)",
        "PATTERN = re.compile('a')",
        "PATH = '/'.join(SIDE)",
        "if __name__ == '__main__':\n    print(1)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy",
        "'a text'",
        "@logged\ndef another(): ...",
        "class Other(Report): ...",
    ] {
        let after = base.with("models/helpers.py", &format!("{}\n{harmless}\n", base.0["models/helpers.py"]));
        assert_eq!(base.changed(&after), "", "{harmless}");
    }
    // Importing a module runs the packages around it and what it imports itself.
    assert_eq!(project.changed(&project.with("models/__init__.py", "print(1)")), "first second third");
    assert_eq!(project.changed(&project.with("models/deep/__init__.py", "print(1)")), "third");
    assert_eq!(project.changed(&project.with("lib/__init__.py", "print(1)")), "first second third");
}

#[test]
fn where_reach_cannot_be_decided_the_whole_module_counts() {
    let helpers = "def f(): return 1\ndef g(): return 2\nRATE = 1\n";
    let cases = [
        (
            "from .helpers import *\n",
            "f()",
            "`models/a.py` counts as a whole: it imports all names of `models.helpers`",
        ),
        (
            "from . import helpers\n",
            "getattr(helpers, chr(102))()",
            "`models/helpers.py` counts as a whole: `models/a.py` uses it as a value",
        ),
        ("from . import helpers\n", "getattr(helpers, 'f')()", ""),
        (
            "from . import helpers\n",
            "[helpers]",
            "`models/helpers.py` counts as a whole: `models/a.py` uses it as a value",
        ),
        ("from .helpers import f\n", "eval('f()')", "`models/a.py` counts as a whole: it uses `eval`"),
        (
            "import importlib\n",
            "importlib.import_module('models.' + 'helpers').f()",
            "`models/a.py` counts as a whole: it uses `importlib`",
        ),
        ("", "__import__('models.helpers')", "`models/a.py` counts as a whole: it uses `__import__`"),
        (
            "from . import helpers\n",
            "setattr(helpers, 'RATE', 2)",
            "`models/helpers.py` counts as a whole: `models/a.py` uses it as a value",
        ),
        ("def eval(x): return x\n", "eval(1)", ""),
    ];
    for (import, expression, expected) in cases {
        let text =
            format!("from dovetail import asset\n{import}def side(): return 1\n@asset\ndef a(): return {expression}\n");
        let project = files([("models/a.py", &text), ("models/helpers.py", helpers)]);
        let notes = project.versions()["a"].notes.clone();
        assert_eq!(notes.first().map_or("", String::as_str), expected, "{expression}");
        let counts = project.changed(&project.edit("models/helpers.py", "return 2", "return 3"));
        let all = notes.iter().any(|note| note.starts_with("`models/helpers.py`"));
        assert_eq!(counts, if all { "a" } else { "" }, "{expression}");
        let side = project.changed(&project.edit("models/a.py", "def side(): return 1", "def side(): return 2"));
        let own = notes.iter().any(|note| note.starts_with("`models/a.py`"));
        assert_eq!(side, if own { "a" } else { "" }, "{expression}");
    }
    let patching = files([
        (
            "models/a.py",
            "from dovetail import asset\nfrom . import helpers\n@asset\ndef a():\n    helpers.RATE = 2\n    return helpers.f()\n",
        ),
        ("models/helpers.py", helpers),
    ]);
    insta::assert_snapshot!(patching.versions()["a"].notes.join("\n"), @r"
    `models/a.py` counts as a whole: it changes names of `models/helpers.py`
    `models/helpers.py` counts as a whole: `models/a.py` changes names of it
    ");
    let broken = patching.with("models/helpers.py", "def f(:\n");
    insta::assert_snapshot!(broken.versions()["a"].notes.join("\n"), @r"
    `models/a.py` counts as a whole: it changes names of `models/helpers.py`
    `models/helpers.py` counts as a whole: it cannot be parsed
    ");
    assert_eq!(broken.changed(&broken.with("models/helpers.py", "def g(:\n")), "a");
}

#[test]
fn scopes_are_pythons() {
    let text = |body: &str| {
        format!(
            "from dovetail import asset\ndef clean(): return 1\n@asset\ndef a(x):\n{}\n",
            body.replace('\n', "\n   ").replace("^", "    ")
        )
    };
    // The body, and whether it reaches the module's `clean`.
    let cases = [
        ("^return clean()", true),
        ("^clean = 2\n return clean", false),
        ("^return [clean for clean in x]", false),
        ("^return [y for y in clean()]", true),
        ("^return [clean for clean in clean()]", true),
        ("^return (lambda clean: clean)(x)", false),
        ("^return (lambda y=clean: y)(x)", true),
        ("^global clean\n clean = 2\n return clean", true),
        ("^def inner():\n  return clean\n return inner", true),
        ("^def inner(clean):\n  return clean\n return inner", false),
        ("^def inner():\n  nonlocal clean\n  clean = 3\n clean = 1\n return inner", false),
        ("^class C:\n  clean = 1\n  def m(self):\n   return clean()\n return C", true),
        ("^with x as clean:\n  return clean", false),
        ("^try:\n  return 1\n except ValueError as clean:\n  return clean", false),
        ("^match x:\n  case [clean, *_]:\n   return clean", false),
        ("^import math as clean\n return clean", false),
        ("^for clean in x:\n  return clean", false),
        ("^return [(clean := y) for y in x], clean", false),
        ("^return x.clean", false),
        ("^return f'{clean()}'", true),
        ("^y: 'clean' = 1\n return y", false),
    ];
    for (body, reaches) in cases {
        let project = files([("models/x.sql", "select 1 as a"), ("models/a.py", &text(body))]);
        let changed = project.changed(&project.edit("models/a.py", "return 1", "return 7"));
        let expected = if reaches || body.contains("return 1") { "a" } else { "" };
        assert_eq!(changed, expected, "{body}");
    }
}

#[test]
fn imports_swapped_between_names_are_another_version() {
    let project = files([
        (
            "models/a.py",
            "from dovetail import asset\nfrom lib.h import f as one, g as two\n@asset\ndef a(): return one(two())\n",
        ),
        ("lib/h.py", "def f(*x): return 1\ndef g(*x): return 2\n"),
    ]);
    assert_eq!(project.changed(&project.edit("models/a.py", "f as one, g as two", "g as one, f as two")), "a");
    assert_eq!(project.changed(&project.edit("models/a.py", "f as one, g as two", "g as two, f as one")), "");
}

#[test]
fn packages_and_code_are_for_people() {
    let versions = project().versions();
    assert_eq!(versions["first"].packages, ["polars"]);
    assert_eq!(versions["third"].packages, [""; 0]);
    insta::assert_snapshot!(part_names(&versions["first"]).join("\n"), @r"
    config columns
    config materialized
    config relation
    constant models.assets.LIMIT
    function lib.tools.trim
    function models.assets.first
    function models.assets.local
    function models.helpers.clean
    function models.helpers.logged
    import models.assets.clean
    import models.assets.pl
    import models.helpers.cut
    import models.helpers.functools
    input orders
    ");
    insta::assert_snapshot!(versions["third"].code, @r"
    # models/assets.py
    from models import settings

    @asset
    def third(orders):
        def inner(limit):
            from models.deep.below import bottom
            return bottom(orders, limit)
        return inner(settings.RATE)

    # models/deep/below.py
    from ..settings import OTHER

    def bottom(a, b):
        return [a for a in b if a > OTHER]

    # models/settings.py
    RATE = 1

    OTHER = 2
    ");
    for version in versions.values() {
        assert_eq!(version.notes, [""; 0]);
    }
}

#[test]
fn cycles_and_depth_end() {
    let deep = format!("def deep(): return {}1{}\n", "[".repeat(300), "]".repeat(300));
    let project = files([
        (
            "models/a.py",
            "from dovetail import asset\nfrom lib.one import x\nfrom lib.deep import deep\n@asset\ndef a(): return x, deep()\n",
        ),
        ("lib/one.py", "from lib.two import x\nfrom lib.two import *\n"),
        ("lib/two.py", "from lib.one import x\nfrom lib.one import *\ny = 1\n"),
        ("lib/deep.py", &deep),
    ]);
    assert_eq!(project.changed(&project.edit("lib/two.py", "y = 1", "y = 2")), "a");
    assert_eq!(project.changed(&project.edit("lib/deep.py", "1", "2")), "a");
}

#[test]
fn factories_count_with_all_that_they_import() {
    use crate::graph::Body;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    let versions = |helper: &str, side: &str| {
        write(
            &root.join("models/a.py"),
            &format!(
                "from dovetail import asset\nfrom lib.h import f\ndef side(): return {side}\n@asset\ndef a(): return 1\n"
            ),
        );
        write(&root.join("lib/h.py"), &format!("def f(): return 1\ndef idle(): return {helper}\n"));
        let mut compiled = compile(&root, &LoadOptions::default(), None, None).unwrap();
        let id = compiled.graph.find("a").unwrap();
        let Body::Python(python) = &mut compiled.graph.nodes[id].body else { panic!() };
        python.body.imported = true;
        code_versions(&compiled.graph, &compiled.modules, &compiled.project, compiled.graph.ids())[&id].clone()
    };
    let before = versions("1", "1");
    insta::assert_snapshot!(before.notes.join("\n"), @r"
    `lib/h.py` counts as a whole: `models/a.py` makes assets by code and imports it
    `models/a.py` counts as a whole: it makes assets by code
    ");
    assert_eq!(before.hash, versions("1", "1 # one").hash);
    assert_ne!(before.hash, versions("1", "2").hash);
    assert_ne!(before.hash, versions("2", "1").hash);
}

#[test]
fn packages_pass_names_on() {
    let project = files([
        ("models/__init__.py", "from .inner import clean as tidy\nfrom . import inner\n"),
        ("models/inner.py", "def clean(): return 1\ndef idle(): return 2\n"),
        ("models/a.py", "from dovetail import asset\nfrom models import tidy\n@asset\ndef a(): return tidy()\n"),
        ("models/b.py", "from dovetail import asset\nimport models\n@asset\ndef b(): return models.inner.clean()\n"),
        ("models/c.py", "from dovetail import asset\nimport lib.deep.low\n@asset\ndef c(): return lib.deep.low.f()\n"),
        ("lib/deep/low.py", "def f(): return 1\ndef idle(): return 2\n"),
    ]);
    assert_eq!(project.changed(&project.edit("models/inner.py", "return 1", "return 3")), "a b");
    assert_eq!(project.changed(&project.edit("models/inner.py", "return 2", "return 3")), "");
    assert_eq!(project.changed(&project.edit("lib/deep/low.py", "return 1", "return 3")), "c");
    assert_eq!(project.changed(&project.edit("lib/deep/low.py", "return 2", "return 3")), "");
    assert!(project.versions().values().all(|version| version.notes.is_empty() && version.packages.is_empty()));
}

#[test]
fn an_io_manager_is_code_of_its_asset() {
    let project = files([(
        "models/a.py",
        "from dovetail import asset\nfrom dovetail.io import IOManager\nclass Mine(IOManager):\n    def load(self): return 1\n\
         @asset(materialized='object', io_manager=Mine())\ndef a(): return 1\n\
         @asset(materialized='object', io_manager='file')\ndef b(): return 1\n",
    )]);
    assert_eq!(project.changed(&project.edit("models/a.py", "load(self): return 1", "load(self): return 2")), "a");
    assert_eq!(project.changed(&project.edit("models/a.py", "'file'", "'pickle'")), "b");
    assert_eq!(project.changed(&project.edit("models/a.py", "'file'", "\"file\"")), "");
}

#[test]
fn a_function_that_gives_versions_is_code_of_its_asset() {
    let project = files([(
        "models/a.py",
        "from dovetail import asset\ndef newest(frame): return last(frame)\ndef last(frame): return frame[-1]\n\
         @asset(data_version=newest)\ndef a(): return 1\n\
         @asset(data_version='off')\ndef b(): return 1\n",
    )]);
    assert_eq!(project.changed(&project.edit("models/a.py", "frame[-1]", "frame[0]")), "a");
    assert_eq!(project.changed(&project.edit("models/a.py", "=newest", "=last")), "a");
    assert_eq!(project.changed(&project.edit("models/a.py", "(data_version='off')", "")), "");
}

#[test]
fn packages_may_count_but_for_a_version_of_its_own() {
    let project = files([(
        "models/a.py",
        "import polars\nfrom dovetail import asset\n@asset\ndef a(): return polars.DataFrame()\n\
         @asset(version=1)\ndef b(): return polars.DataFrame()\n@asset\ndef c(): return 1\n",
    )]);
    let versions = project.versions();
    assert_eq!(["a", "b", "c"].map(|name| versions[name].packages.len()), [1, 1, 0]);
    assert_eq!(["a", "b", "c"].map(|name| versions[name].counted_packages().len()), [1, 0, 0]);
}

#[test]
fn more_than_the_eye_sees_counts() {
    let project = files([
        (
            "models/a.py",
            "from dovetail import asset\nfrom lib.base import Base, make\nfrom lib.late import later\n\
             class Mine(Base):\n    x = 1\n\
             VALUE = make()\n\
             @asset\ndef a(): return Mine, VALUE\n\
             @asset\ndef b(): return later()\n",
        ),
        (
            "lib/base.py",
            "KINDS = []\nclass Base:\n    def __init_subclass__(cls):\n        KINDS.append(cls)\n    def f(self): return 1\n\
             class Other(Base):\n    y = 1\n\
             def make(): return helper()\ndef helper(): return 1\ndef idle(): return 1\n",
        ),
        (
            "lib/late.py",
            "from functools import lru_cache\nimport lib.base as base\n\
             @lru_cache\ndef cached(): return 1\n\
             def later():\n    match base.KINDS:\n        case [base.Base, *rest]:\n            return rest\n    return inner\n\
             async def inner():\n    async for x in base.helper():\n        yield x\n",
        ),
    ]);
    let edits = [
        ("lib/base.py", "def f(self): return 1", "def f(self): return 2", "a b"),
        // It registers itself with its base class when the module is imported.
        ("lib/base.py", "y = 1", "y = 2", "a b"),
        ("models/a.py", "x = 1", "x = 2", "a b"),
        ("lib/base.py", "def helper(): return 1", "def helper(): return 2", "a b"),
        ("lib/base.py", "def idle(): return 1", "def idle(): return 2", ""),
        ("lib/late.py", "def cached(): return 1", "def cached(): return 2", ""),
        ("lib/late.py", "return rest", "return [rest]", "b"),
    ];
    for (path, old, new, expected) in edits {
        assert_eq!(project.changed(&project.edit(path, old, new)), expected, "{old} -> {new}");
    }
}

#[test]
fn names_behind_a_function_or_a_frame_are_any_of_its_module() {
    for reads in ["h.f.__globals__['RATE']", "h.f.__globals__.get('RATE')", "getattr(h.f, '__globals__')['RATE']"] {
        let asset =
            format!("from lib import helpers as h\nfrom dovetail import asset\n@asset\ndef a():\n    return {reads}\n");
        let helpers = "RATE = 1\ndef f(): pass\n";
        let project = files([("models/a.py", asset.as_str()), ("lib/helpers.py", helpers)]);
        assert_eq!(project.changed(&project.edit("lib/helpers.py", "RATE = 1", "RATE = 2")), "a", "{reads}");
    }
    let frame = "import sys\nfrom dovetail import asset\nRATE = 1\n@asset\ndef a():\n    return sys._getframe().f_globals['RATE']\n";
    let project = files([("models/a.py", frame)]);
    assert_eq!(project.changed(&project.edit("models/a.py", "RATE = 1", "RATE = 2")), "a");
}

#[test]
fn a_package_under_another_name() {
    for text in ["x = lib.a\n    return x.b.V", "return f(lib)"] {
        let asset = format!("import lib.a.b\nfrom dovetail import asset\n@asset\ndef a():\n    {text}\n");
        let project = files([("models/a.py", asset.as_str()), ("lib/a/b.py", "V = 1\n"), ("other/c.py", "V = 1\n")]);
        assert_eq!(project.changed(&project.edit("lib/a/b.py", "V = 1", "V = 2")), "a", "{text}");
        assert_eq!(project.changed(&project.edit("other/c.py", "V = 1", "V = 2")), "", "{text}");
    }
}
