"""Imports the project's modules by their files, once in a process as long as they are what was compiled."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import threading
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from dovetail import _registry
from dovetail._importing import importing
from dovetail.errors import EditedError

if TYPE_CHECKING:
    from dovetail._dovetail import Sources

_lock = threading.RLock()
_finder: _ProjectFinder | None = None
_helpers: _HelperFinder | None = None
_sources: Sources | None = None
#: The files of imported modules of the project, and what was in them.
_loaded: dict[str, tuple[str, bytes]] = {}


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
    name = know(root, path)
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        return module
    with importing:
        return importlib.import_module(name)


def know(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> str:
    """Lets Python find a file of the project, and returns the name of its module."""
    root = os.path.abspath(root)
    name = name_of(path)
    with _lock:
        _prepare(root)
        _known_files[name] = os.path.join(root, os.fspath(path))
        _known_folders.add(name.partition(".")[0])
    return name


def expect(root: str | os.PathLike[str], sources: Sources | None) -> None:
    """From now on, modules are imported only as they were compiled. Those that are others are forgotten."""
    global _sources
    with _lock:
        _prepare(os.path.abspath(root))
        if sources is None or _sources is sources:
            return
        _sources = sources
        if any(not _is_inside(path) or _is_edited(path, data) for path, data in _loaded.values()):
            _forget()


def _forget() -> None:
    # Whoever imports one of them holds it, and so does the package around it: all go.
    for name in list(_loaded):
        while name:
            sys.modules.pop(name, None)
            name = name.rpartition(".")[0]
    _loaded.clear()
    importlib.invalidate_caches()


def _is_inside(path: str) -> bool:
    return _finder is not None and path.startswith(_finder.root + os.sep)


def _is_edited(path: str, data: bytes) -> bool:
    return _sources is not None and _is_inside(path) and _sources.check(_shown(path), data) is False


def _shown(path: str) -> str:
    """The path of a file in the project, as messages show it."""
    return path[len(_finder.root) + 1 :].replace(os.sep, "/") if _finder is not None else path


_known_files: dict[str, str] = {}
_known_folders: set[str] = set()


def _prepare(root: str) -> None:
    global _finder, _helpers
    if _finder is not None and _finder.root == root:
        return
    if _finder is not None:
        sys.meta_path.remove(_finder)
        sys.meta_path.remove(_helpers)
    _finder = _ProjectFinder(root)
    # First, so that an installed package called `models` does not hide the project's.
    sys.meta_path.insert(0, _finder)
    _helpers = _HelperFinder(root)
    paths = importlib.machinery.PathFinder
    sys.meta_path.insert(sys.meta_path.index(paths) if paths in sys.meta_path else len(sys.meta_path), _helpers)
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


class _HelperFinder:
    """Finds what Python itself finds on `sys.path`, and sees to it that the project's files are loaded as compiled."""

    def __init__(self, root: str) -> None:
        self.root = root + os.sep

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is importlib.machinery.SourceFileLoader and self.is_own(spec.origin):
            spec.loader = _CheckedLoader(fullname, spec.loader.path)
        return spec

    def is_own(self, file: str | None) -> bool:
        """An interpreter or a virtual environment inside the project is not the project."""
        is_inside = file is not None and file.startswith(self.root)
        return is_inside and "site-packages" not in file and not file.startswith(_STANDARD)


_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


class _CheckedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from what is in its file, if that is what was compiled.

    Python trusts compiled code by the time and size of the source, which an edit within a second may leave as they are:
    here it is the source's hash that tells, in the form that Python knows too.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        data = self.get_data(path)
        if _is_edited(path, data):
            raise EditedError(f"`{_shown(path)}` was edited since the run began", hint="run it again")
        _loaded[fullname] = (path, data)
        try:
            cache = importlib.util.cache_from_source(path)
        except NotImplementedError:
            return self.source_to_code(data, path)
        head = importlib.util.MAGIC_NUMBER + _BY_HASH + importlib.util.source_hash(data)
        code = self.cached(cache, head)
        if code is None or code.co_filename != path:
            code = self.source_to_code(data, path)
            if not sys.dont_write_bytecode:
                self.set_data(cache, head + marshal.dumps(code))
        return code

    def cached(self, cache: str, head: bytes) -> CodeType | None:
        try:
            data = self.get_data(cache)
            return marshal.loads(memoryview(data)[len(head) :]) if data.startswith(head) else None
        except (OSError, EOFError, TypeError, ValueError):
            return None


#: Says in a file of compiled code that it is checked by the hash of its source.
_BY_HASH = (0b11).to_bytes(4, "little")


class _Loader(_CheckedLoader):
    """Loads a module and notes which assets it declares."""

    def exec_module(self, module: ModuleType) -> None:
        with _registry.loading(module.__name__):
            super().exec_module(module)
