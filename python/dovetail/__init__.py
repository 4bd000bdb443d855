"""dovetail: an asset compiler. One graph for SQL and Python, run on DuckDB.

Importing this package loads nothing heavy: names are looked up when they are used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dovetail._asset import asset
    from dovetail._check import check
    from dovetail._dovetail import Relation, __version__
    from dovetail._source import source
    from dovetail.context import Context, sql
    from dovetail.io import FileIO, IOManager, PickleIO
    from dovetail.result import CheckResult, Result

__all__ = [
    "CheckResult",
    "Context",
    "FileIO",
    "IOManager",
    "PickleIO",
    "Relation",
    "Result",
    "__version__",
    "asset",
    "check",
    "source",
    "sql",
]

_HOMES = {
    "CheckResult": "dovetail.result",
    "Context": "dovetail.context",
    "FileIO": "dovetail.io",
    "IOManager": "dovetail.io",
    "PickleIO": "dovetail.io",
    "Relation": "dovetail._dovetail",
    "Result": "dovetail.result",
    "__version__": "dovetail._dovetail",
    "asset": "dovetail._asset",
    "check": "dovetail._check",
    "source": "dovetail._source",
    "sql": "dovetail.context",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dovetail' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    # Found at once the next time.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
