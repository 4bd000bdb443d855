"""Python values from the engine's raw ones, for ``Relation.fetchall``."""

from __future__ import annotations

import datetime
import decimal
import uuid as uuids

_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = datetime.date(1970, 1, 1)
_EXACT = decimal.Context(prec=60)


def date(days: int) -> datetime.date | str:
    try:
        return _DAY + datetime.timedelta(days=days)
    except OverflowError:
        # Infinity, and years beyond Python's.
        return "infinity" if days > 0 else "-infinity"


def time(micros: int, _zone: str | None) -> datetime.time:
    # 24:00:00 is a time for SQL, and not for Python.
    return (_EPOCH + datetime.timedelta(microseconds=min(micros, 86_399_999_999))).time()


def delta(micros: int, _zone: str | None) -> datetime.timedelta:
    return datetime.timedelta(microseconds=micros)


def timestamp(micros: int, zone: str | None) -> datetime.datetime | str:
    try:
        moment = _EPOCH + datetime.timedelta(microseconds=micros)
    except OverflowError:
        return "infinity" if micros > 0 else "-infinity"
    if zone is None:
        return moment
    moment = moment.replace(tzinfo=datetime.timezone.utc)
    if zone in ("UTC", "Etc/UTC"):
        return moment
    import zoneinfo

    try:
        return moment.astimezone(zoneinfo.ZoneInfo(zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OverflowError):
        return moment


def interval(months: int, days: int, nanos: int) -> datetime.timedelta:
    """A month counts 30 days, as in DuckDB's own Python client."""
    return datetime.timedelta(days=months * 30 + days, microseconds=nanos // 1000)


def decimal_value(value: int, scale: int) -> decimal.Decimal:
    return decimal.Decimal(value).scaleb(-scale, _EXACT)


def uuid(raw: bytes) -> uuids.UUID:
    return uuids.UUID(bytes=raw)
