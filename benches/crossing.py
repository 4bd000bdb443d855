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

# The same for both. The buffer pool is bounded, so that memory tells of rows held back and not of a warm cache.
MEMORY_LIMIT = "250MB"


def there_and_back(quick: bool) -> Iterator[Figure]:
    # DuckDB takes no version of what it copies: the way there and back is measured without one, and with.
    [ours, theirs] = measure(1_000_000 if quick else 10_000_000, 1 if quick else 5, UNVERSIONED)
    name = f"SQL, Python, SQL: {1 if quick else 10} million rows, no data version"
    yield Figure(name, "wall", ours, theirs, goal=1.25, goal_is_ratio=True)
    peaks = []
    for millions in (1, 4) if quick else (10, 40):
        ours, theirs = measure(millions * 1_000_000, runs=1 if quick or millions > 10 else 5)
        peaks.append(ours)
        name = f"SQL, Python, SQL: {millions} million rows"
        yield Figure(name, "wall", ours, theirs)
    few, many = peaks
    yield Figure("  peak memory, 4 times the rows to once", "peak_mb", many, few, goal=1.1, goal_is_ratio=True)


def measure(rows: int, runs: int, passing: str = PASS_THROUGH) -> list[list[Sample]]:
    """Seconds to pass a table that exists through Python, and to copy it in DuckDB."""
    project = Project.create("crossing", f'settings = {{ memory_limit = "{MEMORY_LIMIT}" }}\n')
    project.write("models/sales.sql", "{{ config(materialized='table') }}\n" + ROWS.format(rows=rows))
    project.write("models/passed.py", passing)
    limit = f"set memory_limit = '{MEMORY_LIMIT}'"
    project.dovetail("run").run()
    copy = "create or replace table passed as select * from sales"
    project.duckdb("copy", [limit, f"create table sales as {ROWS.format(rows=rows)}", copy]).run()
    samples = alternately(
        runs,
        project.dovetail("run", "--select", "passed"),
        project.duckdb("copy", [limit, copy], cold=False),
    )
    project.verify("copy", ["sales", "passed"])
    for database in project.root.glob("*.duckdb"):
        database.unlink()
    return samples
