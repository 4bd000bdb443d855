"""Data versions that the project's own code gives."""

from __future__ import annotations

import datetime
import decimal
import inspect
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from dovetail.errors import OutputError

_SIMPLE = (str, bool, int, float, bytes, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
POSSIBLE = "a version is a text, a number, bytes, a date or time, or a list of these"


def of(function: Callable[[Any], Any] | None, stated: Any, value: Any) -> str | None:
    """The version of what an asset function gave, as text; ``None`` when its content is to be hashed.

    ``stated`` is what a `Result` says, and wins. ``function`` is called with ``value``. Raises `OutputError` when the
    value can be read only once or the version is none.
    """
    if stated is not None:
        return text(stated, "the `data_version` of the `Result`")
    if function is None:
        return None
    name = getattr(function, "__name__", None) or repr(function)
    if _is_read_once(value):
        kind = type(value).__name__
        raise OutputError(
            f"`data_version={name}` cannot look at what the function gave: a {kind} can be read only once",
            hint="return the whole table, or `Result(data, data_version=...)`",
        )
    return text(function(value), f"what `{name}` returned")


def text(version: Any, what: str) -> str:
    """A version as text: values of different types never give the same."""
    encoded = _encoded(version)
    if encoded is None:
        raise OutputError(f"{what} is {version!r}, which is no data version", hint=POSSIBLE)
    return encoded


def _encoded(version: Any) -> str | None:
    if isinstance(version, (list, tuple)):
        items = [_encoded(item) for item in version]
        return None if None in items else f"list:{items!r}"
    # Numbers of numpy and their like.
    if not isinstance(version, _SIMPLE) and hasattr(version, "item") and hasattr(version, "dtype"):
        version = version.item()
    if not isinstance(version, _SIMPLE):
        return None
    return f"{type(version).__name__}:{version.hex() if isinstance(version, bytes) else version!s}"


def _is_read_once(value: Any) -> bool:
    from dovetail import _outputs

    once = isinstance(value, Iterator) or inspect.isasyncgen(value) or hasattr(value, "__anext__")
    return once or _outputs.is_reader(value)
