"""Calls check functions: what one gives is its verdict, or the rows that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from dovetail import _call, _errors, _outputs, _registry
from dovetail.context import Context
from dovetail.errors import InputError, OutputError
from dovetail.result import CheckResult

POSSIBLE = (
    "return `True` or `False`, nothing (after `assert`), the rows that fail (a `Relation`, a frame or table, a "
    "generator of batches: none means that it passed), or a `CheckResult`"
)

#: Whether it passed (``None`` where only the failing rows say it), a message, the line of an assertion, metadata.
Said = tuple[bool | None, str | None, int | None, dict[str, Any]]


class Outcome:
    """What a check gave. ``form`` is that of the failing rows, 'query', 'stream' or 'batches', else 'none'.

    ``said`` tells the rest, once the rows have been read.
    """

    __slots__ = ("data", "form", "said", "types")

    def __init__(self, said: Callable[[], Said], form: str = "none", data: Any = None, types: Any = None) -> None:
        self.said = said
        self.form = form
        self.data = data
        self.types = list((types or {}).items())


def call(request: dict[str, Any]) -> Any:
    """Imports the check's module, hands over the inputs, calls the function and takes what it gives.

    Never raises: errors come as an outcome of the form 'error'.
    """
    return _CheckCall(request).run()


class _Assertion:
    """An ``assert`` that failed."""

    def __init__(self, message: str, line: int | None) -> None:
        self.message = message
        self.line = line


class _CheckCall(_call.Call):
    #: The assertion that failed, be it while rows are made.
    assertion: _Assertion | None = None

    def definition(self, module: Any) -> Any:
        name, function = self.request["check"], self.request["function"]
        found = _call.named(_registry.checks_of(module.__name__), name, function)
        found = found or getattr(getattr(module, function, None), "__dovetail_check__", None)
        if found is None:
            raise InputError(f"the module `{module.__name__}` declares no check `{name}` when it is imported")
        return found

    def called(self, function: Callable[..., Any], arguments: list[Any], named: dict[str, Any]) -> Any:
        try:
            return super().called(function, arguments, named)
        except AssertionError as error:
            return self.failed(error)

    def outcome(self, value: Any, definition: Any, context: Context) -> Any:
        if isinstance(value, _Assertion):
            return Outcome(partial(self.said, CheckResult(), False))
        result = value if isinstance(value, CheckResult) else _result_of(value)
        try:
            rows = self.rows(result.failures, "`failures` is" if value is result else "the check returned")
        except AssertionError as error:
            self.failed(error)
            rows = None
        said = partial(self.said, result, rows is not None)
        return Outcome(said) if rows is None else Outcome(said, rows.form, rows.data, rows.types)

    def rows(self, failures: Any, what: str) -> _outputs.Output | None:
        """The failing rows as Rust takes them; ``None`` where there are none. Raises `OutputError` for no table."""
        if failures is None:
            return None
        found = _outputs.rows_of(failures)
        if found is None:
            raise OutputError(f"{what} {_outputs.words(failures)}, which is no verdict", hint=_hint(failures))
        return found if found.form != "items" else _outputs.batches_of(self.until_assertion(found.data))

    def until_assertion(self, items: Iterator[Any]) -> Iterator[Any]:
        """The items up to an ``assert`` that fails: what it says counts, and not that there are no more."""
        try:
            yield from items
        except AssertionError as error:
            self.failed(error)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def failed(self, error: AssertionError) -> _Assertion:
        self.assertion = _Assertion(*_errors.failed_assertion(error, root=self.root, path=self.path))
        return self.assertion

    def said(self, result: CheckResult, has_rows: bool) -> Said:
        if self.assertion is not None:
            return False, self.assertion.message, self.assertion.line, result.metadata
        passed = True if result.passed is None and not has_rows else result.passed
        return passed, result.message, None, result.metadata


def _result_of(value: Any) -> CheckResult:
    if value is None:
        return CheckResult(passed=True)
    truth = _outputs.truth_of(value)
    return CheckResult(failures=value) if truth is None else CheckResult(passed=truth)


def _hint(value: Any) -> str:
    if _outputs.is_column(value) or type(value).__module__.partition(".")[0] == "numpy":
        return f"`.all()` makes one `True` or `False` of a column; {POSSIBLE}"
    return POSSIBLE
