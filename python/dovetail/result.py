"""What asset functions and check functions may return beside plain data."""

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


class CheckResult:
    """What a check found.

    ``passed`` says whether the data is right: a ``bool``, also of numpy or pyarrow. Without it the rows in ``failures``
    say it: none means that the check passed. Without both it passed.

    ``failures`` are the rows that are wrong: a `Relation`, a table or frame of pyarrow, polars or pandas, anything else
    with ``__arrow_c_stream__``, or a generator of batches.

    ``message`` is shown beside the check's name. ``metadata`` is recorded with the result, as that of a `Result`.

    Raises ``TypeError`` when an argument has the wrong type.
    """

    __slots__ = ("failures", "message", "metadata", "passed")

    def __init__(
        self,
        passed: bool | None = None,
        failures: Any = None,
        message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        from dovetail._outputs import truth_of

        truth = truth_of(passed)
        if passed is not None and truth is None:
            raise TypeError(f"`passed` of a `CheckResult` is True or False, not {passed!r}")
        if message is not None and not isinstance(message, str):
            raise TypeError(f"`message` of a `CheckResult` is a text, not {message!r}")
        if metadata is not None and not isinstance(metadata, Mapping):
            raise TypeError(f"`metadata` of a `CheckResult` is a dictionary, not {type(metadata).__name__}")
        self.passed = truth
        self.failures = failures
        self.message = message
        self.metadata = dict(metadata or {})

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)!r}" for name in ("passed", "failures", "message")]
        return f"CheckResult({', '.join(parts)}, metadata={self.metadata!r})"
