"""What a function returns, in one of the forms that the engine can take: a query, a stream, or batches."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from dovetail.errors import ColumnTypeError, OutputError

POSSIBLE = (
    "return a `Relation`, a frame or table of polars, pandas or pyarrow, anything else with `__arrow_c_stream__`, "
    "a generator of batches, or `Result(data, metadata=...)`; for other values say `@asset(materialized='object')`"
)


class Output:
    """Data as Rust takes it: ``form`` is 'query', 'stream' or 'batches'."""

    __slots__ = ("data", "form", "types")

    def __init__(self, form: str, data: Any, types: dict[str, str]) -> None:
        self.form = form
        self.data = data
        self.types = types


def output_of(value: Any, declared: Mapping[str, str], connection: Any) -> Output:
    """Classifies what a function gave. ``declared`` has the types of ``columns=``.

    Raises `OutputError` or `ColumnTypeError` when it cannot be stored; runs a generator up to its first item.
    """
    if value is None:
        raise OutputError("the function returned None; did you forget `return`?", hint=POSSIBLE)
    found = rows_of(value)
    if found is None and isinstance(value, (list, tuple)) and not value and declared:
        found = Output("items", iter(value), {})
    if found is None:
        raise OutputError(f"the function returned {words(value)}, which is not a table", hint=_hint(value))
    if found.form == "query":
        return Output("query", _cast_query(value, declared), {})
    if found.form == "stream":
        return Output("stream", found.data, {**found.types, **declared})
    return _batches(found.data, declared, connection)


def rows_of(value: Any) -> Output | None:
    """Where the rows of a value come from: of the form 'query', 'stream', or 'items' for an iterator of batches.

    ``None`` when the value has no rows.
    """
    if _is(value, "dovetail", "Relation"):
        return Output("query", value.sql_query(), {})
    if is_reader(value):
        # One batch after the other, and not as a C stream: so an exception in Python code behind it keeps its
        # traceback, and what that code prints is this function's.
        return Output("items", _read(value), {})
    table, types = tabular(value)
    if table is not None:
        if hasattr(table, "__arrow_c_stream__"):
            return Output("stream", table, types)
        return Output("items", iter([table]), {})
    if inspect.isasyncgen(value) or hasattr(value, "__anext__"):
        from dovetail import _async

        return Output("items", _async.iterate(value), {})
    if isinstance(value, Iterator):
        return Output("items", value, {})
    if isinstance(value, (list, tuple)) and value and tabular(value[0])[0] is not None:
        return Output("items", iter(value), {})
    return None


def truth_of(value: Any) -> bool | None:
    """A boolean of Python, numpy or pyarrow as Python's own; ``None`` for anything else, and for one that is null."""
    if isinstance(value, bool):
        return value
    if _is(value, "numpy", "bool_") or _is(value, "numpy", "bool"):
        return bool(value)
    if _is(value, "pyarrow", "BooleanScalar"):
        return value.as_py()
    return None


def tabular(value: Any) -> tuple[Any, dict[str, str]]:
    """An object that speaks Arrow for a table-like value, with the engine types of columns that Arrow cannot say.

    ``(None, {})`` when the value is not like a table.
    """
    if _is(value, "polars", "LazyFrame"):
        value = value.collect()
    if _is(value, "polars", "DataFrame"):
        from dovetail import _polars

        return _polars.exported(value)
    if _is(value, "pandas", "DataFrame"):
        return _pandas_table(value), {}
    if _is(value, "narwhals", "LazyFrame"):
        return tabular(value.collect().to_native())
    if _is(value, "narwhals", "DataFrame"):
        # The library below knows types that its Arrow form does not say.
        return tabular(value.to_native())
    if is_column(value):
        return None, {}
    if hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__"):
        return value, {}
    return None, {}


