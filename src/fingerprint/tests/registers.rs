//! What is called when a module is imported, and may keep what it is given.

use super::*;

/// The cases for which it does not hold.
fn wrong(cases: impl IntoIterator<Item = (String, bool)>) -> Vec<String> {
    cases.into_iter().filter(|(_, is_right)| !is_right).map(|(case, _)| case).collect()
}

/// Whether an edit of `EDIT1` in a module that the asset only imports is another version of the asset.
fn counts(base: &str, plug: &str) -> bool {
    let asset = "import lib_plug\nimport lib_base\nfrom dovetail import asset\n@asset\ndef a():\n    return lib_base.ALL, lib_base.R\n";
    let base = format!("import functools, heapq, itertools, logging, time\nALL = []\n{base}");
    let base = if base.contains("R =") || base.contains("class R") { base } else { format!("{base}R = 0\n") };
    let project = files([("models/a.py", asset), ("lib_base.py", &base), ("lib_plug.py", plug)]);
    !project.changed(&project.edit("lib_plug.py", "EDIT1", "EDIT2")).is_empty()
}

const MAKES: &str = "from lib_base import R\nA = R('EDIT1')\n";

#[test]
fn constructors_that_are_not_plainly_quiet_keep_a_register() {
    let bodies = [
        "self.all += [n]",
        "self.all |= {n: 1}",
        "self.all.append(n)\n    def private(self): self.all = []",
        "me = self; me.all.append(n)",
        "al = self.all; al.append(n)",
        "heapq.heappush(self.all, n)",
        "al = self.all; heapq.heappush(al, n)",
        "setattr(type(self), 'all', [n])",
        "keep(self, n)",
        "self.keep(n)",
        "self.i = next(self.c)",
        "n.kids.append(self)",
        "self.parent = n; self.parent.kids.append(self)",
        "self.own = ALL; self.own.append(n)",
        "(x := self.all).append(n)",
        "getattr(self, 'all').append(n)",
        "getattr(self, 'keep')(n)",
        "for rows in [self.all]: rows.append(n)",
        "add = self.all.append; add(n)",
        "list(map(self.all.append, [n]))",
        "self.all[0].x = n",
        "del self.all[n]",
        "type(self).last = n",
        "heapq.heappush(ALL, n)",
        "keep(*[ALL], n)",
        "list.append(self.all, n)",
        "list(map(self.keep, [n]))",
        "sorted([n], key=self.keep)",
        "self.all.append(n); self.all = []",
        "if n: self.all = []\n        self.all.append(n)",
        "self.all.append(n)\n        def inner(self): self.all = []",
        "object.__setattr__(type(self), 'last', n)",
    ];
    let case = |body: &str| {
        let base = format!(
            "def keep(to, n): to.all.append(n)\nclass Base:\n    def keep(self, n): self.all.append(n)\n\
             class R(Base):\n    all = []\n    c = itertools.count()\n    def __init__(self, n):\n        {body}\n"
        );
        (body.to_owned(), counts(&base, MAKES))
    };
    assert_eq!(wrong(bodies.map(case)), [""; 0]);
    let plain =
        ["self.x = n", "object.__setattr__(self, 'x', n)", "self.all = []; self.all.append(n)", "print(len(self.all))"];
    assert_eq!(wrong(plain.map(case).map(|(body, counts)| (body, !counts))), [""; 0]);
}

