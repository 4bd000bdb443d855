"""Values that one side of the language border has no room for: refused by name, never changed."""

from __future__ import annotations

import re

import pytest

IMPORTS = """\
import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
from dovetail import Relation, asset, sql

"""
FORMS = {
    "relation": "Relation",
    "table": "pa.Table",
    "polars": "pl.DataFrame",
    "lazy": "pl.LazyFrame",
    "pandas": "pd.DataFrame",
}

#: A column's value, and the forms in which it must be refused.
INWARD = {
    "long_interval": ("to_hours(3000000)", ["table", "polars", "lazy", "pandas"]),
    "long_intervals": ("[null, to_hours(1), to_hours(3000000)]", ["table", "polars", "lazy", "pandas"]),
    "long_map": ("map {'a': {'b': [to_hours(3000000)]}}", ["table", "polars", "lazy", "pandas"]),
    "good_interval": ("to_hours(2000000)", []),
    "good_intervals": ("[null, to_hours(1)]", []),
    "null_interval": ("null::INTERVAL", []),
    "midnight": ("time '24:00:00'", ["polars", "lazy"]),
    "midnights": ("[time '24:00:00']", ["polars", "lazy"]),
    "endless": ("'infinity'::TIMESTAMP::TIMESTAMP_S", ["polars", "lazy"]),
    "endless_before": ("'-infinity'::TIMESTAMP::TIMESTAMP_S", ["polars", "lazy"]),
    "huge": ("170141183460469231731687303715884105727::HUGEINT", ["pandas"]),
    "huge_negative": ("[-170141183460469231731687303715884105727::HUGEINT]", ["polars", "lazy", "pandas"]),
    "widest": ("99999999999999999999999999999999999999::HUGEINT", []),
}


def failures(errors: str) -> dict[str, str]:
    """The first line of each DT0605, by asset."""
    return {name: text for name, text in re.findall(r"error\[DT0605\]: `(\w+)` failed: (.*)", errors)}


def test_what_cannot_arrive_is_refused(project) -> None:
    text = IMPORTS
    for name, (value, _) in INWARD.items():
        text += f"@asset\ndef {name}():\n    return sql({f'select 1 as i, {value} as x'!r})\n\n"
        for form, annotation in FORMS.items():
            text += f"@asset\ndef {name}_{form}({name}: {annotation}):\n    return {name}\n\n"
    project.write("models/types.py", text)
    found = failures(project.dovetail("run", code=1).stderr)
    expected = {f"{name}_{form}" for name, (_, forms) in INWARD.items() for form in forms}
    assert set(found) == expected
    for name, message in found.items():
        assert "column `x`" in message, (name, message)
    for name in INWARD:
        for form in FORMS:
            if f"{name}_{form}" not in expected:
                assert (
                    project.query(
                        f"select i, x::varchar as x from {name}_{form} except select i, x::varchar from {name}"
                    )
                    == []
                )


OUTWARD = {
    "fine_duration": ('pl.DataFrame({"x": pl.Series([1500], dtype=pl.Duration("ns"))})', "x"),
    "fine_durations": ('pl.DataFrame({"x": pl.Series([[1, 1000]], dtype=pl.List(pl.Duration("ns")))})', "x"),
    "long_duration": ('pa.table({"x": pa.array([2**60], pa.duration("s"))})', "x"),
    "fine_interval": ('pa.table({"x": pa.array([(0, 0, 1)], pa.month_day_nano_interval())})', "x"),
    "negative_time": (
        'pa.table({"x": pa.array([-1], pa.int64()).cast(pa.time64("us"), safe=False).view(pa.time64("us"))})',
        "x",
    ),
    "fine_moment": ('pa.table({"x": pa.array([1], pa.timestamp("ns", "UTC"))})', "x"),
    "yielded": ('iter([pl.DataFrame({"x": pl.Series([1500], dtype=pl.Duration("ns"))})])', "x"),
    "no_enum": ('pl.DataFrame({"x": pl.Series([None], dtype=pl.Enum([]))})', "x"),
    "large": ('pd.DataFrame({"a": [1], "x": [2**70]})', "x"),
    "twice": ('pd.DataFrame([[1, 2]], columns=["x", "x"])', "x"),
    "period": ('pd.DataFrame({"x": pd.period_range("2020-01", periods=2, freq="M")})', "x"),
    "wide_decimal": (
        'pa.table({"x": pa.array(["2020"]), "y": pa.array([1], pa.decimal256(76, 0))})',
        "y",
    ),
}


def test_what_cannot_be_stored_is_refused(project) -> None:
    text = IMPORTS
    for name, (value, _) in OUTWARD.items():
        text += f"@asset\ndef {name}():\n    return {value}\n\n"
    text += """
@asset
def good():
    return pl.DataFrame({
        "d": pl.Series([1000, None, -5000], dtype=pl.Duration("ns")),
        "t": [dt.time(1, 2, 3, 4), None, dt.time(0)],
        "l": [[dt.timedelta(seconds=1)], None, []],
    })
"""
    project.write("models/types.py", text)
    errors = project.dovetail("run", code=1).stderr
    found = failures(errors)
    assert set(found) == set(OUTWARD), errors
    for name, (_, column) in OUTWARD.items():
        assert re.search(rf"column `{column}`|columns called `{column}`", found[name]), (name, found[name])
    assert "exception_type" not in errors
    assert project.query("select epoch_us(d)::bigint as d from good") == [{"d": 1}, {"d": None}, {"d": -5}]


def test_a_refusal_is_said_once(project) -> None:
    project.write("models/a.sql", "select time '24:00:00' as x")
    project.write("models/b.py", IMPORTS + "@asset\ndef b(a: pl.DataFrame):\n    return a\n")
    errors = project.dovetail("run", code=1).stderr
    assert errors.count("column `x`") == 1, errors
    assert "OSError" not in errors


@pytest.mark.parametrize("setting", ["", '[targets.dev.settings]\ndefault_collation = "nocase"\n'])
def test_collations_do_not_lose_rows(project, setting: str) -> None:
    project.write("dovetail.toml", 'name = "p"\n' + setting)
    project.write(
        "models/t.py",
        IMPORTS
        + """
@asset
def t():
    return sql("select s collate nocase as s, s as p from (values ('Ab'), ('ab'), ('AC'), ('b')) v(s)")


@asset
def kept(t: pl.LazyFrame, whole: pl.DataFrame):
    for name in ("s", "p"):
        c = pl.col(name)
        for predicate in (c != "ab", c == "ab", c < "a", c > "AC", ~c.str.starts_with("a"), ~c.is_in(["ab", "ac"]),
                          c.is_null(), ~c.str.contains("b", literal=True), c.ne_missing("ab"),
                          c.is_between(pl.lit("A"), pl.lit("Z"))):
            assert t.filter(predicate).collect().equals(whole.filter(predicate)), (name, predicate)
    return whole
""",
    )
    project.write("models/whole.py", "from dovetail import asset\n\n@asset\ndef whole(t):\n    return t\n")
    project.dovetail("run")
