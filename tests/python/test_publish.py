"""Runs that are published as one, with Python assets in them: what they read is what is staged."""

from __future__ import annotations

import pytest

PYTHON = """
import pathlib
import polars as pl
import pandas as pd
import pyarrow as pa
from dovetail import Context, Relation, asset, sql


@asset(deps=["seen"])
def written():
    return sql("select max(base.g) as g from base, (select g from main.Seen) s where s.g = base.g")


@asset
def by_context(base, context: Context):
    return context.sql("with b as (from base) select g from b")


@asset
def by_query(base: Relation):
    return base.query("b", "select g from b where g = (select max(g) from base)")


@asset
def lazy(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.filter(pl.col("i") > 0).select("g")


@asset
def relation(seen: Relation) -> Relation:
    return seen.select("seen.g")


@asset
def frame(inline: pd.DataFrame) -> pd.DataFrame:
    return inline


@asset(materialized="object")
def fitted(lazy: pa.Table):
    return max(lazy["g"].to_pylist())


@asset(retries=1, retry_delay=0)
def scored(fitted, relation):
    tries = pathlib.Path("tries")
    if not tries.exists():
        tries.touch()
        raise RuntimeError("once")
    return pa.table({"g": [fitted]})


@asset
def last(scored, lazy, relation, frame):
    if pathlib.Path("fail").exists():
        raise RuntimeError("on purpose")
    return scored
"""
ALL = ["base", "seen", "written", "by_context", "by_query", "lazy", "relation", "frame", "scored", "last"]


@pytest.fixture
def built(project):
    """A project at generation 1."""
    project.write("models/base.sql", "select {{ var('g', 1) }} as g, range as i from range(3)")
    project.write("models/seen.sql", "{{ config(materialized='view') }} select seen.g from base as seen")
    project.write("models/inline.sql", "{{ config(materialized='ephemeral') }} select g from seen")
    project.write("models/py.py", PYTHON)
    project.dovetail("run")
    return project


def generations(project) -> set[int]:
    everything = " union all ".join(f"select g from {name}" for name in ALL)
    [row] = project.query(f"select list(distinct g) as g from ({everything})")
    return set(row["g"])


def test_python_reads_what_is_staged(built) -> None:
    (built.root / "tries").unlink()
    result = built.dovetail("run", "--atomic", "--vars", "g=2", "--threads", "3")
    assert "retry   scored" in result.stderr
    assert generations(built) == {2}
    assert "nothing to do" in built.dovetail("reconcile", "--vars", "g=2").stderr
    [row] = built.query("select count(*) as n from information_schema.tables where table_name like '%staged%'")
    assert row["n"] == 1, "only the state's own table"
    # By itself again: what was published is read.
    built.dovetail("run", "--select", "scored", "last")
    assert generations(built) == {2}


def test_nothing_of_a_failed_run_is_published(built) -> None:
    [before] = built.query("select md5(payload) as hash from dovetail.objects")
    (built.root / "fail").touch()
    result = built.dovetail("run", "--atomic", "--vars", "g=2", code=1)
    assert "on purpose" in result.stderr and "nothing is published" in result.stderr
    assert generations(built) == {1}
    assert built.query("select md5(payload) as hash from dovetail.objects") == [before]
    assert built.json("show", "scored", "--staged", "--output", "json") == [{"g": 2}]
    [shown] = built.json("show", "fitted", "--staged", "--output", "json")
    assert shown["io_manager"] == "pickle"
    assert "nothing is staged for `last`" in built.dovetail("show", "last", "--staged", code=2).stderr
    # The next run tidies up and publishes, be it atomic or not.
    (built.root / "fail").unlink()
    built.dovetail("reconcile", "--vars", "g=2")
    assert generations(built) == {2}
    assert built.query("from dovetail.staged") == []
    assert built.query("select md5(payload) as hash from dovetail.objects") != [before]


def test_reconcile_cuts_off_across_languages(built) -> None:
    built.write("models/base.sql", "select 1 as g, range as i from range(4) -- one more")
    result = built.dovetail("reconcile", "--atomic", "--threads", "1")
    # `scored` reads an object that came out as it was, and a relation that did not.
    assert "same    fitted" not in result.stderr and "ok      lazy" in result.stderr, result.stderr
    assert "nothing to do" in built.dovetail("reconcile").stderr
    built.write("models/base.sql", "select 1 as g, range as i from range(4) order by i desc")
    result = built.dovetail("reconcile", "--atomic")
    assert "1 materialized" in result.stderr and "unchanged" in result.stderr
    assert generations(built) == {1}
