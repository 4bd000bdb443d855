"""What a data version costs: the time to hash a table's content, next to the time to write the table."""

from __future__ import annotations

from collections.abc import Iterator

from crossing import ROWS
from measure import Figure, Sample, alternately
from projects import Project


def hash_to_write(quick: bool) -> Iterator[Figure]:
    millions = 1 if quick else 10
    hashed, written = measure(millions * 1_000_000, runs=3 if quick else 7)
    name = f"data version of {millions} million rows x 8; other: the write"
    yield Figure(name, "wall", hashed, written, goal=0.15, goal_is_ratio=True)


def measure(rows: int, runs: int) -> list[list[Sample]]:
    """Seconds to hash a table that exists, and to write it without a version.

    Hashing is what `status --verify` does and `status` does not.
    """
    versioned, unversioned = Project.create("content"), Project.create("content-off")
    versioned.write("models/sales.sql", ROWS.format(rows=rows))
    unversioned.write("models/sales.sql", "{{ config(data_version='off') }}\n" + ROWS.format(rows=rows))
    versioned.dovetail("run").run()
    verifying, looking, written = alternately(
        runs,
        versioned.dovetail("status", "--verify"),
        versioned.dovetail("status"),
        unversioned.dovetail("run"),
    )
    hashed = [
        Sample(with_rows.wall - without.wall, with_rows.cpu - without.cpu, with_rows.peak_mb)
        for with_rows, without in zip(verifying, looking, strict=True)
    ]
    for project in (versioned, unversioned):
        project.forget()
    return [hashed, written]
