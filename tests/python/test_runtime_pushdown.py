"""Predicates that go down into DuckDB's scan keep the rows that polars itself would keep."""

from __future__ import annotations

import re

PROJECT = '''
import datetime as dt
import random
from decimal import Decimal

import polars as pl
from dovetail import _predicate, asset, sql
from polars.testing import assert_frame_equal

c = pl.col


@asset
def s():
    return sql("""
        select i::TINYINT as i8, i::INTEGER as i32, i::BIGINT as i64, i::UBIGINT as u64,
            (case when i % 5 = 0 then 'nan' when i % 7 = 0 then null when i % 11 = 0 then 'inf' else i / 2 end)::FLOAT
                as f32,
            (case when i % 5 = 0 then 'nan' when i % 7 = 0 then null when i % 11 = 0 then '-inf' else -i / 2 end)
                ::DOUBLE
                as f64,
            case when i % 4 = 0 then null else 'n%_' || chr(39) || i end as s,
            case when i % 3 = 0 then null else i % 2 = 0 end as b,
            date '2020-01-01' + i::int as d, timestamp '2020-01-01 00:00:00.000001' + to_hours(i) as ts,
            (timestamp '2020-01-01' + to_hours(i))::timestamp_s as tss,
            timestamptz '2020-01-01 00:00:00+00' + to_hours(i) as tz, (i * 1.25)::DECIMAL(9, 2) as de,
            (case when i % 2 = 0 then 'x' else 'y' end)::ENUM('y', 'x') as e, i::HUGEINT as h, to_days(i::int) as iv
        from range(100) t(i)
    """)


def translated():
    """Predicates that DuckDB understands as polars does."""
    utc = dt.timezone.utc
    return [
        c("i8") > 5, c("i32") == 7, c("i64") != 3, c("u64") <= 9, c("f32") > 3.5, c("f64") < -3, c("f64") != 1.0,
        c("s") == "n%_'5", c("s") > "n%_'5", c("s").is_in(["n%_'1", "n%_'2"]), c("s").str.starts_with("n%_'1"),
        c("s").str.contains("_'2", literal=True), c("s").str.ends_with("1"), c("b"), c("b").is_null(),
        c("s").is_not_null(), c("f64").is_nan(), c("f32").is_not_nan(), c("f64").is_finite(), c("f64").is_infinite(),
        c("d") > dt.date(2020, 2, 1), c("d").is_between(dt.date(2020, 1, 5), dt.date(2020, 1, 9), closed="left"),
        c("ts") < dt.datetime(2020, 1, 2), c("tss") <= dt.datetime(2020, 1, 2), c("de") == Decimal("1.25"),
        c("tz") > dt.datetime(2020, 1, 2, tzinfo=utc), c("i64").is_in([1, 2, 500]), c("b").eq_missing(None),
        c("s").eq_missing("n%_'5"), c("b").ne_missing(True), c("i64").is_between(5, 9),
        c("f64").is_in([-1.0, float("nan")]),
    ]


def filtered_by_polars():
    """Predicates that have no exact counterpart, or none that is known."""
    return [
        c("i64") > 2.5, c("f32") == float("nan"), c("s").is_in(["n%_'1", None]), c("s").str.contains("^n.*1$"),
        c("e") == "x", c("e") > "y", c("h") > 5, c("i8") == 300, c("i32") < c("i64"), c("f64") <= c("f32"),
        c("iv") > dt.timedelta(days=5), c("i64") % 3 == 1, c("d").dt.month() == 2, c("i8") + 100 > 120,
    ]


@asset
def checked(s: pl.LazyFrame, whole: pl.DataFrame):
    conditions = []
    original = _predicate.translate
    _predicate.translate = lambda *arguments: conditions.append(original(*arguments)) or conditions[-1]

    def check(predicate):
        conditions.clear()
        assert_frame_equal(s.filter(predicate).collect(), whole.filter(predicate))
        return conditions[-1] if conditions else None

    for predicate in translated():
        assert check(predicate), predicate
        # Below `not`, a condition that keeps too many rows would show as one that keeps too few.
        check(~predicate)
    for predicate in filtered_by_polars():
        assert check(predicate) is None, predicate
        assert check(predicate & (c("i64") > 10)) == '("i64" > 10)', predicate

    generator = random.Random(1)
    atoms = translated() + filtered_by_polars()

    def grown(depth):
        kind = generator.choice(["atom", "not", "and", "or"] if depth else ["atom"])
        if kind == "atom":
            return generator.choice(atoms)
        if kind == "not":
            return ~grown(depth - 1)
        left, right = grown(depth - 1), grown(depth - 1)
        return left & right if kind == "and" else left | right

    for _ in range(150):
        check(grown(3))

    greater = c("i64") > 50
    assert_frame_equal(s.filter(greater).select("s").head(3).collect(), whole.filter(greater).select("s").head(3))
    assert_frame_equal(s.select(pl.len()).collect(), whole.select(pl.len()))
    assert_frame_equal(s.collect(engine="streaming"), whole)
    return pl.DataFrame({"ok": [True]})
'''


