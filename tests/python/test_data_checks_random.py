"""Checks of random tables, next to what plain Python finds in the same rows.

`DOVETAIL_CHECK_ROUNDS` is how many tables are checked (default: 12), `DOVETAIL_CHECK_SEED` which (default: 1).
"""

from __future__ import annotations

import json
import operator
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from conftest import Project

ROUNDS = int(os.environ.get("DOVETAIL_CHECK_ROUNDS", "12"))
SEED = int(os.environ.get("DOVETAIL_CHECK_SEED", "1"))
CHECKS = 40

Row = dict[str, Any]
COLUMNS = {"i": "integer", "b": "bigint", "s": "varchar", "d": "decimal(6, 2)", "f": "double", "t": "boolean"}
TEXTS = ["a", "b", "A", "", "it's", "ü", "a b", "null"]
OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
#: Conditions in SQL, and what they say of a row; `None` where SQL does not know.
CONDITIONS: dict[str, Callable[[Row], bool | None]] = {
    "i > 2": lambda row: None if row["i"] is None else row["i"] > 2,
    "s = 'a' -- those": lambda row: None if row["s"] is None else row["s"] == "a",
    "t": lambda row: row["t"],
    "t or i is null": lambda row: True if row["i"] is None else (row["t"] or None if row["t"] is None else row["t"]),
    "d between 0 and 1": lambda row: None if row["d"] is None else 0 <= row["d"] <= 1,
    "false": lambda row: False,
    "s is not null and length(s) < 2": lambda row: row["s"] is not None and len(row["s"]) < 2,
}


def value(chance: random.Random, column: str, nulls: float) -> Any:
    if chance.random() < nulls:
        return None
    return {
        "i": lambda: chance.randint(0, 5),
        "b": lambda: chance.choice([0, 1, 2, 3, 2**62, -(2**62)]),
        "s": lambda: chance.choice(TEXTS),
        "d": lambda: Decimal(chance.randint(-150, 150)) / 100,
        "f": lambda: chance.choice([0.0, 0.5, -1.25, 3.0, 1e300]),
        "t": lambda: chance.random() < 0.5,
    }[column]()


def table(chance: random.Random) -> list[Row]:
    nulls = chance.choice([0, 0, 0.2, 1])
    count = chance.choice([0, 1, 3, 10, 100])
    return [{column: value(chance, column, nulls) for column in COLUMNS} for _ in range(count)]


def literal(said: Any) -> str:
    match said:
        case None:
            return "null"
        case str():
            return "'" + said.replace("'", "''") + "'"
        case _:
            return str(said).lower()


def select(rows: list[Row]) -> str:
    casts = ", ".join(f"{column}::{kind} as {column}" for column, kind in COLUMNS.items())
    values = ", ".join("(" + ", ".join(map(literal, row.values())) + ")" for row in rows or [dict.fromkeys(COLUMNS)])
    where = "" if rows else " where false"
    return f"select {casts} from (values {values}) v({', '.join(COLUMNS)}){where}"


@dataclass
class Asked:
    """A check, as it is declared and as Python answers it."""

    test: str
    arguments: dict[str, Any]
    #: How many failures there are among rows.
    failures: Callable[[list[Row]], int]
    config: dict[str, Any] = field(default_factory=dict)

    def declared(self, name: str) -> dict:
        return {self.test: {"name": name, "arguments": self.arguments, "config": self.config}}

    def answer(self, rows: list[Row]) -> tuple[str, int]:
        where = self.config.get("where")
        among = rows if where is None else [row for row in rows if CONDITIONS[where](row) is True]
        failures = min(self.failures(among), self.config.get("limit", 10**9))

        def holds(threshold: str) -> bool:
            sign, number = threshold.split()
            if number.endswith("%"):
                share = failures / len(among) if among else 0.0
                return OPERATORS[sign](share, float(number[:-1]) / 100)
            return OPERATORS[sign](failures, float(number))

        if self.config.get("severity", "error") == "error" and holds(self.config.get("error_if", "!= 0")):
            return "failed", failures
        return ("warned" if holds(self.config.get("warn_if", "!= 0")) else "passed"), failures


def unique(columns: list[str]) -> Callable[[list[Row]], int]:
    def failures(rows: list[Row]) -> int:
        keys = Counter(key for row in rows if None not in (key := tuple(row[column] for column in columns)))
        return sum(count > 1 for count in keys.values())

    return failures


def outside(bounds: dict, found: Any) -> bool:
    return found is not None and (found < bounds.get("at_least", found) or found > bounds.get("at_most", found))


