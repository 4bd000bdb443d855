"""``@asset``: declares that a function computes an asset. The function itself stays as it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, overload

from dovetail import _registry

if TYPE_CHECKING:
    from dovetail.io import IOManager

Function = TypeVar("Function", bound=Callable[..., Any])

MATERIALIZED = ("table", "object")


class AssetDefinition:
    """What ``@asset`` was told about a function."""

    __slots__ = (
        "config",
        "data_version",
        "deps",
        "description",
        "function",
        "inputs",
        "io_manager",
        "module",
        "name",
        "reads",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        description: str | None,
        config: dict[str, Any],
        deps: tuple[str, ...],
        inputs: dict[str, str],
        reads: dict[str, list[str]],
        io_manager: Any,
        data_version: Callable[[Any], Any] | None,
        module: str,
    ) -> None:
        self.function = function
        self.name = name
        self.description = description
        self.config = config
        self.deps = deps
        self.inputs = inputs
        self.reads = reads
        self.io_manager = io_manager
        self.data_version = data_version
        self.module = module

    def __repr__(self) -> str:
        return f"<asset {self.name!r} by {self.module}.{getattr(self.function, '__qualname__', '?')}>"


@overload
def asset(function: Function, /) -> Function: ...


@overload
def asset(
    *,
    name: str | None = None,
    materialized: str | None = None,
    deps: Iterable[str | Callable[..., Any]] = (),
    inputs: Mapping[str, str] | None = None,
    reads: Mapping[str, str | Iterable[str]] | None = None,
    tags: str | Iterable[str] = (),
    owner: str | None = None,
    group: str | None = None,
    description: str | None = None,
    schema: str | None = None,
    alias: str | None = None,
    database: str | None = None,
    columns: Mapping[str, Any] | None = None,
    constraints: Iterable[str | Mapping[str, Any]] | None = None,
    contract: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    retries: int | None = None,
    retry_delay: float | None = None,
    enabled: bool | None = None,
    version: str | int | None = None,
    max_age: str | float | None = None,
    io_manager: IOManager | type[IOManager] | str | None = None,
    data_version: Callable[[Any], Any] | str | None = None,
    renamed_from: str | Iterable[str] | None = None,
) -> Callable[[Function], Function]: ...


def asset(function=None, /, **arguments):
    """Declares a function as an asset: ``@asset`` or ``@asset(...)``. The arguments are in ``docs/python.md``.

    Raises ``TypeError`` when an argument is unknown or has the wrong type, or when it decorates no function.
    """
    unknown = [name for name in arguments if name not in _ARGUMENTS]
    if unknown:
        from difflib import get_close_matches

        close = get_close_matches(unknown[0], _ARGUMENTS, 1)
        hint = f"; did you mean `{close[0]}`?" if close else f"; it takes {', '.join(_ARGUMENTS)}"
        raise TypeError(f"`@asset` has no argument `{unknown[0]}`{hint}")
    for name, value in arguments.items():
        if value is not None:
            _check(name, value)
    if function is None:
        return lambda function: _declare(function, arguments)
    if isinstance(function, str):
        raise TypeError(f"`@asset({function!r})` is not possible; write `@asset(name={function!r})`")
    return _declare(function, arguments)


def _declare(function: Any, arguments: dict[str, Any]) -> Any:
    # A class is callable, but what would its parameters mean?
    if not inspect.isroutine(function) and not (callable(function) and hasattr(function, "__wrapped__")):
        kind = "a class" if isinstance(function, type) else f"a {type(function).__name__}"
        raise TypeError(f"`@asset` decorates functions (`def` or `async def`), not {kind}")
    if isinstance(function, (staticmethod, classmethod)):
        raise TypeError("`@asset` decorates functions of a module, not methods")
    name = arguments.get("name") or getattr(function, "__name__", None)
    if not name or name == "<lambda>":
        raise TypeError("a `lambda` has no name: pass `name=` to `asset`")
    config = {key: _plain(key, arguments[key]) for key in _CONFIG if arguments.get(key) is not None}
    meta = {**(arguments.get("meta") or {}), **(arguments.get("metadata") or {})}
    if meta:
        config["meta"] = meta
    description = arguments.get("description") or inspect.getdoc(function)
    definition = AssetDefinition(
        function=function,
        name=name,
        description=description,
        config=config,
        deps=tuple(_dependency(item) for item in arguments.get("deps") or ()),
        inputs=dict(arguments.get("inputs") or {}),
        reads={name: _names(columns) for name, columns in (arguments.get("reads") or {}).items()},
        io_manager=arguments.get("io_manager"),
        data_version=arguments["data_version"] if callable(arguments.get("data_version")) else None,
        module=_registry.module_of(function),
    )
    _registry.add(definition)
    # A builtin takes no attributes; the registry knows it.
    with suppress(AttributeError):
        function.__dovetail_asset__ = definition
    return function


def _names(columns: str | Iterable[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _dependency(item: Any) -> str:
    if isinstance(item, str):
        return item
    definition = getattr(item, "__dovetail_asset__", None)
    if definition is None:
        raise TypeError(f"`deps` lists names or asset functions, not {item!r}")
    return definition.name


def _plain(key: str, value: Any) -> Any:
    """A value as the configuration holds it: what JSON can say."""
    if key in ("tags", "renamed_from"):
        return [value] if isinstance(value, str) else list(value)
    if key in ("columns", "contract"):
        return dict(value)
    if key == "constraints":
        return list(value)
    if key == "io_manager":
        return _manager_name(value)
    if key == "data_version":
        return value if isinstance(value, str) else {"function": getattr(value, "__qualname__", repr(type(value)))}
    if key == "version":
        return str(value)
    return value


def _manager_name(manager: Any) -> str:
    from dovetail.io import resolve

    return resolve(manager).name


def _check(name: str, value: Any) -> None:
    kinds, words = _ARGUMENTS[name]
    # A bool is an int for Python, but not for us.
    wrong_bool = isinstance(value, bool) and bool not in kinds
    if wrong_bool or not isinstance(value, kinds):
        raise TypeError(f"`{name}` of `@asset` is {words}, not {value!r}")
    if name == "materialized" and value not in MATERIALIZED:
        raise TypeError(f"`materialized` of `@asset` is 'table' or 'object', not {value!r}")
    if name in ("retries", "retry_delay") and value < 0:
        raise TypeError(f"`{name}` of `@asset` is not negative, not {value!r}")
    if name in ("tags", "renamed_from") and not isinstance(value, str):
        for item in value:
            if not isinstance(item, str):
                raise TypeError(f"`{name}` of `@asset` is a text or a list of texts, not {value!r}")
    if name == "deps" and isinstance(value, str):
        raise TypeError(f"`deps` of `@asset` is a list: write `deps=[{value!r}]`")
    if name == "inputs" and not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise TypeError(f"`inputs` of `@asset` maps parameters to names of upstreams, not {value!r}")
    if name == "reads":
        for parameter, columns in value.items():
            listed = isinstance(columns, (str, list, tuple, set, frozenset)) and _names(columns)
            if not isinstance(parameter, str) or not listed or not all(isinstance(item, str) for item in listed):
                raise TypeError(f"`reads` of `@asset` maps parameters to the columns that they receive, not {value!r}")
    if name == "data_version" and value != "off" and not callable(value):
        raise TypeError(f"`data_version` of `@asset` is a function, or 'off', not {value!r}")
    if name == "io_manager":
        from dovetail.io import resolve

        resolve(value)


_TEXT = ((str,), "a text")
_ARGUMENTS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": _TEXT,
    "materialized": _TEXT,
    "deps": ((str, list, tuple, set, frozenset), "a list of names or asset functions"),
    "inputs": ((Mapping,), "a dictionary from parameters to names of upstreams"),
    "reads": ((Mapping,), "a dictionary from parameters to columns of their upstreams"),
    "tags": ((str, list, tuple, set, frozenset), "a text or a list of texts"),
    "owner": _TEXT,
    "group": _TEXT,
    "description": _TEXT,
    "schema": _TEXT,
    "alias": _TEXT,
    "database": _TEXT,
    "columns": ((Mapping,), "a dictionary from columns to types"),
    "constraints": ((list, tuple), "a list of constraints"),
    "contract": ((Mapping,), "a dictionary such as {'enforced': True}"),
    "metadata": ((Mapping,), "a dictionary"),
    "meta": ((Mapping,), "a dictionary"),
    "retries": ((int,), "a whole number"),
    "retry_delay": ((int, float), "a number of seconds"),
    "enabled": ((bool,), "True or False"),
    "version": ((str, int, float), "a text or a number"),
    "max_age": ((str, int, float), "a length of time such as '1d'"),
    "io_manager": ((object,), "an `IOManager`, its class, 'pickle' or 'file'"),
    "data_version": ((object,), "a function, or 'off'"),
    "renamed_from": ((str, list, tuple), "a text or a list of texts"),
}
_CONFIG = (
    "materialized",
    "tags",
    "owner",
    "group",
    "schema",
    "alias",
    "database",
    "columns",
    "constraints",
    "contract",
    "retries",
    "retry_delay",
    "enabled",
    "version",
    "max_age",
    "io_manager",
    "data_version",
    "renamed_from",
)
