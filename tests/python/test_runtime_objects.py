"""Objects and IO managers, factories, helper modules, plain functions in tests."""

from __future__ import annotations

import importlib.util
import sys

import pytest

IMPORTS = """from dovetail import Context, FileIO, IOManager, asset, sql
import pyarrow as pa

"""


def test_objects_of_project_classes_in_another_process(project) -> None:
    project.write(
        "models/ml/train.py",
        IMPORTS
        + """
class Model:
    def __init__(self, mean): self.mean = mean

@asset(materialized="object")
def model() -> Model: return Model(2.5)

@asset(materialized="object")
async def nothing(): return None
""",
    )
    project.write(
        "models/ml/use.py",
        IMPORTS
        + """
@asset
def use(model, nothing):
    assert nothing is None
    return pa.table({'mean': [model.mean]})
""",
    )
    project.dovetail("run", "--select", "model", "nothing")
    project.dovetail("run", "--select", "use")
    assert project.query("from use") == [{"mean": 2.5}]


def test_files(project) -> None:
    project.write(
        "models/reports.py",
        IMPORTS
        + """
class Figure:
    def savefig(self, path):
        with open(path, "w") as file:
            file.write("<svg/>")

@asset(materialized="object", io_manager="file")
def text(): return "hello"
@asset(materialized="object", io_manager=FileIO)
def page(): return "<html></html>"
@asset(materialized="object", io_manager=FileIO("charts/{asset}.svg"))
def chart(): return Figure()
@asset(materialized="object", io_manager=FileIO("data.bin"))
def raw(): return b"abc"
@asset(materialized="object", io_manager=FileIO("../outside.txt"))
def outside(): return "x"
@asset(materialized="object", io_manager="file")
def number(): return 42
@asset
def use(chart, raw): return pa.table({"chart": [chart.read_text()], "raw": [raw.read_bytes()]})
""",
    )
    errors = project.dovetail("run", code=1).stderr
    files = {str(path.relative_to(project.root)) for path in (project.root / "target").rglob("*") if path.is_file()}
    assert {
        "target/reports/text.txt",
        "target/reports/page.html",
        "target/charts/chart.svg",
        "target/data.bin",
    } <= files
    assert not any("outside" in name or name.startswith("target/reports/.") for name in files)
    assert "error[DT0607]: `outside` failed: `file` could not store `outside`: ValueError" in errors
    assert "`../outside.txt` leads out of the folder" in errors
    assert "`FileIO` cannot write a int" in errors
    assert project.query("select chart from use") == [{"chart": "<svg/>"}]


def test_managers_of_ones_own(project) -> None:
    project.write(
        "models/m.py",
        IMPORTS
        + """
class Text(IOManager):
    def save(self, context: Context, value) -> bytes:
        return f"{context.asset}:{value}".encode()
    def load(self, context: Context, payload: bytes):
        return payload.decode() + ":" + context.asset

class Wrong(IOManager):
    def save(self, context, value): return "not bytes"

@asset(materialized="object", io_manager=Text())
def word(): return "x"
@asset(materialized="object", io_manager=Wrong)
def wrong(): return "x"
@asset(materialized="object")
def unpicklable(): return lambda: 1
@asset
def use(word): return pa.table({"word": [word]})
""",
    )
    errors = project.dovetail("run", code=1).stderr
    assert project.query("from use") == [{"word": "word:x:word"}]
    assert "`Wrong.save` returned str, and must return bytes" in errors
    assert "error[DT0607]: `unpicklable` failed: `pickle` could not store `unpicklable`" in errors


def test_factories_and_helpers(project) -> None:
    project.write(
        "helpers/make.py",
        """
from dovetail import asset
import pyarrow as pa

def constant(name, value):
    @asset(name=name, tags=["made"])
    def made(): return pa.table({"value": [value]})
    return made
""",
    )
    project.write(
        "models/many.py",
        IMPORTS
        + """
from helpers.make import constant

constant("one", 1)
constant("two", 2)
for part in ("x", "y"):
    @asset(name=f"both_{part}", inputs={"a": "one", "b": "two"}, deps=["one"])
    def both(a, b: pa.Table, factor=10):
        return pa.table({"sum": [a.fetchone()[0] + b["value"][0].as_py() * factor]})
""",
    )
    project.dovetail("run")
    assert project.query("select sum from both_x union all from both_y") == [{"sum": 21}, {"sum": 21}]
    listed = {line["name"]: line for line in project.json("ls", "--output", "json")}
    assert listed["one"]["tags"] == ["made"]
    assert sorted(listed["both_x"]["upstream"]) == ["one", "two"]