def test_predicates_mean_the_same(project) -> None:
    project.write("models/m.py", PROJECT)
    project.write("models/whole.py", "from dovetail import asset\n\n@asset\ndef whole(s):\n    return s\n")
    project.dovetail("run")


def test_only_needed_columns_are_scanned(project) -> None:
    # Whoever computes the column `never` fails.
    project.write(
        "models/wide.sql",
        "{{ config(materialized='view') }}\n"
        "select i, i * 2 as twice, case when i >= 0 then error('scanned') end as never from range(10) t(i)",
    )
    project.write(
        "models/m.py",
        "import polars as pl\nfrom dovetail import asset\n\n"
        "@asset\ndef narrow(wide: pl.LazyFrame):\n"
        "    return wide.filter(pl.col('i') > 6).select('twice')\n\n"
        "@asset\ndef everything(wide: pl.LazyFrame):\n    return wide\n",
    )
    run = project.dovetail("run", "--verbose", code=1)
    assert project.query("from narrow") == [{"twice": 14}, {"twice": 16}, {"twice": 18}]
    assert "`everything` failed" in run.stderr and "scanned" in run.stderr
    pushed = next(line for line in (run.stdout + run.stderr).splitlines() if "narrow | scan of `wide`" in line)
    assert '("i" > 6)' in pushed and '"twice"' in pushed and "never" not in pushed


def test_a_type_that_polars_lacks_costs_only_who_reads_it(project) -> None:
    project.write(
        "models/odd.sql",
        "{{ config(materialized='view') }}\n"
        "select i, union_value(n := i) as u, [union_value(n := i)] as us, i::variant as v from range(5) t(i)",
    )
    project.write(
        "models/m.py",
        "import polars as pl\nfrom dovetail import asset\n\n"
        "@asset\ndef plain(odd: pl.LazyFrame):\n"
        "    assert odd.collect_schema().names() == ['i', 'u', 'us', 'v']\n"
        "    assert odd.select(pl.len()).collect().item() == 5\n"
        "    assert odd.select(pl.col('i').sum()).collect(engine='streaming').item() == 10\n"
        "    return odd.filter(pl.col('i') > 2).select(j=pl.col('i') + 1).head(5)\n\n"
        "@asset\ndef all_of_it(odd: pl.LazyFrame):\n    return odd\n\n"
        "@asset\ndef one(odd: pl.LazyFrame):\n    return odd.select('i', 'us')\n\n"
        "@asset\ndef tested(odd: pl.LazyFrame):\n    return odd.filter(pl.col('u').is_null()).select('i')\n\n"
        "@asset\ndef variant(odd: pl.LazyFrame):\n    return odd.select('v')\n",
    )
    errors = project.dovetail("run", code=1).stderr
    assert project.query("from plain") == [{"j": 4}, {"j": 5}]
    for name, column, kind in [
        ("all_of_it", r"\w", "VARIANT"),
        ("one", "us", "UNION"),
        ("tested", "u", "UNION"),
        ("variant", "v", "VARIANT"),
    ]:
        assert re.search(rf"error\[DT0605\]: `{name}` failed: column `{column}` has .*{kind}", errors), (name, errors)
