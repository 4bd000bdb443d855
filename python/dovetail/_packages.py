"""Versions of installed packages, without importing them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dovetail._importing import importing

if TYPE_CHECKING:
    # A quarter of the time that a small run takes, and most projects do without.
    from importlib import metadata


def versions(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the packages that these top-level modules come from, as far as they are installed.

    Most packages are called as their module is, and the folder that describes an installed package is named after it
    and its version (PEP 376 and 427). Only for the others the lists of installed files are searched, as text:
    `importlib.metadata.packages_distributions` takes all of them apart.
    """
    described = _described()
    found = {module: described[key] for module in modules if (key := _key(module)) in described}
    others = [module for module in modules if module not in found and module not in sys.stdlib_module_names]
    return {**found, **_by_files(others)} if others else found


def _described() -> dict[str, str]:
    """Versions by name of what is installed in the folders of `sys.path`; the first counts, as it does for imports."""
    found: dict[str, str] = {}
    for path in sys.path:
        try:
            names = os.listdir(path or ".")
        except OSError:
            # An archive, or nothing.
            continue
        for name in names:
            package, dash, version = name.removesuffix(".dist-info").partition("-")
            if dash and name.endswith(".dist-info"):
                found.setdefault(_key(package), version)
    return found


def _key(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _by_files(modules: list[str]) -> dict[str, str]:
    """Of a module that several packages share (`google`), the versions of all of them."""
    with importing:
        from importlib import metadata

    owners: dict[str, list[str]] = {module: [] for module in modules}
    for distribution in metadata.distributions():
        files = None
        for module in modules:
            if files is None:
                files = _files(distribution)
            if any(start in files for start in _starts(module)):
                owners[module].append(f"{distribution.name} {distribution.version}")
    return {
        module: found[0].rpartition(" ")[2] if len(found) == 1 else ", ".join(sorted(found))
        for module, found in owners.items()
        if found
    }


def _files(distribution: metadata.Distribution) -> str:
    """The installed files, one a line, each behind a line break."""
    lists = (distribution.read_text(name) for name in ("RECORD", "installed-files.txt", "top_level.txt"))
    return "\n" + (next((text for text in lists if text), None) or "") + "\n"


def _starts(module: str) -> tuple[str, ...]:
    """How a line begins that names the module: a folder, a file, or the name alone."""
    return (f"\n{module}/", f"\n{module}.py", f"\n{module}.", f"\n{module}\n")
