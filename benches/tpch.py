"""The 22 queries of TPC-H as tables over parquet files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from measure import BENCH_PYTHON, WORK, Figure, alternately
from projects import Project

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")

# The texts come from DuckDB's own extension, as the package brings it: nothing is downloaded.
PRINT_QUERIES = """
import duckdb, importlib.metadata, json
files = importlib.metadata.files("duckdb-extension-tpch")
extension = next(file for file in files if file.name == "tpch.duckdb_extension").locate()
duckdb.execute(f"load '{extension}'")
print(json.dumps(duckdb.sql("select query from tpch_queries() order by query_nr").fetchall()))
"""


def queries(quick: bool) -> Iterator[Figure]:
    scale = "0.1" if quick else "1"
    data = generate(scale)
    views = {table: f"select * from read_parquet('{data / table}.parquet')" for table in TABLES}
    tables = {f"q{number:02}": text for number, text in enumerate(read_queries(), start=1)}
    project = Project.create("tpch")
    for name, text in views.items():
        project.write(f"models/{name}.sql", f"{{{{ config(materialized='view') }}}}\n{text}")
    for name, text in tables.items():
        project.write(f"models/{name}.sql", f"{{{{ config(materialized='table') }}}}\n{text}")

    statements = [f"create or replace view {name} as {text}" for name, text in views.items()]
    statements += [f"create or replace table {name} as {text}" for name, text in tables.items()]
    ours, theirs = alternately(
        2 if quick else 5, project.dovetail("run", before=project.forget), project.duckdb("queries", statements)
    )
    project.verify("queries", list(tables))
    yield Figure(f"TPC-H, scale factor {scale}, 22 queries", "wall", ours, theirs, goal=1.05, goal_is_ratio=True)


def generate(scale: str) -> Path:
    """Parquet files, one for each table, made once."""
    folder = WORK / f"tpch-{scale}"
    if not all((folder / f"{table}.parquet").exists() for table in TABLES):
        generator = BENCH_PYTHON.parent / "tpchgen-cli"
        command = [generator, "parquet", "--scale-factor", scale, "--output-dir", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def read_queries() -> list[str]:
    printed = subprocess.run([BENCH_PYTHON, "-c", PRINT_QUERIES], check=True, capture_output=True, text=True).stdout
    return [text.strip().rstrip(";") for (text,) in json.loads(printed)]
