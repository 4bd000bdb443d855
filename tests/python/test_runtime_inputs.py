"""Which form of an upstream arrives, by annotation; and what is said when none can."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

SOURCE = """
from dovetail import asset, sql

@asset
def orders():
    return sql("select i as id, i % 3 as kind from range(10) t(i)")
"""


def run_checks(project, text: str, code: int = 0) -> str:
    project.write("models/source.py", SOURCE)
    project.write("models/checks.py", text)
    return project.dovetail("run", code=code).stderr


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_annotations_pick_the_form(project, future: str) -> None:
    run_checks(
        project,
        future
        + """
import collections.abc
import typing
from typing import TYPE_CHECKING, Annotated, Any, Generator, Iterable, Iterator, Optional

import dovetail
import pandas
import polars as pl
import pyarrow
import pyarrow as pa
from dovetail import Context, Relation, asset
from polars import LazyFrame as Lazy
if TYPE_CHECKING:
    import pyarrow as arrow
    from pandas import DataFrame as PandasFrame
    from pyarrow import Table

def one(value, form):
    name = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    assert name == form, name
    return pa.table({"ok": [True]})

@asset
def a1(orders): return one(orders, "dovetail.Relation")
@asset
def a2(orders: Relation): return one(orders, "dovetail.Relation")
@asset
def a3(orders: "dovetail.Relation"): return one(orders, "dovetail.Relation")
@asset
def a4(orders: Any): return one(orders, "dovetail.Relation")
@asset
def b1(orders: pa.Table): return one(orders, "pyarrow.Table")
@asset
def b2(orders: "Table"): return one(orders, "pyarrow.Table")
@asset
def b3(orders: "arrow.Table"): return one(orders, "pyarrow.Table")
@asset
def b4(orders: Optional[pyarrow.Table]): return one(orders, "pyarrow.Table")
@asset
def b5(orders: pa.Table | None): return one(orders, "pyarrow.Table")
@asset
def b6(orders: Annotated[pa.Table, "orders"]): return one(orders, "pyarrow.Table")
@asset
def b7(orders: "Optional[Table]", factor: int = 3): return one(orders, "pyarrow.Table")
@asset
def b8(orders: "PandasFrame"): return one(orders, "pandas.DataFrame")
@asset
def c1(orders: pa.RecordBatchReader): return one(orders, "pyarrow.RecordBatchReader")
@asset
def d1(orders: Iterator[pa.RecordBatch]): return one(next(orders), "pyarrow.RecordBatch")
@asset
def d2(orders: Iterable[pa.RecordBatch]): return one(next(iter(orders)), "pyarrow.RecordBatch")
@asset
def d3(orders: typing.Generator[pa.RecordBatch, None, None]): return one(next(orders), "pyarrow.RecordBatch")
@asset
def d4(orders: collections.abc.Iterator["pa.RecordBatch"]): return one(next(orders), "pyarrow.RecordBatch")
@asset
def e1(orders: pl.DataFrame): return one(orders, "polars.DataFrame")
@asset
def e2(orders: Lazy): return one(orders, "polars.LazyFrame")
@asset
def f1(orders: pandas.DataFrame): return one(orders, "pandas.DataFrame")
@asset
def g1(orders: pa.Table, context: Context):
    assert (context.asset, context.target, context.vars) == ("g1", "dev", {}), context
    assert context.root.samefile(".") and context.run
    context.log("hello")
    assert context.sql("select count(*) from orders").fetchall() == [(10,)]
    return one(orders, "pyarrow.Table")
@asset(inputs={"x": "orders", "y": "a1"})
def h1(x, y: pl.DataFrame): return one(y, "polars.DataFrame")
@asset
def j1(*, orders: pa.Table): return one(orders, "pyarrow.Table")
""",
    )


def test_types_that_only_a_checker_imports(project) -> None:
    run_checks(
        project,
        """
from __future__ import annotations
from typing import TYPE_CHECKING
from dovetail import asset
if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

@asset
def a(orders: pl.DataFrame): return orders.select("id")
@asset
def b(orders: pd.DataFrame): return orders[["id"]]
""",
    )
    assert project.query("select count(*) as n from a join b using (id)") == [{"n": 10}]


def test_unknown_annotations_list_what_is_possible(project) -> None:
    errors = run_checks(
        project,
        """