class Batches:
    """The items of an iterator, one at a time, for the Rust stream that the engine reads."""

    def __init__(self, items: Iterator[Any], first: Any, types: dict[str, str]) -> None:
        self._items = items
        self.first = first
        self.types = types
        self.count = 1

    def next_table(self) -> Any:
        """The next item as an object that speaks Arrow; ``None`` at the end."""
        for item in self._items:
            self.count += 1
            table, types = tabular(item)
            if table is None:
                raise _wrong_item(item, self.count)
            if types != self.types:
                difference = _difference(types, self.types)
                raise OutputError(f"batch {self.count} has other types than the first batch: {difference}")
            return table
        return None

    def close(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()


def _read(reader: Any) -> Iterator[Any]:
    """The batches of a ``pyarrow.RecordBatchReader``; an empty table when there are none."""
    empty = True
    for batch in reader:
        empty = False
        yield batch
    if empty:
        import pyarrow

        yield pyarrow.Table.from_batches([], schema=reader.schema)


def _difference(types: dict[str, str], first: dict[str, str]) -> str:
    for name in {**first, **types}:
        if types.get(name) != first.get(name):
            found, expected = types.get(name, "another type"), first.get(name, "another type")
            return f"column `{name}` is {found}, and was {expected}"
    return ""


def batches_of(items: Iterator[Any]) -> Output | None:
    """Batches, of which the first is made; ``None`` when there are none."""
    for first in items:
        table, types = tabular(first)
        if table is None:
            raise _wrong_item(first, 1)
        return Output("batches", Batches(items, table, types), types)
    return None


def _batches(items: Iterator[Any], declared: Mapping[str, str], connection: Any) -> Output:
    found = batches_of(items)
    if found is not None:
        return Output("batches", found.data, {**found.types, **declared})
    if not declared:
        raise OutputError(
            "the function gave no batches, so its columns are not known",
            hint="yield one empty batch, or declare the columns: `@asset(columns={'id': 'BIGINT'})`",
        )
    return Output("query", _empty_query(declared), {})


def _empty_query(declared: Mapping[str, str]) -> str:
    from dovetail._dovetail import sql_name

    columns = ", ".join(f"cast(null as {kind}) as {sql_name(name)}" for name, kind in declared.items())
    return f"select {columns} limit 0"


def _cast_query(relation: Any, declared: Mapping[str, str]) -> str:
    """The relation's query, with the declared columns cast to their types."""
    if not declared:
        return relation.sql_query()
    from dovetail._dovetail import sql_cast, sql_name

    types = {name.lower(): kind for name, kind in declared.items()}
    names = relation.columns
    require(declared, names)
    columns = []
    for name in names:
        kind = types.get(name.lower())
        columns.append(sql_cast(name, kind) if kind else sql_name(name))
    return f"select {', '.join(columns)} from (\n{relation.sql_query()}\n)"


def require(declared: Mapping[str, str], names: list[str]) -> None:
    """Raises `OutputError` when a declared column is missing."""
    known = {name.lower() for name in names}
    missing = [name for name in declared if name.lower() not in known]
    if missing:
        raise OutputError(
            f"the result has no column `{missing[0]}`, which `columns` declares; it has {', '.join(names)}"
        )


def _pandas_table(frame: Any) -> Any:
    from dovetail._inputs import library

    pyarrow = library("pyarrow", "pandas gives its rows through pyarrow")
    # An index without a name is an accident of filtering; one with a name is a column.
    named = [level for level in frame.index.names if level is not None]
    if named:
        frame = frame.reset_index(level=named)
    _check_pandas(frame)
    refusals = (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError, OverflowError)
    try:
        return _with_texts(pyarrow, pyarrow.Table.from_pandas(frame, preserve_index=False), frame)
    except refusals as error:
        raise ColumnTypeError(
            _refused_column(pyarrow, frame, refusals) or str(error),
            hint="give the column one type, for instance with `.astype(str)`",
        ) from None


def _check_pandas(frame: Any) -> None:
    """Raises `ColumnTypeError` for columns that would be refused or changed without their name being said."""
    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ColumnTypeError(f"the frame has two columns called `{twice}`", hint="rename or drop one of them")
    for name, dtype in zip(names, frame.dtypes, strict=True):
        if type(dtype).__name__ == "PeriodDtype":
            raise ColumnTypeError(
                f"column `{name}` holds periods (`{dtype}`), which have no type in a database",
                hint="take their start or their text: `.dt.start_time` or `.astype(str)`",
            )


def _refused_column(pyarrow: Any, frame: Any, refusals: tuple[type[Exception], ...]) -> str | None:
    """What is wrong with the first column that pyarrow refuses by itself."""
    for index, name in enumerate(frame.columns):
        try:
            pyarrow.Array.from_pandas(frame.iloc[:, index])
        except refusals as error:
            return f"column `{name}` with type {frame.dtypes.iloc[index]} has no type in a database: {error}"
    return None


def _with_texts(pyarrow: Any, table: Any, frame: Any) -> Any:
    """Columns of objects without a single value are texts, which is what pandas 2 keeps in such columns."""
    for index, field in enumerate(table.schema):
        if pyarrow.types.is_null(field.type) and frame.dtypes.iloc[index].name == "object":
            field = field.with_type(pyarrow.string())
            table = table.set_column(index, field, table.column(index).cast(field.type))
    return table


def is_reader(value: Any) -> bool:
    """Whether the value is a stream of batches of pyarrow's."""
    return _is(value, "pyarrow", "RecordBatchReader")


def _is(value: Any, library: str, name: str) -> bool:
    """Whether the value's class, or one that it inherits from, is that library's; imports nothing."""
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] == library for kind in type(value).__mro__)


def is_column(value: Any) -> bool:
    """Whether the value is one column without a name."""
    return any(
        _is(value, *home)
        for home in (("polars", "Series"), ("pandas", "Series"), ("pyarrow", "Array"), ("pyarrow", "ChunkedArray"))
    )


def _wrong_item(item: Any, number: int) -> OutputError:
    return OutputError(
        f"item {number} of the generator is {words(item)}, which is not a batch",
        hint="yield record batches, tables or frames",
    )


def words(value: Any) -> str:
    """A value's type, with an article."""
    if value is None:
        return "None"
    if isinstance(value, (list, tuple)):
        items = f" of {type(value[0]).__name__}" if value else " without items"
        return f"a {type(value).__name__}{items}"
    name, module = type(value).__qualname__, type(value).__module__.partition(".")[0]
    full = name if module == "builtins" else f"{module}.{name}"
    return f"an {full}" if full[:1].lower() in "aeiou" else f"a {full}"


def _hint(value: Any) -> str:
    if is_column(value):
        return "a column alone has no name here: return a frame, such as `series.to_frame('name')`"
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        return "make a table of it: `pa.Table.from_pylist(rows)` or `pl.DataFrame(rows)`"
    if isinstance(value, Mapping):
        return "make a table of it: `pa.table(columns)` or `pl.DataFrame(columns)`"
    return POSSIBLE
