"""Imports packages in a thread of its own before an asset function needs them."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from dovetail import _capture
from dovetail._importing import importing

if TYPE_CHECKING:
    from dovetail._dovetail import Turns


def begin(imports: list[tuple[str, list[str]]], turns: Turns) -> None:
    """Begins to import modules with the names that are taken from them, in this order.

    The first that fails ends it: the asset's own import will fail likewise and tell why.
    """
    # Not waited for at the end of the process: what holds a turn then is left behind.
    threading.Thread(target=_import, args=(imports, turns), name="dovetail-imports", daemon=True).start()


def _import(imports: list[tuple[str, list[str]]], turns: Turns) -> None:
    # What a package prints when it is imported is no output of this command.
    _capture.install()
    _capture.current.set(_capture.Capture(lambda _: None))
    # A cancelled run interrupts whoever has a turn.
    with suppress(BaseException):
        turn = turns.enter()
        try:
            with importing:
                # What calls the asset function, which is needed soon too.
                __import__("dovetail._call")
                for module, names in imports:
                    __import__(module, fromlist=names)
        finally:
            turn.over()
