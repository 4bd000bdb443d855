"""IO managers: how an asset that is not a table (a model, a report) is stored and loaded."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail._dovetail import file_hash
from dovetail._importing import importing

if TYPE_CHECKING:
    from dovetail.context import Context


class IOManager:
    """Stores an object as bytes in the database, and makes the object from these bytes again.

    Subclasses write ``save`` and ``load``. The bytes are committed in one transaction with the run's record; what is
    kept elsewhere (a file, a registry) is best named by them. ``context.asset`` is the asset that is stored, in
    ``load`` as well as in ``save``.
    """

    #: What the record shows; the class's name unless it is set.
    name: str = "IOManager"

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def save(self, context: Context, value: Any) -> bytes:
        """The bytes that ``load`` needs to give ``value`` again."""
        raise NotImplementedError(f"`{type(self).__name__}` has no `save(self, context, value)`")

    def load(self, context: Context, payload: bytes) -> Any:
        """The object that ``save`` was given."""
        raise NotImplementedError(f"`{type(self).__name__}` has no `load(self, context, payload)`")


class PickleIO(IOManager):
    """Pickles the object into the database. The default."""

    name = "pickle"

    def save(self, context: Context, value: Any) -> bytes:
        import pickle

        return pickle.dumps(value, protocol=5)

    def load(self, context: Context, payload: bytes) -> Any:
        import io
        import pickle

        class Unpickler(pickle.Unpickler):
            def find_class(self, module_name: str, global_name: str, /) -> Any:
                with importing:
                    return super().find_class(module_name, global_name)

        return Unpickler(io.BytesIO(payload)).load()


class FileIO(IOManager):
    """Writes a file under the project's ``target/`` folder; the database holds its path. Loads as a ``pathlib.Path``.

    Where the project has several targets, each has a folder of its name in there. ``path`` may hold ``{asset}``.
    Without an ending, the value decides it. Values may be ``str``, ``bytes``, a path of a file that exists, or anything
    with ``savefig`` (matplotlib), ``write_html`` (plotly) or ``save`` (altair, Pillow).
    """

    name = "file"

    def __init__(self, path: str = "reports/{asset}") -> None:
        if not isinstance(path, str) or not path:
            raise TypeError(f"the path of `FileIO` is a text such as 'reports/{{asset}}.svg', not {path!r}")
        self.path = path

    def save(self, context: Context, value: Any) -> bytes:
        ending, write = _writer(value)
        relative = Path(context._files, self.path.replace("{asset}", context.asset))
        if not relative.suffix:
            relative = relative.with_name(relative.name + ending)
        folder = context.target_dir.resolve()
        final = (folder / relative).resolve()
        if not final.is_relative_to(folder):
            raise ValueError(f"`{self.path}` leads out of the folder `{context.target_dir}`")
        _claim(context, str(final))
        final.parent.mkdir(parents=True, exist_ok=True)
        # Beside the final file, so that replacing it is one step; same ending, since writers look at it.
        draft = final.with_name(f".{final.stem}.{context.run or os.getpid()}{final.suffix}")
        # Of another class nobody knows what becomes of what is returned here. Outside of a run nothing is published.
        is_published_later = type(self) is FileIO and bool(context.run)
        try:
            write(draft)
            size, content = file_hash(draft)
            if not is_published_later:
                os.replace(draft, final)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        path = final.relative_to(folder).as_posix()
        # Rust reads it to put the draft into its place when the asset is published, and to tell whether the file is
        # still what was written; and another file is another version.
        description = {"path": path, "size": size, "hash": content}
        if is_published_later:
            description["draft"] = draft.relative_to(folder).as_posix()
        return json.dumps(description).encode()

    def load(self, context: Context, payload: bytes) -> Path:
        description = json.loads(payload)
        draft = description.get("draft")
        if draft is not None and (context.target_dir / draft).exists():
            return context.target_dir / draft
        path = context.target_dir / description["path"]
        if not path.exists():
            raise FileNotFoundError(f"`{path}` is gone; materialize `{context.asset}` again")
        return path


_claimed: dict[str, str] = {}
_claiming: str | None = None
_claims = threading.Lock()


def _claim(context: Context, file: str) -> None:
    """Raises when another asset has written the file in the same run: it would be lost."""
    global _claiming
    if not context.run:
        # Nobody's run: a test, or a call by hand.
        return
    with _claims:
        if _claiming != context.run:
            _claiming = context.run
            _claimed.clear()
        other = _claimed.setdefault(file, context.asset)
    if other != context.asset:
        raise ValueError(f"`{other}` has written the same file in this run; put `{{asset}}` into the path of one")


def _writer(value: Any) -> tuple[str, Callable[[Path], Any]]:
    """The ending that fits a value, and a function that writes it to a path."""
    if isinstance(value, str):
        html = value.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))
        return (".html" if html else ".txt"), lambda path: path.write_text(value, encoding="utf-8")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ".bin", lambda path: path.write_bytes(value)
    if isinstance(value, os.PathLike):
        import shutil

        return Path(value).suffix, lambda path: shutil.copyfile(value, path)
    if hasattr(value, "savefig"):
        return ".png", value.savefig
    if hasattr(value, "write_html"):
        return ".html", lambda path: _write_plotly(value, path)
    if hasattr(value, "save"):
        return (".html" if hasattr(value, "to_html") else ".png"), lambda path: value.save(str(path))
    raise TypeError(
        f"`FileIO` cannot write a {type(value).__name__}: it takes text, bytes, a path, "
        "or an object with `savefig`, `write_html` or `save`"
    )


def _write_plotly(value: Any, path: Path) -> None:
    if path.suffix.lower() in (".html", ".htm") or not hasattr(value, "write_image"):
        value.write_html(str(path))
    else:
        value.write_image(str(path))


def resolve(manager: Any) -> IOManager:
    """The IO manager that ``@asset(io_manager=...)`` means: an instance, a class, 'pickle', 'file' or nothing."""
    if manager is None or manager == "pickle":
        return PickleIO()
    if manager == "file":
        return FileIO()
    if isinstance(manager, type) and issubclass(manager, IOManager):
        return manager()
    if isinstance(manager, IOManager):
        return manager
    raise TypeError(f"`io_manager` of `@asset` is an `IOManager`, its class, 'pickle' or 'file', not {manager!r}")
