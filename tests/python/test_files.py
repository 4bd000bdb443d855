"""Files that a project names are its own, wherever the command is typed; a locked database is waited for."""

from __future__ import annotations

import subprocess
import time

import polars as pl
import pytest
from conftest import COMMAND, Project

FROM_FILES = """
from dovetail import Context, FileIO, Relation, asset, sql
import pathlib

@asset
def queried(): return sql("select a from read_parquet('data/x.parquet') union all from read_csv('data/x.csv')")

@asset(materialized="object", io_manager=FileIO("{asset}.txt"))
def report(queried: Relation): return "text"

@asset(deps=["report"])
def placed(context: Context):
    assert (pathlib.Path(context.root) / "data").is_dir()
    return sql("select 1 as a")
"""


@pytest.mark.parametrize("place", ["models", "../elsewhere"])
def test_files_belong_to_the_project(project, place: str) -> None:
    project.write("data/x.csv", "a\n1\n")
    for part in (1, 2):
        (project.root / "data" / f"part={part}").mkdir()
        pl.DataFrame({"a": [part]}).write_parquet(project.root / "data" / f"part={part}" / "x.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(project.root / "data" / "x.parquet")
    project.write(
        "dovetail.toml", 'name = "p"\n[targets.dev.attach]\nother = { path = "o.duckdb", read_only = false }\n'
    )
    project.write(
        "models/sources.yml",
        "sources:\n  - name: files\n    tables:\n"
        "      - {name: one, path: data/x.csv}\n      - {name: many, path: 'data/*/*.parquet'}\n"
        "      - {name: by_name, meta: {external_location: 'data/x.parquet'}}\n",
    )
    for name, sql in {
        "csv": "select a from read_csv('data/x.csv')",
        "csvs": "select a from read_csv('data/*.csv')",
        "parquet": "select a from 'data/x.parquet'",
        "parquets": "select a, part from read_parquet('data/*/x.parquet', hive_partitioning = true)",
        "declared": "select a from {{ source('files', 'one') }} union all select a from files.many union all "
        "select a from files.by_name",
    }.items():
        project.write(f"models/{name}.sql", sql)
    project.write("models/views.sql", "{{ config(materialized='view') }} select a from 'data/x.parquet'")
    project.write("models/m.py", FROM_FILES)
    folder = (project.root / place).resolve()
    folder.mkdir(exist_ok=True)
    before = sorted(folder.iterdir())
    away = Project(folder)
    away.dovetail("run", "--project-dir", str(project.root))
    assert sorted(folder.iterdir()) == before, "nothing is written where the command is typed"
    assert (project.root / "o.duckdb").exists() and (project.root / "p.duckdb").exists()
    assert (project.root / "target" / "report.txt").exists()
    query = (
        "select (select sum(a) from declared) as d, (select sum(part) from parquets) as p, (select a from views) as v"
    )
    shown = away.json("show", "--project-dir", str(project.root), "--inline", query, "--output", "json")
    assert shown == [{"d": 5, "p": 3, "v": 1}]
    shown = away.json("show", "--project-dir", str(project.root), "--output", "json", "--inline", "from 'data/x.csv'")
    assert shown == [{"a": 1}]


def test_assets_are_queries(project) -> None:
    """What would write a file by itself is refused before it does."""
    model = project.write("models/copied.sql", "copy (select 1 as a) to 'out.csv'")
    assert "--> models/copied.sql:1:1" in project.dovetail("run", code=2).stderr
    model.unlink()
    project.write(
        "models/m.py",
        "from dovetail import asset, sql\n\n@asset\ndef related():\n"
        "    return sql(\"copy (select 1 as a) to 'out.csv'\")\n",
    )
    assert "--> models/m.py:5" in project.dovetail("run", code=1).stderr
    assert not (project.root / "out.csv").exists()


HOLDER = """
import pathlib, time
from dovetail import asset, sql

@asset
def holder():
    pathlib.Path("started").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return sql("select 2 as a")
"""


@pytest.mark.parametrize("holding", [["run"], ["reconcile", "--atomic"]])
@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "plain"],
        ["run", "-s", "plain"],
        ["reconcile", "-s", "late"],
        ["run", "--atomic", "-s", "late"],
        ["ls", "-s", "status:fresh"],
        ["compile", "-s", "status:fresh"],
        ["graph", "-s", "status:fresh"],
    ],
)
def test_a_locked_database_is_waited_for(project, arguments: list[str], holding: list[str]) -> None:
    project.write("models/plain.sql", "select 1 as a")
    project.dovetail("run")
    project.write("models/m.py", HOLDER)
    project.write("models/late.sql", "select a from holder")
    holder = subprocess.Popen([COMMAND, *holding, "--quiet"], cwd=project.root)
    waiting = None
    try:
        while not (project.root / "started").exists():
            assert holder.poll() is None
            time.sleep(0.02)
        refused = project.dovetail(*arguments, code=2).stderr
        assert "error[DT0702]" in refused and str(holder.pid) in refused and "--wait" in refused, refused
        start = time.monotonic()
        assert "error[DT0702]" in project.dovetail(*arguments, "--wait=0.5", code=2).stderr
        assert 0.5 <= time.monotonic() - start < 10
        waiting = subprocess.Popen([COMMAND, *arguments, "--wait"], cwd=project.root, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr.readline().startswith("waiting: the database ")
        (project.root / "go").touch()
        assert holder.wait(60) == 0
        _, errors = waiting.communicate(timeout=60)
        assert waiting.returncode == 0, errors
        # Both did what they were asked for, one after the other.
        assert project.query("select a from late") == [{"a": 2}]
        assert "nothing to do" in project.dovetail("reconcile").stderr
    finally:
        for process in (holder, waiting):
            if process is not None:
                process.kill()
                process.wait()
