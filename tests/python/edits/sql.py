"""SQL models of random projects: every form gives columns `k` (a number) and `v` (a text), and some give more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edits.model import Node, Project

#: By name: the query, and what of the project it uses. `{a}` and `{b}` are what it reads, `{n}` and `{m}` its numbers.
SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scale": ("select (k * {n})::bigint as k, v from {a}", ()),
    "filter": ("select * from {a} where k > {n}", ()),
    "union": ("select k, v from {a} union all select k, v from {b}", ()),
    "group": ("select v, max(k) as k from {a} group by v", ()),
    "join": ("select l.k, max(r.v) as v from {a} as l join {b} as r on l.k = r.k group by l.k", ()),
    "macro": (
        "select {{{{ scaled('k') }}}} as k, v from {a} where k >= {{{{ least() }}}}",
        ("macro factor", "macro least"),
    ),
    "least": ("select k, v from {a} where k <> {{{{ least() }}}} + {n}", ("macro least",)),
    "variable": ("select k + {{{{ var('size') }}}} as k, v from {a}", ("var size",)),
    "shadow": ("with {b_name} as (select k, v from {a} where k <> {n}) select * from {b_name}", ()),
    "from first": ("from {a} select k, v, {n} as extra", ()),
    "constant": ("select {n} as k, 'w{m}' as v", ()),
    "replace": ("select * replace (k + {n} as k) from {a}", ()),
    "types": ("select try_cast(k as {type}) as k, v from {a}", ()),
    "loop": (
        "{{% for i in range({m}) %}}select {{{{ i }}}} as k, 'x' as v union all {{% endfor %}}select k, v from {a}",
        (),
    ),
    "more columns": ("select k, v, {n} as extra_{m} from {a}", ()),
    "within": ("select k, v from {a} where k in (select k + {n} from {b})", ()),
    "lists": ("select count(*) as k, v, list(k order by k) as ks from {a} group by all", ()),
    "invocation": (
        "select k, v from {a} where '{{{{ invocation_id }}}}' <> '' and {n} < 9 and '{{{{ run_started_at }}}}' <> 'x'",
        (),
    ),
    "keys": ("select k, 'w{m}' as v from {a} where k > {n}", ()),
    "texts": ("select {n}::bigint as k, v from {a}", ()),
    "count": ("select count(*) as k, 'n{m}' as v from {a}", ()),
    "rename": ("select k as k, v || '{m}' as v, k * {n} as other from {a}", ()),
    "natural": ("select k, v from (select k, v from {a}) natural join (select k from {b})", ()),
    "inner name": ("select k, (select max(v) from {b} as r where r.k = l.k) as v from {a} as l", ()),
    "places": ("select {n}::bigint as k, md5(one::varchar || two::varchar) as v from {a} as t(one, two)", ()),
    "pattern": ("select columns('^[kv]$') from {a}", ()),
    "nothing": ("select k, v from {a} where k > 1000 + {n}", ()),
    "unpivot": (
        "from (unpivot (select k::bigint as k, {n}::bigint as m, v from {a}) on k, m into name v2 value k) select k, v",
        (),
    ),
}
#: Which of them read nothing, and which read two.
READ_NOTHING, READ_TWO = ("constant",), ("union", "join", "within", "shadow", "natural", "inner name")

TYPES = ("bigint", "integer", "decimal(18, 2)", "hugeint")


def meaning(project: Project, node: Node) -> object:
    """What the text of a model says."""
    _, uses = SHAPES[node.shape]
    values = {
        "macro factor": project.macros["factor"],
        "macro least": project.macros["least"],
        "var size": project.variable("size"),
    }
    return node.shape, node.number, node.other, [values[use] for use in uses]


def text(project: Project, node: Node) -> str:
    """The file of a model."""
    query = _query(node)
    if node.broken == "compile":
        query = "select {{ no_such_function() }} as k, 'x' as v"
    elif node.broken == "binder":
        query = f"select no_such_column from ({query})"
    elif node.broken == "runtime":
        query = f"select k + error('broken')::bigint as k, v from ({query} union all by name select 1 as k, 'x' as v)"
    return _config(project, node) + _noisy(query, node.noise) + "\n"


def _query(node: Node) -> str:
    pattern, _ = SHAPES[node.shape]
    reads = [_reference(node, upstream) for upstream in node.reads]
    reads += reads[:1]
    return pattern.format(
        a=reads[0] if reads else "",
        b=reads[1] if len(reads) > 1 else "",
        b_name=node.reads[-1].name if node.reads else "",
        n=node.number,
        m=node.other,
        type=TYPES[node.number % len(TYPES)],
    )


def _reference(node: Node, upstream: Node) -> str:
    from edits.model import location

    # Inside of a CTE's own query, a plain name of the CTE is another table.
    is_plain = node.style % 2 == 1 and node.shape != "shadow"
    if upstream.kind != "source":
        return upstream.name if is_plain else f"{{{{ ref('{upstream.name}') }}}}"
    if node.style == 2 and not upstream.options:
        return f"'{location(upstream)}'"
    return f"raw.{upstream.name}" if is_plain else f"{{{{ source('raw', '{upstream.name}') }}}}"


def _config(project: Project, node: Node) -> str:
    config = {} if node.in_yaml else project.config(node)
    if not config:
        return ""
    return "{{ config(" + ", ".join(f"{key}={json.dumps(value)}" for key, value in config.items()) + ") }}\n"


def _noisy(query: str, noise: int) -> str:
    """The same, written otherwise."""
    if noise % 2:
        query = f"-- note {noise}\n{query}"
    if noise % 3 == 1:
        query = query.replace("select ", "SELECT\n    ").replace(" from ", "\nFROM  ").replace(" as k", "\tAS k")
    if noise % 5 == 2:
        query += f" /* {noise} */"
    if noise % 7 == 3:
        query = f"{{# {noise} #}}{{% set unused = {noise} %}}" + query
    return query


def macros(project: Project) -> str:
    """`macros/tools.sql`."""
    noise, values = project.noise.get("macros", 0), project.macros
    space = "\n" if noise % 2 else ""
    scaled = "({{ column }} * " + str(values["factor"]) + ")::bigint"
    return (
        f"{{# {noise} #}}\n"
        f"{{% macro scaled(column) -%}}{space}{scaled}{space}{{%- endmacro %}}\n"
        f"{{% macro least() -%}} {values['least']} {{%- endmacro %}}\n"
        f"{{% macro unused(x={noise}) %}}{{{{ x }}}}{{% endmacro %}}\n"
    )
