"""The golden projects of tests/projects: each table after a run, against what is expected.

`UPDATE_GOLDEN=1` rewrites what is expected.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import TOP, Project

GOLDEN = sorted(path for path in (TOP / "tests/projects").iterdir() if path.is_dir())


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_golden_project(golden: Path, tmp_path: Path):
    shutil.copytree(golden, tmp_path / golden.name)
    project = Project(tmp_path / golden.name)
    project.dovetail("run")
    listed = project.json("ls", "--output", "json")
    tables = {node["name"] for node in listed if node["materialized"] in ("table", "view")}
    if os.environ.get("UPDATE_GOLDEN"):
        for table in tables:
            (golden / "expected" / f"{table}.csv").write_text(shown(project, table), encoding="utf-8")
    expected = {file.stem: file.read_text(encoding="utf-8") for file in (golden / "expected").glob("*.csv")}
    assert {table: shown(project, table) for table in tables} == expected


def shown(project: Project, table: str) -> str:
    query = f"select * from {table} order by all"
    return project.dovetail("show", "--inline", query, "--limit", "1000", "--output", "csv").stdout
