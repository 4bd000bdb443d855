"""Random edits of random projects."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edits import functions, sql
from edits.model import FOLDERS, Node, Project, Rows

MATERIALIZED = (None, None, None, "table", "table", "view", "view", "ephemeral")
SCHEMAS = (None, None, "one", "two")
TYPES = ("BIGINT", "INTEGER", "DOUBLE")
TEXTS = ("a", "b", "c", None)
LARGEST_PROJECT = 14


@dataclass
class Author:
    """Somebody who edits a project at random, and remembers how it was."""

    random: random.Random
    project: Project = field(default_factory=Project)
    past: list[Project] = field(default_factory=list)
    removed: list[Node] = field(default_factory=list)
    names: int = 0
    #: Paths that are written anew though they hold what they held.
    touched: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """The first project: a seed, a source and some assets."""
        self._new_seed()
        self._new_source()
        for _ in range(self.random.randint(2, 8)):
            self.add()

    def edit(self) -> str:
        """Changes something, and says what."""
        self.past.append(copy.deepcopy(self.project))
        for _ in range(50):
            edit = self.random.choice(EDITS)
            said = edit(self)
            if said and self.project.is_valid():
                return f"{edit.__name__}: {said}"
            self.project = copy.deepcopy(self.past[-1])
        return "nothing"

    def edit_noise(self) -> str:
        """Changes something that has no meaning, and says what."""
        self.past.append(copy.deepcopy(self.project))
        edit = self.random.choice(NOISE)
        return f"{edit.__name__}: {edit(self)}"

    # What is new.

    def add(self) -> str | None:
        """A node, after or between the others."""
        if len(self.project.nodes) >= LARGEST_PROJECT:
            return None
        new = self.random.choice(
            [self._new_model] * 9
            + [self._new_function] * 6
            + [self._new_object] * 2
            + [self._new_seed, self._new_source]
        )
        return new().name

    def _name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def _place(self, node: Node) -> Node:
        """Puts a node among the others, and chooses what it reads."""
        nodes = self.project.nodes
        place = len(nodes) if self.random.random() < 0.6 else self.random.randint(min(2, len(nodes)), len(nodes))
        nodes.insert(place, node)
        self._choose_reads(node)
        return node

    def _choose_reads(self, node: Node) -> None:
        shapes = sql if node.kind == "sql" else functions
        earlier = self._earlier(node)
        objects = [other for other in earlier if other.kind == "object"]
        rows = [other for other in earlier if other.holds_rows]
        # Chains are deeper than chance would make them.
        wanted = [max(self.random.choice(range(len(rows))), self.random.choice(range(len(rows)))) for _ in range(2)]
        one, other = rows[wanted[0]], rows[wanted[1]]
        if one is other and len(rows) > 1:
            other = rows[wanted[0] - 1]
        if node.shape in shapes.READ_NOTHING:
            node.reads = []
        elif node.shape in functions.READ_OBJECTS and node.kind == "python":
            node.reads = [self.random.choice(objects), one][: 2 if node.shape in functions.READ_TWO else 1]
        elif node.shape in shapes.READ_TWO:
            node.reads = [one, other]
        else:
            node.reads = [one]

    def _earlier(self, node: Node) -> list[Node]:
        return self.project.nodes[: self.project.nodes.index(node)]

    def _choose_shape(self, node: Node) -> None:
        if node.kind == "object":
            node.shape = self.random.choice(functions.OBJECTS)
            return
        shapes = list(sql.SHAPES if node.kind == "sql" else functions.TABLES)
        if node.kind == "python" and any(other.kind == "object" for other in self._earlier(node)):
            shapes += functions.READ_OBJECTS * 4
        node.shape = self.random.choice(shapes)

    def _choose_config(self, node: Node) -> None:
        node.number, node.other = self.random.randint(-2, 3), self.random.randint(0, 2)
        node.style, node.folder = self.random.randint(0, 2), self.random.choice(FOLDERS)
        node.in_yaml = self.random.random() < 0.3

    def _new_model(self) -> Node:
        node = Node(self._name("m"), "sql", materialized=self.random.choice(MATERIALIZED))
        return self._new_code(node)

    def _new_function(self) -> Node:
        return self._new_code(Node(self._name("p"), "python", module=f"py_{self.random.randint(1, 3)}"))

    def _new_object(self) -> Node:
        return self._new_code(Node(self._name("o"), "object", module=f"py_{self.random.randint(1, 3)}"))

    def _new_code(self, node: Node) -> Node:
        self._choose_config(node)
        self.project.nodes.append(node)
        self._choose_shape(node)
        self.project.nodes.pop()
        if node.shape in functions.READ_OBJECTS:
            self.project.nodes.append(node)
            self._choose_reads(node)
            return node
        return self._place(node)

    def _new_seed(self) -> Node:
        node = Node(self._name("s"), "seed", data={"": self._rows()})
        self.project.nodes.insert(0, node)
        return node

    def _new_source(self) -> Node:
        node = Node(self._name("x"), "source", self.random.choice(("csv", "parts", "parquet")), data={"": self._rows()})
        if node.shape == "parts":
            node.data = {part: self._rows() for part in ("a", "b")}
        self.project.nodes.insert(1, node)
        return node

    def _rows(self) -> Rows:
        return [(1, "a"), *(self._row() for _ in range(self.random.randint(0, 3)))]

    def _row(self) -> tuple[int, str | None]:
        return self.random.randint(0, 5), self.random.choice(TEXTS)

    def _any(self, *kinds: str) -> Node | None:
        found = [node for node in self.project.nodes if not kinds or node.kind in kinds]
        return self.random.choice(found) if found else None

    def _another(self, values: tuple, value: object) -> object:
        return self.random.choice([other for other in values if other != value])

    # Edits of code.

    def change_number(self) -> str | None:
        node = self._any("sql", "python", "object")
        if node is None:
            return None
        node.number = self._another(tuple(range(-2, 4)), node.number)
        return f"{node.name} {node.number}"

    def change_shape(self) -> str | None:
        node = self._any("sql", "python", "object")
        if node is None:
            return None
        self._choose_shape(node)
        self._choose_reads(node)
        return f"{node.name} {node.shape}"

    def change_reads(self) -> str | None:
        node = self._any("sql", "python", "object")
        if node is None:
            return None
        self._choose_reads(node)
        return f"{node.name} reads {[upstream.name for upstream in node.reads]}"

    def change_style(self) -> str | None:
        node = self._any("sql", "python")
        if node is None:
            return None
        node.style = self._another((0, 1, 2), node.style)
        return f"{node.name} {node.style}"

    def change_helper(self) -> str:
        return self._change(self.project.helpers, (0, 1, 2, 3))

    def change_macro(self) -> str:
        return self._change(self.project.macros, (0, 1, 2))

    def change_variable(self) -> str:
        return self._change(self.project.variables, (0, 1, 2))

    def change_command_variable(self) -> str:
        if self.project.command_variables and self.random.random() < 0.5:
            self.project.command_variables = {}
            return "none"
        self.project.command_variables = {"size": self.random.randint(0, 3)}
        return f"{self.project.command_variables}"

    def _change(self, values: dict[str, int], choices: tuple[int, ...]) -> str:
        name = self.random.choice(list(values))
        values[name] = self._another(choices, values[name])
        return f"{name} = {values[name]}"

    # Edits of what is built where.

    def change_materialized(self) -> str | None:
        node = self._any("sql")
        if node is None:
            return None
        node.materialized = self.random.choice(MATERIALIZED)
        return f"{node.name} {node.materialized}"

    def change_schema(self) -> str | None:
        node = self._any("sql", "python", "seed")
        if node is None:
            return None
        node.schema = self._another(SCHEMAS, node.schema)
        return f"{node.name} {node.schema}"

    def change_alias(self) -> str | None:
        node = self._any("sql", "python", "seed")
        if node is None:
            return None
        others = [other.name for other in [*self.project.nodes, *self.removed] if other.kind != "source"]
        node.alias = self._another((None, "x", "y", *others), node.alias)
        return f"{node.name} {node.alias}"

    def swap_places(self) -> str | None:
        one, other = self._any("sql", "python"), self._any("sql", "python")
        if one is None or other is None or one is other:
            return None
        (one.schema, one.alias), (other.schema, other.alias) = self.project.relation(other), self.project.relation(one)
        return f"{one.name} {other.name}"

    def take_place(self) -> str | None:
        """One stands where the other stood, which is gone or elsewhere."""
        one, other = self._any("sql", "python"), self._any("sql", "python", "seed")
        if one is None or other is None or one is other:
            return None
        one.schema, one.alias = self.project.relation(other)
        if self.random.random() < 0.5:
            other.alias, other.schema = f"{other.name}_elsewhere", None
        else:
            self._remove(other)
        return f"{one.name} {other.name}"

    def change_defaults(self) -> str:
        folder = self.random.choice(FOLDERS[1:])
        config = {}
        if self.random.random() < 0.6:
            config["materialized"] = self.random.choice(("view", "table", "ephemeral"))
        if self.random.random() < 0.4:
            config["schema"] = self.random.choice(("one", "two"))
        self.project.defaults[folder] = config
        return f"{folder} {config}"

    def rename(self) -> str | None:
        node = self._any("sql", "python", "object", "seed", "source")
        if node is None:
            return None
        before, node.name = node.name, self._name(node.name[0])
        return f"{before} {node.name}"

    def move(self) -> str | None:
        node = self._any("sql", "python", "object")
        if node is None:
            return None
        node.folder = self._another(FOLDERS, node.folder)
        if node.module:
            node.module = f"py_{self.random.randint(1, 3)}"
        return f"{node.name} {node.folder}"

    def remove(self) -> str | None:
        if len(self.project.nodes) < 4:
            return None
        return self._remove(self.random.choice(self.project.nodes[1:]))

    def _remove(self, node: Node) -> str | None:
        if self.project.nodes.index(node) == 0:
            return None
        readers = self.project.readers(node)
        self.project.nodes.remove(node)
        self.removed.append(copy.deepcopy(node))
        for reader in readers:
            if node.kind == "object":
                self._choose_shape(reader)
            self._choose_reads(reader)
        return node.name

    def revive(self) -> str | None:
        """What was removed comes back, as it was where that can be."""
        if not self.removed or len(self.project.nodes) >= LARGEST_PROJECT:
            return None
        node = copy.deepcopy(self.random.choice(self.removed))
        by_name = {other.name: other for other in self.project.nodes}
        if node.name in by_name:
            return None
        node.reads = [by_name.get(upstream.name) for upstream in node.reads]
        if node.kind in ("seed", "source"):
            self.project.nodes.insert(1, node)
            return node.name
        self.project.nodes.append(node)
        if None in node.reads or node.shape in functions.READ_OBJECTS:
            self._choose_shape(node)
            self._choose_reads(node)
        return node.name

    def undo(self) -> str | None:
        """The project as it was at some time before."""
        back = self.random.choice((1, 1, 2, 3, 5))
        if len(self.past) <= back:
            return None
        self.project = copy.deepcopy(self.past[-1 - back])
        return f"{back}"

    # Edits of data.

    def change_rows(self) -> str | None:
        node = self._any("seed", "source")
        if node is None:
            return None
        part = self.random.choice(list(node.data))
        rows = node.data[part]
        match self.random.randint(0, 3):
            case 0 if len(rows) > 1:
                rows.pop(self.random.randint(1, len(rows) - 1))
            case 1 if len(rows) > 1:
                rows[self.random.randint(1, len(rows) - 1)] = self._row()
            case 2:
                self.random.shuffle(rows)
            case _:
                rows.append(self._row())
        return f"{node.name} {part} {rows}"

    def change_parts(self) -> str | None:
        parted = [node for node in self.project.nodes if node.shape == "parts" and node.kind == "source"]
        if not parted:
            return None
        node = self.random.choice(parted)
        if len(node.data) > 1 and self.random.random() < 0.5:
            return f"{node.name} without {node.data.popitem()[0]}"
        part = self._another(("a", "b", "c", "d"), None)
        node.data[str(part)] = self._rows()
        return f"{node.name} with {part}"

    def change_options(self) -> str | None:
        node = self._any("seed", "source")
        if node is None or node.shape == "parquet":
            return None
        key, values = ("k", TYPES) if node.kind == "seed" else ("delim", (";", "|"))
        node.options = {} if node.options and self.random.random() < 0.4 else {key: self.random.choice(values)}
        return f"{node.name} {node.options}"

    # Edits that fail, until they are mended.

    def break_(self) -> str | None:
        node = self._any("sql", "python", "object")
        if node is None:
            return None
        node.broken = self.random.choice(["runtime"] * 3 + ["binder"] * 3 * (node.kind == "sql") + ["compile"])
        return f"{node.name} {node.broken}"

    # What has no meaning.

    def note_in_code(self) -> str:
        node = self._any("sql", "python", "object") or self.project.nodes[0]
        node.noise = self.random.randint(1, 1000)
        return f"{node.name} {node.noise}"

    def note_in_file(self) -> str:
        assets = [node for node in self.project.nodes if node.module]
        modules = [f"models/{node.folder}/{node.module}.py".replace("//", "/") for node in assets]
        file = self.random.choice(["toml", "properties", "sources", "macros", "helpers", "tools", *modules])
        self.project.noise[file] = self.random.randint(1, 1000)
        return f"{file} {self.project.noise[file]}"

    def describe(self) -> str:
        node = self.random.choice(self.project.nodes)
        node.description, node.tags = f"Note {self.random.randint(1, 9)}.", self.random.choice(([], ["x"], ["x", "y"]))
        return node.name

    def move_config(self) -> str:
        node = self._any("sql", "python", "object") or self.project.nodes[0]
        node.in_yaml = not node.in_yaml
        return node.name

    def touch(self) -> str:
        path = self.random.choice(sorted(self.project.files()))
        self.touched.add(path)
        return path


NOISE: list[Callable[[Author], str]] = [
    Author.note_in_code,
    Author.note_in_code,
    Author.note_in_file,
    Author.note_in_file,
    Author.describe,
    Author.move_config,
    Author.touch,
]
EDITS: list[Callable[[Author], str | None]] = [
    *NOISE,
    *[Author.add] * 4,
    *[Author.change_number] * 4,
    *[Author.change_shape] * 2,
    *[Author.change_reads] * 2,
    Author.change_style,
    *[Author.change_helper] * 2,
    *[Author.change_macro] * 2,
    *[Author.change_variable] * 2,
    Author.change_command_variable,
    *[Author.change_materialized] * 2,
    Author.change_schema,
    *[Author.change_alias] * 2,
    Author.swap_places,
    *[Author.take_place] * 2,
    Author.change_defaults,
    *[Author.rename] * 2,
    Author.move,
    *[Author.remove] * 2,
    *[Author.revive] * 2,
    *[Author.undo] * 5,
    *[Author.change_rows] * 4,
    *[Author.change_parts] * 2,
    Author.change_options,
    *[Author.break_] * 2,
]
