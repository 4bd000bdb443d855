"""A run that is killed, cut off from power or short of disk leaves the old data or the new, and a state that agrees.

`DOVETAIL_KILLS` is how many runs are killed (default: 20), `DOVETAIL_KILL_SEED` when (default: 1).
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import COMMAND, Project

KILLS = int(os.environ.get("DOVETAIL_KILLS", "20"))
SEED = int(os.environ.get("DOVETAIL_KILL_SEED", "1"))
#: Each run writes another of these numbers into every row of every asset.
GENERATIONS = 5
TABLES = ["base", "wide", "framed", "related", "below", "scored"]
VIEW = "seen"
OBJECT = "fitted"
ASSETS = [*TABLES, VIEW, OBJECT]

PYTHON = """
import polars as pl
from dovetail import Relation, Result, asset


@asset
def framed(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.filter(pl.col("i") % 2 == 0)


@asset
def related(seen: Relation) -> Relation:
    return seen.filter("i < 1000")


@asset(materialized="object")
def fitted(framed: pl.DataFrame):
    g = framed["g"].unique().to_list()
    return Result({"g": g}, metadata={"g": g})


@asset
def scored(fitted, related: pl.DataFrame) -> pl.DataFrame:
    [g] = fitted["g"]
    return related.with_columns(g=pl.lit(g, dtype=pl.Int64))
"""


def write(project: Project) -> None:
    project.write("models/base.sql", "select {{ var('g', 0) }}::bigint as g, range::bigint as i from range(30000)")
    project.write("models/wide.sql", "select {{ var('g', 0) }}::bigint as g, i, md5((i + g)::varchar) as h from base")
    project.write("models/seen.sql", "{{ config(materialized='view') }} select g, i from base")
    project.write("models/py.py", PYTHON)
    project.write("models/below.sql", "select max(w.g) as g, count(*) as n from wide w join framed f using (g, i)")


def command(arguments: list[str], generation: int) -> list[str]:
    return [*arguments, "--vars", f"g={generation}", "--threads", "3", "--quiet"]


class World:
    """What a database holds, next to what a database that nobody killed holds."""

    def __init__(self, project: Project) -> None:
        """Looks at the database, which must open.

        Without one, everything is missing.
        """
        self.tables: dict[str, dict] = {}
        self.records: dict[str, dict] = {}
        self.stored: str | None = None
        self.runs: list[dict] = []
        self.strays: list[str] = []
        if not database(project).exists():
            return
        found = project.query("select table_schema as s, table_name as t from information_schema.tables")
        names = {(row["s"], row["t"]) for row in found}
        standing = [name for name in [*TABLES, VIEW] if ("main", name) in names]
        self.strays = [name for schema, name in names if schema == "main" and name not in standing]
        queries = ["select '' as what, 0 as lo, 0 as hi, 0 as n, '' as text where false"]
        queries += [f"select '{name}', min(g), max(g), count(*), '' from {name}" for name in standing]
        if ("dovetail", "materializations") in names:
            queries += [
                "select 'record', null, null, row_count, to_json({asset: asset, run: run, version: data_version,"
                " metadata: metadata})::varchar from dovetail.assets",
                "select 'object', null, null, null, md5(payload) from dovetail.objects",
                "select 'run', null, null, rowid, to_json({run: run, status: status})::varchar from dovetail.run_log",
            ]
        for row in project.query(" union all ".join(queries)):
            if row["what"] == "record":
                record = {**json.loads(row["text"]), "rows": row["n"]}
                self.records[record["asset"]] = record
            elif row["what"] == "object":
                self.stored = row["text"]
            elif row["what"] == "run":
                self.runs.append({**json.loads(row["text"]), "order": row["n"]})
            else:
                self.tables[row["what"]] = row
        self.runs.sort(key=lambda run: run["order"])

    def generations(self) -> dict[str, int]:
        """The generation of every table that stands; fails where one holds rows of two."""
        mixed = {name: table for name, table in self.tables.items() if table["lo"] != table["hi"]}
        assert not mixed, f"half-written: {mixed}"
        return {name: table["lo"] for name, table in self.tables.items()}

    def check(self, reference: list[World]) -> None:
        """Data and state agree, asset by asset."""
        generations = self.generations()
        for name in TABLES:
            assert (name in self.tables) == (name in self.records), f"{name}: {self.tables} {self.records}"
            if name in self.tables:
                expected = reference[generations[name]]
                record = self.records[name]
                assert record["rows"] == self.tables[name]["n"] == expected.tables[name]["n"], name
                assert record["version"] == expected.records[name]["version"], f"{name}: {record}"
        assert (VIEW in self.tables) == (VIEW in self.records)
        assert (self.stored is not None) == (OBJECT in self.records)
        if self.stored is not None:
            record = self.records[OBJECT]
            [generation] = record["metadata"]["g"]
            assert record["version"] == reference[generation].records[OBJECT]["version"]
            assert self.stored == reference[generation].stored

    def check_all(self, reference: list[World], allowed: set[int]) -> None:
        """Everything is there, and all of one of these generations."""
        self.check(reference)
        assert set(self.tables) == {*TABLES, VIEW}
        found = set(self.generations().values())
        assert len(found) == 1, f"mixed: {self.generations()}"
        assert found <= allowed, f"{found} is not of {allowed}"
        [generation] = found
        assert self.records[OBJECT]["metadata"]["g"] == [generation]


def database(project: Project) -> Path:
    return project.root / f"{project.root.name}.duckdb"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    """What each generation looks like when nothing happens."""
    project = Project(tmp_path_factory.mktemp("reference") / "reference")
    project.root.mkdir()
    write(project)
    worlds = []
    for generation in range(GENERATIONS):
        project.dovetail(*command(["run"], generation))
        worlds.append(World(project))
        assert set(worlds[-1].generations().values()) == {generation}
    return worlds


@pytest.fixture
def killed(project: Project) -> Project:
    """The project that is killed."""
    write(project)
    return project


def kill(project: Project, arguments: list[str], after: float) -> float | None:
    """Kills a command after so many seconds; where it was faster, its own seconds are returned."""
    started = time.monotonic()
    process = subprocess.Popen(
        [COMMAND, *arguments], cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return None
    assert process.returncode == 0
    return time.monotonic() - started


def test_killed_at_any_instant(killed: Project, reference: list[World]) -> None:
    chance = random.Random(SEED)
    started = time.monotonic()
    killed.dovetail(*command(["run"], 0))
    longest = 1.1 * (time.monotonic() - started)
    stands: int | None = 0
    runs = 1
    turn = hit = whole = 0
    while hit < KILLS:
        atomic = turn % 2 == 1
        turn += 1
        if turn % 10 >= 8:
            database(killed).unlink()
            database(killed).with_suffix(".duckdb.wal").unlink(missing_ok=True)
            stands, runs = None, 0
        generation = chance.choice([number for number in range(GENERATIONS) if number != stands])
        arguments = [chance.choice(["run", "reconcile"]), *(["--atomic"] if atomic else [])]
        seconds = kill(killed, command(arguments, generation), chance.uniform(0, longest))
        longest = min(longest, seconds or longest)
        world = World(killed)
        world.check(reference)
        hit += seconds is None
        whole += seconds is None and set(world.generations().values()) == {generation}
        # A run that has begun is known; one that was killed never finished, unless nothing was left to do.
        assert len(world.runs) in (runs, runs + 1)
        if len(world.runs) > runs and world.runs[-1]["status"] != "running":
            assert world.runs[-1]["status"] == "ok"
            world.check_all(reference, {generation})
        if atomic and (stands is not None or world.records):
            world.check_all(reference, {generation} if stands is None else {stands, generation})
        killed.dovetail(*command(["reconcile"], generation))
        world = World(killed)
        world.check_all(reference, {generation})
        assert not world.strays, world.strays
        assert "nothing to do" in killed.dovetail("reconcile", "--vars", f"g={generation}").stderr
        stands, runs = generation, len(world.runs)
    print(f"{hit} of {turn} runs killed, {whole} of these after all was published")


@pytest.mark.parametrize("atomic", [False, True])
def test_power_cut_while_the_log_is_written(
    killed: Project, reference: list[World], tmp_path: Path, atomic: bool
) -> None:
    chance = random.Random(SEED)
    killed.dovetail(*command(["run"], 0))
    log = database(killed).with_suffix(".duckdb.wal")
    # The power goes in the middle of the checkpoint at the end, so all that the run has committed is in the log alone.
    killed.write("dovetail.toml", '[targets.dev]\nsettings = { debug_checkpoint_abort = "before_header" }\n')
    killed.dovetail(*command(["run", "--atomic"] if atomic else ["run"], 1))
    assert log.exists()
    size = log.stat().st_size
    cuts = [0, size, *(chance.randrange(size) for _ in range(max(KILLS, 20)))]
    seen = set()
    for number, cut in enumerate(sorted(cuts)):
        copy = Project(tmp_path / f"copy{number}" / killed.root.name)
        copy.root.mkdir(parents=True)
        write(copy)
        shutil.copy(database(killed), database(copy))
        database(copy).with_suffix(".duckdb.wal").write_bytes(log.read_bytes()[:cut])
        world = World(copy)
        world.check(reference)
        if atomic:
            world.check_all(reference, {0, 1})
        seen.add(tuple(sorted(world.generations().items())))
        if number % 5 == 0:
            copy.dovetail(*command(["reconcile"], 1))
            world = World(copy)
            world.check_all(reference, {1})
            assert not world.strays, world.strays
        shutil.rmtree(copy.root.parent)
    assert len(seen) > 1


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("what", ["log", "file"])
def test_a_full_disk_loses_nothing(killed: Project, reference: list[World], atomic: bool, what: str) -> None:
    killed.dovetail(*command(["run"], 0))
    log = database(killed).with_suffix(".duckdb.wal")
    size = log.stat().st_size if log.exists() else 0
    if what == "file":
        killed.write("models/large.sql", "select g, md5(range::varchar) as h from range(1000000), (from base limit 1)")
    # The last models fit no more; or the large one does not, whose rows go to the file itself.
    limit = size + 500_000 if what == "log" else 8_000_000
    result = subprocess.run(
        [COMMAND, *command(["run", *(["--atomic"] if atomic else [])], 1)],
        cwd=killed.root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and "File too large" in result.stderr, result.stderr
    assert "error[DT0704]" in result.stderr or "error[DT0601]" in result.stderr
    world = World(killed)
    world.check(reference)
    # There may not have been the space to take down that it ended.
    assert world.runs[-1]["status"] in ("failed", "running")
    if atomic:
        world.check_all(reference, {0})
    (killed.root / "models/large.sql").unlink(missing_ok=True)
    killed.dovetail(*command(["reconcile"], 1))
    world = World(killed)
    world.check_all(reference, {1})
    assert [name for name in world.strays if name != "large"] == []


def test_a_disk_that_has_no_space_left(killed: Project, reference: list[World], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no disk of its own can be mounted here")
    try:
        small = Project(disk / killed.root.name)
        small.root.mkdir()
        write(small)
        small.dovetail(*command(["run"], 0))
        for arguments in (["run"], ["run", "--atomic"]) * 3:
            result = small.dovetail(*command(arguments, 1), code=None)
            if result.returncode != 0:
                assert "No space left on device" in result.stderr, result.stderr
                World(small).check(reference)
                break
        else:
            pytest.fail("the disk is too large for this test")
        moved = shutil.copytree(small.root, tmp_path / "moved" / small.root.name)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    larger = Project(moved)
    larger.dovetail(*command(["reconcile"], 2))
    world = World(larger)
    world.check_all(reference, {2})
    assert not world.strays
