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


def write_model(folder):
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (models / "answer.sql").write_text("select 42 as answer")


def test_version(elsewhere):
    assert run(elsewhere, "dovetail", "--version").startswith("dovetail 0.1.0")


@pytest.mark.skipif(sys.platform != "linux", reason="the library is linked elsewhere")
def test_listing_does_not_load_the_database(elsewhere):
    """docs/decisions/0001: a function that is missing from the list in `library.rs` would load it with the module."""
    code = """
import contextlib, sys
from dovetail.cli import main
sys.argv = ["dovetail", "ls"]
with contextlib.suppress(SystemExit):
    main()
print("loaded" if "libduckdb" in open("/proc/self/maps").read() else "not loaded")
"""
    write_model(elsewhere)
    assert run(elsewhere, "python", "-c", code).splitlines() == ["answer", "not loaded"]


def test_it_needs_no_other_package_to_run_sql(elsewhere):
    write_model(elsewhere)
    run(elsewhere, "dovetail", "run")
    assert "42" in run(elsewhere, "dovetail", "show", "answer", "--output", "csv")


def test_the_package_declares_no_dependency(elsewhere):
    code = "import importlib.metadata as m; print([r for r in m.requires('dovetail') if 'extra' not in r])"
    assert run(elsewhere, "python", "-c", code).strip() == "[]"
