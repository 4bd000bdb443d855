"""What is imported is what was compiled: else nobody could say what an asset was made of."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

EDITOR = """
import pathlib

import pyarrow as pa
from dovetail import Context, asset


@asset
def first(context: Context):
    file = context.root / {path!r}
    text = file.read_text()
    file.write_text(text.replace("1", "2"))
    {after}
    return pa.table({{"x": [1]}})
"""

SECOND = """
import pyarrow as pa
from dovetail import asset
from lib.h import VALUE

FACTOR = 1


@asset
def second(first):
    return pa.table({"x": [VALUE * FACTOR]})
"""


def project_of(project, path: str, after: str = "pass") -> None:
    project.write("lib/h.py", "VALUE = 1\n")
    project.write("models/first.py", EDITOR.format(path=path, after=after))
    project.write("models/second.py", SECOND)


@pytest.mark.parametrize("path", ["lib/h.py", "models/second.py"])
def test_an_edit_while_a_run_goes_on_is_an_error(project, path) -> None:
    project_of(project, path)
    errors = project.dovetail("run", code=1).stderr
    assert "ok      first" in errors
    assert f"`second` failed: `{path}` was edited since the run began" in errors and "hint: run it again" in errors
    project.write("models/first.py", EDITOR.format(path="lib/none", after="").split("    file")[0] + "    return 1\n")
    project.dovetail("run", "--select", "second")
    assert project.query("from second") == [{"x": 2}]


def test_an_edit_that_is_taken_back_is_none(project) -> None:
    project_of(project, "lib/h.py", after="file.write_text(text)")
    project.dovetail("run")
    assert project.query("from second") == [{"x": 1}]


def test_compiled_code_is_told_by_the_hash_of_its_source(project) -> None:
    """Python looks at the second of the edit and at the size, which say nothing here."""
    project_of(project, "lib/h.py", after="file.write_text(text)")
    writing = {"PYTHONDONTWRITEBYTECODE": ""}
    project.dovetail("run", environment=writing)
    assert list((project.root / "lib/__pycache__").glob("h.*.pyc"))
    file = project.root / "lib/h.py"
    before = file.stat()
    file.write_text("VALUE = 3\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "ok      second" in project.dovetail("reconcile", environment=writing).stderr
    assert project.query("from second") == [{"x": 3}]
    imported = [sys.executable, "-c", "import lib.h; print(lib.h.VALUE)"]
    assert subprocess.run(imported, cwd=project.root, capture_output=True, text=True).stdout == "3\n"


TWICE = """
import os, pathlib, sys
from dovetail._dovetail import run_cli

assert run_cli(["dovetail", "run", "--quiet"]) == 0
pathlib.Path("lib/h.py").write_text("VALUE = 5\\n")
pathlib.Path("models/made.py").write_text(pathlib.Path("models/made.py").read_text().replace("one", "two"))
assert run_cli(["dovetail", "reconcile", "--quiet"]) == 0
"""

MADE = """
import pyarrow as pa
from dovetail import asset

for name in ("one",):

    @asset(name=name)
    def made():
        return pa.table({"x": [1]})
"""


def test_a_process_that_runs_twice_imports_what_is_new(project) -> None:
    project_of(project, "lib/h.py", after="file.write_text(text)")
    project.write("models/made.py", MADE)
    done = subprocess.run([sys.executable, "-c", TWICE], cwd=project.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert project.query("from second") == [{"x": 5}]
    assert project.query("from two") == [{"x": 1}]


PACKAGE = """
import os, pathlib, threading

print("a greeting of the package")
pathlib.Path(os.environ["SEEN"]).write_text(f"{threading.current_thread().name} {os.environ.get('MODE')}")
"""

USER = """
import os
{before}
import a_package
from dovetail import asset, sql


@asset
def made(base):
    {body}
    return base
"""


def seen_by_package(project, before: str = "", body: str = "pass", code: int = 0) -> tuple[str, str]:
    """What a package outside of the project sees when it is imported, and what the run says."""
    packages = project.root.parent / "packages"
    packages.mkdir()
    (packages / "a_package.py").write_text(PACKAGE if code == 0 else PACKAGE + "raise RuntimeError('no licence')\n")
    seen = project.root.parent / "seen"
    project.write("models/base.sql", "select count(*) as n from range(100_000_000) t(i) where i % 7 = 3")
    project.write("models/made.py", USER.format(before=before, body=body))
    environment = {"PYTHONPATH": str(packages), "SEEN": str(seen)}
    done = project.dovetail("run", "--verbose", code=code, environment=environment)
    return seen.read_text(), done.stdout + done.stderr


def test_packages_are_imported_while_sql_runs(project) -> None:
    seen, said = seen_by_package(project)
    assert seen == "dovetail-imports None"
    assert "a greeting of the package" not in said


def test_a_package_is_not_imported_before_what_stands_above_its_import(project) -> None:
    seen, said = seen_by_package(project, before="os.environ['MODE'] = 'quiet'")
    assert seen.split()[1] == "quiet" and not seen.startswith("dovetail-imports")
    assert "a greeting of the package" in said


def test_a_package_that_cannot_be_imported_is_told_by_who_needs_it(project) -> None:
    _, said = seen_by_package(project, code=1)
    assert "ok      base" in said and "RuntimeError: no licence" in said


def test_a_package_that_is_being_imported_is_waited_for(project) -> None:
    """Python itself lets a second thread have a module inside of it, before it is all there."""
    packages = project.root.parent / "packages"
    (packages / "slow").mkdir(parents=True)
    (packages / "slow/__init__.py").write_text("import time\n\ntime.sleep(0.5)\nvalue = 1\n")
    (packages / "slow/part.py").write_text("from slow import value\n")
    body = "from dovetail import asset, sql\n\n\n@asset\ndef {name}():\n    return sql('select 1 as a')\n"
    project.write("models/a.py", "import slow\n" + body.format(name="a"))
    project.write(
        "models/b.py", "import time\n\ntime.sleep(0.2)\nfrom slow.part import value\n" + body.format(name="b")
    )
    project.dovetail("run", "--threads", "2", environment={"PYTHONPATH": str(packages)})
