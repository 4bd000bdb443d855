"""Every type of DuckDB on its way from SQL through Python's libraries and back: the table in `docs/types.md`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

#: Type, a value, and what polars and pandas make of the type where they have no exact one.
TYPES: list[tuple[str, str, str | None, str | None]] = [
    ("BOOLEAN", "true", None, None),
    ("TINYINT", "-128", None, None),
    ("SMALLINT", "-32768", None, None),
    ("INTEGER", "-2147483648", None, None),
    ("BIGINT", "-9223372036854775808", None, None),
    ("HUGEINT", "-99999999999999999999999999999999999999", None, "DECIMAL(38,0)"),
    ("HUGEINT", "5", None, "BIGINT"),
    ("UTINYINT", "255", None, None),
    ("USMALLINT", "65535", None, None),
    ("UINTEGER", "4294967295", None, None),
    ("UBIGINT", "18446744073709551615", None, None),
    ("UHUGEINT", "18446744073709551616", None, "DECIMAL(38,0)"),
    ("FLOAT", "1.5", None, None),
    ("DOUBLE", "'-inf'", None, None),
    ("DECIMAL(4,1)", "1.5", None, None),
    ("DECIMAL(9,2)", "-1.25", None, None),
    ("DECIMAL(18,3)", "1.125", None, None),
    ("DECIMAL(38,10)", "1.0000000001", None, None),
    ("VARCHAR", "'ä''\n'", None, None),
    ("BLOB", r"'\xAA\x00'", None, None),
    ("BIT", "'0101'", "VARCHAR", "VARCHAR"),
    ("DATE", "'1500-01-01'", None, None),
    ("TIME", "'01:02:03.123456'", "TIME_NS", None),
    ("TIME_NS", "'01:02:03.123456789'", None, None),
    ("TIME WITH TIME ZONE", "'01:02:03.5+02:30'", "VARCHAR", "VARCHAR"),
    ("TIMESTAMP", "'2020-01-01 01:02:03.123456'", None, None),
    ("TIMESTAMP_S", "'2020-01-01 01:02:03'", "TIMESTAMP_MS", None),
    ("TIMESTAMP_MS", "'2020-01-01 01:02:03.123'", None, None),
    ("TIMESTAMP_NS", "'2020-01-01 01:02:03.123456789'", None, None),
    ("TIMESTAMP WITH TIME ZONE", "'2020-01-01 01:02:03.123456+00'", None, None),
    ("INTERVAL", "'26:03:04.5'", None, None),
    ("ENUM('a', 'b''c')", "'b''c'", None, "VARCHAR"),
    ("UUID", "'2d89ebe6-1e13-47e5-803a-b81c87660b66'", "VARCHAR", "VARCHAR"),
    ("JSON", """'{"a": 1}'""", "VARCHAR", "VARCHAR"),
    ("BIGNUM", "'12345678901234567890123456789012345678901234567890'::BIGNUM", "VARCHAR", "VARCHAR"),
    ("INTEGER[]", "[1, null]", None, None),
    ("INTEGER[2]", "[1, 2]", None, None),
    ("BOOLEAN[]", "[true, null, false]", None, None),
    ("HUGEINT[]", "[5]", None, "DECIMAL(38,0)[]"),
    ("UUID[]", "['2d89ebe6-1e13-47e5-803a-b81c87660b66']", "VARCHAR[]", "VARCHAR[]"),
    ("ENUM('a', 'b')[]", "['b']", None, "VARCHAR[]"),
    ("""STRUCT(a INTEGER, "b c" VARCHAR)""", "{'a': 1, 'b c': 'x'}", None, None),
    ("STRUCT(b BOOLEAN[])", "{'b': [true]}", None, None),
    ("MAP(VARCHAR, INTEGER)", "map {'a': 1}", None, None),
    ("MAP(VARCHAR, BOOLEAN)", "map {'a': true}", None, None),
]
EXACT_ONLY_IN_ARROW = [
    ("UNION(num INTEGER, str VARCHAR)", "union_value(str := 'x')"),
    ("INTERVAL", "'1 month 2 days 3 seconds'"),
    ("UHUGEINT", "340282366920938463463374607431768211455"),
]
FORMS = {
    "relation": "Relation",
    "table": "pa.Table",
    "reader": "pa.RecordBatchReader",
    "batches": "Iterator[pa.RecordBatch]",
    "polars": "pl.DataFrame",
    "lazy": "pl.LazyFrame",
    "pandas": "pd.DataFrame",
}
IMPORTS = """\
from collections.abc import Iterator

