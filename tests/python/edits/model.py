"""What a random project declares, and the files that say so.

`Project` and `Node` hold choices, never text: an edit changes a choice, and `files` renders all of them. `meaning` is
what a declaration says, without how it is written: an asset that means the same in two projects is not built twice.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import pyarrow
import pyarrow.parquet

from edits import functions, sql

#: Rows of a seed or a source: a number and a text, or none.
Rows = list[tuple[int, str | None]]

FOLDERS = ("", "staging", "marts")


@dataclass(eq=False)
class Node:
    """An asset or a source. Later nodes of a project read earlier ones."""

    name: str
    #: `sql`, `python`, `object`, `seed` or `source`.
    kind: str
    #: Which of the forms in `sql` and `functions`; the format of a source.
    shape: str = ""
    reads: list[Node] = field(default_factory=list)
    #: Numbers that stand in its code.
    number: int = 0
    other: int = 0
    #: How it names what it reads.
    style: int = 0
    folder: str = ""
    #: The module of a Python asset, which others may share.
    module: str = ""
    #: `None` is the folder's default.
    materialized: str | None = None
    schema: str | None = None
    alias: str | None = None
    #: Whether its config stands in the property file, and not in its own.
    in_yaml: bool = False
    tags: list[str] = field(default_factory=list)
    description: str = ""
    #: Comments and formatting.
    noise: int = 0
    #: `runtime`, `binder` or `compile` when it must fail.
    broken: str | None = None
    #: Of seeds and sources, by file.
    data: dict[str, Rows] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)

    @property
    def holds_rows(self) -> bool:
        """Whether others can select from it."""
        return self.kind != "object"


@dataclass
class Project:
    """All that a project declares."""

    nodes: list[Node] = field(default_factory=list)
    #: What `models/helpers.py` holds.
    helpers: dict[str, int] = field(default_factory=lambda: {"factor": 1, "step": 1, "bonus": 0, "twice": 2})
    #: What `macros/tools.sql` holds.
    macros: dict[str, int] = field(default_factory=lambda: {"factor": 1, "least": 0})
    variables: dict[str, int] = field(default_factory=lambda: {"size": 1, "apart": 0})
    #: What `--vars` says.
    command_variables: dict[str, int] = field(default_factory=dict)
    #: Config of the folders of models, in `dovetail.toml`.
    defaults: dict[str, dict[str, str]] = field(default_factory=dict)
    #: What has no meaning, by file: comments, unused functions, descriptions.
    noise: dict[str, int] = field(default_factory=dict)

    def materialized(self, node: Node) -> str:
        if node.kind in ("seed", "source", "object", "python"):
            return {"seed": "table", "source": "source", "object": "object", "python": "table"}[node.kind]
        return node.materialized or self.defaults.get(node.folder, {}).get("materialized") or "table"

    def relation(self, node: Node) -> tuple[str, str]:
        """Schema and name of what holds an asset."""
        schema = node.schema
        if node.kind != "seed":
            schema = schema or self.defaults.get(node.folder, {}).get("schema")
        return schema or "main", node.alias or node.name

    def variable(self, name: str) -> int:
        return self.command_variables.get(name, self.variables[name])

    def persisted(self) -> list[Node]:
        """What the database holds."""
        return [node for node in self.nodes if self.materialized(node) not in ("ephemeral", "source")]

    def readers(self, node: Node) -> list[Node]:
        return [reader for reader in self.nodes if node in reader.reads]

    def below(self, starts: set[str]) -> set[str]:
        """Names of all that reads these, at whatever distance."""
        found: set[str] = set()
        for node in self.nodes:
            if any(upstream.name in starts or upstream.name in found for upstream in node.reads):
                found.add(node.name)
        return found

    def is_valid(self) -> bool:
        """Whether it compiles, as far as places, names and config of folders go."""
        places = [tuple(part.lower() for part in self.relation(node)) for node in self.persisted()]
        names = [node.name for node in self.nodes]
        # What a folder says holds for asset functions too, and they are tables.
        functions_fit = all(
            self.defaults.get(node.folder, {}).get("materialized", "table") == "table"
            for node in self.nodes
            if node.kind == "python"
        )
        # What fails must be a step of its own.
        failures_fit = all(
            self.materialized(node) in ({"table", "view"} if node.broken == "binder" else {"table", "object"})
            for node in self.nodes
            if node.broken in ("binder", "runtime")
        )
        is_unique = len(set(places)) == len(places) and len(set(names)) == len(names)
        return is_unique and functions_fit and failures_fit

    def meaning(self, node: Node) -> str:
        """What decides what building a node does, data aside: where two projects agree on it, so do code versions."""
        if node.kind == "source":
            return repr((node.name, node.shape, sorted(node.options.items())))
        place = None if node.kind == "object" else self.relation(node)
        own = (node.name, node.kind, self.materialized(node), place, node.broken, node.style)
        if node.kind == "seed":
            return repr((own, sorted(node.options.items())))
        code = sql.meaning(self, node) if node.kind == "sql" else functions.meaning(self, node)
        return repr((own, code, [self._seen(upstream) for upstream in node.reads]))

    def _seen(self, upstream: Node) -> object:
        """What of an upstream stands in the text of those that read it."""
        if upstream.kind == "source" or self.materialized(upstream) == "ephemeral":
            return self.meaning(upstream)
        return upstream.name, None if upstream.kind == "object" else self.relation(upstream)

    def content(self, node: Node) -> str:
        """The files that a node reads, also by way of views and ephemeral models."""
        found = {name: data.hex() for name, data in data_files(node).items()}
        for upstream in node.reads:
            if upstream.kind == "source" or self.materialized(upstream) in ("view", "ephemeral"):
                found[upstream.name] = self.content(upstream)
        return json.dumps(found, sort_keys=True)

    def files(self) -> dict[str, bytes]:
        """Every file of the project, by its path."""
        texts: dict[str, str] = {
            "dovetail.toml": self._toml(),
            "macros/tools.sql": sql.macros(self),
            "models/helpers.py": functions.helpers(self),
            "lib/tools.py": functions.tools(self),
            "models/properties.yml": self._properties(),
            "models/sources.yml": self._sources(),
        }
        modules: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.kind == "sql":
                texts[_path(node.folder, node.name + ".sql")] = sql.text(self, node)
            elif node.kind in ("python", "object"):
                modules.setdefault(_path(node.folder, node.module + ".py"), []).append(node)
        for path, nodes in modules.items():
            texts[path] = functions.module(self, path, nodes)
        files = {path: text.encode() for path, text in texts.items()}
        for node in self.nodes:
            files.update(data_files(node))
        return files

    def config(self, node: Node) -> dict[str, object]:
        """What a node says of itself."""
        config = {"materialized": node.materialized, "schema": node.schema, "alias": node.alias, "tags": node.tags}
        return {key: value for key, value in config.items() if value}

    def _toml(self) -> str:
        lines = [f"# {self.noise.get('toml', 0)}", "[vars]"]
        lines += [f"{name} = {value}" for name, value in self.variables.items()]
        for folder, config in self.defaults.items():
            lines += [f"[models.{folder}]" if folder else "[models]"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in config.items()]
        return "\n".join(lines) + "\n"

    def _properties(self) -> str:
        noise = self.noise.get("properties", 0)
        lines = [f"# {noise}", "models:"] if noise % 2 else ["models:"]
        for node in self.nodes:
            if node.kind in ("sql", "python", "object"):
                lines += self._entry(node, self.config(node) if node.in_yaml else {})
        lines.append("seeds:")
        for node in self.nodes:
            if node.kind == "seed":
                types = {"column_types": node.options} if node.options else {}
                lines += self._entry(node, {**self.config(node), **types})
        return "\n".join(lines) + "\n"

    def _entry(self, node: Node, config: dict[str, object]) -> list[str]:
        lines = [f"  - name: {node.name}"]
        if node.description:
            lines.append(f"    description: {json.dumps(node.description)}")
            lines.append(f"    columns: [{{name: k, description: {json.dumps(node.description)}}}]  # of {node.name}")
        return [*lines, f"    config: {json.dumps(config)}"]

    def _sources(self) -> str:
        lines = [f"# {self.noise.get('sources', 0)}", "sources:", "  - name: raw", "    tables:"]
        for node in self.nodes:
            if node.kind == "source":
                options = f", options: {json.dumps(node.options)}" if node.options else ""
                lines.append(f"      - {{name: {node.name}, external: {{location: '{location(node)}'{options}}}}}")
        return "\n".join(lines) + "\n"


def _path(folder: str, name: str) -> str:
    return "/".join(part for part in ("models", folder, name) if part)


def location(source: Node) -> str:
    """The path or pattern of a source's files."""
    return {"csv": "data/{}.csv", "parts": "data/{}/*.csv", "parquet": "data/{}.parquet"}[source.shape].format(
        source.name
    )


def data_files(node: Node) -> dict[str, bytes]:
    """The files of a seed or a source."""
    if node.kind == "seed":
        return {f"seeds/{node.name}.csv": _csv(node.data[""], ",")}
    if node.kind != "source":
        return {}
    if node.shape == "parquet":
        return {location(node): _parquet(node.data[""])}
    delimiter = node.options.get("delim", ",")
    pattern = location(node)
    return {pattern.replace("*", part): _csv(rows, delimiter) for part, rows in node.data.items()}


def _csv(rows: Rows, delimiter: str) -> bytes:
    lines = [("k", "v"), *((str(number), text or "") for number, text in rows)]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def _parquet(rows: Rows) -> bytes:
    columns = {
        "k": pyarrow.array([number for number, _ in rows], pyarrow.int64()),
        "v": pyarrow.array([text for _, text in rows], pyarrow.string()),
    }
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()