#[test]
fn whatever_python_calls_of_a_class_may_keep_a_register() {
    let cases = [
        ("class R:\n    all = []\n    __init__ = lambda self, n: self.all.append(n)\n", MAKES),
        ("class R:\n    all = []\n    if True:\n        def __init__(self, n): self.all.append(n)\n", MAKES),
        ("class R:\n    all = []\n    def __init__(*a): a[0].all.append(a[1])\n", MAKES),
        (
            "class Base:\n    def __init__(self, n): self.hook(n)\n    def hook(self, n): pass\n\
             class R(Base):\n    all = []\n    def hook(self, n): self.all.append(n)\n",
            MAKES,
        ),
        (
            "class R:\n    all = []\n    def __set_name__(self, owner, name): self.all.append(owner)\n",
            "from lib_base import R\nclass A:\n    x = R()\n    v = 'EDIT1'\n",
        ),
        (
            "class R:\n    all = []\n    @classmethod\n    def make(cls, n): cls.all.append(n)\n",
            "from lib_base import R\nA = R.make('EDIT1')\n",
        ),
        (
            "class R:\n    all = []\n    @property\n    def v(self): return 1\n    @v.setter\n    def v(self, n): self.all.append(n)\n\
             \x20   def __init__(self, n): self.v = n\n",
            MAKES,
        ),
        (
            "class R:\n    all = []\n    def add(self, n): self.all.append(n)\n",
            "from lib_base import R\nA = R().add('EDIT1')\n",
        ),
        (
            "class Base:\n    def add(self, n): self.all.append(n)\nclass R(Base):\n    all = []\n",
            "from lib_base import R\nA = R().add('EDIT1')\n",
        ),
        (
            "class R:\n    class Inner:\n        all = []\n        def __init__(self, n): self.all.append(n)\n",
            "from lib_base import R\nA = R.Inner('EDIT1')\n",
        ),
        (
            "class R:\n    all = []\n    make = classmethod(lambda cls, n: cls.all.append(n))\n",
            "from lib_base import R\nA = R.make('EDIT1')\n",
        ),
        (
            "import abc\nclass M(abc.ABCMeta):\n    pass\nclass R(metaclass=M):\n    pass\n",
            "from lib_base import R\nclass A(R):\n    v = 'EDIT1'\n",
        ),
        (
            "class Made:\n    def __mro_entries__(self, bases): return ()\nR = Made()\n",
            "from lib_base import R\nclass A(R):\n    v = 'EDIT1'\n",
        ),
    ];
    assert_eq!(wrong(cases.map(|(base, plug)| (format!("{base}{plug}"), counts(base, plug)))), [""; 0]);
}

#[test]
fn functions_that_are_not_plainly_quiet_keep_a_register() {
    let decorated = "from lib_base import h\n@h\ndef f(): return 'EDIT1'\n";
    let cases = [
        ("def h(f):\n    a = ALL\n    a.append(f)\n    return f\n", decorated),
        ("def h(f, *, to=ALL):\n    to.append(f)\n    return f\n", decorated),
        ("def h(f):\n    heapq.heappush(ALL, f)\n    return f\n", decorated),
        ("def h(f):\n    ALL[0].append(f)\n    return f\n", decorated),
        ("h = lambda f: [a.append(f) for a in [ALL]]\n", decorated),
        ("def keep(to, n): list.append(to, n)\n", "from lib_base import ALL, keep\nA = keep(ALL, 'EDIT1')\n"),
        ("", "from lib_base import ALL\nA = list(map(lambda n: ALL.append(n), ['EDIT1']))\n"),
        ("", "from lib_base import ALL\n@lambda f: ALL.append(f) or f\ndef f(): return 'EDIT1'\n"),
        (
            "class R:\n    all = []\n    def __class_getitem__(cls, n): cls.all.append(n)\n",
            "from lib_base import R\nA = R['EDIT1']\n",
        ),
        ("def all(): return ALL\n", "from lib_base import all\nA = all().append('EDIT1')\n"),
        ("def all(): return ALL\ndef h(f):\n    rows = all()\n    rows.enroll(f)\n    return f\n", decorated),
        (
            "def h(f):\n    rows = logging.getLogger('x')\n    rows.addHandler(f)\n    [rows][0].addHandler(f)\n",
            decorated,
        ),
        (
            "class Kept:\n    all = []\n    def enroll(self, n): self.all.append(n)\ndef kept(): return Kept()\n",
            "from lib_base import kept\nA = kept().enroll('EDIT1')\n",
        ),
        (
            "class App:\n    def get(self, f): pass\nR = App()\ndef make(n):\n    @R.get\n    def inner(): return n\n    return inner\n",
            "from lib_base import make\nA = make('EDIT1')\n",
        ),
        ("def keep(to, n): to.append(n)\n", "from lib_base import ALL, keep\nA = keep(ALL, 'EDIT1')\n"),
        ("", "from lib_base import ALL\nA = (B := ALL).append('EDIT1')\n"),
        ("", "from lib_base import ALL\nA = list(map(ALL.append, ['EDIT1']))\n"),
        ("class R: pass\n", "from lib_base import R\nclass A:\n    R.v = 'EDIT1'\n"),
        ("", "from lib_base import ALL\nclass A:\n    ALL.append('EDIT1')\n"),
        ("class R: pass\n", "from lib_base import R\ndef f(t=setattr(R, 'v', 'EDIT1')): pass\n"),
        (
            "class App:\n    def __init__(self): self.routes = []\n    def get(self, k):\n        def keep(f):\n            self.routes.append(f)\n\
             \x20           return f\n        return keep\nR = App()\n",
            "from lib_base import R\n@R.get('k')\ndef f(): return 'EDIT1'\n",
        ),
        (
            "class App:\n    def __init__(self): self.routes = []\n    def get(self, k): self.routes.append(k)\nR = App()\n",
            "from lib_base import R\nA = R.get('EDIT1')\n",
        ),
    ];
    assert_eq!(wrong(cases.map(|(base, plug)| (format!("{base}{plug}"), counts(base, plug)))), [""; 0]);
}

