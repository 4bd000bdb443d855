"""``@check``: declares that a function checks an asset. The function itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal, TypeVar, overload

from dovetail import _arguments, _registry

Function = TypeVar("Function", bound=Callable[..., Any])

SEVERITIES = ("warn", "error")


class CheckDefinition:
    """What ``@check`` was told about a function, as far as running it takes: the rest is read from the file's text."""

    __slots__ = ("asset", "function", "module", "name")

    def __init__(self, function: Callable[..., Any], name: str, asset: str | None, module: str) -> None:
        self.function = function
        self.name = name
        self.asset = asset
        self.module = module

    def __repr__(self) -> str:
        return f"<check {self.name!r} of {self.module}>"


# An asset function and a check function look alike to a type checker, so of a lone function nothing is promised.
@overload
def check(function: Callable[..., Any], /) -> Any: ...


@overload
def check(
    asset: str | Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    severity: Literal["warn", "error"] | None = None,
    warn_if: str | None = None,
    error_if: str | None = None,
    limit: int | None = None,
    inputs: Mapping[str, str] | None = None,
    reads: Mapping[str, str | Iterable[str]] | None = None,
    deps: Iterable[str | Callable[..., Any]] = (),
    tags: str | Iterable[str] = (),
    owner: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    enabled: bool | None = None,
) -> Callable[[Function], Function]: ...


def check(*positional, **arguments):
    """Declares a check: ``@check(orders)``, ``@check("orders", severity="warn")`` or ``@check``.

    ``asset`` is what it is about: the asset function, or a name; without it the function's first upstream. The function
    takes upstreams as parameters, like an asset function. The other arguments are in ``docs/python.md``.

    The function returns

    - ``True`` or ``False`` (also numpy's and pyarrow's);
    - ``None``: it passed, unless an ``assert`` in it failed;
    - the rows that are wrong, as a ``Relation``, a table or frame of pyarrow, polars or pandas, anything else with
      ``__arrow_c_stream__``, or a generator of batches: it passed when there are none;
    - a ``CheckResult``.

    Any exception but ``AssertionError`` says that the check itself is broken.

    Raises ``TypeError`` when an argument is unknown or has the wrong type, or when it decorates no function.
    """
    if len(positional) > 1:
        raise TypeError(f"`@check` takes its arguments by name, but for the asset; there is also {positional[1]!r}")
    if positional:
        first = positional[0]
        if callable(first) and not _arguments.is_declared(first) and not arguments:
            return _declare(first, {})
        if "asset" in arguments:
            raise TypeError("`@check` names its asset twice")
        arguments["asset"] = first
    _arguments.check_all("check", _ARGUMENTS, arguments)
    severity = arguments.get("severity")
    if severity is not None and severity.lower() not in SEVERITIES:
        raise TypeError(f"`severity` of `@check` is 'warn' or 'error', not {severity!r}")
    limit = arguments.get("limit")
    if limit is not None and limit < 1:
        raise TypeError(f"`limit` of `@check` is at least 1, not {limit!r}")
    for item in arguments.get("deps") or ():
        _arguments.asset_name("check", "deps", item)
    if arguments.get("asset") is not None:
        arguments["asset"] = _arguments.asset_name("check", "asset", arguments["asset"])
    return lambda function: _declare(function, arguments)


def _declare(function: Any, arguments: dict[str, Any]) -> Any:
    name = _arguments.function_name("check", function, arguments.get("name"))
    definition = CheckDefinition(function, name, arguments.get("asset"), _registry.module_of(function))
    _registry.add_check(definition)
    # A builtin takes no attributes; the registry knows it.
    with suppress(AttributeError):
        function.__dovetail_check__ = definition
    return function


_ARGUMENTS: _arguments.Known = {
    "asset": ((object,), "a name or an asset function"),
    **_arguments.OF_FUNCTIONS,
    "severity": _arguments.TEXT,
    "warn_if": _arguments.TEXT,
    "error_if": _arguments.TEXT,
    "limit": _arguments.WHOLE,
}
