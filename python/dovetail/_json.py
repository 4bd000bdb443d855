"""JSON of values that users give: metadata and configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def dump(values: Mapping[str, Any]) -> str:
    return json.dumps(plain(values), allow_nan=False)


def plain(value: Any) -> Any:
    """The value as JSON can say it; what it cannot say becomes its ``str``."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    # Numbers of numpy and friends.
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        try:
            return plain(item())
        except (TypeError, ValueError):
            pass
    return str(value)