#[test]
fn plain_things_keep_no_register() {
    let timed = "logger = logging.getLogger(__name__)\ndef timed(f):\n    @functools.wraps(f)\n    def wrapper(*args, **kwargs):\n\
                 \x20       start = time.time()\n        result = f(*args, **kwargs)\n        logger.info('%s', time.time() - start)\n\
                 \x20       return result\n    wrapper.plain = f\n    return wrapper\n";
    let class = |body: &str| format!("class Base:\n    def __init__(self, n): self.n = n\nclass R(Base):\n{body}\n");
    let cases = [
        (timed.to_owned(), "from lib_base import timed\n@timed\ndef f(): return 'EDIT1'\n"),
        (class("    def __init__(self, n): self.x = n"), MAKES),
        (class("    def __init__(self, n):\n        self.rows = []\n        self.rows.append(n)"), MAKES),
        (class("    def __init__(self, n): super().__init__(n)"), MAKES),
        (class("    def __init__(self, n): Base.__init__(self, n)"), MAKES),
        (class("    def __init__(self, n):\n        self.x, self.y = n, len(n)\n        self.z = [str(v) for v in n]"), MAKES),
        (class("    def __init__(self, n): self.f = n\n    def __call__(self, *a): return self.f(*a)"), MAKES),
        (class("    def __init__(self, n): self.fill(n)\n    def fill(self, n): self.x = n"), MAKES),
        (class("    def __init__(self, n): self.x = n\n    def later(self, n): self.all.append(n)"), MAKES),
        (class("    def __init__(self, n):\n        rows = {}\n        for v in n: rows[v] = 1\n        self.x = rows"), MAKES),
        (
            "import dataclasses\n@dataclasses.dataclass\nclass R:\n    n: str\n    rows: list = dataclasses.field(default_factory=list)\n"
                .to_owned(),
            MAKES,
        ),
        (
            "NAMES = ('a', 'b')\ndef make(n):\n    total = 0\n    rows = []\n    for name in NAMES:\n        total += 1\n\
             \x20       rows.append((name, n.upper()))\n    return rows\n"
                .to_owned(),
            "from lib_base import make\nA = make('EDIT1')\n",
        ),
        (
            "import polars as pl\ndef load(n):\n    frame = pl.scan_csv(n)\n    frame = frame.filter(pl.col('x').cast(pl.Int64) > 1)\n\
             \x20   return frame.select('x').collect()\n"
                .to_owned(),
            "from lib_base import load\nA = load('EDIT1').filter(1)\n",
        ),
        (class("    def __init__(self, n): self.x = n\n    def read(self): return self.x"), "from lib_base import R\nA = R('EDIT1').read()\n"),
        (String::new(), "import functools\n@functools.lru_cache\ndef f(): return 'EDIT1'\n"),
        (String::new(), "import re\nA = re.compile('EDIT1')\n"),
        (String::new(), "RATES = {'EDIT1': 1}\nA = sorted(RATES, key=lambda n: n.title())\nB = RATES['x']\n"),
        ("import enum\nclass R(enum.Enum):\n    X = 1\n".to_owned(), "from lib_base import R\nA = (R['X'], 'EDIT1')\n"),
        (String::new(), "RATES = {'x': 1}\nA = RATES.get('EDIT1')\n"),
        (String::new(), "from pathlib import Path\nA = Path('x') / 'EDIT1'\n"),
        (String::new(), "class A:\n    rows = {}\n    rows['x'] = 'EDIT1'\n"),
    ];
    assert_eq!(wrong(cases.map(|(base, plug)| (format!("{base}{plug}"), !counts(&base, plug)))), [""; 0]);
}