import numpy as np
from dovetail import asset

@asset
def a(orders: np.ndarray): return orders
@asset
def b(orders: list[dict]): return orders
""",
        code=1,
    )
    assert re.search(r"error\[DT0604\]: `a` failed: the parameter `orders` asks for `numpy.ndarray`", errors), errors
    assert "`list[dict]`" in errors
    assert "hint: possible are `Relation`, `pa.Table`" in errors


def test_a_missing_library_is_named(project) -> None:
    project.write("pandas/__init__.py", "raise ModuleNotFoundError('no pandas', name='pandas')")
    errors = run_checks(
        project,
        """
from __future__ import annotations
from dovetail import asset

@asset
def a(orders: pd.DataFrame): return orders
""",
        code=1,
    )
    assert "DT0604" in errors
    assert "`orders` cannot arrive as `pd.DataFrame`: `pandas` is not installed" in errors
    assert "hint: `pip install pandas`" in errors


def test_no_library_is_forced_on_anybody(project) -> None:
    run_checks(
        project,
        """
import sys
import polars as pl
from dovetail import asset

@asset
def a(orders: pl.DataFrame) -> pl.DataFrame:
    return orders
@asset
def b(orders: pl.LazyFrame, a) -> pl.LazyFrame:
    assert a.fetchall()
    return orders
@asset
def c(a, b) -> pl.DataFrame:
    return pl.DataFrame({"name": [name for name in ("pyarrow", "pandas") if name in sys.modules]})
""",
    )
    assert project.query("from c") == []


def test_importing_dovetail_is_cheap() -> None:
    heavy = ["pyarrow", "polars", "pandas", "typing", "inspect", "dovetail._dovetail"]
    code = f"import sys; import dovetail; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=_path())
    assert found.stdout.strip() == "[]", found.stderr


def _path() -> dict[str, str]:
    import os
    from pathlib import Path

    import dovetail

    return {**os.environ, "PYTHONPATH": str(Path(dovetail.__file__).parents[1])}


def test_lazy_frames_push_columns_filters_and_limits_down(project) -> None:
    run_checks(
        project,
        """
import polars as pl
from dovetail import _polars, asset, sql

@asset
def wide():
    return sql("select i as id, i * 2 as b, 'x' || i as name, {'a': i} as nested from range(1000) t(i)")

@asset
def pushed(wide: pl.LazyFrame, orders: pl.DataFrame) -> pl.DataFrame:
    # What the scan hands over, before polars looks at it.
    seen = []
    typed = _polars._typed
    _polars._typed = lambda frame, special: seen.append((frame.columns, frame.height)) or typed(frame, special)
    try:
        result = wide.filter(pl.col("id") >= 990, pl.col("name").str.starts_with("x99")).select("id").collect()
        head = wide.select("name").head(3).collect()
        everything = wide.select(pl.len()).collect()
    finally:
        _polars._typed = typed
    assert result.height == 10 and head.height == 3 and everything.item() == 1000
    return pl.DataFrame({"columns": [",".join(columns) for columns, _ in seen], "rows": [rows for _, rows in seen]})
""",
    )
    assert project.query("from pushed") == [
        {"columns": "id,name", "rows": 10},
        {"columns": "name", "rows": 3},
        {"columns": "id", "rows": 1000},
    ]


def test_streams_hold_one_batch_at_a_time(project) -> None:
    run_checks(
        project,
        """
from typing import Iterator
import pyarrow as pa
from dovetail import asset, sql

@asset
def many():
    return sql("select i, i * 2 as j from range(3_000_000) t(i)")

@asset
def through(many: Iterator[pa.RecordBatch]):
    most = 0
    for batch in many:
        most = max(most, pa.total_allocated_bytes())
        yield batch
    # Rows are 48 MB; allocations of pyarrow's own pool stay out of it, since the buffers are the engine's.
    assert most < 16_000_000, most
""",
    )
    sums = project.query("select count(*) as n, sum(j - 2 * i)::int as wrong from through")
    assert sums == [{"n": 3_000_000, "wrong": 0}]
