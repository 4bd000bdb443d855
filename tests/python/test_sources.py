"""`@source`: what Python functions say of data that neither a file nor a table describes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from conftest import Project

MODULE = """
import os
from pathlib import Path
from dovetail import asset, source

HERE = Path(__file__).parent.parent

def newest():
    with open(HERE / "calls.txt", "a") as calls:
        calls.write("x")
    print("looking")
    return {version}

@source(observe=newest, tags=["raw"])
def orders_api():
    \"\"\"Where the orders are.\"\"\"
    return HERE / "orders.csv"

@asset
def orders(orders_api) -> "pa.Table":
    from pyarrow import csv
    return csv.read_csv(orders_api)

@asset(deps=["orders_api"])
def size():
    import polars as pl
    return pl.DataFrame({{"size": [len((HERE / "orders.csv").read_text())]}})
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("orders.csv", "id\n1\n2\n")
    project.write("version.txt", "1")
    project.write("models/shop.py", MODULE.format(version='(HERE / "version.txt").read_text()'))
    project.write("models/total.sql", "select sum(id) as total from orders")
    return project


def calls(project: Project) -> int:
    """How often the observing function was called since the last time."""
    file = project.root / "calls.txt"
    count = len(file.read_text()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def unfresh(project: Project) -> dict[str, str]:
    result = project.dovetail("status", "--output", "json", code=None)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {
        line["asset"]: " ".join([line["state"], *(cause["detail"] for cause in line["causes"])])
        for line in lines
        if line["state"] != "fresh"
    }


def test_a_source_is_handed_over_and_observed(shop: Project):
    shop.dovetail("run")
    assert calls(shop) == 1
    assert shop.query("from total") == [{"total": 3}]
    assert unfresh(shop) == {}
    assert calls(shop) == 1
    shop.dovetail("ls")
    assert calls(shop) == 0
    shop.write("version.txt", "2")
    shop.write("orders.csv", "id\n5\n")
    stale = "stale `orders_api` changed"
    assert unfresh(shop) == {"orders": stale, "size": stale, "total": "pending `orders` is stale"}
    calls(shop)
    result = shop.dovetail("reconcile")
    assert calls(shop) == 1
    assert "looking" in result.stderr and "looking" not in result.stdout
    assert shop.query("from total") == [{"total": 5}]
    assert unfresh(shop) == {}
    # Equal content cuts the rest off.
    shop.write("version.txt", "3")
    assert "same    total" in shop.dovetail("reconcile").stderr


def test_its_code_counts_for_those_that_take_it(shop: Project):
    shop.dovetail("run")
    module = shop.root / "models/shop.py"
    text = module.read_text()
    module.write_text(text.replace('print("looking")', 'print("watching")').replace('["raw"]', '["other"]'))
    assert unfresh(shop) == {}
    module.write_text(text.replace('return HERE / "orders.csv"', 'return HERE / "." / "orders.csv"'))
    assert unfresh(shop)["orders"].startswith("stale function models.shop.orders_api changed")
    assert "size" not in unfresh(shop)


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("[1]", "returned list, which is no version"),
        ("True", "returned bool, which is no version"),
    ],
)
def test_a_broken_observing_function_is_a_warning(shop: Project, version: str, says: str):
    shop.dovetail("run")
    module = shop.root / "models/shop.py"
    module.write_text(MODULE.format(version=version))
    result = shop.dovetail("status")
    assert "warning[DT0609]: the source `orders_api` could not be observed" in result.stderr
    assert says in result.stderr and "models/shop.py" in result.stderr
    assert "not observed: orders_api (" in result.stdout
    shop.dovetail("plan")
    shop.dovetail("run")
    module.write_text(MODULE.format(version="1"))
    # What was read then is not known, so it is read again.
    assert unfresh(shop)["orders"] == "stale `orders_api` was read in a version that is not known"


def test_a_module_that_cannot_be_imported_is_a_warning(shop: Project):
    shop.dovetail("run")
    module = shop.root / "models/shop.py"
    module.write_text("import nowhere\n" + module.read_text())
    result = shop.dovetail("status", code=None)
    assert "DT0609" in result.stderr and "nowhere" in result.stderr


def test_an_unknown_version_is_not_observed(shop: Project):
    (shop.root / "models/shop.py").write_text(MODULE.format(version="None"))
    shop.dovetail("run")
    result = shop.dovetail("status")
    assert "(not observed: orders_api)" in result.stdout and "warning" not in result.stderr


def test_a_source_beside_a_factory_and_in_async(project: Project):
    project.write(
        "models/made.py",
        """
from dovetail import asset, source
import polars as pl

async def version():
    return 1.5

@source(observe=version)
async def numbers():
    return [1, 2, 3]

for name in ("a", "b"):
    @asset(name=name)
    def made(numbers):
        return pl.DataFrame({"x": numbers})
""",
    )
    project.dovetail("run")
    assert project.query("from a") == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert unfresh(project) == {}


def test_versions_as_texts():
    from dovetail._observe import version
    from dovetail.errors import OutputError

    utc = datetime.timezone.utc
    values = [1, 1.0, "1", b"1", datetime.date(2013, 1, 1), datetime.datetime(2013, 1, 1), "x" * 1000, "x" * 1001]
    texts = [version(value) for value in values]
    assert len(set(texts)) == len(values) and all(len(text) < 250 for text in texts)
    moment = datetime.datetime(2013, 1, 1, 12, tzinfo=utc)
    assert version(moment) == version(moment.astimezone(datetime.timezone(datetime.timedelta(hours=5))))
    assert version(None) is None
    for value in (True, [], Path("x"), {"a": 1}):
        with pytest.raises(OutputError):
            version(value)


def test_wrong_arguments_are_type_errors():
    from dovetail import source

    for arguments in ({"observe": 3}, {"tag": "x"}, {"owner": 1}):
        with pytest.raises(TypeError):
            source(**arguments)
    with pytest.raises(TypeError):
        source(dict)
    with pytest.raises(TypeError):
        source("name")
