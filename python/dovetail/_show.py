"""A relation's first rows as a small table of text."""

from __future__ import annotations

import shutil
from typing import Any

_WIDEST = 40


def draw(relation: Any, rows: int) -> str:
    from dovetail._dovetail import sql_name

    names, types = relation.columns, relation.types
    texts = ", ".join(f"{sql_name(name)}::varchar as {sql_name(name)}" for name in names)
    found = relation.limit(rows + 1).select(texts).fetchall()
    columns = [
        [_fit(name), _fit(kind.lower()), *(_fit("NULL" if row[index] is None else row[index]) for row in found[:rows])]
        for index, (name, kind) in enumerate(zip(names, types, strict=True))
    ]
    widths = [max(len(cell) for cell in column) for column in columns]
    shown = _shown(widths)
    lines = [_line("┌┬┐", widths[:shown])]
    for row in range(2 + min(len(found), rows)):
        cells = (f" {column[row]:<{width}} " for column, width in zip(columns[:shown], widths, strict=False))
        lines.append(f"│{'│'.join(cells)}│")
        if row == 1:
            lines.append(_line("├┼┤", widths[:shown]))
    lines.append(_line("└┴┘", widths[:shown]))
    if len(found) > rows:
        lines.append(f"first {rows} rows")
    if shown < len(columns):
        lines.append(f"and {len(columns) - shown} more columns: {', '.join(names[shown:])}")
    return "\n".join(lines)


def _fit(text: str) -> str:
    text = text.replace("\n", "\\n")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _shown(widths: list[int]) -> int:
    room = shutil.get_terminal_size((160, 24)).columns - 1
    for index, width in enumerate(widths):
        room -= width + 3
        if room < 0:
            return max(index, 1)
    return len(widths)


def _line(ends: str, widths: list[int]) -> str:
    left, middle, right = ends
    return left + middle.join("─" * (width + 2) for width in widths) + right
