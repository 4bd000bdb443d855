"""``@source``: declares that a function says where data is which neither a file nor a table describes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any, TypeVar, overload

from dovetail import _registry

Function = TypeVar("Function", bound=Callable[[], Any])
Version = str | int | float | bytes | date | None


class SourceDefinition:
    """What ``@source`` was told about a function."""

    __slots__ = ("function", "module", "name", "observe")

    def __init__(
        self, function: Callable[[], Any], name: str, observe: Callable[[], Version] | None, module: str
    ) -> None:
        self.function = function
        self.name = name
        self.observe = observe
        self.module = module

    def __repr__(self) -> str:
        return f"<source {self.name!r} of {self.module}>"


@overload
def source(function: Function, /) -> Function: ...


@overload
def source(
    *,
    observe: Callable[[], Version] | None = None,
    tags: str | Iterable[str] = (),
    owner: str | None = None,
    group: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Callable[[Function], Function]: ...


def source(function=None, /, **arguments):
    """Declares a source: ``@source`` or ``@source(observe=...)``, on a function of a module without parameters.

    The source is called like the function, whose docstring describes it. Asset functions that take a parameter of that
    name get what the function returns: an address, a path, a client; it is called anew for each of them.

    ``observe`` is a function without parameters that returns which version the data has now: a ``str``, ``int``,
    ``float``, ``bytes``, ``date`` or ``datetime``, or ``None`` when it does not know. Another one makes the assets
    stale that take the source. Without it nobody sees the data change.

    Raises ``TypeError`` when an argument is unknown or has the wrong type, or when it decorates no function.
    """
    for name, value in arguments.items():
        _check(name, value)
    if function is None:
        return lambda function: _declare(function, arguments.get("observe"))
    return _declare(function, None)


def _declare(function: Any, observe: Callable[[], Version] | None) -> Any:
    if not inspect.isroutine(function) or isinstance(function, (staticmethod, classmethod)):
        kind = "a class" if isinstance(function, type) else f"a {type(function).__name__}"
        raise TypeError(f"`@source` decorates functions of a module (`def` or `async def`), not {kind}")
    definition = SourceDefinition(function, function.__name__, observe, _registry.module_of(function))
    _registry.add_source(definition)
    # A builtin takes no attributes; the registry knows it.
    with suppress(AttributeError):
        function.__dovetail_source__ = definition
    return function


def _check(name: str, value: Any) -> None:
    if name not in _ARGUMENTS:
        raise TypeError(f"`@source` has no argument `{name}`; it takes {', '.join(_ARGUMENTS)}")
    if name == "observe":
        if value is not None and not callable(value):
            raise TypeError(f"`observe` of `@source` is a function that returns a version, not {value!r}")
    elif value is not None and not isinstance(value, _ARGUMENTS[name]):
        raise TypeError(f"`{name}` of `@source` cannot be {value!r}")


_ARGUMENTS: dict[str, tuple[type, ...]] = {
    "observe": (object,),
    "tags": (str, list, tuple, set, frozenset),
    "owner": (str,),
    "group": (str,),
    "meta": (Mapping,),
}
