"""One import of a package at a time, in whatever thread.

Python lets a thread that asks for a module inside of a package have it while another thread is still in the middle of
the package itself: what it gets then is half made (`importlib.machinery` even comes with a second copy of its loaders).
"""

from __future__ import annotations

import threading
from types import TracebackType

_lock = threading.RLock()


class Importing:
    """Whoever is in it imports alone, as far as others are in it too. The same thread may enter again."""

    def __enter__(self) -> None:
        # A lock that is waited for without an end would not hear of a cancelled run.
        while not _lock.acquire(timeout=0.05):
            pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _lock.release()


importing = Importing()