def a_check(chance: random.Random, other: list[Row]) -> Asked:
    """One of the generic tests, with random arguments."""
    column = chance.choice(list(COLUMNS))
    bounds = chance.choice([{"at_least": 1}, {"at_most": 2}, {"at_least": 0, "at_most": 3}])
    of_column = {"column_name": column}

    def present(rows: list[Row], name: str) -> list:
        return [row[name] for row in rows if row[name] is not None]

    match chance.choice(["unique", "several", "not_null", "values", "relationships", "expression", "count", "bounds"]):
        case "unique":
            return Asked("unique", of_column, unique([column]))
        case "several":
            columns = chance.sample(list(COLUMNS), 2)
            return Asked("unique", {"columns": columns}, unique(columns))
        case "not_null":
            return Asked("not_null", of_column, lambda rows: sum(row[column] is None for row in rows))
        case "values":
            column, known = chance.choice([("s", ["a", "b", "it's"]), ("i", [1, 2, 3]), ("b", [0, 2**62])])
            arguments = {"column_name": column, "values": known, "quote": column == "s"}
            return Asked("accepted_values", arguments, lambda rows: len({*present(rows, column)} - {*known}))
        case "relationships":
            column = chance.choice(["i", "b", "s", "d", "f", "t"])
            known = {*present(other, column)}
            arguments = {"column_name": column, "to": "ref('other')", "field": column}
            return Asked("relationships", arguments, lambda rows: sum(v not in known for v in present(rows, column)))
        case "expression":
            expression, holds = chance.choice(list(CONDITIONS.items()))
            return Asked("expression", {"expression": expression}, lambda rows: sum(holds(r) is False for r in rows))
        case "count":
            return Asked("row_count", dict(bounds), lambda rows: int(outside(bounds, len(rows))))
    column = chance.choice(["i", "d", "f"])

    def distribution(rows: list[Row]) -> int:
        found = present(rows, column)
        statistics = [min(found), max(found), sum(found) / len(found)] if found else [None] * 3
        share = sum(row[column] is None for row in rows) / len(rows) if rows else None
        return sum(outside(bounds, one) for one in statistics) + outside({"at_most": 0.1}, share)

    arguments = {"column_name": column, "min": bounds, "max": bounds, "mean": bounds, "null_share": {"at_most": 0.1}}
    return Asked("distribution", arguments, distribution)


def configured(chance: random.Random, asked: Asked) -> Asked:
    def threshold() -> str:
        number = chance.choice(["0", "1", "2", "10", "0%", "10%", "50%", "100%"])
        return f"{chance.choice(list(OPERATORS))} {number}"

    if chance.random() < 0.5:
        asked.config["where"] = chance.choice(list(CONDITIONS))
    if chance.random() < 0.4:
        asked.config["error_if"] = threshold()
    if chance.random() < 0.3:
        asked.config["warn_if"] = threshold()
    if chance.random() < 0.2:
        asked.config["severity"] = "warn"
    if chance.random() < 0.2:
        asked.config["limit"] = chance.randint(1, 5)
    return asked


def answers(project: Project, *arguments: str) -> dict[str, dict]:
    result = project.dovetail(*arguments, "--output", "json", code=None)
    assert result.returncode in (0, 1), result.stderr
    found = {answer["check"]: {**answer, "seconds": 0} for answer in map(json.loads, result.stdout.splitlines())}
    for answer in found.values():
        # Rows have no order.
        if answer["failing"] is not None:
            answer["failing"]["rows"].sort(key=json.dumps)
    failed = any(answer["status"] == "failed" for answer in found.values())
    assert result.returncode == failed, result.stderr
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_answers_are_those_of_plain_python(project: Project, number: int) -> None:
    chance = random.Random(SEED * 1000 + number)
    rows, other = table(chance), table(chance)
    asked = {f"check_{n}": configured(chance, a_check(chance, other)) for n in range(CHECKS)}
    project.write("models/subject.sql", select(rows))
    project.write("models/other.sql", select(other))
    tests = [check.declared(name) for name, check in asked.items()]
    # YAML reads JSON.
    project.write("models/p.yml", json.dumps({"models": [{"name": "subject", "data_tests": tests}]}))
    expected = {name: check.answer(rows) for name, check in asked.items()}
    failed = any(status == "failed" for status, _ in expected.values())
    # Before it is published, in one look; `test` of what stands says the same of it; and one alone says the same.
    told = answers(project, "build")
    assert bool(project.query("select 1 from dovetail.assets where asset = 'subject'")) == (not failed)
    project.dovetail("run")
    stands = answers(project, "test")
    for name, check in asked.items():
        said = f"{check.declared(name)} of {rows}"
        for answer in (told[name], stands[name]):
            found = answer["status"], answer["failures"]
            assert found == expected[name], f"{said}: expected {expected[name]}, {answer}"
    for name in chance.sample(list(asked), 3):
        alone = answers(project, "test", "--select", name)
        assert alone == {name: stands[name]}
