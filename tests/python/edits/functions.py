"""Python assets of random projects, and the modules that they use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edits.model import Node, Project

#: By name: annotation of the input and of the result, the body, and what of the helpers it uses.
#: `{n}` is the asset's number, `{h}` what helpers are called by.
SHAPES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "plus": ("pa.Table", "pa.Table", "return rows(a, lambda k: k + {n})", ()),
    "constant": ("pa.Table", "pa.Table", "return rows(a, lambda k: k + {NAME}_STEP)", ()),
    "default": ("pa.Table", "pa.Table", "return rows(a, lambda k: k + by)", ()),
    "scaled": ("pa.Table", "pa.Table", "return rows(a, lambda k: {h}scale(k) + {n})", ("factor", "twice")),
    "shifted": ("pa.Table", "pa.Table", "return rows(a, {h}shift)", ("step",)),
    "ruled": ("pa.Table", "pa.Table", "return rows(a, {h}Rules({n}).apply)", ("bonus",)),
    "tooled": ("pa.Table", "pa.Table", "return rows(a, nudge)", ("factor", "twice", "bonus")),
    "filtered": ("Relation", "Relation", "return a.filter('k > {n}').select('k, v')", ()),
    "as it is": ("", "", "return a", ()),
    "grouped": ("Relation", "", "return a.aggregate('v, max(k) + {n} as k', 'v')", ()),
    "both": ("Relation", "Relation", "return a.select('k, v').union(b.select('k, v'))", ()),
    "batches": (
        "Iterator[pa.RecordBatch]",
        "Iterator[pa.RecordBatch]",
        "for batch in a:\n"
        "        table = rows(pa.Table.from_batches([batch]), lambda k: k - {n})\n"
        "        yield table.combine_chunks().to_batches()[0] if batch.num_rows else batch_of_none()",
        (),
    ),
    "queried": ("Relation", "", "return a.query('x', 'select k, v from x where k <> {n}')", ()),
    "constants": ("", "pa.Table", "return pa.table({{'k': [{n}], 'v': ['p']}})", ()),
    "counted": ("pa.Table", "", "return {{'total': total(a) + {n}, 'rows': a.num_rows}}", ()),
    "summed": ("pa.Table", "", "return [{h}scale(total(a)), {n}]", ("factor", "twice")),
    "told": ("object", "pa.Table", "return pa.table({{'k': [number_of(a) + {n}], 'v': ['o']}})", ()),
    "told with": (
        "object",
        "pa.Table",
        "return rows(b, lambda k: k + number_of(a) % 5 + {n})",
        (),
    ),
}
OBJECTS = ("counted", "summed")
READ_NOTHING, READ_TWO = ("constants",), ("both", "told with")
READ_OBJECTS = ("told", "told with")
TABLES = tuple(shape for shape in SHAPES if shape not in (*OBJECTS, *READ_OBJECTS))

LOCAL = '''
def rows(table, change):
    """Columns `k` and `v`, `k` changed."""
    numbers = [None if k is None else change(int(k)) for k in table["k"].to_pylist()]
    return pa.table({"k": pa.array(numbers, pa.int64()), "v": table["v"].cast(pa.string())})


def batch_of_none():
    return pa.record_batch({"k": pa.array([], pa.int64()), "v": pa.array([], pa.string())})


def total(table):
    return sum(int(k) for k in table["k"].to_pylist() if k is not None)


def number_of(value):
    return value["total"] if isinstance(value, dict) else value[0]
'''


def _calls_helpers(node: Node) -> bool:
    return "{h}" in SHAPES[node.shape][2]


def meaning(project: Project, node: Node) -> object:
    """What an asset function says, with what it reaches."""
    used = SHAPES[node.shape][3]
    return node.shape, node.number, node.folder, node.module, [project.helpers[name] for name in used]


def module(project: Project, path: str, nodes: list[Node]) -> str:
    """A file with these asset functions."""
    noise = project.noise.get(path, 0)
    imports = [
        "from collections.abc import Iterator",
        "import pyarrow as pa",
        "from dovetail import Relation, asset",
        "from lib.tools import nudge",
    ]
    parts = [LOCAL] if noise % 2 else []
    for node in nodes:
        if _calls_helpers(node):
            imports.append(_helper_import(node))
        parts.append(_function(project, node))
    parts += [] if noise % 2 else [LOCAL]
    parts.append(f"def unused_here():\n    return {noise}\n")
    opening = f'"""Note {noise}."""\n' if noise % 3 else ""
    return opening + "\n".join(dict.fromkeys(imports)) + "\n\n" + "\n\n".join(parts)


def _helper_import(node: Node) -> str:
    names = ("from models.helpers import Rules, scale, shift", "import models.helpers as h")
    return (*names, "from models import helpers")[node.style % 3]


def _function(project: Project, node: Node) -> str:
    takes, gives, body, _ = SHAPES[node.shape]
    called_by = ("", "h.", "helpers.")[node.style % 3]
    body = body.format(n=node.number, h=called_by, NAME=node.name.upper())
    config = {} if node.in_yaml else project.config(node)
    config.pop("materialized", None)
    if node.kind == "object":
        config["materialized"] = "object"
    inputs, parameters = {}, []
    for parameter, upstream in zip("ab", node.reads, strict=False):
        inputs[parameter] = f"raw.{upstream.name}" if upstream.kind == "source" else upstream.name
        is_object = upstream.kind == "object"
        annotation = "dict" if is_object else ("pa.Table" if takes == "object" else takes)
        parameters.append(f"{parameter}: {annotation}" if annotation else parameter)
    if node.shape == "default":
        parameters.append(f"by={node.name.upper()}_STEP")
    if inputs:
        config["inputs"] = inputs
    arguments = ", ".join(f"{key}={json.dumps(value)}" for key, value in config.items())
    result = f" -> {gives}" if gives else ""
    lines = [f"{node.name.upper()}_STEP = {node.number}", ""]
    if node.noise % 3 == 1:
        lines.append(f"# note {node.noise}")
    lines += [f"@asset({arguments})", f"def {node.name}({', '.join(parameters)}){result}:"]
    if node.noise % 2:
        lines.append(f'    """Note {node.noise}."""')
    if node.broken == "runtime":
        lines.append("    raise ValueError('broken')")
    if node.broken == "compile":
        lines.append("    return (")
    lines.append(f"    {body}" + (f"  # {node.noise}" if node.noise % 5 == 2 else ""))
    return "\n".join(lines) + "\n"


def helpers(project: Project) -> str:
    """`models/helpers.py`."""
    noise, values = project.noise.get("helpers", 0), project.helpers
    return f'''"""Helpers. {noise}"""

FACTOR = {values["factor"]}  # {noise}
STEP = {values["step"]}
UNUSED = {noise}


class Rules:
    """Note {noise}."""

    bonus = {values["bonus"]}

    def __init__(self, more):
        self.more = more

    def apply(self, x):
        return x + self.bonus + self.more


def _twice(x):
    # Note {noise}.
    return x * {values["twice"]}


def scale(x):
    return _twice(x) * FACTOR


def shift(x, by=STEP):
    """Note {noise}."""
    return x + by


def unused(x):
    return x + {noise}
'''


def tools(project: Project) -> str:
    """`lib/tools.py`, which uses the other module."""
    noise = project.noise.get("tools", 0)
    return f"""# {noise}
from models.helpers import Rules, scale


def nudge(x):
    return Rules(1).apply(scale(x))


def unused():
    return {noise}
"""
