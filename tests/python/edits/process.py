"""Commands in forked processes, and the database by hand.

Fresh processes are slow to start, and one process imports a project's modules only once. So every step forks: the
parent has imported what costs time, and never runs a command itself, since a fork keeps no threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dovetail
import pyarrow.compute  # noqa: F401, for the children
from dovetail import _dovetail

T = TypeVar("T")


class ChildFailed(AssertionError):
    """What a forked process raised, as text."""


def forked(work: Callable[[], T], kill_after: float | None = None) -> T | None:
    """What `work` returns in a process of its own; `None` when it was killed `kill_after` so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer: tuple[bool, object] = (True, work())
        except BaseException:
            answer = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        answered = pipe.read()
    _, status = os.waitpid(child, 0)
    if not answered:
        if kill_after is None:
            raise ChildFailed(f"the process ended with {status} and said nothing")
        return None
    if kill_after is not None:
        return None
    fine, value = pickle.loads(answered)
    if not fine:
        raise ChildFailed(value)
    return value


@dataclass
class Said:
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int

    def lines(self) -> list[dict]:
        """The objects of `--output json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def events(self) -> list[dict]:
        """The objects of `--log-format json`."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    def outcomes(self) -> dict[str, str]:
        """How each asset of a run came out: `materialized`, `unchanged`, `failed`, `skipped`."""
        return {event["asset"]: event["status"] for event in self.events() if event.get("event") == "asset_finished"}


def dovetail_in(root: Path, *arguments: str) -> Said:
    """Runs a command in this process, which is a forked one: its streams are taken."""
    os.chdir(root)
    os.environ["NO_COLOR"] = "1"
    files = [os.memfd_create(name) for name in ("stdout", "stderr")]
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
    code = _dovetail.run_cli(["dovetail", *arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    texts = []
    for file in files:
        os.lseek(file, 0, os.SEEK_SET)
        with os.fdopen(file, encoding="utf-8") as stream:
            texts.append(stream.read())
    return Said(*texts, code)


class _Result(ctypes.Structure):
    """`duckdb_result` of DuckDB's C API."""

    _fields_ = [
        ("columns", ctypes.c_uint64),
        ("rows", ctypes.c_uint64),
        ("changed", ctypes.c_uint64),
        ("data", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_library = ctypes.CDLL(str(Path(dovetail.__file__).parent / "libduckdb.so"))
_library.duckdb_value_varchar.restype = ctypes.c_void_p
_library.duckdb_value_varchar.argtypes = [ctypes.POINTER(_Result), ctypes.c_uint64, ctypes.c_uint64]
_library.duckdb_free.argtypes = [ctypes.c_void_p]
_library.duckdb_result_error.restype = ctypes.c_char_p
_library.duckdb_column_count.restype = ctypes.c_uint64
_library.duckdb_row_count.restype = ctypes.c_uint64


class Database:
    """The project's database as another program sees it. Opened in forked processes only."""

    def __init__(self, file: Path | str = ":memory:") -> None:
        self._database, self._connection = ctypes.c_void_p(), ctypes.c_void_p()
        if _library.duckdb_open(str(file).encode(), ctypes.byref(self._database)) != 0:
            raise OSError(f"{file} cannot be opened")
        _library.duckdb_connect(self._database, ctypes.byref(self._connection))

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        _library.duckdb_disconnect(ctypes.byref(self._connection))
        _library.duckdb_close(ctypes.byref(self._database))

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows of a statement, as texts."""
        result = _Result()
        state = _library.duckdb_query(self._connection, sql.encode(), ctypes.byref(result))
        try:
            if state != 0:
                raise RuntimeError(f"{_library.duckdb_result_error(ctypes.byref(result)).decode()}\n{sql}")
            columns = _library.duckdb_column_count(ctypes.byref(result))
            rows = _library.duckdb_row_count(ctypes.byref(result))
            return [tuple(_text(result, column, row) for column in range(columns)) for row in range(rows)]
        finally:
            _library.duckdb_destroy_result(ctypes.byref(result))


def _text(result: _Result, column: int, row: int) -> str | None:
    pointer = _library.duckdb_value_varchar(ctypes.byref(result), column, row)
    if not pointer:
        return None
    text = ctypes.string_at(pointer).decode()
    _library.duckdb_free(pointer)
    return text