#[test]
fn what_finds_any_module_or_name_is_undecidable() {
    let asset = |reads: &str| {
        format!(
            "import inspect\nfrom lib import helpers as h\nfrom dovetail import asset\n@asset\ndef a():\n    return {reads}\n"
        )
    };
    for reads in ["getattr(h.f, '__glo' + 'bals__')['RATE']", "getattr(h.f(), '__globals__')"] {
        let project = files([("models/a.py", &asset(reads)), ("lib/helpers.py", "RATE = 1\ndef f(): return f\n")]);
        assert_eq!(project.changed(&project.edit("lib/helpers.py", "RATE = 1", "RATE = 2")), "a", "{reads}");
    }
    let project = files([
        ("models/a.py", &asset("inspect.getmodule(h.f)")),
        ("models/other.py", "RATE = 1\n"),
        ("lib/helpers.py", "def f(): return 1\n"),
    ]);
    assert_eq!(project.changed(&project.edit("models/other.py", "RATE = 1", "RATE = 2")), "a");
}

#[test]
fn decorators_of_packages_keep_what_they_are_put_on_unless_they_are_known_not_to() {
    let case = |decorator: &str| {
        let plug = format!(
            "import codecs, functools, pandas as pd, polars as pl, typing\n{decorator}\nclass T:\n    x = 'EDIT1'\n"
        );
        (decorator.to_owned(), counts("from polars.api import register_expr_namespace as reg\n", &plug))
    };
    let keeping = [
        "@pl.api.register_expr_namespace('tax')",
        "from polars.api import register_expr_namespace\n@register_expr_namespace('tax')",
        "from polars import api\n@api.register_lazyframe_namespace('tax')",
        "@pd.api.extensions.register_dataframe_accessor('tax')",
        "@codecs.register",
        "import lib_base\n@lib_base.reg('tax')",
        "from lib_base import reg\n@reg('tax')",
        "from numba.extending import overload\n@overload(len)",
        "import click\n@click.command('x')",
        "import click\nclass K:\n    @click.command('EDIT1')\n    def f(self): pass\n@typing.final",
    ];
    assert_eq!(wrong(keeping.map(case)), [""; 0]);
    let plain = [
        "@typing.final",
        "@functools.total_ordering",
        "import attrs\n@attrs.define",
        "from numba.experimental import jitclass\n@jitclass",
        "from tenacity import retry\n@retry(stop=1)",
        "from typing_extensions import overload\n@overload",
        "import pandera as pa\nclass S:\n    @pa.check('x')\n    def f(self): pass\n@typing.final",
        "import pydantic\n@pydantic.dataclasses.dataclass(frozen=True)",
        "from dovetail import asset\n@asset",
    ];
    assert_eq!(wrong(plain.map(case).map(|(case, counts)| (case, !counts))), [""; 0]);
}

