"""What `check` costs: all of a project, what follows from one edit, and the part of a run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from measure import Figure, alternately
from projects import Project, layered_models
from realistic import MACROS, realistic_models

EDITED = "'EUR' as currency"


def check(quick: bool) -> Iterator[Figure]:
    models, runs = (50, 2) if quick else (1000, 7)
    project = Project.create("check")
    files = realistic_models(models)
    project.write("macros/money.sql", MACROS)
    for path, text in files.items():
        project.write(path, text)
    edited = next(path for path in reversed(files) if EDITED in files[path])
    numbers = count()

    def edit() -> None:
        # The column keeps its type: only the model itself is bound again.
        project.write(edited, files[edited].replace(EDITED, f"'EU{next(numbers)}' as currency"))

    name = f"check of {models} models of 40 lines"
    (cold,) = alternately(runs, project.dovetail("check", before=project.forget))
    yield Figure(f"{name}, cold", "wall", cold, goal=1.0)
    after, listed = alternately(runs, project.dovetail("check", before=edit), project.dovetail("ls", before=edit))
    yield Figure(f"{name}, one edited (ls beside it)", "wall", after, listed, goal=0.15)
    yield Figure("  the same, CPU", "cpu", after, listed)


def run(quick: bool) -> Iterator[Figure]:
    models, runs = (50, 2) if quick else (1000, 5)
    project = Project.create("check_run")
    for name, text in layered_models(models).items():
        project.write(f"models/{name}.sql", text)
    checked, unchecked = alternately(
        runs,
        project.dovetail("run", before=project.forget),
        project.dovetail("run", "--no-check", before=project.forget),
    )
    yield Figure(f"first run of {models} tables (without a check)", "cpu", checked, unchecked)
    project.dovetail("run").run()
    checked, unchecked = alternately(runs, project.dovetail("run"), project.dovetail("run", "--no-check"))
    yield Figure(f"next run of {models} tables (without a check)", "cpu", checked, unchecked, 1.05, True)


def figures(quick: bool) -> Iterator[Figure]:
    yield from check(quick)
    yield from run(quick)
