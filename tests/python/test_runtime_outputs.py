"""What asset functions may return, and what is said of what they may not."""

from __future__ import annotations

import re

import pytest


def run_all(project, text: str, code: int = 0) -> str:
    imports = """
from typing import Iterator
import pandas as pd
import polars as pl
import pyarrow as pa
from dovetail import Relation, Result, asset, sql

"""
    project.write("models/m.py", imports + text)
    return project.dovetail("run", "--verbose", code=code).stderr


def count(project, table: str) -> int:
    return project.query(f"select count(*) as n from {table}")[0]["n"]


def columns(project, table: str) -> list[str]:
    return [row["column_name"] for row in project.query(f"select column_name from (describe {table})")]


def test_everything_tabular_may_be_returned(project) -> None:
    run_all(
        project,
        """
BATCH = pa.record_batch({"a": [1, 2], "b": ["x", None]})

@asset
def table(): return pa.Table.from_batches([BATCH, BATCH])
@asset
def batch(): return BATCH
@asset
def reader(): return pa.RecordBatchReader.from_batches(BATCH.schema, iter([BATCH, BATCH]))
@asset
def reader_without_batches(): return pa.RecordBatchReader.from_batches(BATCH.schema, iter([]))
@asset
def generator():
    yield BATCH
    yield pa.Table.from_batches([BATCH, BATCH])
@asset
def batches(): return [BATCH, BATCH]
@asset
def polars(): return pl.DataFrame(BATCH)
@asset
def polars_lazy(): return pl.DataFrame(BATCH).lazy().filter(pl.col("a") > 1)
@asset
def polars_generator():
    yield pl.DataFrame(BATCH)
    yield pl.DataFrame(BATCH)
@asset
def pandas(): return BATCH.to_pandas()
@asset
def pandas_filtered():
    frame = BATCH.to_pandas()
    return frame[frame.a > 1]
@asset
def pandas_grouped(): return pd.DataFrame({"a": [1, 1], "b": [2, 3]}).groupby("a").sum()
@asset
async def asynchronous():
    import asyncio
    await asyncio.sleep(0)
    return BATCH
@asset
async def asynchronous_generator():
    import asyncio
    for _ in range(3):
        await asyncio.sleep(0)
        yield BATCH
@asset
def relation(table): return table.filter("a = 1")
@asset
def relation_with_comment(table): return sql("select a from table_ -- the last line".replace("table_", '"table"'))
@asset
def with_metadata(table): return Result(table, metadata={"rows": len(table), "about": ["x", 1.5, None]})
@asset(deps=["with_metadata"])
def recorded(): return sql("select metadata from dovetail.materializations where asset = 'with_metadata'")
@asset
def no_rows(): return BATCH.slice(0, 0)
""",
    )
    expected = {
        "table": 4, "batch": 2, "reader": 4, "reader_without_batches": 0, "generator": 6, "batches": 4, "polars": 2,
        "polars_lazy": 1, "polars_generator": 4, "pandas": 2, "pandas_filtered": 1, "pandas_grouped": 1,
        "asynchronous": 2, "asynchronous_generator": 6, "relation": 2, "relation_with_comment": 4,
        "with_metadata": 4, "no_rows": 0,
    }  # fmt: skip
    assert {name: count(project, f'"{name}"') for name in expected} == expected
    # The index of a filtered frame is an accident, that of a grouped one is data.
    assert columns(project, "pandas_filtered") == ["a", "b"]
    assert columns(project, "pandas_grouped") == ["a", "b"]
    assert project.query("from recorded")[0]["metadata"] == {"about": ["x", 1.5, None], "rows": 4}


def test_columns_of_batches_go_by_name(project) -> None:
    run_all(
        project,
        """
@asset
def mixed():
    yield pa.record_batch({"a": [1], "b": ["x"]})
    yield pa.record_batch({"b": ["y"], "a": [2]})
    yield pa.record_batch({"a": pa.nulls(1), "b": ["z"]})
    yield pl.DataFrame({"b": ["w"], "a": [4]}).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(
        pa.schema({"b": pa.string(), "a": pa.int64()})
    )
""",
    )
    rows = project.query("from mixed order by b")
    assert rows == [{"a": 4, "b": "w"}, {"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": None, "b": "z"}]


def test_what_is_not_a_table_says_what_would_be(project) -> None:
    errors = run_all(
        project,
        """
@asset
def nothing(): pass
@asset
def dictionaries(): return [{"a": 1}]
@asset
def dictionary(): return {"a": [1]}
@asset
def number(): return 42
@asset
def series(): return pl.Series("a", [1])
@asset
def items(): yield {"a": 1}
@asset
def without_batches():
    if False: yield
@asset(columns={"a": "BIGINT", "b": "VARCHAR[]"})
def declared_without_batches():
    if False: yield
@asset
def other_type():
    yield pa.record_batch({"a": [1]})
    yield pa.record_batch({"a": ["x"]})
@asset
def other_columns():
    yield pa.record_batch({"a": [1]})
    yield pa.record_batch({"c": [1]})
@asset
def more_columns():
    yield pa.record_batch({"a": [1]})
    yield pa.record_batch({"a": [1], "c": [1]})
@asset
def without_columns(): return pa.table({})
@asset
def twice(): return pa.table([[1], [2]], names=["a", "A"])
@asset(columns={"missing": "BIGINT"})
def declared(): return pa.table({"a": [1]})
@asset(columns={"missing": "BIGINT"})
def declared_query(): return sql("select 1 as a")
@asset
def nested_result(): return Result(Result(None))
""",
        code=1,
    )
    for name, message in {
        "nothing": "the function returned None; did you forget `return`?",
        "dictionaries": "the function returned a list of dict",
        "dictionary": "the function returned a dict",
        "number": "the function returned an int",
        "series": "the function returned a polars.Series",
        "items": "item 1 of the generator is a dict",
        "without_batches": "the function gave no batches",
        "other_type": "column `a` is `Utf8` in batch 2, but `Int64` in the first batch",
        "other_columns": "batch 2 has no column `a`",
        "more_columns": "batch 2 has a column `c`",
        "declared": "the result has no column `missing`",
        "declared_query": "the result has no column `missing`",
    }.items():
        assert re.search(rf"error\[DT0603\]: `{name}` failed: {re.escape(message)}", errors), (name, errors)
    assert "error[DT0606]: `without_columns`" in errors
    assert re.search(r"`twice` failed: .*two columns called `A`", errors)
    assert columns(project, "declared_without_batches") == ["a", "b"]


