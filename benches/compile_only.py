"""Commands that touch no data: listing and compiling large projects, and starting at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import Case, Figure, alternately
from projects import Project, referring_models
from realistic import MACROS
from realistic import realistic_models as write_realistic


def tiny_models(quick: bool) -> Iterator[Figure]:
    models = referring_models(1000 if quick else 10_000)
    project = Project.create("tiny")
    for name, text in models.items():
        project.write(f"models/{name[:-2]}/{name}.sql", text)
    [ours] = alternately(3 if quick else 7, project.dovetail("ls", before=project.forget))
    project.verify_listing(len(models))
    yield Figure(f"ls {len(models):,} tiny models, cold, CPU", "cpu", ours, goal=0.7)
    yield Figure("  the same, memory", "peak_mb", ours, goal=150)


def realistic_models(quick: bool) -> Iterator[Figure]:
    count = 100 if quick else 1000
    project = Project.create("realistic")
    project.write("macros/money.sql", MACROS)
    for path, text in write_realistic(count).items():
        project.write(path, text)
    listed, compiled = alternately(
        3 if quick else 7,
        project.dovetail("ls", before=project.forget),
        project.dovetail("compile", before=project.forget),
    )
    project.verify_listing(count)
    yield Figure(f"ls {count:,} realistic models, cold, CPU", "cpu", listed, goal=0.3)
    yield Figure(f"compile {count:,} realistic models, cold, CPU", "cpu", compiled, goal=0.6)


def start(quick: bool) -> Iterator[Figure]:
    project = Project.create("start")
    project.write("models/first.sql", "select 1 as id")
    for before, name in zip(
        ("first", "second", "third", "fourth"), ("second", "third", "fourth", "fifth"), strict=True
    ):
        project.write(f"models/{name}.sql", f"select id + 1 as id from {before}")
    ours, python = alternately(
        7 if quick else 31,
        project.dovetail("ls"),
        Case([sys.executable, "-c", "pass"], project.root),
    )
    project.verify_listing(5)
    yield Figure("ls 5 models; other: `python -c pass`", "wall", ours, python, goal=0.05)
