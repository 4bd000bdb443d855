"""Ten and forty million rows from SQL through Python and back, next to DuckDB copying the same table."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Figure, Sample, alternately
from projects import Project

# Eight columns of mixed types, about 80 bytes a row.
ROWS = """
select
  range as id,
  (hash(range) % 100000)::integer as customer,
  (hash(range + 1) % 1000000 / 100)::decimal(10, 2) as price,
  random_between / 1e6 as share,
  'product ' || hash(range + 2) % 5000 as product,
  timestamp '2020-01-01' + to_seconds(range % 100000000) as sold_at,
  date '2020-01-01' + (range % 2000)::integer as day,
  if(range % 11 = 0, null, range % 3 = 0) as is_gift
from (select range, hash(range + 3) % 1000000 as random_between from range({rows}))
"""

PASS_THROUGH = '''
from collections.abc import Iterator

import pyarrow as pa
from dovetail import asset


@asset
def passed(sales: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Every batch of the sales, as it came."""
    for batch in sales:
        yield batch
'''

UNVERSIONED = PASS_THROUGH.replace("@asset", '@asset(data_version="off")')

# The same for both. Where memory is measured the buffer pool is bounded, so that it tells of rows held back and not of
# a warm cache.
MEMORY_LIMIT = "250MB"


def there_and_back(quick: bool) -> Iterator[Figure]:
    few, many = (1, 4) if quick else (10, 40)
    runs = 1 if quick else 5
    # DuckDB takes no version of what it copies: the way there and back is measured with one, as is usual, and without.
    ours, theirs = measure(few, runs)
    name = f"SQL, Python, SQL: {few} million rows"
    yield Figure(name, "wall", ours, theirs, goal=1.25, goal_is_ratio=True)
    ours, theirs = measure(few, runs, passing=UNVERSIONED)
    yield Figure("  the same, no data version", "wall", ours, theirs)
    peaks = []
    for millions in (few, many):
        ours, theirs = measure(millions, runs=1 if millions > 10 else runs, limit=MEMORY_LIMIT)
        peaks.append(ours)
        yield Figure(f"  {millions} million rows, memory of {MEMORY_LIMIT}", "wall", ours, theirs)
    yield Figure("  peak memory, 4 times the rows to once", "peak_mb", peaks[1], peaks[0], goal=1.1, goal_is_ratio=True)


def measure(millions: int, runs: int, passing: str = PASS_THROUGH, limit: str | None = None) -> list[list[Sample]]:
    """Seconds to pass a table that exists through Python, and to copy it in DuckDB."""
    rows = ROWS.format(rows=millions * 1_000_000)
    settings = f'settings = {{ memory_limit = "{limit}" }}\n' if limit else ""
    project = Project.create("crossing", settings)
    project.write("models/sales.sql", "{{ config(materialized='table') }}\n" + rows)
    project.write("models/passed.py", passing)
    before = [f"set memory_limit = '{limit}'"] if limit else []
    project.dovetail("run").run()
    copy = "create or replace table passed as select * from sales"
    project.duckdb("copy", [*before, f"create table sales as {rows}", copy]).run()
    samples = alternately(
        runs,
        project.dovetail("run", "--select", "passed"),
        project.duckdb("copy", [*before, copy], cold=False),
    )
    project.verify("copy", ["sales", "passed"])
    for database in project.root.glob("*.duckdb"):
        database.unlink()
    return samples
