"""The arguments of decorators: which there are, and what each may be."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

#: For each argument the types that it may have, and how messages call them.
Known = Mapping[str, tuple[tuple[type, ...], str]]

TEXT = ((str,), "a text")
TEXTS = ((str, list, tuple, set, frozenset), "a text or a list of texts")
TRUTH = ((bool,), "True or False")
WHOLE = ((int,), "a whole number")
DICTIONARY = ((Mapping,), "a dictionary")
#: Those that functions with upstreams have.
OF_FUNCTIONS: Known = {
    "name": TEXT,
    "deps": ((str, list, tuple, set, frozenset), "a list of names or asset functions"),
    "inputs": ((Mapping,), "a dictionary from parameters to names of upstreams"),
    "reads": ((Mapping,), "a dictionary from parameters to columns of their upstreams"),
    "tags": TEXTS,
    "owner": TEXT,
    "description": TEXT,
    "metadata": DICTIONARY,
    "meta": DICTIONARY,
    "enabled": TRUTH,
}


def check_all(word: str, known: Known, arguments: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` for an argument that ``@word`` does not have, or whose value it cannot be."""
    unknown = [name for name in arguments if name not in known]
    if unknown:
        from difflib import get_close_matches

        close = get_close_matches(unknown[0], known, 1)
        hint = f"; did you mean `{close[0]}`?" if close else f"; it takes {', '.join(known)}"
        raise TypeError(f"`@{word}` has no argument `{unknown[0]}`{hint}")
    for name, value in arguments.items():
        if value is not None:
            _check(word, name, value, *known[name])


def _check(word: str, name: str, value: Any, kinds: tuple[type, ...], words: str) -> None:
    # A bool is an int for Python, but not for us.
    wrong_bool = isinstance(value, bool) and bool not in kinds
    if wrong_bool or not isinstance(value, kinds):
        raise TypeError(f"`{name}` of `@{word}` is {words}, not {value!r}")
    if words == TEXTS[1] and not isinstance(value, str):
        for item in value:
            if not isinstance(item, str):
                raise TypeError(f"`{name}` of `@{word}` is a text or a list of texts, not {value!r}")
    if name == "deps" and isinstance(value, str):
        raise TypeError(f"`deps` of `@{word}` is a list: write `deps=[{value!r}]`")
    if name == "inputs" and not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise TypeError(f"`inputs` of `@{word}` maps parameters to names of upstreams, not {value!r}")
    if name == "reads":
        for parameter, columns in value.items():
            listed = isinstance(columns, (str, list, tuple, set, frozenset)) and names(columns)
            if not isinstance(parameter, str) or not listed or not all(isinstance(item, str) for item in listed):
                text = f"`reads` of `@{word}` maps parameters to the columns that they receive, not {value!r}"
                raise TypeError(text)


def names(columns: str | Iterable[str]) -> list[str]:
    """One name or several as a list."""
    return [columns] if isinstance(columns, str) else list(columns)


def function_name(word: str, function: Any, name: str | None) -> str:
    """The name that a decorated function declares. Raises ``TypeError`` for what is no function of a module."""
    # A class is callable, but what would its parameters mean?
    if not inspect.isroutine(function) and not (callable(function) and hasattr(function, "__wrapped__")):
        kind = "a class" if isinstance(function, type) else f"a {type(function).__name__}"
        raise TypeError(f"`@{word}` decorates functions (`def` or `async def`), not {kind}")
    if isinstance(function, (staticmethod, classmethod)):
        raise TypeError(f"`@{word}` decorates functions of a module, not methods")
    name = name or getattr(function, "__name__", None)
    if not name or name == "<lambda>":
        raise TypeError(f"a `lambda` has no name: pass `name=` to `{word}`")
    return name


def _definition(item: Any) -> Any:
    return getattr(item, "__dovetail_asset__", None) or getattr(item, "__dovetail_source__", None)


def is_declared(function: Any) -> bool:
    """Whether the function is an asset's or a source's."""
    return _definition(function) is not None


def asset_name(word: str, argument: str, item: Any) -> str:
    """The name of an asset that is given by name or as its function. Raises ``TypeError`` for anything else."""
    if isinstance(item, str):
        return item
    definition = _definition(item)
    if definition is None:
        many = "lists names or asset functions" if argument == "deps" else "is a name or an asset function"
        raise TypeError(f"`{argument}` of `@{word}` {many}, not {item!r}")
    return definition.name
