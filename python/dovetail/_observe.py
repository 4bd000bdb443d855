"""Calls the functions of sources: for their values, and for the versions that they observe."""

from __future__ import annotations

import contextvars
import hashlib
import inspect
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

from dovetail import _capture, _errors, _modules, _registry
from dovetail.errors import InputError, OutputError

#: Longer versions are kept as their hash.
_LONGEST = 200


def value_of(root: str, path: str, name: str) -> Any:
    """What the function of a source returns. Raises what it raises."""
    return _called(_definition(root, path, name).function)


def observe(project: dict[str, Any], path: Any, name: str, turns: Any) -> str | dict[str, Any] | None:
    """The version that a source has now, ``None`` when its function does not know, or the description of an error."""
    root, path = str(project["root"]), str(path)
    capture = _capture.Capture(_print)
    _capture.begin(capture)
    turn = None
    kind: str | None = "import"
    try:
        turn = turns.enter()
        definition = _definition(root, path, name)
        kind = None
        surroundings = contextvars.copy_context()
        surroundings.run(_capture.current.set, capture)
        return version(surroundings.run(_called, definition.observe))
    except BaseException as error:
        if turns.is_cancelled() and _errors.is_cancellation(error):
            return {"kind": "cancelled", "message": "cancelled", "traceback": "", "line": None, "hint": None}
        return _errors.describe(error, root=root, path=path, kind=kind)
    finally:
        if turn is not None:
            turn.over()
        _capture.end(capture)


def version(value: Any) -> str | None:
    """A value of an observing function as a text: equal ones for equal values, other ones for values of other types.

    Raises ``OutputError`` for what is no version.
    """
    if value is None:
        return None
    for kind, text in _FORMS.items():
        if isinstance(value, kind) and not isinstance(value, bool):
            written = f"{kind.__name__} {text(value)}"
            if len(written) <= _LONGEST:
                return written
            return f"{kind.__name__} {hashlib.sha256(written.encode()).hexdigest()}"
    raise OutputError(
        f"the function under `observe=` returned {type(value).__name__}, which is no version",
        hint="return a text, a number, bytes, a date, a time, or `None` for unknown",
    )


def _moment(value: datetime) -> str:
    return (value if value.tzinfo is None else value.astimezone(timezone.utc)).isoformat()


# A `datetime` is a `date` too, so it comes first.
_FORMS: dict[type, Callable[[Any], str]] = {
    str: str,
    int: int.__repr__,
    float: float.__repr__,
    bytes: bytes.hex,
    datetime: _moment,
    date: date.isoformat,
}


def _definition(root: str, path: str, name: str) -> Any:
    module = _modules.load(root, path)
    definition = _registry.source_of(module.__name__, name)
    if definition is None:
        raise InputError(f"the module `{module.__name__}` declares no source `{name}` when it is imported")
    return definition


def _called(function: Callable[[], Any]) -> Any:
    value = function()
    if inspect.iscoroutine(value):
        from dovetail import _async

        return _async.run(value)
    return value


def _print(line: str) -> None:
    # Standard output is for what the command was asked for.
    print(line, file=sys.__stderr__)
