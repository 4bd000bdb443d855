"""Versions of installed packages, without importing them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata


def versions(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the packages that these top-level modules come from, as far as they are installed.

    Most packages are called as their module is. Only for the others the lists of installed files are searched, as text:
    `importlib.metadata.packages_distributions` takes all of them apart.
    """
    found, others = {}, []
    for module in modules:
        try:
            found[module] = metadata.version(module)
        except (metadata.PackageNotFoundError, ValueError):
            others.append(module)
    if others:
        found.update(_by_files(others))
    return found


def _by_files(modules: list[str]) -> dict[str, str]:
    """Of a module that several packages share (`google`), the versions of all of them."""
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
