"""``@asset``: declares that a function computes an asset. The function itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from inspect import getdoc
from typing import TYPE_CHECKING, Any, TypeVar, overload

from dovetail import _arguments, _registry

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
    _arguments.check_all("asset", _ARGUMENTS, arguments)
    for name, value in arguments.items():
        if value is not None:
            _check(name, value)
    if function is None:
        return lambda function: _declare(function, arguments)
    if isinstance(function, str):
        raise TypeError(f"`@asset({function!r})` is not possible; write `@asset(name={function!r})`")
    return _declare(function, arguments)


def _declare(function: Any, arguments: dict[str, Any]) -> Any:
    name = _arguments.function_name("asset", function, arguments.get("name"))
    config = {key: _plain(key, arguments[key]) for key in _CONFIG if arguments.get(key) is not None}
    meta = {**(arguments.get("meta") or {}), **(arguments.get("metadata") or {})}
    if meta:
        config["meta"] = meta
    description = arguments.get("description") or getdoc(function)
    definition = AssetDefinition(
        function=function,
        name=name,
        description=description,
        config=config,
        deps=tuple(_arguments.asset_name("asset", "deps", item) for item in arguments.get("deps") or ()),
        inputs=dict(arguments.get("inputs") or {}),
        reads={name: _arguments.names(columns) for name, columns in (arguments.get("reads") or {}).items()},
        io_manager=arguments.get("io_manager"),
        data_version=arguments["data_version"] if callable(arguments.get("data_version")) else None,
        module=_registry.module_of(function),
    )
    _registry.add(definition)
    # A builtin takes no attributes; the registry knows it.
    with suppress(AttributeError):
        function.__dovetail_asset__ = definition
    return function


def _plain(key: str, value: Any) -> Any:
    """A value as the configuration holds it: what JSON can say."""
    if key in ("tags", "renamed_from"):
        return _arguments.names(value)
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
    if name == "materialized" and value not in MATERIALIZED:
        raise TypeError(f"`materialized` of `@asset` is 'table' or 'object', not {value!r}")
    if name in ("retries", "retry_delay") and value < 0:
        raise TypeError(f"`{name}` of `@asset` is not negative, not {value!r}")
    if name == "data_version" and value != "off" and not callable(value):
        raise TypeError(f"`data_version` of `@asset` is a function, or 'off', not {value!r}")
    if name == "io_manager":
        from dovetail.io import resolve

        resolve(value)


_ARGUMENTS: _arguments.Known = {
    **_arguments.OF_FUNCTIONS,
    "materialized": _arguments.TEXT,
    "group": _arguments.TEXT,
    "schema": _arguments.TEXT,
    "alias": _arguments.TEXT,
    "database": _arguments.TEXT,
    "columns": ((Mapping,), "a dictionary from columns to types"),
    "constraints": ((list, tuple), "a list of constraints"),
    "contract": ((Mapping,), "a dictionary such as {'enforced': True}"),
    "retries": _arguments.WHOLE,
    "retry_delay": ((int, float), "a number of seconds"),
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
