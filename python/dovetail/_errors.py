"""Exceptions in words: the user's own frames, the line in the asset's file, a hint."""

from __future__ import annotations

import os
import sys
import sysconfig
import textwrap
import traceback
from types import TracebackType
from typing import Any

from dovetail.errors import DovetailError

_OURS = os.path.dirname(os.path.abspath(__file__))
_LIBRARIES = tuple(
    os.path.abspath(path) + os.sep
    for path in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    if path
)
_LONGEST = 4000
#: How many exceptions of a group are shown, as Python itself does.
_MOST_MEMBERS = 15


def describe(
    error: BaseException,
    *,
    root: str,
    path: str | None,
    kind: str | None = None,
    failure: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """An exception as Rust takes it: kind, message, traceback, line, hint.

    ``path`` is the asset's own file, relative to ``root``. ``failure`` is what the engine said last, which replaces
    what a library made of it.
    """
    own = os.path.join(root, path) if path else None
    found = kind or _kind(error)
    if isinstance(error, BaseException) and failure is not None and failure[1] and failure[1] in str(error):
        # pyarrow and polars wrap the engine's text; its own is clearer.
        if failure[0] == "column_type":
            described = _described("column_type", failure[1], error, root, own)
            if not _frames(error.__traceback__, root):
                # Nothing of the user's is in it: what is left is the library's name for what the message says.
                described["traceback"] = ""
            return described
        message = f"{type(error).__name__}: {failure[1]}"
        return _described(found, message, error, root, own)
    return _described(found, message_of(error), error, root, own)


def _described(kind: str, message: str, error: BaseException, root: str, own: str | None) -> dict[str, Any]:
    line = _line(error, own)
    if isinstance(error, SyntaxError) and own and error.filename and os.path.abspath(error.filename) == own:
        line = error.lineno
    return {
        "kind": kind,
        "message": _printable(message),
        "traceback": _printable(_format(error, root)),
        "line": line,
        "hint": _printable(_hint(error)),
    }


def failed_assertion(error: AssertionError, *, root: str, path: str) -> tuple[str, int | None]:
    """What a failed ``assert`` says (its own code, where it says nothing), and its line in the file ``path``."""
    message = _text_of(error)
    if not message:
        frames = traceback.extract_tb(error.__traceback__)
        message = frames[-1].line if frames and frames[-1].line else "an assertion failed"
    return _printable(message) or "", _line(error, os.path.join(root, path))


def describe_unexpected(error: BaseException) -> dict[str, Any]:
    """An exception that no user code raised: a bug of ours, so the traceback is whole."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    kind = "cancelled" if isinstance(error, KeyboardInterrupt) else _kind(error)
    return {
        "kind": kind,
        "message": _printable(message_of(error)),
        "traceback": _printable(text.rstrip()),
        "line": None,
        "hint": None,
    }


def _printable(text: str | None) -> str | None:
    """Without surrogates (as `os.fsdecode` makes of odd file names), which are no text outside of Python."""
    return text and text.encode("utf-8", "backslashreplace").decode()


def message_of(error: BaseException) -> str:
    """Type and text, such as ``ValueError: no rows``."""
    if isinstance(error, DovetailError) and error.kind != "raised":
        return str(error)
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        return f"`sys.exit({code})` was called; raise an exception, or return"
    if isinstance(error, KeyboardInterrupt):
        return "the function raised KeyboardInterrupt"
    text = _text_of(error)
    name = type(error).__qualname__
    module = type(error).__module__
    if module not in ("builtins", "__main__") and not module.startswith("dovetail"):
        name = f"{module}.{name}"
    return f"{name}: {text}" if text else name


def _text_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as second:
        text = f"<its text failed: {type(second).__name__}>"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _kind(error: BaseException) -> str:
    return error.kind if isinstance(error, DovetailError) else "raised"


def _hint(error: BaseException) -> str | None:
    if isinstance(error, DovetailError):
        return error.hint
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _beside(error, error.name) or f"`{error.name}` is not installed for {sys.executable}"
    return None


def _beside(error: BaseException, name: str) -> str | None:
    """How to import a module that stands beside the file that asks for it by its bare name."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    files = [frame for frame in frames if not frame.f_code.co_filename.startswith(("<", _OURS + os.sep))]
    if not files:
        return None
    package, first = files[-1].f_globals.get("__package__"), name.partition(".")[0]
    beside = os.path.join(os.path.dirname(os.path.abspath(files[-1].f_code.co_filename)), first)
    if not package or not (os.path.isfile(f"{beside}.py") or os.path.isdir(beside)):
        return None
    return f"`{first}` stands beside this file: import it as `.{first}` or as `{package}.{first}`"


def is_cancellation(error: BaseException) -> bool:
    # Whoever raises `asyncio`'s has imported it, which takes as long as a small run.
    asyncio = sys.modules.get("asyncio")
    return isinstance(error, KeyboardInterrupt) or (asyncio is not None and isinstance(error, asyncio.CancelledError))


def _line(error: BaseException, own: str | None) -> int | None:
    if own is None:
        return None
    line = None
    frame: TracebackType | None = error.__traceback__
    while frame is not None:
        if os.path.abspath(frame.tb_frame.f_code.co_filename) == own:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _format(error: BaseException, root: str) -> str:
    """The traceback as Python prints it, but of the user's frames, and the innermost one of a library below them."""
    blocks: list[str] = []
    _chain(error, root, blocks, set())
    return "\n".join(blocks)


def _chain(error: BaseException, root: str, blocks: list[str], seen: set[int]) -> None:
    seen.add(id(error))
    cause, context = error.__cause__, error.__context__
    before: list[str] = []
    link = ""
    if cause is not None and id(cause) not in seen:
        _chain(cause, root, before, seen)
        link = "\nThe above exception was the direct cause of the following exception:\n"
    elif cause is None and context is not None and not error.__suppress_context__ and id(context) not in seen:
        _chain(context, root, before, seen)
        link = "\nDuring handling of the above exception, another exception occurred:\n"
    blocks.extend(before)
    frames = _frames(error.__traceback__, root)
    # An exception of ours without the user's frames says all in its message.
    if not frames and not isinstance(error, SyntaxError) and isinstance(error, DovetailError):
        return
    if before:
        blocks.append(link)
    lines = []
    if frames:
        lines.append("Traceback (most recent call last):")
        lines.extend(text.rstrip("\n") for text in traceback.StackSummary.from_list(frames).format())
    lines.extend(_cut(line.rstrip("\n")) for line in traceback.format_exception_only(type(error), error))
    blocks.append("\n".join(lines))
    _members(error, root, blocks, seen)


def _members(error: BaseException, root: str, blocks: list[str], seen: set[int]) -> None:
    """The exceptions of an `ExceptionGroup` (also of the package that brings it to Python 3.10), indented below it."""
    members = getattr(error, "exceptions", None)
    if not isinstance(members, tuple) or not all(isinstance(member, BaseException) for member in members):
        return
    for number, member in enumerate(members[:_MOST_MEMBERS], 1):
        inner: list[str] = []
        if id(member) not in seen:
            _chain(member, root, inner, seen)
        text = "\n".join(inner) or _cut(message_of(member))
        blocks.append(f"  --- {number} of {len(members)} ---\n" + textwrap.indent(text, "  "))
    if len(members) > _MOST_MEMBERS:
        blocks.append(f"  --- and {len(members) - _MOST_MEMBERS} more ---")


def _frames(start: TracebackType | None, root: str) -> list[traceback.FrameSummary]:
    kept: list[traceback.FrameSummary] = []
    below: traceback.FrameSummary | None = None
    for frame in traceback.extract_tb(start):
        file = frame.filename
        if file.startswith(_OURS + os.sep) or file.startswith("<frozen importlib"):
            continue
        # Compiled libraries name their sources by relative paths.
        library = not _in_project(file, root) and (file.startswith(_LIBRARIES) or not os.path.isabs(frame.filename))
        if not library:
            name = os.path.relpath(file, root) if _in_project(file, root) else file
            frame = traceback.FrameSummary(name, frame.lineno, frame.name, lookup_line=False, line=frame.line or "")
            kept.append(frame)
            below = None
        elif kept:
            below = frame
    return [*kept, below] if below is not None else kept


def _in_project(file: str, root: str) -> bool:
    if not file.startswith(os.path.abspath(root) + os.sep):
        return False
    # A virtual environment inside the project is not the project.
    return "site-packages" not in file