#[test]
fn functions_that_change_what_they_are_given_have_effects() {
    let case = |plug: &str| {
        let plug =
            format!("import bisect, dataclasses, heapq, itertools, operator, random\nimport numpy as np\n{plug}\n");
        (plug.clone(), counts("C = iter([1])\n", &plug))
    };
    let changing = [
        "IDS = itertools.count()\nA = (next(IDS), 'EDIT1')",
        "from lib_base import C\nA = (next(C), 'EDIT1')",
        "import lib_base as b\nA = (next(b.C), 'EDIT1')",
        "L = [1]\nA = bisect.insort(L, 'EDIT1')",
        "L = [1]\nA = heapq.heappush(L, 'EDIT1')",
        "L = [1]\nA = list.append(L, 'EDIT1')",
        "L = [1]\nA = operator.iadd(L, ['EDIT1'])",
        "L = [1]\nA = (random.shuffle(L), 'EDIT1')",
        "L = np.ones(1)\nA = np.add(L, len('EDIT1'), out=L)",
        "IT = iter([1, 2])\nA = dict(zip(['EDIT1'], IT))",
        "IT = (n for n in [1])\nA = [*IT, 'EDIT1']",
        "IT = map(str, [1])\nA = 'EDIT1' in IT",
        "from itertools import count as c\nIT = c()\nA = (list(IT), 'EDIT1')",
        "IT = itertools.chain.from_iterable([[1]])\nA = (list(IT), 'EDIT1')",
        "from pathlib import Path\nIT = Path('d').iterdir()\nA = ([*IT], 'EDIT1')",
        "L = [2, 1]\nA = (list.sort(L), 'EDIT1')",
        "L = np.ones(1)\nA = (np.copyto(L, 1), 'EDIT1')",
        "def f():\n    for n in [1]:\n        yield n\nIT = f()\nA = (list(IT), 'EDIT1')",
        "IDS = itertools.count()\n@dataclasses.dataclass\nclass K:\n    s: str\n    n: int = dataclasses.field(default_factory=IDS.__next__)\n\
         A = K('EDIT1')",
    ];
    assert_eq!(wrong(changing.map(case)), [""; 0]);
    let plain = [
        "NAMES = ['x']\nN = NAMES.count('x')\nA = (N, 'EDIT1')",
        "def f():\n    yield 1\nA = (f(), 'EDIT1')",
        "L = [1]\nA = (sorted(L), 'EDIT1')",
        "L = np.ones(1)\nA = (np.add(L, 1), 'EDIT1')",
        "FEATURES = ['x']\nA = FEATURES + ['EDIT1']",
        "NAMES = ['x']\nA = (next(iter(NAMES)), 'EDIT1')",
        "import re\nA = (next(re.finditer('a', 'a')), 'EDIT1')",
        "L = np.ones(1)\nA = (np.add(L, 1, out=np.empty(1)), 'EDIT1')",
        "import polars as pl\nN = pl.count('x')\nA = (N, 'EDIT1')",
    ];
    assert_eq!(wrong(plain.map(case).map(|(case, counts)| (case, !counts))), [""; 0]);
}

