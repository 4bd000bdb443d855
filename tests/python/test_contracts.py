"""What asset functions promise: their columns, and constraints of their rows."""

from __future__ import annotations

import pytest

MODULE = """
import polars as pl
from dovetail import asset


@asset(
    columns={{
        "id": {{"type": "BIGINT", "primary_key": True}},
        "share": {{"type": "DOUBLE", "not_null": True, "check": "share between 0 and 1"}},
        "kind": {{"type": "VARCHAR", "accepted_values": ["a", "b"]}},
    }},
    constraints=[{{"type": "check", "expression": "share > 0 or id < 100"}}],
    {more}
)
def shares():
    return pl.DataFrame({frame})
"""
GOOD = '{"id": [1, 2], "share": [0.5, 0.0], "kind": ["a", None]}'


def module(frame: str, more: str = "") -> str:
    return MODULE.format(frame=frame, more=more)


def test_rows_that_break_a_promise_never_come_to_stand(project) -> None:
    project.write("models/report.sql", "select count(*) as n from shares")
    project.write("models/shares.py", module(GOOD))
    project.dovetail("run")
    before = project.query("select * from shares order by id")
    for frame, told in [
        ('{"id": [1, 1], "share": [0.5, 0.1], "kind": ["a", "b"]}', "1 row has no `id`, or repeats that of another"),
        ('{"id": [1, None], "share": [0.5, 0.1], "kind": ["a", "b"]}', "1 row has no `id`"),
        ('{"id": [1, 2], "share": [0.5, None], "kind": ["a", "b"]}', "1 row has no `share`"),
        ('{"id": [1, 2], "share": [0.5, 1.5], "kind": ["a", "b"]}', "1 row does not keep `share between 0 and 1`"),
        ('{"id": [1, 2], "share": [0.5, 0.1], "kind": ["a", "c"]}', "1 row has a `kind` that is not accepted"),
        ('{"id": [1, 200], "share": [0.5, 0.0], "kind": ["a", "b"]}', "1 row does not keep `share > 0 or id < 100`"),
    ]:
        project.write("models/shares.py", module(frame))
        said = project.dovetail("run", code=1)
        assert "error[DT0807]: `shares` breaks its contract" in said.stderr, said.stderr
        assert told in said.stderr, said.stderr
        assert "models/shares.py:" in said.stderr, said.stderr
        assert project.query("select * from shares order by id") == before
    project.write("models/shares.py", module(GOOD))
    project.dovetail("reconcile")
    project.dovetail("status")


@pytest.mark.parametrize("enforced", ["", 'contract={"enforced": True},'])
@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ('{"id": [1], "share": [0.5], "kind": ["a"], "more": [1]}', "the column `more` (BIGINT) is not declared"),
        ('{"id": [1], "share": [0.5]}', "the result has no column `kind`"),
    ],
)
def test_a_contract_names_the_column_that_differs(project, frame: str, told: str, enforced: str) -> None:
    project.write("models/shares.py", module(GOOD, enforced))
    project.write("models/report.sql", "select id, share, kind from shares")
    project.dovetail("run")
    before = project.query("select * from shares order by id")
    project.write("models/shares.py", module(frame, enforced))
    said = project.dovetail("run", code=1)
    assert told in said.stderr, said.stderr
    assert project.query("select * from shares order by id") == before


def test_with_a_contract_a_run_knows_the_columns_before(project) -> None:
    project.write("models/report.sql", "select id, more from shares")
    for contract in ("", 'contract={"enforced": True},'):
        project.write("models/shares.py", module(GOOD, contract))
        said = project.dovetail("run", code=2)
        assert "error[DT0801]: `report` reads the column `more`" in said.stderr, said.stderr


@pytest.mark.parametrize(
    "columns",
    [
        # Said to be no contract.
        '{"id": "BIGINT"}, contract={"enforced": False}',
        # Not each column has a type.
        '{"id": "BIGINT", "name": {"description": "who"}}',
    ],
)
def test_what_is_no_contract_says_nothing_of_other_columns(project, columns: str) -> None:
    project.write(
        "models/some.py",
        f"import polars as pl\nfrom dovetail import asset\n\n\n@asset(columns={columns})\ndef some():\n"
        '    return pl.DataFrame({"id": [1], "name": ["x"], "more": [2]})\n',
    )
    project.write("models/report.sql", "select id, more from some")
    said = project.dovetail("check")
    assert "1 asset: all right" not in said.stderr and "unknown" in said.stderr, said.stderr
    project.dovetail("run")
    assert "all right" in project.dovetail("check").stderr
    text = (project.root / "models/some.py").read_text()
    project.write("models/some.py", text.replace("[2]", "[3]"))
    assert "unknown" in project.dovetail("check").stderr
    project.dovetail("run")
    assert project.query("select * from report") == [{"id": 1, "more": 3}]


NUMBERS = """
import polars as pl
import pyarrow as pa
from dovetail import asset, sql

@asset(columns={"n": "INTEGER"})
def number():
    return pl.DataFrame({"n": [1.0, FLOAT, None]})

@asset(columns={"n": "BIGINT"})
def asked():
    return sql("select FLOAT::decimal(9, 3) as n")

@asset(columns={"n": "UTINYINT"})
def yielded():
    yield pa.record_batch({"n": [1.0]})
    yield pa.record_batch({"n": [FLOAT]})

@asset(columns={"d": "DATE"})
def day():
    from datetime import datetime
    return pl.DataFrame({"d": [datetime(2024, 1, 1, HOUR)]})

@asset(columns={"n": "DECIMAL(9, 2)", "t": "VARCHAR", "d": "DOUBLE", "l": "INTEGER[]"})
def others():
    return pl.DataFrame({"n": [0.125], "t": [FLOAT], "d": [1], "l": [[1, 2]]})
"""


