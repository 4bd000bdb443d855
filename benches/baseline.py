"""The counterpart: statements run one by one by DuckDB's own Python client on a file database.

    baseline.py DATABASE STATEMENTS.json

Each statement commits by itself, as an asset of dovetail does.
"""

import json
import sys

import duckdb


def main() -> None:
    database, statements = sys.argv[1:]
    with open(statements, encoding="utf-8") as file:
        texts = json.load(file)
    with duckdb.connect(database) as connection:
        for text in texts:
            connection.execute(text)


if __name__ == "__main__":
    main()
