"""Which assets, sources and checks each module of the project has declared, in the order of their declaration."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail._asset import AssetDefinition
    from dovetail._check import CheckDefinition
    from dovetail._source import SourceDefinition

_definitions: dict[str, list[AssetDefinition]] = {}
_sources: dict[str, dict[str, SourceDefinition]] = {}
_checks: dict[str, list[CheckDefinition]] = {}
_lock = threading.Lock()
_loading = threading.local()


def module_of(function: Any) -> str:
    """The project module that is being loaded, else the function's own.

    A factory in a helper module declares assets for the module that calls it while that is loaded.
    """
    stack = getattr(_loading, "stack", None)
    return stack[-1] if stack else getattr(function, "__module__", None) or "__main__"


def add(definition: AssetDefinition) -> None:
    with _lock:
        _definitions.setdefault(definition.module, []).append(definition)


def of_module(module: str) -> list[AssetDefinition]:
    with _lock:
        return list(_definitions.get(module, ()))


def add_source(definition: SourceDefinition) -> None:
    with _lock:
        _sources.setdefault(definition.module, {})[definition.name] = definition


def source_of(module: str, name: str) -> SourceDefinition | None:
    with _lock:
        return _sources.get(module, {}).get(name)


def add_check(definition: CheckDefinition) -> None:
    with _lock:
        _checks.setdefault(definition.module, []).append(definition)


def checks_of(module: str) -> list[CheckDefinition]:
    with _lock:
        return list(_checks.get(module, ()))


class loading:
    """Marks a module as the one that is being loaded by this thread."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __enter__(self) -> None:
        if not hasattr(_loading, "stack"):
            _loading.stack = []
        _loading.stack.append(self.module)
        # What an earlier, failed import declared is void.
        with _lock:
            _definitions.pop(self.module, None)
            _sources.pop(self.module, None)
            _checks.pop(self.module, None)

    def __exit__(self, *_: object) -> None:
        _loading.stack.pop()
