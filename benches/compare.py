"""Checks that two databases hold the same rows, whatever their order.

    compare.py OURS THEIRS TABLES.json

A fast figure for work that was not done is no figure: the benches call this after each measurement.
"""

import json
import sys

import duckdb


def main() -> None:
    ours, theirs, tables = sys.argv[1:]
    with open(tables, encoding="utf-8") as file:
        names = json.load(file)
    connection = duckdb.connect()
    connection.execute(f"attach '{ours}' as ours (read_only); attach '{theirs}' as theirs (read_only)")
    for name in names:
        mine, other = (content(connection, f"{database}.main.{name}") for database in ("ours", "theirs"))
        if mine != other:
            sys.exit(f"`{name}` differs: count, hashes {mine} in {ours}, {other} in {theirs}")


def content(connection: duckdb.DuckDBPyConnection, table: str) -> tuple:
    """Count and order-independent hashes of the rows."""
    query = f"select count(*), bit_xor(hash(t)), sum(hash(t)::hugeint // 1000) from {table} as t"
    return connection.execute(query).fetchone()


if __name__ == "__main__":
    main()
