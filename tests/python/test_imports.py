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