#[test]
fn operators_items_and_properties_that_change_something_have_effects() {
    let base = "class R:\n    def __init__(self, n):\n        self.n = n\n        self.down = []\n\
                \x20   def __rshift__(self, o):\n        self.down.append(o.n)\n        return o\n\
                \x20   def __ror__(self, o): self.n = o\n\
                \x20   def __neg__(self): self.n -= 1\n\
                \x20   def __lt__(self, o): self.n = o\n\
                \x20   def __eq__(self, o): self.down.append(o)\n\
                \x20   def __hash__(self): return 1\n\
                \x20   def to(self): return self.n\n\
                \x20   @property\n    def converted(self): return self.to()\n\
                \x20   def __getitem__(self, n): self.down.append(n)\n\
                \x20   def __add__(self, o): return R(self.n + o.n)\n\
                \x20   @property\n    def one(self):\n        self.down.append(1)\n        return 1\n\
                \x20   @property\n    def half(self): return self.n / 2\n\
                a = R(1)\nb = R(2)\n\
                class S:\n    def __contains__(self, o): ALL.append(o)\nc = S()\ndef make(): return a\n\
                DEFAULTS = {}\nclass T:\n    path = 'x'\n    def __init__(self): self.cache = {}\n\
                \x20   def get(self, k): self.cache[k] = DEFAULTS.get(k)\nt = T()\n";
    let case = |value: &str| {
        let plug = format!("from lib_base import a, b, c, make, t\nimport lib_base\nA = ({value}, 'EDIT1')\n");
        (value.to_owned(), counts(base, &plug))
    };
    let changing = [
        "a >> b",
        "lib_base.a >> b",
        "1 | b",
        "1 in c",
        "-a",
        "0 < a < 5",
        "b > a",
        "a != b",
        "not (1 == b)",
        "make() >> b",
        "make().one",
        "a['x']",
        "lib_base.a.one",
        "a.one",
    ];
    assert_eq!(wrong(changing.map(case)), [""; 0]);
    let plain = ["a + b", "a.half", "a.n", "b.n + a.n", "[a, b]", "a is b", "a.converted", "t.path"];
    assert_eq!(wrong(plain.map(case).map(|(case, counts)| (case, !counts))), [""; 0]);
}

#[test]
fn halves_of_letters_and_docstrings_that_are_asked_for_count() {
    let module = |text: &str| format!("import inspect\nfrom dovetail import asset\n{text}\n");
    let edits = [
        ("C = '\\ud800'\n@asset\ndef a(): return C", "ud800", "ud801", "a"),
        ("class K:\n    'one'\n@asset\ndef a(): return inspect.getdoc(K)", "'one'", "'two'", "a"),
        ("class K:\n    'one'\n@asset\ndef a(): return K.x", "'one'", "'two'", ""),
    ];
    for (text, old, new, expected) in edits {
        let project = files([("models/a.py", &module(text))]);
        assert_eq!(project.changed(&project.edit("models/a.py", old, new)), expected, "{text}");
    }
}

#[test]
fn registries_are_followed() {
    let project = files([
        (
            "models/a.py",
            "from dovetail import asset\nfrom lib.registry import HANDLERS\nimport lib.handlers\n\
             @asset\ndef a(): return HANDLERS['x']()\n",
        ),
        (
            "models/b.py",
            "from dovetail import asset\nfrom lib.handlers import plain\n@asset\ndef b(): return plain()\n",
        ),
        (
            "lib/registry.py",
            "HANDLERS = {}\ndef handler(name):\n    def inner(f):\n        HANDLERS[name] = f\n        return f\n    return inner\n",
        ),
        (
            "lib/handlers.py",
            "from .registry import handler\n@handler('x')\ndef x(): return 1\ndef plain(): return 2\ndef idle(): return 3\n",
        ),
    ]);
    assert_eq!(project.changed(&project.edit("lib/handlers.py", "return 1", "return 4")), "a b");
    assert_eq!(project.changed(&project.edit("lib/handlers.py", "return 2", "return 4")), "b");
    assert_eq!(project.changed(&project.edit("lib/handlers.py", "return 3", "return 4")), "");
    let dispatch = files([(
        "models/a.py",
        "from dovetail import asset\nfrom functools import singledispatch\n@singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 2\n@asset\ndef a(): return f(1)\n",
    )]);
    assert_eq!(dispatch.changed(&dispatch.edit("models/a.py", "return 2", "return 3")), "a");
}

