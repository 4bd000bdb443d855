"""The examples of `docs/python.md` and `docs/types.md` run as they stand."""

from __future__ import annotations

import re

import pytest
from conftest import TOP

SOURCES = """
from dovetail import asset, sql

@asset
def stg_orders(): return sql("select range as order_id, 500.0 * range as amount from range(5)")
@asset
def events(): return sql("select 1 as a union all select null")
@asset
def orders():
    columns = "i as order_id, i % 2 as customer_id, 10 as amount"
    return sql(f"select {columns}, '2024-01-01'::date + i::int as day from range(4) t(i)")
@asset
def customers(): return sql("select i as customer_id, ['de', 'fr'][i + 1] as country from range(2) t(i)")
@asset
def features(): return sql("select i::double as x, 2.0 * i as y from range(10) t(i)")
@asset
def raw_parcels(): return sql("select uuid() as id, 'small' as size")
"""


def test_examples_run(project) -> None:
    pytest.importorskip("sklearn")
    project.write("models/sources.py", SOURCES.replace("day from", "day, 'de' as country from"))
    for page in ("python", "types"):
        text = (TOP / "docs" / f"{page}.md").read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
            project.write(f"models/{page}_{number}.py", block)
    result = project.dovetail("run", "--vars", "first_day=2024-01-03")
    assert "failed" not in result.stderr
    assert project.query("select count(*) as n from big_orders") == [{"n": 2}]
    assert project.query("select count(*) as n from cleaned") == [{"n": 1}]
    assert project.query("select count(*) as n from predictions where abs(y - 2 * x) > 1e-6") == [{"n": 0}]
    assert project.query("select count(*) as n from daily") == [{"n": 2}]
    assert project.query("select count(*) as n from orders_de") == [{"n": 4}]
    assert project.query("select count(*) as n from revenue") == [{"n": 1}]
    assert project.query("select count(*) as n from exchange_rates") == [{"n": 2}]
