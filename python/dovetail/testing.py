"""Helpers for tests of a project: assets run on data in memory, and rows compared.

Nothing of the project's database is opened, and nothing is written but what compiling caches::

    from dovetail.testing import assert_rows, run_asset

    def test_delays():
        result = run_asset("delay_report", {"stg_flights": [{"carrier": "AA", "arr_delay": 12}]})
        assert_rows(result, [{"carrier": "AA", "mean_delay": 12.0}])
"""

from __future__ import annotations

import datetime
import math
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from dovetail import _dovetail, _outputs
from dovetail._inputs import library
from dovetail.errors import TestError

__all__ = ["TestError", "assert_rows", "run_asset", "run_assets"]


def run_asset(
    asset: Any,
    given: Mapping[Any, Any] | None = None,
    *,
    project_dir: str | os.PathLike[str] = ".",
    vars: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    macros: Mapping[str, Any] | None = None,
    now: str | datetime.datetime | None = None,
    target: str | None = None,
) -> Any:
    """Runs one asset on what is given, and whatever stands between.

    ``asset`` is a name or an asset function. ``given`` maps names (or functions) of assets and sources to their data:
    a list of dictionaries, or a table or frame of pyarrow, polars or pandas, a `Relation`, or anything else with
    ``__arrow_c_stream__``. Seeds that are not given are read from their files. ``vars``, ``env``, ``macros`` and
    ``now`` are as in the ``overrides`` of a unit test.

    Returns a `Relation` (``.pl()``, ``.df()``, ``.arrow()``, ``.fetchall()``, ``__arrow_c_stream__``); of an asset that
    is an object, the object. Raises `TestError` with what the command line would say.
    """
    name = _name(asset)
    request = _request(given, project_dir, vars, env, macros, now, target)
    return _result(name, _dovetail.run_in_memory({**request, "asset": name})[name])


def run_assets(
    select: str | Sequence[str],
    given: Mapping[Any, Any] | None = None,
    *,
    project_dir: str | os.PathLike[str] = ".",
    vars: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    macros: Mapping[str, Any] | None = None,
    now: str | datetime.datetime | None = None,
    target: str | None = None,
) -> dict[str, Any]:
    """Runs the assets of a selection (``"+delay_report"``) on what is given, as `run_asset` does; results by name.

    What is given is not run, nor what stands above it and nothing else needs.
    """
    words = select.split() if isinstance(select, str) else list(select)
    request = _request(given, project_dir, vars, env, macros, now, target)
    results = _dovetail.run_in_memory({**request, "select": words})
    return {name: _result(name, result) for name, result in results.items()}


def assert_rows(result: Any, expected: Iterable[Mapping[str, Any]], *, order: bool = False) -> None:
    """Fails with a readable difference unless a result has exactly these rows.

    ``result`` is what `run_asset` returns, or any table or frame. Only the columns that ``expected`` names are
    compared, as the engine compares values of their types: NULL equals NULL, NaN equals NaN. The order of rows counts
    with ``order``.
    """
    table, types = _outputs.tabular(result)
    if table is None:
        raise TypeError(f"expected a table or frame, not {type(result).__name__}")
    difference = _dovetail.compare_rows(_streaming(table), list(types.items()), _rows(expected), order)
    if difference is not None:
        raise AssertionError(f"the rows differ (- missing, + too many, ~ expected → actual):\n{difference}")


def _name(asset: Any) -> str:
    if isinstance(asset, str):
        return asset
    definition = getattr(asset, "__dovetail_asset__", None)
    if definition is not None:
        return definition.name
    name = getattr(asset, "__name__", None)
    if isinstance(name, str):
        return name
    raise TypeError(f"an asset is a name or an asset function, not {type(asset).__name__}")


def _request(
    given: Mapping[Any, Any] | None,
    project_dir: str | os.PathLike[str],
    vars: Mapping[str, Any] | None,
    env: Mapping[str, str] | None,
    macros: Mapping[str, Any] | None,
    now: str | datetime.datetime | None,
    target: str | None,
) -> dict[str, Any]:
    return {
        "project_dir": os.fspath(project_dir),
        "given": [(_name(asset), *_data(_name(asset), data)) for asset, data in (given or {}).items()],
        "vars": dict(vars or {}),
        "env": dict(env or {}),
        "macros": dict(macros or {}),
        "now": now.isoformat() if isinstance(now, datetime.date) else now,
        "target": target,
    }


def _data(name: str, data: Any) -> tuple[str, Any, list[tuple[str, str]]]:
    if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data):
        return "rows", _rows(data), []
    table, types = _outputs.tabular(data)
    if table is None:
        raise TypeError(f"data of `{name}` is a list of dictionaries, a table or a frame, not {type(data).__name__}")
    return "table", _streaming(table), list(types.items())


def _streaming(table: Any) -> Any:
    if hasattr(table, "__arrow_c_stream__"):
        return table
    pyarrow = library("pyarrow", "an array alone is made a stream by it")
    return pyarrow.Table.from_batches([pyarrow.record_batch(table)])


def _result(name: str, result: Any) -> Any:
    if not isinstance(result, dict):
        return result
    from dovetail import _call

    return _call.loaded_object(name, result)


def _rows(rows: Iterable[Mapping[str, Any]]) -> list[list[tuple[str, Any]]]:
    """Rows with their values as texts: what they mean depends on the types of their columns."""
    return [[(str(column), _cell(value)) for column, value in row.items()] for row in rows]


def _cell(value: Any) -> Any:
    """``None``, or a tag and what is written: the engine reads numbers and times from their texts without loss."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        return ("text", "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
    if isinstance(value, (numbers.Number, Decimal)):
        return ("number", repr(value) if isinstance(value, float) else str(value))
    if isinstance(value, datetime.datetime):
        return ("text", value.isoformat(" "))
    if isinstance(value, datetime.timedelta):
        seconds = value.seconds * 1_000_000 + value.microseconds
        return ("text", f"{value.days} days {seconds} microseconds")
    if isinstance(value, (bytes, bytearray)):
        return ("text", "".join(f"\\x{byte:02X}" for byte in value))
    if isinstance(value, Mapping):
        return ("table", [(str(key), _cell(inner)) for key, inner in value.items()])
    if isinstance(value, (list, tuple)):
        return ("list", [_cell(inner) for inner in value])
    return ("text", str(value))