#[test]
fn classes_that_keep_what_they_are_given_are_registries() {
    let keepers = [
        "class K:\n    all = []\n    def __init_subclass__(cls): cls.all.append(cls)\n",
        "class M(type):\n    def __init__(cls, *x): cls.all.append(cls)\nclass K(metaclass=M):\n    all = []\n",
    ];
    for keeper in keepers {
        let text =
            format!("from dovetail import asset\n{keeper}class One(K):\n    x = 1\n@asset\ndef a(): return K.all\n");
        let project = files([("models/a.py", &text)]);
        assert_eq!(project.changed(&project.edit("models/a.py", "x = 1", "x = 2")), "a", "{keeper}");
    }
    let decorators = [
        "class K:\n    all = []\n    @classmethod\n    def add(cls, f):\n        cls.all.append(f)\n        return f\nk = K\n",
        "class K:\n    def __init__(self): self.all = []\n    def add(self, f):\n        self.all.append(f)\n        return f\nk = K()\n",
    ];
    for keeper in decorators {
        let name = if keeper.contains("classmethod") { "K" } else { "k" };
        let text = format!(
            "from dovetail import asset\n{keeper}@{name}.add\ndef one(): return 1\n@asset\ndef a(): return {name}.all\n"
        );
        let project = files([("models/a.py", &text)]);
        assert_eq!(project.changed(&project.edit("models/a.py", "return 1", "return 2")), "a", "{keeper}");
    }
}

#[test]
fn constructors_that_change_what_the_class_holds_keep_a_register() {
    let keeps = [
        "self.all.append(v)",
        "self.all[v:] = [v]",
        "self.__class__.all.append(v)",
        "type(self).last = v",
        "self.keep(v)\n    def keep(self, v): self.all.append(v)",
    ];
    let leaves = ["self.all = [v]\n        self.all.append(v)", "print(v)\n    def later(self, v): self.all.append(v)"];
    let changed = |constructor: &str| {
        let base = format!("class Rule:\n    all = []\n    def __init__(self, v):\n        {constructor}\n");
        let asset = "import lib.plug\nfrom lib import base\nfrom dovetail import asset\n@asset\ndef a():\n    return base.Rule.all\n";
        let plug = "from lib.base import Rule\nA = Rule(v = 1)\n";
        let project = files([("models/a.py", asset), ("lib/base.py", &base), ("lib/plug.py", plug)]);
        project.changed(&project.edit("lib/plug.py", "v = 1", "v = 2"))
    };
    keeps.iter().for_each(|constructor| assert_eq!(changed(constructor), "a", "{constructor}"));
    leaves.iter().for_each(|constructor| assert_eq!(changed(constructor), "", "{constructor}"));
}

#[test]
fn registries_in_other_modules() {
    let base = "class Rule:\n    all = []\n    v = 0\n    def __init__(self, v): Rule.all.append(v)\nR = []\n\
                class Meta(type):\n    def __new__(m, n, b, d):\n        R.append(d)\n        return super().__new__(m, n, b, d)\n";
    let cases = [
        ("from lib.base import Rule\nclass A(Rule):\n    v = 1\n", "sum(r.v for r in base.Rule.__subclasses__())"),
        ("from lib.base import Meta\nclass A(metaclass=Meta):\n    v = 1\n", "base.R"),
        ("from lib.base import Rule\nA = Rule(v = 1)\n", "base.Rule.all"),
    ];
    for (plug, reads) in cases {
        let asset = format!(
            "import lib.plug\nfrom lib import base\nfrom dovetail import asset\n@asset\ndef a():\n    return {reads}\n"
        );
        let project = files([("models/a.py", asset.as_str()), ("lib/base.py", base), ("lib/plug.py", plug)]);
        assert_eq!(project.changed(&project.edit("lib/plug.py", "v = 1", "v = 2")), "a", "{reads}");
    }
}
