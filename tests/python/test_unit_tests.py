"""Unit tests of asset functions, and of chains of SQL and Python."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

CHAIN = """
import polars as pl
from dovetail import Relation, asset


@asset
def scored(clean: pl.DataFrame) -> pl.DataFrame:
    return clean.with_columns(score=pl.col("amount").cast(pl.Float64) / pl.col("amount").cast(pl.Float64).max())


@asset(materialized="object")
def limit(clean: Relation):
    return {"limit": clean.aggregate("avg(amount)::double as a").fetchone()[0]}


@asset
def over(scored: pl.LazyFrame, limit) -> pl.LazyFrame:
    return scored.filter(pl.col("amount").cast(pl.Float64) > limit["limit"])
"""


def chain(project) -> None:
    project.write(
        "models/sources.yml",
        """
sources:
  - name: raw
    tables:
      - name: orders
        columns:
          - {name: id, data_type: bigint}
          - {name: amount, data_type: "decimal(10, 2)"}
          - {name: ordered, data_type: timestamptz}
""",
    )
    project.write("models/clean.sql", "select id, amount, ordered::date as day from raw.orders where amount > 0")
    project.write("models/ml.py", CHAIN)
    project.write("models/report.sql", "select day, count(*) as n, max(score) as best from over group by all")


def test_an_asset_function(project) -> None:
    chain(project)
    project.write(
        "models/tests.yml",
        """
unit_tests:
  - name: scores
    model: scored
    given:
      - input: ref('clean')
        rows:
          - {id: 1, amount: 2.5}
          - {id: 2, amount: 10}
          - {id: 3}
    expect:
      rows:
        - {id: 1, amount: 2.50, day: null, score: 0.25}
        - {id: 2, amount: 10, score: 1}
        - {id: 3, score: null}
""",
    )
    said = project.dovetail("test")
    assert "1 unit test: 1 passed" in said.stderr
    assert not list(project.root.glob("*.duckdb"))


def test_a_chain_of_sql_python_sql_with_an_object_in_it(project) -> None:
    chain(project)
    project.write(
        "models/tests.yml",
        """
unit_tests:
  - name: whole_chain
    model: report
    given:
      - input: source('raw', 'orders')
        format: csv
        rows: |
          id,amount,ordered
          1,10.00,2024-01-01 10:00:00+00
          2,30.00,2024-01-01 11:00:00+00
          3,-1,2024-01-01 12:00:00+00
          4,40.00,2024-01-02 13:00:00+00
    expect:
      rows:
        - {day: 2024-01-01, n: 1, best: 0.75}
        - {day: 2024-01-02, n: 1, best: 1}
  - name: two_rows_more
    model: report
    given:
      - {input: raw.orders, rows: [{id: 1, amount: 1, ordered: 2024-01-01}, {id: 2, amount: 2, ordered: 2024-01-02}]}
    expect:
      rows:
        - {day: 2024-01-02, n: 2, best: 1}
""",
    )
    said = project.dovetail("test", "--junit", "tests.xml", code=1)
    assert "1 passed, 1 failed" in said.stderr
    assert "2 → 1" in said.stderr
    suites = ElementTree.parse(project.root / "tests.xml").getroot()
    assert suites.attrib["tests"] == "2" and suites.attrib["failures"] == "1"
    failed = suites.find("testsuite/testcase[@name='two_rows_more']")
    assert failed is not None and failed.attrib["classname"] == "report"
    assert "2 → 1" in (failed.find("failure").text or "")
    lines = project.dovetail("test", "-o", "json", code=1).stdout
    assert '"kind":"changed"' in lines
    project.dovetail("test", "--update")
    project.dovetail("test")
    assert not (project.root / "target" / "reports").exists()


def test_errors_of_a_function_are_told_at_its_line(project) -> None:
    project.write(
        "models/m.py",
        """
from dovetail import asset


@asset(columns={"a": "BIGINT"})
def first():
    return None


@asset
def second(first):
    raise ValueError("no rows today")
""",
    )
    project.write(
        "models/t.yml",
        """
unit_tests:
  - {name: raises, model: second, given: [{input: first, rows: [{a: 1}]}], expect: {rows: []}}
  - {name: misspelt, model: second, given: [{input: first, rows: [{aa: 1}]}], expect: {rows: []}}
""",
    )
    said = project.dovetail("test", code=1)
    assert "error[DT0602]: `second` failed: ValueError: no rows today" in said.stderr
    assert "models/m.py:12" in said.stderr
    assert "`first` has no column `aa`" in said.stderr and "did you mean `a`?" in said.stderr


CLOCKS = """
import datetime as dt
import os
import time
from datetime import date, datetime

import pyarrow as pa
from dovetail import asset


@asset
def clocks(base):
    return pa.table(
        {
            "now": [datetime.now(dt.timezone.utc).replace(tzinfo=None)],
            "utc": [dt.datetime.utcnow()],
            "today": [date.today()],
            "seconds": [time.time()],
            "year": [time.strftime("%Y")],
            "is_datetime": [isinstance(datetime.now(), datetime)],
            "who": [os.environ.get("WHO", "nobody")],
            "sql": base.select("cast(now() as timestamp) as n").fetchall()[0],
        }
    )
"""


def test_clocks_of_python_and_of_its_sql_stand(project) -> None:
    project.write("dovetail.toml", "[targets.dev]\nsettings = { TimeZone = 'UTC' }\n")
    project.write("models/clocks.py", CLOCKS)
    project.write("models/base.sql", "select 1 as x from raw.nothing")
    project.write(
        "models/t.yml",
        """
sources: [{name: raw, tables: [{name: nothing}]}]
unit_tests:
  - name: leap_day
    model: clocks
    given: [{input: nothing, rows: [{y: 1}]}]
    overrides: {now: "2024-02-29 12:00:00+00", env_vars: {WHO: Ada}}
    expect:
      rows:
        - now: 2024-02-29 12:00:00
          utc: 2024-02-29 12:00:00
          today: 2024-02-29
          seconds: 1709208000
          year: "2024"
          is_datetime: true
          who: Ada
          sql: 2024-02-29 12:00:00
  - name: afterwards
    model: clocks
    given: [{input: nothing, rows: [{y: 1}]}]
    expect: {rows: [{who: nobody, is_datetime: true}]}
""",
    )
    said = project.dovetail("test")
    assert "2 unit tests: 2 passed" in said.stderr, said.stderr


def test_vars_reach_the_context(project) -> None:
    project.write(
        "models/m.py",
        """
import pyarrow as pa
from dovetail import Context, asset


@asset
def m(context: Context):
    return pa.table({"limit": [context.vars["limit"]]})
""",
    )
    project.write("dovetail.toml", "[vars]\nlimit = 1\n")
    project.write(
        "models/t.yml",
        """
unit_tests:
  - {name: as_it_is, model: m, expect: {rows: [{limit: 1}]}}
  - {name: other, model: m, overrides: {vars: {limit: 5}}, expect: {rows: [{limit: 5}]}}
""",
    )
    assert "2 passed" in project.dovetail("test").stderr
