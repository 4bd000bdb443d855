"""`history` and `retry` beside a run that holds the database, and after one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from conftest import COMMAND

SLOW = """
import pathlib
import time

import pyarrow as pa
from dovetail import asset


@asset
def slow(first):
    pathlib.Path("{started}").touch()
    while not pathlib.Path("{go_on}").exists():
        time.sleep(0.02)
    return pa.table({{"x": [1]}})


@asset
def last(slow):
    return slow
"""


def begin(project) -> tuple[subprocess.Popen[bytes], Path]:
    """A run that stands still in the asset `slow`, and the file that lets it go on."""
    started, go_on = project.root.parent / "started", project.root.parent / "go on"
    project.write("models/first.sql", "select 1 as x")
    project.write("models/slow.py", SLOW.format(started=started, go_on=go_on))
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([COMMAND, "run"], cwd=project.root, **silent)
    while not started.exists():
        assert process.poll() is None, "the run ended before it reached `slow`"
        time.sleep(0.02)
    return process, go_on


def test_a_run_that_goes_on_is_seen_by_others(project):
    process, go_on = begin(project)
    [run] = project.json("history", "--output", "json")
    assert (run["status"], run["pid"], run["materialized"], run["seconds"]) == ("running", process.pid, 1, None)
    said = project.dovetail("history", "first")
    assert "materialized" in said.stdout and "this is what the logs of runs say" in said.stderr
    assert "is held by process" in project.dovetail("history", "first", "--diff", "1", "1", code=2).stderr
    assert "is held by process" in project.dovetail("retry", code=2).stderr
    go_on.touch()
    assert process.wait() == 0
    [run] = project.json("history", "--output", "json")
    assert (run["status"], run["materialized"]) == ("ok", 3)


def test_what_a_killed_run_left_is_taken_up(project):
    process, go_on = begin(project)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [run] = project.json("history", "--output", "json")
    assert run["status"] == "unfinished"
    go_on.touch()
    said = project.dovetail("retry")
    assert "did not end: taking up what it left" in said.stderr
    assert "done: 2 materialized" in said.stderr
    assert [run["status"] for run in project.json("history", "--output", "json")] == ["ok", "unfinished"]
    assert "nothing to retry" in project.dovetail("retry").stderr


FRAME = """
import polars as pl
from dovetail import asset


@asset
def frame() -> pl.DataFrame:
    return pl.DataFrame({{"x": [{x}]}})
"""


def test_why_shows_the_difference_in_python_code_and_its_packages(project):
    project.write("models/frame.py", FRAME.format(x=1))
    project.dovetail("run")
    project.write("models/frame.py", FRAME.format(x=2))
    [link] = project.json("why", "frame", "--output", "json")
    assert link["state"] == "stale" and link["causes"][0]["detail"] == "function models.frame.frame changed"
    assert '-    return pl.DataFrame({"x": [1]})\n+    return pl.DataFrame({"x": [2]})' in link["diff"]
    assert "polars" in link["packages"]


LOUD = """
import os

import pyarrow as pa
from dovetail import Result, asset


@asset
def loud(quiet):
    print("the token is", os.environ["MY_TOKEN"])
    return Result(pa.table({"x": [1]}), metadata={"seen": [os.environ["MY_TOKEN"]]})
"""


def test_secrets_that_user_code_tells_reach_no_log(project):
    project.write("models/quiet.sql", "select length('{{ env_var(\"MY_TOKEN\") }}') as n")
    project.write("models/loud.py", LOUD)
    said = project.dovetail("run", "--log-format", "json", environment={"MY_TOKEN": "correcthorse"})
    [log] = (project.root / ".dovetail" / "runs").iterdir()
    for text in [log.read_text(encoding="utf-8"), said.stderr]:
        assert "the token is ***" in text and '"seen":["***"]' in text and "correcthorse" not in text
