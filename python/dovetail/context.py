"""What an asset function can know about the run that calls it."""

from __future__ import annotations

import contextvars
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail._dovetail import Relation


class Context:
    """Arrives in a parameter that is annotated ``Context``, and in the methods of IO managers."""

    __slots__ = ("_connection", "_files", "asset", "project", "root", "run", "target", "target_dir", "vars")

    def __init__(
        self,
        asset: str,
        run: str = "",
        project: str = "",
        root: str | Path = ".",
        target: str = "",
        target_dir: str | Path = "target",
        vars: dict[str, Any] | None = None,
        files: str = "",
        connection: Any = None,
    ) -> None:
        #: Name of the asset.
        self.asset = asset
        #: Id of the run.
        self.run = run
        #: Name of the project.
        self.project = project
        #: The project's folder.
        self.root = Path(root)
        #: Name of the target, such as ``dev``.
        self.target = target
        #: The folder for reports and compiled files.
        self.target_dir = Path(target_dir)
        #: ``[vars]`` of ``dovetail.toml`` under those of ``--vars``.
        self.vars = dict(vars or {})
        self._connection = connection
        # The folder inside of `target_dir` for what is kept in files: one for each target where there are several.
        self._files = files

    def log(self, message: object) -> None:
        """Says something for ``--verbose``; the same as ``print``."""
        print(message)

    def sql(self, query: str) -> Relation:
        """A lazy query on the project's database. It sees what was committed when the asset reads it."""
        if self._connection is None:
            raise RuntimeError("there is no database: the asset function was not called by dovetail")
        return self._connection.relation(query)

    def __repr__(self) -> str:
        return f"Context(asset={self.asset!r}, run={self.run!r}, target={self.target!r})"


current: contextvars.ContextVar[Context] = contextvars.ContextVar("dovetail.context")


def sql(query: str) -> Relation:
    """A lazy query on the project's database, inside a running asset function."""
    context = current.get(None)
    if context is None:
        raise RuntimeError("`dovetail.sql` works only inside an asset function that dovetail runs")
    return context.sql(query)
