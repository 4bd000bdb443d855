"""polars predicates as SQL conditions, where both mean exactly the same.

A condition may keep more rows than polars would, since the scan filters again; it must never keep fewer. So a part of
a conjunction that cannot be translated is left out, and everything below `or` and `not` must be translated whole.

NULL: both know three truth values and drop rows whose predicate is NULL. NaN: both call it equal to itself and
greater than any number.
"""

from __future__ import annotations

import datetime
import decimal
import io
import json
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl
from dovetail._dovetail import sql_name, sql_text

_COMPARISONS = {"Eq": "=", "NotEq": "<>", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_NULL_SAFE = {"EqValidity": "is not distinct from", "NotEqValidity": "is distinct from"}
_BETWEEN = {"Both": (">=", "<="), "Left": (">=", "<"), "Right": (">", "<="), "None": (">", "<")}
_FLOATS = {
    "IsNan": "isnan({})",
    "IsNotNan": "(not isnan({}))",
    "IsFinite": "isfinite({})",
    "IsInfinite": "isinf({})",
}
_MOST_ITEMS = 10_000

#: Engine types whose values polars compares as the engine does, with the polars type that stands for each.
_COMPARABLE = {
    "BOOLEAN": pl.Boolean,
    "TINYINT": pl.Int8,
    "SMALLINT": pl.Int16,
    "INTEGER": pl.Int32,
    "BIGINT": pl.Int64,
    "UTINYINT": pl.UInt8,
    "USMALLINT": pl.UInt16,
    "UINTEGER": pl.UInt32,
    "UBIGINT": pl.UInt64,
    "FLOAT": pl.Float32,
    "DOUBLE": pl.Float64,
    "VARCHAR": pl.String,
    "DATE": pl.Date,
    "TIMESTAMP": pl.Datetime("us"),
    "TIMESTAMP_S": pl.Datetime("ms"),
    "TIMESTAMP_MS": pl.Datetime("ms"),
}
_SCALARS = {
    "Int8": pl.Int8,
    "Int16": pl.Int16,
    "Int32": pl.Int32,
    "Int64": pl.Int64,
    "UInt8": pl.UInt8,
    "UInt16": pl.UInt16,
    "UInt32": pl.UInt32,
    "UInt64": pl.UInt64,
    "Float32": pl.Float32,
    "Float64": pl.Float64,
    "String": pl.String,
    "StringOwned": pl.String,
    "Boolean": pl.Boolean,
    "Date": pl.Date,
}
_UNITS = {"Milliseconds": ("ms", 1000), "Microseconds": ("us", 1)}


class _Unknown(Exception):
    """Something that has no exact counterpart, or a form of polars' that this does not know."""


def translate(predicate: pl.Expr, types: Mapping[str, str], schema: Mapping[str, Any]) -> str | None:
    """An SQL condition for as much of the predicate as has one; ``None`` for nothing of it.

    ``types`` has the engine's type of each column, ``schema`` the polars one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = json.loads(predicate.meta.serialize(format="json"))
    except Exception:
        return None
    found = [text for part in _conjunction(tree) if (text := _try(part, types, schema)) is not None]
    return " and ".join(found) if found else None


def _conjunction(tree: Any) -> list[Any]:
    if isinstance(tree, dict) and "BinaryExpr" in tree:
        binary = tree["BinaryExpr"]
        if binary.get("op") in ("And", "LogicalAnd"):
            return [*_conjunction(binary["left"]), *_conjunction(binary["right"])]
    return [tree]


def _try(tree: Any, types: Mapping[str, str], schema: Mapping[str, Any]) -> str | None:
    try:
        return _Translator(types, schema).condition(tree)
    except (_Unknown, KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None


class _Translator:
    def __init__(self, types: Mapping[str, str], schema: Mapping[str, Any]) -> None:
        self.types = types
        self.schema = schema

    def condition(self, tree: Any) -> str:
        """SQL for an expression that is true, false or null."""
        ((kind, body),) = tree.items()
        if kind == "Column":
            name, dtype = self.column(tree)
            if dtype != pl.Boolean:
                raise _Unknown
            return name
        if kind == "Literal":
            text, dtype = self.literal(tree, pl.Boolean)
            if dtype != pl.Boolean:
                raise _Unknown
            return text
        if kind == "BinaryExpr":
            return self.binary(body)
        if kind == "Function":
            return self.function(body)
        raise _Unknown

    def binary(self, body: Any) -> str:
        operator = body["op"]
        if operator in ("And", "LogicalAnd"):
            return f"({self.condition(body['left'])} and {self.condition(body['right'])})"
        if operator in ("Or", "LogicalOr"):
            return f"({self.condition(body['left'])} or {self.condition(body['right'])})"
        sign = _COMPARISONS.get(operator) or _NULL_SAFE.get(operator)
        if sign is None:
            raise _Unknown
        left, right = self.operands(body["left"], body["right"])
        return f"({left} {sign} {right})"

    def operands(self, left: Any, right: Any) -> tuple[str, str]:
        """Two sides of a comparison; both must have one type, so that neither language converts anything."""
        left, right = self.uncast(left), self.uncast(right)
        if "Column" in left:
            left_text, left_type = self.column(left)
            right_text, right_type = self.operand(right, left_type)
        else:
            right_text, right_type = self.column(right)
            left_text, left_type = self.operand(left, right_type)
        if left_type != right_type:
            raise _Unknown
        return left_text, right_text

    def uncast(self, tree: Any) -> Any:
        """A decimal column without the cast to more digits that polars 1 puts around it."""
        cast = tree.get("Cast", {})
        name = cast.get("expr", {}).get("Column")
        dtype = self.schema.get(name)
        if isinstance(dtype, pl.Decimal) and cast["dtype"] == {"Literal": {"Decimal": [38, dtype.scale]}}:
            return cast["expr"]
        return tree

    def operand(self, tree: Any, dtype: Any) -> tuple[str, Any]:
        return self.column(tree) if "Column" in tree else self.literal(tree, dtype)

    def column(self, tree: Any) -> tuple[str, Any]:
        name = tree["Column"]
        engine_type, dtype = self.types[name], self.schema[name]
        zoned = engine_type == "TIMESTAMP WITH TIME ZONE" and isinstance(dtype, pl.Datetime) and dtype.time_unit == "us"
        exact = engine_type.startswith("DECIMAL(") and isinstance(dtype, pl.Decimal)
        if not (zoned or exact or _COMPARABLE.get(engine_type) == dtype):
            raise _Unknown
        # polars compares texts byte by byte, whatever collation the column or the session has.
        text = f"({sql_name(name)} collate posix)" if dtype == pl.String else sql_name(name)
        return text, dtype

    def literal(self, tree: Any, dtype: Any) -> tuple[str, Any]:
        value = tree["Literal"]
        if "Dyn" in value:
            return _number(value["Dyn"]["Int"], dtype), dtype
        # polars 1.12 and others of its time have no `Scalar` around it.
        ((kind, scalar),) = value.get("Scalar", value).items()
        if kind in ("Datetime", "DateTime"):
            return _timestamp(scalar)
        if kind == "Decimal":
            return _decimal(scalar, dtype)
        return _plain(scalar, _SCALARS[kind]), _SCALARS[kind]

    def function(self, body: Any) -> str:
        inputs, function = body["input"], body["function"]
        ((family, detail),) = function.items()
        if family == "Boolean":
            return self.boolean(inputs, detail)
        if family == "StringExpr":
            return self.string(inputs, detail)
        raise _Unknown

    def boolean(self, inputs: list[Any], detail: Any) -> str:
        if isinstance(detail, str):
            if detail == "Not":
                return f"(not {self.condition(inputs[0])})"
            if detail in ("IsNull", "IsNotNull"):
                # Any type has nulls in the same rows.
                name = inputs[0]["Column"]
                self.types[name]
                return f"({sql_name(name)} {'is null' if detail == 'IsNull' else 'is not null'})"
            name, dtype = self.column(inputs[0])
            if not dtype.is_float():
                raise _Unknown
            return _FLOATS[detail].format(name)
        ((kind, options),) = detail.items()
        if kind == "IsBetween":
            low, high = _BETWEEN[options["closed"]]
            first, lower = self.operands(inputs[0], inputs[1])
            _, upper = self.operands(inputs[0], inputs[2])
            return f"({first} {low} {lower} and {first} {high} {upper})"
        if kind == "IsIn" and not options.get("nulls_equal"):
            return self.is_in(inputs)
        raise _Unknown

    def is_in(self, inputs: list[Any]) -> str:
        name, dtype = self.column(inputs[0])
        ((kind, raw),) = inputs[1]["Literal"]["Scalar"].items()
        if kind != "List":
            raise _Unknown
        values = pl.read_ipc_stream(io.BytesIO(bytes(raw))).to_series(0)
        if isinstance(values.dtype, (pl.List, pl.Array)):
            values = values.explode()
        # A null in the list gives different truth values in the two languages.
        if values.dtype != dtype or values.null_count() or not 0 < values.len() <= _MOST_ITEMS:
            raise _Unknown
        return f"({name} in ({', '.join(_python(value, dtype) for value in values)}))"

    def string(self, inputs: list[Any], detail: Any) -> str:
        words = {"StartsWith": "starts_with", "EndsWith": "ends_with"}
        literal = isinstance(detail, dict) and detail.get("Contains", {}).get("literal")
        word = "contains" if literal else words[detail]
        text, pattern = self.operands(inputs[0], inputs[1])
        if "Literal" not in inputs[1] or self.column(inputs[0])[1] != pl.String:
            raise _Unknown
        return f"{word}({text}, {pattern})"


def _plain(value: Any, dtype: Any) -> str:
    if dtype == pl.Date:
        return _python(datetime.date(1970, 1, 1) + datetime.timedelta(days=value), dtype)
    return _python(value, dtype)


_INTEGERS = {
    pl.Int8: (-(2**7), 2**7 - 1),
    pl.Int16: (-(2**15), 2**15 - 1),
    pl.Int32: (-(2**31), 2**31 - 1),
    pl.Int64: (-(2**63), 2**63 - 1),
    pl.UInt8: (0, 2**8 - 1),
    pl.UInt16: (0, 2**16 - 1),
    pl.UInt32: (0, 2**32 - 1),
    pl.UInt64: (0, 2**64 - 1),
}


def _number(value: int, dtype: Any) -> str:
    low, high = _INTEGERS[dtype.base_type()]
    if not low <= value <= high:
        raise _Unknown
    return str(int(value))


def _python(value: Any, dtype: Any) -> str:
    """A Python value of a polars type as an SQL literal."""
    if dtype.is_integer() and isinstance(value, int):
        return _number(value, dtype)
    if dtype == pl.Boolean and isinstance(value, bool):
        return "true" if value else "false"
    if dtype == pl.String and isinstance(value, str) and "\0" not in value:
        return sql_text(value)
    if dtype == pl.Date and isinstance(value, datetime.date):
        return f"date '{value.isoformat()}'"
    if dtype.is_float() and isinstance(value, (int, float)):
        return f"'{float(value)!r}'::{'FLOAT' if dtype == pl.Float32 else 'DOUBLE'}"
    if isinstance(value, datetime.datetime):
        zone = value.tzinfo is not None
        text = value.astimezone(datetime.timezone.utc).isoformat(" ") if zone else value.isoformat(" ")
        return f"{'timestamptz' if zone else 'timestamp'} '{text}'"
    raise _Unknown


def _timestamp(scalar: Any) -> tuple[str, Any]:
    value, unit, zone = scalar
    short, factor = _UNITS[unit]
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=value * factor)
    if zone is None:
        return _python(moment, pl.Datetime(short)), pl.Datetime(short)
    name = zone["inner"] if isinstance(zone, dict) else zone
    moment = moment.replace(tzinfo=datetime.timezone.utc)
    return _python(moment, pl.Datetime(short, name)), pl.Datetime(short, name)


def _decimal(scalar: Any, dtype: Any) -> tuple[str, Any]:
    value, scale = scalar[0], scalar[-1]
    if not isinstance(dtype, pl.Decimal) or dtype.scale != scale or len(str(abs(value))) > dtype.precision:
        raise _Unknown
    text = format(decimal.Decimal(value).scaleb(-scale, decimal.Context(prec=60)), "f")
    return f"'{text}'::DECIMAL({dtype.precision}, {dtype.scale})", dtype
