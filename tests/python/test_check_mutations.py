"""`dovetail check` judged by DuckDB: queries of TPC-H and TPC-DS with something wrong in them, on tables without rows.

What DuckDB refuses when it runs must be told before, at the same line; what it accepts must not be called wrong.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import random
import re

import duckdb
import pytest

MUTATIONS = int(os.environ.get("DOVETAIL_MUTATIONS", "300"))
SEED = int(os.environ.get("DOVETAIL_MUTATION_SEED", "20"))

#: The columns of tables with their types.
Tables = dict[str, dict[str, str]]

TYPES = ["varchar", "date", "integer", "boolean", "double", "integer[]", "struct(a integer)", "timestamp", "interval"]
WORDS = re.compile(r"'[^']*'|[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?")
KEYWORDS = set(
    re.findall(
        r"\w+",
        """select from where and or not in as on by group order having case when then else end join left right inner
        outer union all is null between like exists with limit distinct asc desc date interval cast substring extract
        year for""",
    )
)


def benchmark(name: str) -> tuple[Tables, list[str]]:
    """The tables of a benchmark and its queries, as DuckDB's extension has them."""
    extension = next(importlib.resources.files(f"duckdb_extension_{name}").joinpath("extensions").iterdir())
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"load '{extension / f'{name}.duckdb_extension'}'")
    connection.execute({"tpch": "call dbgen(sf = 0)", "tpcds": "call dsdgen(sf = 0)"}[name])
    tables: Tables = {}
    listed = "select table_name, column_name, data_type from duckdb_columns() where database_name = 'memory'"
    for table, column, kind in connection.execute(f"{listed} order by table_oid, column_index").fetchall():
        tables.setdefault(table, {})[column] = kind
    queries = connection.execute(f"select query from {name}_queries() order by query_nr").fetchall()
    return tables, [query.rstrip().rstrip(";") for (query,) in queries]


def empty(columns: dict[str, str]) -> str:
    return "select " + ", ".join(f"null::{kind} as {name}" for name, kind in columns.items()) + " where false"


def sources(tables: Tables) -> str:
    text = "sources:\n  - name: raw\n    tables:\n"
    for table, columns in tables.items():
        text += f"      - name: {table}\n        columns:\n"
        text += "".join(f'          - {{name: {name}, data_type: "{kind}"}}\n' for name, kind in columns.items())
    return text


def over_sources(query: str, tables: Tables) -> str:
    """The query with definitions in front that read the declared sources."""
    used = [table for table in tables if re.search(rf"\b{table}\b", query, re.IGNORECASE)]
    definitions = ", ".join(f"{table} as (from {{{{ source('raw', '{table}') }}}})" for table in used)
    rest = re.sub(r"^\s*with\b", ",", query, flags=re.IGNORECASE)
    return f"with {definitions}{rest}" if rest != query else f"with {definitions} {query}"


def mutation(chance: random.Random, query: str, name: str, tables: Tables) -> dict[str, str]:
    """The files of one model with something changed in it, or in a table that it reads."""
    words = list(WORDS.finditer(query))
    names = [word for word in words if word[0][0].isalpha() and word[0].lower() not in KEYWORDS]
    names = [word for word in names if word[0] not in tables]
    kind = chance.choice(["drop", "type", "misspell", "swap", "literal"])
    if kind in ("drop", "type"):
        table = chance.choice([table for table in tables if re.search(rf"\b{table}\b", query)])
        column = chance.choice([column for column in tables[table] if column in query] or list(tables[table]))
        changed = f"* exclude ({column})" if kind == "drop" else f"* replace (null::{chance.choice(TYPES)} as {column})"
        above = f"{name}_above"
        query = re.sub(rf"\b{table}\b", above, query)
        # Where the table has no alias, its name is one.
        query = re.sub(rf"\b{above}\b(?=\s*(?:,|\n|$|\)))", f"{above} as {table}", query)
        return {name: query, above: f"select {changed} from {table}"}
    if kind == "misspell":
        word = chance.choice(names)
        at = chance.randrange(len(word[0]))
        changed = word[0][:at] + chance.choice(["", "x", "zz"]) + word[0][at + 1 :]
        return {name: query[: word.start()] + changed + query[word.end() :]}
    others = [word for word in words if not word[0][0].isalpha()] if kind == "literal" else names
    one, other = sorted(chance.sample(names + others, 2), key=lambda word: word.start())
    middle = query[one.end() : other.start()]
    return {name: query[: one.start()] + other[0] + middle + one[0] + query[other.end() :]}


