"""`dovetail.testing`: assets run on data in memory, inside of pytest."""

from __future__ import annotations

import datetime
import importlib
import math
import sys
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dovetail.testing import TestError, assert_rows, run_asset, run_assets

MODULE = """
import polars as pl
from dovetail import asset


@asset
def doubled(clean: pl.DataFrame) -> pl.DataFrame:
    return clean.with_columns(twice=pl.col("amount") * 2)


@asset(materialized="object")
def model(doubled):
    return {"rows": len(doubled)}


@asset
def failing(clean):
    raise ValueError("nothing to see")
"""


@pytest.fixture
def shop(project):
    project.write(
        "models/sources.yml",
        """
sources:
  - name: raw
    tables:
      - name: orders
        columns:
          - {name: id, data_type: integer}
          - {name: amount, data_type: "decimal(10, 2)"}
          - {name: tags, data_type: "varchar[]"}
""",
    )
    project.write("models/clean.sql", "select *, '{{ var('suffix', '') }}' as suffix from raw.orders where amount > 0")
    project.write("models/assets.py", MODULE)
    project.write("models/total.sql", "select sum(twice) as total, current_date as day from doubled")
    yield project
    for name in [name for name in sys.modules if name == "models" or name.startswith("models.")]:
        del sys.modules[name]


ROWS = [{"id": 1, "amount": Decimal("1.10"), "tags": ["a", None]}, {"id": 2, "amount": 2}, {"amount": -1}]


def test_one_asset_on_rows(shop) -> None:
    result = run_asset("doubled", {"raw.orders": ROWS}, project_dir=shop.root)
    assert_rows(
        result,
        [
            {"id": 2, "amount": 2, "tags": None, "twice": Decimal("4.00")},
            {"id": 1, "amount": "1.1", "tags": ["a", None], "twice": 2.2},
        ],
    )
    assert result.columns == ["id", "amount", "tags", "suffix", "twice"]
    assert result.pl()["twice"].to_list() == [Decimal("2.20"), Decimal("4.00")]
    assert len(result.df()) == 2
    assert pa.table(result).num_rows == 2
    assert sorted(row[0] for row in result.fetchall()) == [1, 2]
    assert not list(shop.root.glob("*.duckdb"))


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"amount": [1.5, 2.0], "id": [1, 2]}),
        pd.DataFrame({"amount": [1.5, 2.0], "id": [1, 2]}),
        pa.table({"amount": [1.5, 2.0], "id": [1, 2]}),
        pl.DataFrame({"amount": [1.5, 2.0], "id": [1, 2]}).lazy(),
        pa.record_batch({"amount": [1.5, 2.0], "id": [1, 2]}),
    ],
    ids=["polars", "pandas", "pyarrow", "lazy", "batch"],
)
def test_frames_are_taken_in_the_types_of_the_project(shop, frame) -> None:
    result = run_asset("clean", {"raw.orders": frame}, project_dir=shop.root)
    assert result.types[:3] == ["INTEGER", "DECIMAL(10,2)", "VARCHAR[]"]
    assert_rows(result, [{"id": 1, "amount": 1.5, "tags": None}, {"id": 2, "amount": 2}], order=True)
    again = run_asset("doubled", {"clean": result}, project_dir=shop.root)
    assert_rows(again, [{"twice": 3}, {"twice": 4}])


def test_a_selection(shop) -> None:
    results = run_assets("+total model", {"raw.orders": ROWS}, project_dir=shop.root, now="2024-02-29")
    assert sorted(results) == ["clean", "doubled", "model", "total"]
    assert results["model"] == {"rows": 2}
    assert_rows(results["total"], [{"total": "6.20", "day": datetime.date(2024, 2, 29)}])
    below = run_assets("+total", {"doubled": [{"twice": 1}]}, project_dir=shop.root)
    assert sorted(below) == ["total"]


def test_functions_stand_for_their_names_and_vars_are_given(shop, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(shop.root))
    monkeypatch.chdir(shop.root)
    module = importlib.import_module("models.assets")
    assert run_asset(module.model, {module.doubled: [{"twice": 1}]}) == {"rows": 1}
    result = run_asset("clean", {"raw.orders": ROWS}, vars={"suffix": "!"})
    assert_rows(result, [{"suffix": "!"}, {"suffix": "!"}])


@pytest.mark.parametrize(
    ("asset", "given", "told"),
    [
        ("doubeld", {}, "did you mean `doubled`?"),
        ("doubled", {}, "`clean` must be given, read by `doubled`"),
        ("doubled", {"clean": [{"amont": 1}]}, "did you mean `amount`?"),
        ("doubled", {"clean": pl.DataFrame({"amont": [1]})}, "did you mean `amount`?"),
        ("clean", {"raw.orders": [{"amount": "lots"}]}, "`lots` for `amount`"),
        ("clean", {"raw.orders": [{"id": 1.5}]}, "is not whole"),
        ("clean", {"raw.orders": pl.DataFrame({"id": [1.5]})}, "would lose a part of"),
        ("failing", {"clean": []}, "ValueError: nothing to see"),
        ("clean", {"raw.orders": ROWS, "doubled": []}, "nothing reads it"),
    ],
)
def test_what_is_wrong_is_an_exception(shop, asset, given, told) -> None:
    with pytest.raises(TestError) as raised:
        run_asset(asset, given, project_dir=shop.root)
    assert told in str(raised.value), str(raised.value)


def test_differences_are_readable() -> None:
    frame = pl.DataFrame({"carrier": ["AA", "UA"], "mean": [3.5, math.nan], "flags": [[1], [2]]})
    assert_rows(
        frame, [{"carrier": "UA", "mean": math.nan, "flags": [2]}, {"carrier": "AA", "mean": 3.5, "flags": [1]}]
    )
    with pytest.raises(AssertionError, match=r"3\.0 → 3\.5"):
        assert_rows(frame, [{"carrier": "UA", "mean": math.nan}, {"carrier": "AA", "mean": 3}])
    with pytest.raises(AssertionError):
        assert_rows(frame, [{"carrier": "UA"}, {"carrier": "AA"}], order=True)
    with pytest.raises(AssertionError):
        assert_rows(frame, [])
    with pytest.raises(TestError, match="did you mean `carrier`"):
        assert_rows(frame, [{"carier": "UA"}])
    assert_rows(pl.DataFrame({"a": [None]}, schema={"a": pl.Int64}), [{"a": None}])


def test_files_of_objects_go_elsewhere(shop) -> None:
    shop.write(
        "models/reports.py",
        """
from dovetail import asset


@asset(materialized="object", io_manager="file")
def report(clean):
    print("writing")
    return f"{len(clean)} rows"


@asset(materialized="object")
def length(report):
    return len(report.read_text())
""",
    )
    report = run_asset("report", {"clean": [{"id": 1}]}, project_dir=shop.root)
    assert report.read_text() == "1 rows"
    assert run_asset("length", {"clean": []}, project_dir=shop.root) == len("0 rows")
    assert not (shop.root / "target" / "reports").exists()


def test_what_functions_print_is_printed(shop, capsys) -> None:
    shop.write(
        "models/loud.py",
        "from dovetail import asset\n\n\n@asset\ndef loud(clean):\n    print('hear me')\n    return clean\n",
    )
    run_asset("loud", {"clean": []}, project_dir=shop.root)
    assert "hear me" in capsys.readouterr().out
