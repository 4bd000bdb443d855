"""What an asset function may return beside plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Result:
    """Data and what is worth knowing about it.

    ``metadata`` is recorded with the materialization, as JSON: texts, numbers, lists, dictionaries; anything else
    becomes its ``str``.

    ``data_version`` says which version of the data this is (a text, a number, bytes, a date or time, or a list of
    these), instead of a hash of the content: what reads the asset is up to date as long as it stays the same.
    """

    __slots__ = ("data", "data_version", "metadata")

    def __init__(self, data: Any, metadata: Mapping[str, Any] | None = None, *, data_version: Any = None) -> None:
        if metadata is not None and not isinstance(metadata, Mapping):
            raise TypeError(f"`metadata` of a `Result` is a dictionary, not {type(metadata).__name__}")
        self.data = data
        self.metadata = dict(metadata or {})
        self.data_version = data_version

    def __repr__(self) -> str:
        return f"Result({self.data!r}, metadata={self.metadata!r})"