import pandas as pd
import polars as pl
import pyarrow as pa
from dovetail import Relation, asset, sql

"""


def source(name: str, rows: str) -> str:
    return f"@asset\ndef {name}():\n    return sql({rows!r})\n\n"


def through(name: str, upstream: str, annotation: str) -> str:
    return f"@asset\ndef {name}({upstream}: {annotation}):\n    return {upstream}\n\n"


def types_of(project, table: str) -> dict[str, str]:
    rows = project.query(f"select column_name, column_type from (describe {table})")
    return {row["column_name"]: row["column_type"] for row in rows}


def plain(kind: str) -> str:
    """A type without the quotes that DuckDB puts around some names."""
    return kind.replace('"', "")


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """A table of all types (a value, a null), its empty twin, and both again in every form that Python can take."""
    from conftest import Project

    root: Path = tmp_path_factory.mktemp("types")
    project = Project(root)
    columns = ", ".join(f"cast({value} as {kind}) as c{index}" for index, (kind, value, *_) in enumerate(TYPES))
    nulls = ", ".join(f"cast(null as {kind})" for kind, *_ in TYPES)
    text = IMPORTS + source("full", f"select {columns} union all select {nulls}")
    text += source("empty", f"select * from (select {columns}) limit 0")
    for form, annotation in FORMS.items():
        text += through(f"full_{form}", "full", annotation) + through(f"empty_{form}", "empty", annotation)
    project.write("models/types.py", text)
    project.dovetail("run")
    return project


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", ["full", "empty"])
def test_types_survive(crossed, form: str, rows: str) -> None:
    before, after = types_of(crossed, rows), types_of(crossed, f"{rows}_{form}")
    for index, (kind, _, polars, pandas) in enumerate(TYPES):
        image = {"polars": polars, "lazy": polars, "pandas": pandas}.get(form)
        if rows == "empty" and form == "pandas" and image == "DECIMAL(38,0)":
            image = "BIGINT"
        assert plain(after[f"c{index}"]) == plain(image or before[f"c{index}"]), kind
    assert list(before) == list(after)


@pytest.mark.parametrize("form", FORMS)
def test_values_survive(crossed, form: str) -> None:
    # DuckDB has no cast from TIMESTAMP_MS to TIMESTAMP_S.
    between = {"TIMESTAMP_S": "::TIMESTAMP"}
    back = ", ".join(
        f"cast(c{index}{between.get(kind, '')} as {kind}) as c{index}" for index, (kind, *_) in enumerate(TYPES)
    )
    lost = crossed.query(f"from full except all select {back} from full_{form}")
    assert lost == []
    assert crossed.query(f"select count(*) as n from full_{form}") == [{"n": 2}]
    assert crossed.query(f"select count(*) as n from empty_{form}") == [{"n": 0}]


def test_what_only_arrow_holds(project) -> None:
    text = IMPORTS
    for index, (kind, value) in enumerate(EXACT_ONLY_IN_ARROW):
        text += source(f"s{index}", f"select cast({value} as {kind}) as x union all select null")
        for form in ("relation", "table", "reader"):
            text += through(f"{form}_{index}", f"s{index}", FORMS[form])
        for form in ("polars", "lazy", "pandas"):
            text += through(f"{form}_{index}", f"s{index}", FORMS[form])
    project.write("models/types.py", text)
    errors = project.dovetail("run", code=1).stderr
    for index, (kind, _) in enumerate(EXACT_ONLY_IN_ARROW):
        for form in ("relation", "table", "reader"):
            assert types_of(project, f"{form}_{index}") == types_of(project, f"s{index}")
            assert project.query(f"from s{index} except all from {form}_{index}") == []
        for form in ("polars", "lazy", "pandas"):
            message = re.search(rf"error\[DT0605\]: `{form}_{index}` failed: .*", errors)
            assert message, (form, errors)
            assert "column `x`" in message[0]
            assert kind.partition("(")[0] in message[0]


def test_what_arrow_has_no_type_for_is_named(project) -> None:
    # A database of DuckDB's own default format cannot hold the type, so it stays a query.
    project.write(
        "models/types.py",
        IMPORTS + '@asset\ndef t():\n    return sql("select 1 as a, 1::VARIANT as x").to_arrow_table()\n',
    )
    errors = project.dovetail("run", code=1).stderr
    assert "DT0605" in errors
    assert "column `x` has the type VARIANT" in errors


def test_declared_columns_make_types_exact(project) -> None:
    project.write(
        "models/types.py",
        IMPORTS
        + source("s", "select uuid() as u, '101'::BIT as b, 1::HUGEINT as h, '1'::JSON as j, 'a'::ENUM('a') as e")
        + "@asset(columns={'u': 'UUID', 'b': 'BIT', 'h': 'HUGEINT', 'j': 'JSON', 'e': \"ENUM('a')\"})\n"
        + "def t(s: pd.DataFrame):\n    return s\n",
    )
    project.dovetail("run")
    assert types_of(project, "t") == types_of(project, "s")
    assert project.query("from s except all from t") == []


def test_library_types_without_an_arrow_type(project) -> None:
    project.write(
        "models/types.py",
        IMPORTS
        + """
