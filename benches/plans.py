"""Looking at projects of which nothing is stale: ten thousand tables, and a long history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from layered import create
from measure import BENCH_PYTHON, Case, Figure, alternately
from projects import Project, layered_models, referring_models

TABLES = '\n[models]\nmaterialized = "table"\n'

# What 99 more runs of everything would have recorded.
REPEAT = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create temp table first as from dovetail.materializations")
for number in range(99):
    connection.execute(f"insert into dovetail.materializations select * replace ('run {number}' as run) from first")
"""


def nothing_to_do(quick: bool) -> Iterator[Figure]:
    models = referring_models(1000 if quick else 10_000)
    project = Project.create("plan", TABLES)
    for name, text in models.items():
        project.write(f"models/{name[:-2]}/{name}.sql", text)
    project.dovetail("run").run()

    runs = 3 if quick else 7
    [cold] = alternately(runs, cold_look(project, "plan"))
    [warm] = alternately(runs, project.dovetail("plan"))
    yield Figure(f"plan {len(models):,} fresh tables, cold, CPU", "cpu", cold, goal=1.5)
    yield Figure("  the same, nothing changed since, CPU", "cpu", warm, goal=0.3)


def long_history(quick: bool) -> Iterator[Figure]:
    models = layered_models(100 if quick else 1000)
    project = create(models)
    project.dovetail("run").run()
    runs = 3 if quick else 7
    [one] = alternately(runs, cold_look(project, "status"))
    Case([BENCH_PYTHON, "-c", REPEAT, project.root / "bench.duckdb"], project.root).run()
    [many] = alternately(runs, cold_look(project, "status"))
    yield Figure(f"status of {len(models):,}, 100 runs; other: 1 run", "cpu", many, one, goal=1.5, goal_is_ratio=True)


def records(quick: bool) -> Iterator[Figure]:
    """The CPU of a run with all its bookkeeping next to that of the statements alone, each in its transaction."""
    models = layered_models(100 if quick else 1000)
    project = create(models)
    statements = [f"create or replace table {name} as {text}" for name, text in models.items()]
    ours, theirs = alternately(
        3 if quick else 7,
        project.dovetail("run", before=project.forget),
        project.duckdb("records", statements),
    )
    project.verify("records", list(models))
    yield Figure(f"run {len(models):,} tiny tables, CPU", "cpu", ours, theirs)


def cold_look(project: Project, command: str) -> Case:
    """A command that finds no cache."""
    return project.dovetail(command, before=lambda: shutil.rmtree(project.root / "target", ignore_errors=True))