@pytest.mark.parametrize(("name", "count"), [("tpch", 22), ("tpcds", 99)])
def test_duckdb_agrees(project, name: str, count: int) -> None:
    tables, queries = benchmark(name)
    assert len(queries) == count
    project.write("models/sources.yml", sources(tables))
    for number, query in enumerate(queries):
        project.write(f"models/over_sources/s{number:02}.sql", over_sources(query, tables))
    # Nothing is wrong with the queries themselves, over sources that nobody looks at, and over tables.
    assert f"checked {count} assets: all right" in project.dovetail("check").stderr
    for table, columns in tables.items():
        project.write(f"models/base/{table}.sql", empty(columns))
    for number, query in enumerate(queries):
        project.write(f"models/q{number:02}.sql", query)
    assert f"checked {2 * count + len(tables)} assets: all right" in project.dovetail("check").stderr

    chance = random.Random(SEED)
    misspelt = set()
    for number in range(MUTATIONS):
        query = chance.choice(queries)
        changed = mutation(chance, query, f"m{number:03}", tables)
        if is_misspelt(query, *changed.values()):
            misspelt.update(changed)
        for model, text in changed.items():
            project.write(f"models/mutated/{model}.sql", text)
    without_what_does_not_compile(project)

    told = {line["asset"]: line for line in project_lines(project, "check", "-o", "json")}
    run = project.dovetail(
        "--log-format", "json", "run", "--no-check", "--exclude", "path:models/over_sources", code=None
    ).stderr
    events = [json.loads(line) for line in run.splitlines()]
    failed = {event["asset"]: event for event in events if event.get("code")}
    built = {event["asset"] for event in events if event.get("event") == "asset_finished"} - set(failed)
    assert len(failed) > MUTATIONS / 3 and len(built) > MUTATIONS / 5, (len(failed), len(built))
    for asset, failure in failed.items():
        line = told[asset]
        # A constant that cannot be cast is a value, and values are not checked.
        if "Conversion Error" not in failure["message"]:
            assert line["state"] == "wrong", (asset, failure["message"], line)
        if line["problems"] and failure["column"]:
            lines = [problem["line"] for problem in line["problems"]]
            assert failure["line"] in lines, (asset, failure["message"], line)
        # One slip is told as one, however many names it takes along.
        quoted = [re.findall("`([^`]+)`", problem["message"])[1:2] for problem in line["problems"]]
        assert asset not in misspelt or all(names == quoted[0] for names in quoted), (asset, line)
    assert {asset for asset in built if told[asset]["state"] != "ok"} == set()


def is_misspelt(query: str, *changed: str) -> bool:
    """Whether one word of the query is written otherwise, and nothing else is changed."""
    if len(changed) != 1:
        return False
    before, after = WORDS.findall(query), WORDS.findall(changed[0])
    differ = [(one, other) for one, other in zip(before, after, strict=False) if one != other]
    return len(before) == len(after) and len(differ) == 1 and differ[0][0][0].isalpha()


def project_lines(project, *arguments: str) -> list[dict]:
    return [json.loads(line) for line in project.dovetail(*arguments, code=None).stdout.splitlines()]


def without_what_does_not_compile(project) -> None:
    """Removes models that the parser refuses, or that name what no asset is called."""
    for _ in range(MUTATIONS):
        said = project.dovetail("--log-format", "json", "ls", code=None).stderr.splitlines()
        paths = {json.loads(line)["path"] for line in said if json.loads(line).get("level") == "error"}
        if not paths:
            return
        for path in paths:
            (project.root / path).unlink()