@asset
def wide():
    return pl.DataFrame({"i": [2**127 - 1, None]}, schema={"i": pl.Int128})

@asset
def half():
    return pl.DataFrame({"f": [1.5]}, schema={"f": getattr(pl, "Float16", pl.Float32)})

@asset
def enum():
    frame = pl.DataFrame({"e": ["b", "a", None]}, schema={"e": pl.Enum(["b", "a"])})
    yield frame
    yield frame

@asset
def category():
    return pl.DataFrame({"c": ["x", "y", "x"]}, schema={"c": pl.Categorical})

@asset
def nothing():
    return pl.DataFrame({"n": [None, None]})

@asset
def objects():
    return pl.DataFrame({"o": [object()]}, schema={"o": pl.Object})

@asset
def mixed():
    return pd.DataFrame({"m": [1, "x"]})
""",
    )
    errors = project.dovetail("run", code=1).stderr
    assert project.query("select i::varchar as i from wide") == [{"i": str(2**127 - 1)}, {"i": None}]
    assert types_of(project, "wide") == {"i": "HUGEINT"}
    assert types_of(project, "half") == {"f": "FLOAT"}
    assert types_of(project, "enum") == {"e": "ENUM('b', 'a')"}
    assert project.query("select count(*) as n, count(e) as e from enum") == [{"n": 6, "e": 4}]
    assert types_of(project, "category") == {"c": "VARCHAR"}
    assert types_of(project, "nothing") == {"n": "INTEGER"}
    assert "column `o` holds Python objects" in errors
    assert re.search(r"DT0605.*`mixed` failed: .*column `m` ", errors)


PASSING = """
import pyarrow as pa
import polars as pl
from dovetail import asset


@asset
def by_arrow(listed: pa.Table) -> pa.Table:
    return listed


@asset
def by_batches(listed: pa.RecordBatchReader):
    yield from listed


@asset
def by_polars(listed: pl.DataFrame) -> pl.DataFrame:
    return listed
"""


def test_many_enums_in_nested_values_come_back(project):
    """DuckDB itself cannot read lists of dictionaries beyond one of its vectors."""
    project.write("models/pass_on.py", PASSING)
    project.write(
        "models/listed.sql",
        "select range as i, [['a'::enum('a', 'b')], ['b'::enum('a', 'b'), null]][1 + range % 2] as l,"
        " {'e': 'a'::enum('a', 'b'), 'l': ['b'::enum('a', 'b'), 'a']} as s, 'a'::enum('a', 'b') as e from range(20000)",
    )
    project.dovetail("run")
    for name in ("by_arrow", "by_batches", "by_polars"):
        [row] = project.query(f"select count(*) as n from (from listed except from {name})")
        assert row == {"n": 0}, name
        [row] = project.query(f"select typeof(l) as l, typeof(s) as s from {name} limit 1")
        assert row["l"] == "ENUM('a', 'b')[]", name
