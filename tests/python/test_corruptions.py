"""Bad data never becomes visible: mistakes in the example project are caught while readers go on to see what was there.

Each mistake is made in a copy of the built project. While `dovetail build` runs on it, an asset of the copy polls the
published tables from connections of its own (`watcher.py`). No look may see anything but the old content.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Project
from corruptions import CORRUPTIONS, REPORTS, Corruption

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
BUILD = ["build", "--select", "status:stale+", "status:pending+", "watcher", "--threads", "3", "--output", "json"]
WITHOUT_UNIT_TESTS = ["--exclude", "test_type:unit"]


@pytest.fixture(scope="module")
def built(example, tmp_path_factory) -> Project:
    """The example project as it was built, with one who watches."""
    root = tmp_path_factory.mktemp("built") / "example_project"
    shutil.copytree(example.root, root)
    shutil.copy(Path(__file__).with_name("watcher.py"), root / "models")
    project = Project(root)
    project.dovetail("build", "--select", "watcher")
    project.dovetail("status")
    return project


@pytest.fixture
def copy(built, tmp_path) -> Project:
    project = Project(tmp_path / "example_project")
    shutil.copytree(built.root, project.root)
    return project


def corrupt(project: Project, corruption: Corruption) -> None:
    file = project.root / corruption.path
    before = file.read_text(encoding="utf-8")
    assert before.count(corruption.old) == 1, corruption
    file.write_text(before.replace(corruption.old, corruption.new), encoding="utf-8")


def watched(project: Project) -> dict:
    """What the newest run's watcher saw.

    ``states`` has what was there at first and whatever came after it. ``looks`` is how often it looked before all
    else was over.
    """
    return json.loads((project.root / "watched.json").read_text(encoding="utf-8"))


def states(project: Project) -> list[dict]:
    return watched(project)["states"]


@pytest.fixture(scope="module")
def looks() -> list[int]:
    """How often somebody looked while a run went on, for each run in which checks caught something."""
    return []


def failures(told: subprocess.CompletedProcess[str]) -> list[str]:
    """The checks and unit tests that failed."""
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return [line.get("check") or line["unit_test"] for line in lines if line["status"] == "failed"]


def see_nothing_of(corruption: Corruption, project: Project, arguments: list[str], looks: list[int]) -> list[str]:
    """Makes a mistake and builds. Nobody may see anything of it, then or later; gives what has caught it."""
    before = states(project)
    assert len(before) == 1
    corrupt(project, corruption)
    told = project.dovetail(*arguments, code=1, environment=ONE_THREAD)
    assert "Traceback" not in told.stderr, told.stderr
    assert states(project) == before
    looks.append(watched(project)["looks"])
    project.dovetail("build", "--select", "watcher")
    assert states(project) == before
    return failures(told)


def test_whoever_watches_sees_what_is_published(copy):
    """The control: with a change that is right, each new state of a table shows up while the run goes on."""
    [before] = states(copy)
    # As published, the bands are other ones, and the mart over them and the predictions are built anew.
    for file, old, new in [
        ("seeds/delay_bands.csv", "very late,60,180\nhalf a day gone,180,", "very late,60,170\nhalf a day gone,170,"),
        ("models/marts/worst_routes.sql", "<= 3", "<= 3 and true"),
        ("models/marts/model_calibration.sql", "round(avg(late_probability), 3)", "round(avg(late_probability), 4)"),
    ]:
        corrupt(copy, Corruption(file, old, new))
    copy.dovetail(*BUILD)
    first, *between, last = states(copy)
    assert first == before
    changed = {table for table in first if first[table] != last[table]}
    assert changed - {"chart"} == {"marts.delay_by_band", "marts.model_calibration"}
    # Each table is seen as it was and as it is, and never otherwise.
    assert all(state[table] in (first[table], last[table]) for state in between for table in first)
    copy.dovetail("build", "--select", "watcher")
    assert states(copy) == [last]


@pytest.mark.parametrize("name", [name for name, corruption in CORRUPTIONS.items() if corruption.caught_by])
def test_checks_catch_it_before_it_is_seen(copy, looks, name):
    corruption = CORRUPTIONS[name]
    failed = see_nothing_of(corruption, copy, [*BUILD, *WITHOUT_UNIT_TESTS], looks)
    for check in corruption.caught_by:
        assert any(found.startswith(check) for found in failed), failed


@pytest.mark.parametrize("name", [name for name, corruption in CORRUPTIONS.items() if corruption.unit_test])
def test_unit_tests_catch_it_before_it_is_built(copy, name):
    """What no look at the data tells. Nothing is built, so the run may be over before anybody looks."""
    corruption = CORRUPTIONS[name]
    assert corruption.unit_test in see_nothing_of(corruption, copy, BUILD, [])


def test_somebody_looked_while_it_was_built(looks):
    """Quick runs may be over before the first look; most are not."""
    assert sum(look > 0 for look in looks) * 2 >= len(looks)


@pytest.mark.parametrize("name", REPORTS)
def test_the_projects_own_pytest_catches_it(copy, name):
    """A figure is no table: a test calls the function that draws it."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    assert subprocess.run(command, cwd=copy.root, capture_output=True).returncode == 0
    corrupt(copy, CORRUPTIONS[name])
    said = subprocess.run(command, cwd=copy.root, capture_output=True, text=True)
    assert said.returncode == 1 and "1 failed" in said.stdout, said.stdout


def test_there_are_enough_of_them():
    assert len(CORRUPTIONS) >= 50
