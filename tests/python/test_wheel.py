"""The wheel itself: it must work in an empty environment, elsewhere, with nothing set."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import TOP


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """An empty virtual environment with nothing but the wheel."""
    wheels = list((TOP / "dist").glob("dovetail-*.whl"))
    assert len(wheels) == 1, "`make wheel` leaves one wheel in dist/"
    folder = tmp_path_factory.mktemp("else where")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index", wheels[0]]
    subprocess.run(pip, check=True, cwd=folder)
    return folder


def run(folder, *arguments):
    """Runs with an empty environment; stdout."""
    command = [folder / "venv" / "bin" / arguments[0], *arguments[1:]]
    return subprocess.run(command, cwd=folder, env={}, check=True, capture_output=True, text=True).stdout


def test_version(elsewhere):
    assert run(elsewhere, "dovetail", "--version").startswith("dovetail 0.1.0")


def test_it_needs_no_other_package_to_run_sql(elsewhere):
    models = elsewhere / "models"
    models.mkdir()
    (models / "answer.sql").write_text("select 42 as answer")
    run(elsewhere, "dovetail", "run")
    assert "42" in run(elsewhere, "dovetail", "show", "answer", "--output", "csv")


def test_the_package_declares_no_dependency(elsewhere):
    code = "import importlib.metadata as m; print([r for r in m.requires('dovetail') if 'extra' not in r])"
    assert run(elsewhere, "python", "-c", code).strip() == "[]"
