"""Generators of projects. The same arguments give the same files."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure import BASELINE, BENCH_PYTHON, COMPARE, DOVETAIL, WORK, Case

# What dovetail writes into a project; without it the next command is cold.
WRITTEN = ("target", ".dovetail", "bench.duckdb", "bench.duckdb.wal")


@dataclass
class Project:
    """A generated project and the folder that it lies in."""

    root: Path

    @staticmethod
    def create(name: str, config: str = "") -> Project:
        """An empty project; what was there before is removed."""
        project = Project(WORK / name)
        shutil.rmtree(project.root, ignore_errors=True)
        project.write("dovetail.toml", f'name = "bench"\n\n[targets.dev]\ndatabase = "bench.duckdb"\n{config}')
        return project

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def forget(self) -> None:
        """Removes everything that dovetail has written: database, state, caches."""
        for name in WRITTEN:
            path = self.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def dovetail(self, *arguments: str, before=lambda: None) -> Case:
        return Case([DOVETAIL, *arguments], self.root, before)

    def duckdb(self, name: str, statements: list[str], cold: bool = True) -> Case:
        """The statements by DuckDB itself, on a new file each time when `cold`."""
        database, texts = self.root / f"{name}-baseline.duckdb", self.root / f"{name}.json"
        texts.write_text(json.dumps(statements), encoding="utf-8")

        def forget() -> None:
            for file in (database, database.with_suffix(".duckdb.wal")):
                file.unlink(missing_ok=True)

        return Case([BENCH_PYTHON, BASELINE, database, texts], self.root, forget if cold else lambda: None)

    def verify(self, name: str, tables: list[str]) -> None:
        """Fails the bench when dovetail's tables are not those of the baseline of that name."""
        names = self.root / f"{name}-tables.json"
        names.write_text(json.dumps(tables), encoding="utf-8")
        ours, theirs = self.root / "bench.duckdb", self.root / f"{name}-baseline.duckdb"
        Case([BENCH_PYTHON, COMPARE, ours, theirs, names], self.root).run()

    def verify_listing(self, count: int) -> None:
        """Fails the bench when `dovetail ls` does not list so many assets."""
        listed = subprocess.run([DOVETAIL, "ls"], cwd=self.root, check=True, capture_output=True, text=True).stdout
        found = len(listed.splitlines())
        if found != count:
            raise subprocess.CalledProcessError(0, [DOVETAIL, "ls"], stderr=f"{found} assets are listed, not {count}")


def layered_models(models: int, layers: int = 20, rows: int = 100) -> dict[str, str]:
    """Tiny tables in layers, each made from one to three tables of the layers above; SQL by name, upstreams first."""
    chance = random.Random(13)
    width = max(1, models // layers)
    texts: dict[str, str] = {}
    for index in range(models):
        name = f"layer_{index // width:02}_{index:04}"
        above = [other for other in texts if other < f"layer_{index // width:02}"]
        if not above:
            texts[name] = f"select range as id, hash(range + {index}) % 1000 as amount from range({rows})"
            continue
        # Mostly neighbours, as in real graphs; sometimes one from far above.
        near = above[-2 * width :]
        upstreams = sorted(set(chance.choices(near, k=chance.randint(1, 3))))
        first, *others = upstreams
        amounts = " + ".join(f"{upstream}.amount" for upstream in upstreams)
        joins = "".join(f"\njoin {other} using (id)" for other in others)
        texts[name] = f"select id, ({amounts}) % 1000 as amount\nfrom {first}{joins}"
    return texts


def referring_models(models: int) -> dict[str, str]:
    """Tiny models, each with one or two `ref()`s to earlier ones."""
    chance = random.Random(13)
    names = [f"model_{index:05}" for index in range(models)]
    texts = {}
    for index, name in enumerate(names):
        if index < 10:
            texts[name] = f"select {index} as id"
        elif index % 2:
            texts[name] = f"select id + 1 as id from {{{{ ref('{names[chance.randrange(index)]}') }}}}"
        else:
            left, right = (names[chance.randrange(index)] for _ in range(2))
            texts[name] = (
                f"select l.id from {{{{ ref('{left}') }}}} as l\njoin {{{{ ref('{right}') }}}} as r on l.id = r.id"
            )
    return texts