def test_the_projects_modules_win_over_installed_ones(project) -> None:
    project.write("sklearn/__init__.py", "")
    project.write("models/__init__.py", "VALUE = 7\n")
    project.write("models/my-file.py", IMPORTS + "@asset\ndef a():\n    return pa.table({'a': [1]})\n")
    project.write(
        "models/sub/b.py", IMPORTS + "from .. import VALUE\n@asset\ndef b():\n    return pa.table({'b': [VALUE]})\n"
    )
    project.dovetail("run")
    assert project.query("select a, b from a, b") == [{"a": 1, "b": 7}]


def load(project, text: str):
    path = project.write("plain.py", text)
    spec = importlib.util.spec_from_file_location("plain", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["plain"] = module
    spec.loader.exec_module(module)
    return module


def test_an_asset_function_stays_a_function(project) -> None:
    module = load(
        project,
        "from dovetail import asset, sql\n@asset(tags=['x'])\ndef add(a, b=1):\n    return a + b\n"
        "@asset\ndef query():\n    return sql('select 1')\n",
    )
    assert module.add(2) == 3 and module.add.__name__ == "add"
    with pytest.raises(RuntimeError, match="only inside an asset function"):
        module.query()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("asset(tagz=1)(f)", "no argument `tagz`; did you mean `tags`"),
        ("asset('name')(f)", "write `@asset\\(name='name'\\)`"),
        ("asset(f.__class__)", "decorates functions .* not a class"),
        ("asset(42)", "decorates functions .* not a int"),
        ("asset(materialized='view')(f)", "'table' or 'object', not 'view'"),
        ("asset(deps='x')(f)", "write `deps=\\['x'\\]`"),
        ("asset(deps=[f])(f)", "lists names or asset functions"),
        ("asset(retries=-1)(f)", "`retries` of `@asset` is not negative"),
        ("asset(retries=True)(f)", "`retries` of `@asset` is a whole number, not True"),
        ("asset(inputs={'a': 1})(f)", "maps parameters to names"),
        ("asset(io_manager=3)(f)", "an `IOManager`, its class, 'pickle' or 'file', not 3"),
        ("asset(lambda: 1)", "a `lambda` has no name"),
    ],
)
def test_wrong_use_of_the_decorator(call: str, message: str) -> None:
    from dovetail import asset

    def f(): ...

    with pytest.raises(TypeError, match=message):
        eval(call, {"asset": asset, "f": f})


def test_what_an_object_does_counts_though_its_bytes_do_not_say_it(project) -> None:
    """The methods of its class, and how its IO manager loads it, are run by who takes it."""
    helpers = (
        "class Model:\n    def __init__(self, k):\n        self.k = k\n\n"
        "    def predict(self, x):\n        return x + self.k\n"
    )
    project.write("models/helpers.py", helpers)
    project.write(
        "models/m.py",
        "import json\nimport pyarrow as pa\nfrom dovetail import IOManager, asset\n"
        "from models.helpers import Model\n\n\n"
        "class Json(IOManager):\n    def save(self, context, value):\n        return json.dumps(value).encode()\n\n"
        "    def load(self, context, payload):\n        return json.loads(payload)\n\n\n"
        "@asset(materialized='object')\ndef model():\n    return Model(3)\n\n\n"
        "@asset(materialized='object', io_manager=Json)\ndef number():\n    return 5\n\n\n"
        "@asset\ndef c(model, number):\n    return pa.table({'y': [model.predict(2)], 'n': [number]})\n",
    )
    project.dovetail("run")
    project.write("models/helpers.py", helpers.replace("x + self.k", "x * self.k"))
    project.dovetail("reconcile")
    assert project.query("from c") == [{"y": 6, "n": 5}]
    text = (project.root / "models/m.py").read_text()
    project.write("models/m.py", text.replace("json.loads(payload)", "json.loads(payload) * 2"))
    project.dovetail("reconcile")
    assert project.query("from c") == [{"y": 6, "n": 10}]
    assert "nothing to do" in project.dovetail("reconcile").stderr


def test_each_target_has_its_own_files(project) -> None:
    project.write(
        "dovetail.toml",
        'target = "dev"\n[targets.dev]\ndatabase = "dev.duckdb"\n[targets.prd]\ndatabase = "prd.duckdb"\n',
    )
    project.write(
        "models/m.py",
        "from dovetail import Context, asset\n\n\n@asset(materialized='object', io_manager='file')\n"
        "def a(context: Context):\n    return context.target\n\n\n"
        "@asset\ndef b(a):\n    import pyarrow as pa\n\n    return pa.table({'x': [a.read_text()]})\n",
    )
    project.dovetail("run")
    project.dovetail("run", "--target", "prd")
    assert (project.root / "target/dev/reports/a.txt").read_text() == "dev"
    assert (project.root / "target/prd/reports/a.txt").read_text() == "prd"
    for target in ("dev", "prd"):
        project.dovetail("status", "--target", target)
        shown = project.json("show", "b", "--target", target, "--output", "json")
        assert shown == [{"x": target}]