def test_no_value_becomes_another_without_a_word(project) -> None:
    project.write("models/numbers.py", NUMBERS.replace("FLOAT", "3.0").replace("HOUR", "0"))
    project.dovetail("run")
    assert project.query("select n from number order by n") == [{"n": 1}, {"n": 3}, {"n": None}]
    assert project.query("select n::varchar as n, t, l from others") == [{"n": "0.13", "t": "3.0", "l": [1, 2]}]
    project.write("models/numbers.py", NUMBERS.replace("FLOAT", "2.7").replace("HOUR", "5"))
    said = project.dovetail("run", code=1).stderr
    for told in [
        "the column `n` is declared INTEGER, and would lose a part of 2.7",
        "the column `n` is declared BIGINT, and would lose a part of 2.700",
        "the column `n` is declared UTINYINT, and would lose a part of 2.7",
        "the column `d` is declared DATE, and would lose a part of 2024-01-01 05:00:00",
    ]:
        assert told in said, said
    assert project.query("select n from number order by n") == [{"n": 1}, {"n": 3}, {"n": None}]


def test_a_property_file_that_promises_other_types_than_the_function(project) -> None:
    project.write("models/shares.py", module(GOOD))
    yml = "models:\n  - name: shares\n    config: {contract: {enforced: true}}\n    columns:\n"
    for name, kind in (("id", "bigint"), ("share", "float"), ("kind", "text")):
        yml += f"      - {{name: {name}, data_type: {kind}}}\n"
    project.write("models/shares.yml", yml)
    said = project.dovetail("check", code=2).stderr
    assert "the column `share` is promised as FLOAT, and `columns=` casts it to DOUBLE" in said, said
    assert "models/shares.yml:6:" in said and "`id`" not in said and "`kind`" not in said, said


def test_a_promise_about_a_column_that_is_not_declared(project) -> None:
    text = module(GOOD, 'contract={"enforced": True},').replace("share > 0 or", "shar > 0 or")
    project.write("models/shares.py", text)
    said = project.dovetail("check", code=2)
    assert "the constraint `check` of `shares` reads the column `shar`" in said.stderr, said.stderr


def test_factories_promise_too(project) -> None:
    project.write(
        "models/made.py",
        """
from dovetail import asset

def make(name, least):
    @asset(name=name, columns={"id": {"type": "BIGINT", "check": f"id > {least}"}}, constraints=("not_null",)[:0])
    def inner():
        import polars as pl
        return pl.DataFrame({"id": [5]})

make("few", 1)
make("many", 7)
""",
    )
    said = project.dovetail("run", code=1)
    assert "`many` breaks its contract: 1 row does not keep `id > 7`" in said.stderr, said.stderr
    assert project.query("select id from few") == [{"id": 5}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('columns={"id": {"type": "BIGINT", "uniqe": True}}', "did you mean `unique`?"),
        ('columns={"id": {"type": "BIGINT", "unique": 3}}', "neither true nor false"),
        ('constraints="unique"', "a list"),
        ('constraints=["unique"]', "names no columns"),
        ('columns={"id": 3}', "must be text"),
        ("contract=True", "says nothing"),
        ('contract={"enforced": "yes"}', "says nothing"),
        ('materialized="object", contract={"enforced": True}', "an object has no columns to promise"),
    ],
)
def test_what_is_no_promise_is_told(project, arguments: str, told: str) -> None:
    project.write("models/a.py", f"from dovetail import asset\n\n@asset({arguments})\ndef a():\n    return None\n")
    said = project.dovetail("compile", code=2)
    assert told in said.stderr, said.stderr
    assert "models/a.py:" in said.stderr, said.stderr


IMPORTED = """
from dovetail import asset
from shared.promises import COLUMNS


@asset(
    columns={"id": "BIGINT", "name": "NOTYPE"},
    tags=[str(1)],
    reads={"raw": ["id", "nope"]},
)
def listed(raw):
    return raw


for name in ("x", "y"):

    @asset(
        name=name,
        constraints=[
            {"type": "check", "expression": f"id > {len(name)}"},
            {"type": "unique", "columns": ["gone"]},
        ],
        columns=COLUMNS,
    )
    def made(raw):
        return raw
"""


def test_what_stands_in_the_text_has_its_place_though_the_module_is_imported(project) -> None:
    project.write("models/raw.sql", "select 1 as id")
    project.write("shared/promises.py", 'COLUMNS = {"id": "BIGINT"}\n')
    project.write("models/m.py", IMPORTED)
    for _ in range(2):
        said = project.dovetail("check", code=2).stderr
        assert "models/m.py:7:30" in said, said
        assert "models/m.py:9:26" in said, said
        assert said.count("models/m.py:21:13") == 2, said
        assert "constraint `unique` of `x`" in said and "constraint `unique` of `y`" in said, said


PROMISED = """
from dovetail import asset
from shared.promises import CONSTRAINTS


@asset(columns={"id": "BIGINT"}, constraints=CONSTRAINTS)
def kept(raw):
    return raw
"""


def test_a_promise_that_another_module_makes_counts_as_soon_as_it_changes(project) -> None:
    project.write("models/raw.sql", "select 1 as id")
    project.write("shared/promises.py", "CONSTRAINTS = []\n")
    project.write("models/m.py", PROMISED)
    project.dovetail("run")
    project.write("shared/promises.py", 'CONSTRAINTS = [{"type": "check", "expression": "id > 100"}]\n')
    assert "does not keep `id > 100`" in project.dovetail("run", code=1).stderr
    project.write("shared/promises.py", 'CONSTRAINTS = [{"type": "check", "expression": "id > 0"}]\n')
    project.dovetail("run")
