"""Imports the project's modules by their files, once in a process."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

from dovetail import _registry

_lock = threading.RLock()
_finder: _ProjectFinder | None = None


def name_of(path: str | os.PathLike[str]) -> str:
    """The dotted name of a file that is relative to the project's root: ``models/ml/delays.py`` is
    ``models.ml.delays``."""
    parts = list(os.path.splitext(os.fspath(path))[0].replace("\\", "/").split("/"))
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    # A dot inside a name would be taken for a package.
    return ".".join(part.replace(".", "_") for part in parts)


def load(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> ModuleType:
    """The module of a file, imported when it is not yet. Raises whatever the module raises."""
    return importlib.import_module(know(root, path))


def know(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> str:
    """Lets Python find a file of the project, and returns the name of its module."""
    root = os.path.abspath(root)
    name = name_of(path)
    with _lock:
        _prepare(root)
        _known_files[name] = os.path.join(root, os.fspath(path))
        _known_folders.add(name.partition(".")[0])
    return name


_known_files: dict[str, str] = {}
_known_folders: set[str] = set()


def _prepare(root: str) -> None:
    global _finder
    if _finder is not None and _finder.root == root:
        return
    if _finder is not None:
        sys.meta_path.remove(_finder)
    _finder = _ProjectFinder(root)
    # First, so that an installed package called `models` does not hide the project's.
    sys.meta_path.insert(0, _finder)
    if root in sys.path:
        sys.path.remove(root)
    sys.path.insert(0, root)


class _ProjectFinder:
    """Finds the modules in the folders that hold the project's assets."""

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in _known_folders:
            return None
        place = os.path.join(self.root, *fullname.split("."))
        file = _known_files.get(fullname)
        if file is None and os.path.isfile(place + ".py"):
            file = place + ".py"
        if os.path.isdir(place):
            initial = os.path.join(place, "__init__.py")
            if os.path.isfile(initial):
                loader = _Loader(fullname, initial)
                return importlib.util.spec_from_file_location(
                    fullname, initial, loader=loader, submodule_search_locations=[place]
                )
            if file is None:
                spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [place]
                return spec
        if file is None:
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, file))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module and notes which assets it declares."""

    def exec_module(self, module: ModuleType) -> None:
        with _registry.loading(module.__name__):
            super().exec_module(module)
