"""What all tests share: the installed `dovetail` command, and projects in temporary folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from editor_project import write_orders

TOP = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "dovetail"


@dataclass
class Project:
    """A project in a folder of its own, and the command that runs on it."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        """Writes a file of the project and makes the folders above it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def dovetail(
        self, *arguments: str, code: int | None = 0, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command; fails the test when it does not exit with `code` (`None` for any)."""
        result = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        if code is not None and result.returncode != code:
            command = " ".join(["dovetail", *arguments])
            pytest.fail(f"`{command}` exited {result.returncode}\n{result.stdout}\n{result.stderr}", pytrace=False)
        return result

    def json(self, *arguments: str) -> list[dict]:
        """What a command that was asked for JSON prints: one object for each line."""
        return [json.loads(line) for line in self.dovetail(*arguments).stdout.splitlines()]

    def query(self, sql: str) -> list[dict]:
        """Rows of a query on the project's database, through `dovetail show --inline`."""
        return self.json("show", "--inline", sql, "--limit", "1000000", "--output", "json")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the example project, run once."""
    root = tmp_path_factory.mktemp("example project") / "example_project"
    leftovers = shutil.ignore_patterns("target", ".dovetail", "*.duckdb", "*.wal", "__pycache__")
    shutil.copytree(TOP / "example_project", root, ignore=leftovers)
    example = Project(root)
    example.dovetail("build")
    return example


@pytest.fixture
def orders(project: Project) -> Project:
    """The project of `editor_project`, written."""
    write_orders(project)
    return project
