"""Takes what user code prints, for each asset by itself, though assets run in parallel threads."""

from __future__ import annotations

import contextvars
import io
import sys
import threading
from collections.abc import Callable
from typing import Any


class Capture:
    """The lines that one asset prints."""

    def __init__(self, printed: Callable[[str], None]) -> None:
        self._printed = printed
        self._pending = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        with self._lock:
            *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            # A progress bar rewrites its line; the last state is what counts.
            self._printed(line.rstrip("\r").rpartition("\r")[2])

    def finish(self) -> None:
        """Gives the last line, which did not end."""
        with self._lock:
            line, self._pending = self._pending, ""
        if line:
            self._printed(line.rstrip("\r").rpartition("\r")[2])


current: contextvars.ContextVar[Capture | None] = contextvars.ContextVar("dovetail.capture", default=None)
_running: list[Capture] = []
_lock = threading.Lock()


def begin(capture: Capture) -> None:
    """From now on `capture` may get what threads print that user code starts."""
    with _lock:
        _running.append(capture)
    install()


def end(capture: Capture) -> None:
    with _lock:
        if capture in _running:
            _running.remove(capture)
    capture.finish()


def _target() -> Capture | None:
    capture = current.get()
    if capture is not None:
        return capture
    # A thread of the user's own has no context of ours. Whose it is can be told when only one asset runs.
    with _lock:
        return _running[0] if len(_running) == 1 else None


def install() -> None:
    """Puts the proxies in the place of `sys.stdout` and `sys.stderr`, once."""
    if not isinstance(sys.stdout, Proxy):
        sys.stdout = Proxy(sys.stdout)
    if not isinstance(sys.stderr, Proxy):
        sys.stderr = Proxy(sys.stderr)


class Proxy(io.TextIOBase):
    """A text stream that writes to the capture of the asset that is running, else to the real stream."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._buffer = _BinaryProxy(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        capture = _target()
        if capture is not None:
            capture.write(text)
        elif self._real is not None:
            self._real.write(text)
        return len(text)

    def flush(self) -> None:
        if _target() is None and self._real is not None:
            self._real.flush()

    def isatty(self) -> bool:
        return _target() is None and self._real is not None and self._real.isatty()

    def fileno(self) -> int:
        if self._real is None:
            raise OSError("there is no such stream")
        return self._real.fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing: user code that closes `sys.stdout` closes it for itself."""

    @property
    def buffer(self) -> Any:
        return self._buffer

    @property
    def encoding(self) -> str:
        return "utf-8"

    @property
    def errors(self) -> str:
        return "replace"


class _BinaryProxy(io.RawIOBase):
    def __init__(self, text: Proxy) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._text.write(data.decode("utf-8", "replace"))
        return len(data)

    def close(self) -> None:
        """Nothing, as for the text stream."""
