"""A thousand tiny tables in layers: all of them, and one of them after an edit."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Figure, alternately
from projects import Project, layered_models


def whole_graph(quick: bool) -> Iterator[Figure]:
    models = layered_models(100 if quick else 1000)
    project = create(models)
    ours, theirs = alternately(
        3 if quick else 7,
        project.dovetail("run", before=project.forget),
        project.duckdb("all", [create_table(name, text) for name, text in models.items()]),
    )
    project.verify("all", list(models))
    yield Figure(f"run {len(models):,} tiny tables", "wall", ours, theirs, goal=1.0, goal_is_ratio=True)


def one_leaf(quick: bool) -> Iterator[Figure]:
    models = layered_models(100 if quick else 1000)
    project = create(models)
    leaf = list(models)[-1]
    project.dovetail("run").run()
    project.duckdb("leaf", [create_table(name, text) for name, text in models.items()]).run()

    # Each edit cuts the leaf to fewer rows, down to the ones that the baseline has.
    runs = 5 if quick else 15
    limits = iter(range(runs, 0, -1))

    def edit() -> None:
        project.write(f"models/{leaf}.sql", f"{models[leaf]}\nwhere id < {next(limits)}")

    ours, theirs = alternately(
        runs,
        project.dovetail("run", "--select", leaf, before=edit),
        project.duckdb("leaf", [create_table(leaf, f"{models[leaf]}\nwhere id < 1")], cold=False),
    )
    project.verify("leaf", [leaf])
    yield Figure(f"run 1 edited leaf of {len(models):,}", "wall", ours, theirs, goal=0.15)


def create(models: dict[str, str]) -> Project:
    project = Project.create("layered", '\n[models]\nmaterialized = "table"\n')
    for name, text in models.items():
        project.write(f"models/{name}.sql", text)
    return project


def create_table(name: str, text: str) -> str:
    return f"create or replace table {name} as {text}"
