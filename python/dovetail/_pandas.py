"""pandas frames from the engine: native columns where pandas holds the type exactly, Arrow's own where it does not."""

from __future__ import annotations

from typing import Any

from dovetail._dovetail import type_tree


def frame(relation: Any) -> Any:
    """A ``pandas.DataFrame`` with the rows of a relation."""
    import pandas
    import pyarrow

    table = pyarrow.RecordBatchReader.from_stream(relation._stream("pandas", False)).read_all()
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        columns[field.name] = _series(pandas, pyarrow, field, column)
    return pandas.DataFrame(columns, index=pandas.RangeIndex(table.num_rows), copy=False)


def _series(pandas: Any, pyarrow: Any, field: Any, column: Any) -> Any:
    types = pyarrow.types
    kind = field.type
    origin = (field.metadata or {}).get(b"dovetail:type", b"")
    if origin in (b"HUGEINT", b"UHUGEINT"):
        column = _narrow(pyarrow, column)
        kind = column.type
    if types.is_dictionary(kind) and (tree := type_tree(origin.decode())) and tree[0] == "enum":
        # All values of the ENUM, whichever of them the rows have; each chunk's dictionary holds them in their order.
        codes = pyarrow.chunked_array([chunk.indices for chunk in column.chunks], kind.index_type)
        codes = codes.cast(pyarrow.int32()).fill_null(-1).to_numpy()
        return pandas.Series(pandas.Categorical.from_codes(codes, categories=tree[1]))
    if column.null_count and (types.is_integer(kind) or types.is_boolean(kind)):
        # numpy has no missing integers: they would become floats, and large ones other numbers.
        name = "boolean" if types.is_boolean(kind) else str(kind).replace("int", "Int").replace("uI", "UI")
        return column.to_pandas(types_mapper={kind: pandas.api.types.pandas_dtype(name)}.get)
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
        or types.is_dictionary(kind)
        or types.is_null(kind)
    ):
        return column.to_pandas()
    # Dates, times, decimals, blobs and nested values would be Python objects, which do not know their type.
    return pandas.Series(pandas.arrays.ArrowExtensionArray(column), copy=False)


def _narrow(pyarrow: Any, column: Any) -> Any:
    """128-bit integers as 64-bit ones when all of them fit."""
    try:
        return column.cast(pyarrow.int64())
    except pyarrow.ArrowInvalid:
        return column
