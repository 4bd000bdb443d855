"""polars frames from the engine and to it. Imported only when an asset uses polars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from dovetail._dovetail import sql_name, type_tree
from dovetail.errors import ColumnTypeError

_INT128 = getattr(pl, "Int128", None)
_UINT128 = getattr(pl, "UInt128", None)
_FLOAT16 = getattr(pl, "Float16", None)
_MAP = getattr(pl, "Map", None)
_DIGITS = pl.Decimal(38, 0)


def frame(relation: Any) -> pl.DataFrame:
    """A ``polars.DataFrame`` with the rows of a relation."""
    return _typed(pl.DataFrame(relation._stream("polars", True)), _special(relation))


def lazy_frame(relation: Any) -> pl.LazyFrame:
    """A ``polars.LazyFrame`` whose columns, row limit and filters are pushed down into the engine's scan."""
    from dovetail import _capture, _predicate
    from polars.io.plugins import register_io_source

    types = dict(zip(relation.columns, relation.types, strict=True))
    special = _special(relation)
    # polars scans in threads of its own, which do not know which asset is running.
    capture = _capture.current.get()
    schema = _schema(relation, special)

    def scan(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = list(schema) if with_columns is None else with_columns
        query = relation
        if predicate is not None:
            condition = _predicate.translate(predicate, types, schema)
            if condition is not None:
                query = query.filter(condition)
        elif n_rows is not None:
            query = query.limit(n_rows)
        query = query.select(*(sql_name(name) for name in wanted))
        if capture is not None:
            capture.write(f"scan of `{relation.alias}`: {query.sql_query()}".replace("\n", " ") + "\n")
        stream = query._stream("polars", False)
        left = n_rows
        while left is None or left > 0:
            rows = stream.next_rows(batch_size or 100_000)
            if rows is None:
                return
            batch = _typed(pl.DataFrame(rows), special)
            if predicate is not None:
                # What was pushed down keeps at least the rows that polars would keep.
                batch = batch.filter(predicate)
            if left is not None:
                batch = batch.head(left)
                left -= batch.height
            yield batch

    return register_io_source(scan, schema=schema)


def _schema(relation: Any, special: dict[str, Any]) -> dict[str, Any]:
    """The columns' polars types. One that polars has no type for is `pl.Object`, and an error once it is read."""

    def of(empty: Any) -> dict[str, Any]:
        return dict(_typed(pl.DataFrame(empty._stream("polars", True)), special).schema)

    empty = relation.limit(0)
    try:
        return of(empty)
    except ColumnTypeError:
        schema: dict[str, Any] = {}
        for name in relation.columns:
            try:
                schema |= of(empty.select(sql_name(name)))
            except ColumnTypeError:
                schema[name] = pl.Object
        return schema


def _special(relation: Any) -> dict[str, Any]:
    """Parsed types of the columns that need a cast after they came over Arrow."""
    pairs = zip(relation.columns, relation.types, strict=True)
    return {name: type_tree(text) for name, text in pairs if "ENUM(" in text or "HUGEINT" in text}


def _typed(data: pl.DataFrame, special: dict[str, Any]) -> pl.DataFrame:
    casts = {name: _target(data.schema[name], tree) for name, tree in special.items() if tree and name in data.schema}
    return data.cast(casts) if casts else data


def _target(dtype: Any, tree: Any) -> Any:
    """The polars type for an engine type, where Arrow gave a weaker one."""
    kind, *parts = tree
    if kind == "enum":
        return pl.Enum(parts[0])
    if kind == "plain":
        if parts[0] == "HUGEINT" and _INT128 is not None:
            return _INT128
        if parts[0] == "UHUGEINT" and _UINT128 is not None:
            return _UINT128
        return dtype
    if kind == "list":
        return pl.List(_target(dtype.inner, parts[0]))
    if kind == "array":
        return pl.Array(_target(dtype.inner, parts[0]), dtype.size)
    if kind == "struct":
        pairs = zip(dtype.fields, parts[0], strict=True)
        return pl.Struct({field.name: _target(field.dtype, part) for field, (_, part) in pairs})
    if kind == "map":
        if _MAP is not None and isinstance(dtype, _MAP):
            return _MAP(_target(dtype.key, parts[0]), _target(dtype.value, parts[1]))
        key, value = dtype.inner.fields
        pair = {key.name: _target(key.dtype, parts[0]), value.name: _target(value.dtype, parts[1])}
        return pl.List(pl.Struct(pair))
    return dtype


def exported(data: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """The frame in types that Arrow has, and the engine's types for those that it has not.

    Raises `ColumnTypeError` for Python objects.
    """
    casts: dict[str, Any] = {}
    types: dict[str, str] = {}
    for name, dtype in data.schema.items():
        found = set(_leaves(dtype))
        if pl.Object in found:
            raise ColumnTypeError(
                f"column `{name}` holds Python objects (`pl.Object`), which have no type in a database",
                hint="give the column a polars type",
            )
        if any(isinstance(leaf, pl.Enum) and not len(leaf.categories) for leaf in _leaf_types(dtype)):
            raise ColumnTypeError(
                f"column `{name}` is `pl.Enum([])`, and an ENUM has at least one value",
                hint="give the Enum its categories, or cast the column to `pl.String`",
            )
        plain = _storable(dtype)
        if plain != dtype:
            casts[name] = plain
        if any(isinstance(leaf, pl.Enum) or leaf in (_INT128, _UINT128) for leaf in _leaf_types(dtype)):
            types[name] = _engine_type(dtype)
    return _cast(data, casts), types


def _cast(data: pl.DataFrame, casts: dict[str, Any]) -> pl.DataFrame:
    for name, dtype in casts.items():
        try:
            data = data.with_columns(pl.col(name).cast(dtype))
        except pl.exceptions.PolarsError as error:
            if data.schema[name] not in (_INT128, _UINT128):
                raise ColumnTypeError(f"column `{name}` ({data.schema[name]}) cannot be stored: {error}") from None
            # More than 38 digits: as text, which the engine reads without loss.
            data = data.with_columns(pl.col(name).cast(pl.String))
    return data


def _leaf_types(dtype: Any) -> Iterator[Any]:
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            yield from _leaf_types(field.dtype)
    elif _MAP is not None and isinstance(dtype, _MAP):
        yield from _leaf_types(dtype.key)
        yield from _leaf_types(dtype.value)
    elif isinstance(dtype, (pl.List, pl.Array)):
        yield from _leaf_types(dtype.inner)
    else:
        yield dtype


def _leaves(dtype: Any) -> Iterator[Any]:
    return (leaf.base_type() for leaf in _leaf_types(dtype))


def _storable(dtype: Any) -> Any:
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _storable(field.dtype) for field in dtype.fields})
    if _MAP is not None and isinstance(dtype, _MAP):
        return _MAP(_storable(dtype.key), _storable(dtype.value))
    if isinstance(dtype, pl.List):
        return pl.List(_storable(dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(_storable(dtype.inner), dtype.size)
    if dtype in (_INT128, _UINT128):
        return _DIGITS
    if _FLOAT16 is not None and dtype == _FLOAT16:
        return pl.Float32
    return dtype


_NAMES = {
    pl.Boolean: "BOOLEAN",
    pl.Int8: "TINYINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.UInt8: "UTINYINT",
    pl.UInt16: "USMALLINT",
    pl.UInt32: "UINTEGER",
    pl.UInt64: "UBIGINT",
    pl.Float32: "FLOAT",
    pl.Float64: "DOUBLE",
    pl.String: "VARCHAR",
    pl.Categorical: "VARCHAR",
    pl.Binary: "BLOB",
    pl.Date: "DATE",
    pl.Time: "TIME_NS",
    pl.Duration: "INTERVAL",
    pl.Null: "INTEGER",
}
for _dtype, _name in ((_INT128, "HUGEINT"), (_UINT128, "UHUGEINT"), (_FLOAT16, "FLOAT")):
    if _dtype is not None:
        _NAMES[_dtype] = _name


def _engine_type(dtype: Any) -> str:
    """The engine's type for a polars type, as SQL writes it."""
    if isinstance(dtype, pl.Enum):
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in dtype.categories)
        return f"ENUM({values})"
    if isinstance(dtype, pl.Struct):
        fields = ", ".join(f"{sql_name(field.name)} {_engine_type(field.dtype)}" for field in dtype.fields)
        return f"STRUCT({fields})"
    if _MAP is not None and isinstance(dtype, _MAP):
        return f"MAP({_engine_type(dtype.key)}, {_engine_type(dtype.value)})"
    if isinstance(dtype, pl.List):
        return f"{_engine_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Array):
        return f"{_engine_type(dtype.inner)}[{dtype.size}]"
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            return "TIMESTAMP WITH TIME ZONE"
        return {"ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}[dtype.time_unit]
    return _NAMES[dtype.base_type()]