def test_errors_inside_streams_keep_their_place(project) -> None:
    errors = run_all(
        project,
        """
@asset
def late():
    yield pa.record_batch({"a": [1]})
    raise ValueError("late \\0 ü")

@asset
async def late_and_asynchronous():
    yield pa.record_batch({"a": [1]})
    raise ValueError("async")

def batches():
    yield pa.record_batch({"a": [1]})
    raise ValueError("behind a reader")

@asset
def behind_reader():
    return pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())

closed = []

@asset
def cleaned():
    try:
        yield pa.record_batch({"a": [1]})
        yield pa.record_batch({"b": [1]})
    finally:
        print("cleaned up")
""",
        code=1,
    )
    assert re.search(r"`late` failed: ValueError: late \\u\{0\} ü\n +--> models/m.py:12:5", errors), errors
    assert re.search(r"`late_and_asynchronous` failed: ValueError: async\n +--> models/m.py:17:5", errors), errors
    assert re.search(r"`behind_reader` failed: ValueError: behind a reader\n +--> models/m.py:21:5", errors), errors
    assert "cleaned | cleaned up" in errors


def test_batches_may_lay_out_texts_differently(project) -> None:
    project.write(
        "models/m.py",
        "import polars as pl\nimport pyarrow as pa\nfrom dovetail import asset\n\n"
        "@asset\ndef texts():\n"
        "    for kind in (pa.string(), pa.large_string(), pa.string_view()):\n"
        "        yield pa.table({'i': [1], 's': pa.array(['é', None][:1], kind)})\n"
        "    yield pl.DataFrame({'s': ['z'], 'i': [1]})\n\n"
        "@asset\ndef nested():\n"
        "    for text, data in ((pa.string(), pa.binary()), (pa.large_string(), pa.large_binary())):\n"
        "        lists = pa.array([['a', None], None], pa.list_(text))\n"
        "        yield pa.table({'l': lists, 'b': pa.array([b'x', None], data),\n"
        "            's': pa.array([{'t': 'x'}, None], pa.struct([('t', text)]))})\n\n"
        "@asset\ndef numbers():\n"
        "    yield pa.table({'i': pa.array([1], pa.int32())})\n"
        "    yield pa.table({'i': pa.array([1], pa.int64())})\n",
    )
    errors = project.dovetail("run", code=1).stderr
    assert "column `i` is `Int64` in batch 2" in errors
    assert "failed: numbers\n" in errors + "\n"
    assert project.query("select string_agg(s, '' order by s) as s, sum(i) as i from texts") == [{"s": "zééé", "i": 4}]
    rows = project.query("select l, decode(b) as b, s from nested")
    assert rows == [{"l": ["a", None], "b": "x", "s": {"t": "x"}}, {"l": None, "b": None, "s": None}] * 2


def test_a_lazy_frame_of_narwhals_is_collected(project) -> None:
    pytest.importorskip("narwhals")
    project.write(
        "models/m.py",
        "import narwhals as nw\nimport polars as pl\nfrom dovetail import asset\n\n"
        "@asset\ndef lazy():\n    return nw.from_native(pl.LazyFrame({'e': ['a']}, schema={'e': pl.Enum(['a'])}))\n\n"
        "@asset\ndef eager():\n    return nw.from_native(pl.DataFrame({'e': ['a']}, schema={'e': pl.Enum(['a'])}))\n",
    )
    project.dovetail("run")
    assert project.query("select typeof(e) as t from lazy union all select typeof(e) from eager") == [
        {"t": "ENUM('a')"},
        {"t": "ENUM('a')"},
    ]


def test_metadata_holds_no_secret(project) -> None:
    project.write("models/seen.sql", "-- {{ env_var('API_TOKEN', '') }}\nselect 1 as x")
    project.write(
        "models/m.py",
        """
import os
from dovetail import Result, asset

SECRET = os.environ["API_TOKEN"]

@asset
def table(seen):
    return Result(seen, metadata={"url": f"https://x/?token={SECRET}", "deep": [{SECRET: 1}], "rows": 3})

@asset(materialized="object")
def thing(seen):
    return Result(1, metadata={"used": SECRET})
""",
    )
    for _ in range(2):
        project.dovetail("run", environment={"API_TOKEN": "hunter22-and-more"})
        kept = project.query("select asset, metadata::varchar as metadata from dovetail.assets where kind = 'python'")
        told = {row["asset"]: row["metadata"] for row in kept}
        assert told["table"] == '{"deep":[{"***":1}],"rows":3,"url":"https://x/?token=***"}', told
        assert told["thing"] == '{"used":"***"}', told
    logs = "".join(path.read_text() for path in (project.root / ".dovetail/runs").glob("*.jsonl"))
    assert "hunter22" not in logs and "token=***" in logs
