"""`dovetail check` judged by DuckDB: queries of TPC-H with something wrong in them, on tables without rows.

What DuckDB refuses when it runs must be told before, at the same line; what it accepts must not be called wrong.
"""

from __future__ import annotations

import json
import random
import re

MUTATIONS = 300
SEED = 20

TABLES = {
    "region": "r_regionkey integer, r_name varchar, r_comment varchar",
    "nation": "n_nationkey integer, n_name varchar, n_regionkey integer, n_comment varchar",
    "supplier": "s_suppkey bigint, s_name varchar, s_address varchar, s_nationkey integer, s_phone varchar, "
    "s_acctbal decimal(15,2), s_comment varchar",
    "part": "p_partkey bigint, p_name varchar, p_mfgr varchar, p_brand varchar, p_type varchar, p_size integer, "
    "p_container varchar, p_retailprice decimal(15,2), p_comment varchar",
    "partsupp": "ps_partkey bigint, ps_suppkey bigint, ps_availqty bigint, ps_supplycost decimal(15,2), "
    "ps_comment varchar",
    "customer": "c_custkey bigint, c_name varchar, c_address varchar, c_nationkey integer, c_phone varchar, "
    "c_acctbal decimal(15,2), c_mktsegment varchar, c_comment varchar",
    "orders": "o_orderkey bigint, o_custkey bigint, o_orderstatus varchar, o_totalprice decimal(15,2), "
    "o_orderdate date, o_orderpriority varchar, o_clerk varchar, o_shippriority integer, o_comment varchar",
    "lineitem": "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber bigint, "
    "l_quantity decimal(15,2), l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2), "
    "l_returnflag varchar, l_linestatus varchar, l_shipdate date, l_commitdate date, l_receiptdate date, "
    "l_shipinstruct varchar, l_shipmode varchar, l_comment varchar",
}
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


def columns(table: str) -> list[str]:
    return re.findall(r"(\w+) \w+(?:\([^)]*\))?", TABLES[table])


def empty(table: str) -> str:
    pairs = re.findall(r"(\w+) (\w+(?:\([^)]*\))?)", TABLES[table])
    return "select " + ", ".join(f"null::{kind} as {name}" for name, kind in pairs) + " where false"


def mutation(chance: random.Random, query: str, name: str) -> dict[str, str]:
    """The files of one model with something changed in it, or in a table that it reads."""
    words = list(WORDS.finditer(query))
    names = [word for word in words if word[0][0].isalpha() and word[0].lower() not in KEYWORDS]
    names = [word for word in names if word[0] not in TABLES]
    kind = chance.choice(["drop", "type", "misspell", "swap", "literal"])
    if kind in ("drop", "type"):
        table = chance.choice([table for table in TABLES if re.search(rf"\b{table}\b", query)])
        column = chance.choice([column for column in columns(table) if column in query] or columns(table))
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


def test_duckdb_agrees(project) -> None:
    project.write(
        "dovetail.toml", '[targets.dev]\nextensions = ["tpch"]\nsettings = { allow_unsigned_extensions = true }\n'
    )
    project.write("models/base/region.sql", empty("region"))
    queries = [row["query"].rstrip().rstrip(";") for row in project.query("select query from tpch_queries()")]
    assert len(queries) == 22
    for table in TABLES:
        project.write(f"models/base/{table}.sql", empty(table))
    for number, query in enumerate(queries):
        project.write(f"models/q{number:02}.sql", query)
    # Nothing is wrong with the queries themselves.
    assert "checked 30 assets: all right" in project.dovetail("check").stderr

    chance = random.Random(SEED)
    for number in range(MUTATIONS):
        name = f"m{number:03}"
        for model, text in mutation(chance, chance.choice(queries), name).items():
            project.write(f"models/mutated/{model}.sql", text)
    without_what_does_not_compile(project)

    told = {line["asset"]: line for line in project_lines(project, "check", "-o", "json")}
    run = project.dovetail("--log-format", "json", "run", "--no-check", code=None).stderr
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
            assert line["problems"][0]["line"] == failure["line"], (asset, failure["message"], line)
    assert {asset for asset in built if told[asset]["state"] != "ok"} == set()


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
