"""Upstreams in the form that a parameter asks for. Each library is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.errors import InputError


def convert(form: str, relation: Any) -> Any:
    """The rows of a relation as ``form``. Raises `InputError` when the library is missing."""
    return _FORMS[form](relation)


def _relation(relation: Any) -> Any:
    return relation


def _table(relation: Any) -> Any:
    pyarrow = library("pyarrow")
    return pyarrow.RecordBatchReader.from_stream(relation._stream("arrow", False)).read_all()


def _reader(relation: Any) -> Any:
    pyarrow = library("pyarrow")
    return pyarrow.RecordBatchReader.from_stream(relation._stream("arrow", False))


def _batches(relation: Any) -> Iterator[Any]:
    # A generator, so that what the annotation promises (`Iterator`, `Generator`) is what arrives.
    reader = _reader(relation)
    return (batch for batch in reader)


def _polars(relation: Any) -> Any:
    library("polars")
    from dovetail import _polars

    return _polars.frame(relation)


def _polars_lazy(relation: Any) -> Any:
    library("polars")
    from dovetail import _polars

    return _polars.lazy_frame(relation)


def _pandas(relation: Any) -> Any:
    library("pandas")
    library("pyarrow", "pandas gets its rows through pyarrow")
    from dovetail import _pandas

    return _pandas.frame(relation)


_FORMS = {
    "relation": _relation,
    "table": _table,
    "reader": _reader,
    "batches": _batches,
    "polars": _polars,
    "polars_lazy": _polars_lazy,
    "pandas": _pandas,
}


def library(name: str, reason: str | None = None) -> Any:
    """Imports a library that the user asked for; raises `InputError` when it is not there."""
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        because = f" ({reason})" if reason else ""
        raise InputError(f"`{name}` is not installed{because}", hint=f"`pip install {name}`") from None
