"""On random projects with random edits, `reconcile` leaves what building everything from nothing leaves.

Each sequence makes a project and edits it again and again: code in both languages, helpers, macros, variables, config,
data, names, places; things fail and are mended, tables are dropped by hand, parts are run by themselves, processes are
killed. After each step

- `plan` says beforehand what `reconcile` then does, and no more than what the edits can have changed,
- a second `reconcile` does nothing, and `status` calls everything fresh,
- all tables, views and objects are those of a copy of the project that was built from nothing: rows, names and types.

`DOVETAIL_EDIT_SEQUENCES=2000` runs so many of them, from `DOVETAIL_SEQUENCES_FROM` on; `DOVETAIL_SEQUENCE=17` the one
of that number alone.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from edits.model import Node, Project
from edits.process import Database, Said, dovetail_in, forked
from edits.steps import Author

ONE = os.environ.get("DOVETAIL_SEQUENCE")
FIRST = int(os.environ.get("DOVETAIL_SEQUENCES_FROM", "1"))
SEQUENCES = [int(ONE)] if ONE else list(range(FIRST, FIRST + int(os.environ.get("DOVETAIL_EDIT_SEQUENCES", "8"))))
STEPS = 4

#: What a run says that is not begun since its check found something wrong.
REFUSED = "nothing was built"


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_reconciling_gives_what_building_anew_gives(sequence: int, tmp_path: Path) -> None:
    work, problem = Work(tmp_path, random.Random(sequence)), ""
    try:
        work.begin()
        for _ in range(STEPS):
            work.step()
    except AssertionError as error:
        problem = str(error)
    if problem:
        story = "\n".join(work.story)
        pytest.fail(f"{problem}\n{story}\nDOVETAIL_SEQUENCE={sequence} repeats it", pytrace=False)
    shutil.rmtree(tmp_path)


@dataclass
class Content:
    """All that a database holds."""

    #: Types and rows, by place.
    relations: dict[tuple[str, str], str] = field(default_factory=dict)
    #: What is stored, by asset.
    objects: dict[str, object] = field(default_factory=dict)
    #: The newest data version, by asset.
    versions: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Before:
    """What is done before a step's `reconcile`."""

    #: Statements by another program.
    by_hand: list[str] = field(default_factory=list)
    #: Commands for parts of the project.
    commands: list[list[str]] = field(default_factory=list)
    #: After how many seconds a first `reconcile` is killed.
    kill_after: float | None = None


@dataclass
class Done:
    """What came of a step."""

    plan: Said
    reconcile: Said
    #: Of a second `reconcile`, and of `status`: one of them, since both ask the same function.
    again: Said | None
    status: Said | None
    #: The check before the run refused it, and it was run all the same.
    is_refused: bool = False


class Work:
    """A project that is edited, with all that was said and found."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.random = chance
        self.author = Author(chance)
        self.kept, self.anew = folder / "kept" / "project", folder / "anew" / "project"
        self.story: list[str] = []
        #: Of what is known to be up to date: its meaning and its files, by name.
        self.known: dict[str, tuple[str, str]] = {}
        self.content = Content()
        #: What another program changed since the project compiled.
        self.dirty: set[str] = set()
        self.steps = 0

    @property
    def project(self) -> Project:
        return self.author.project

    def begin(self) -> None:
        self.author.begin()
        self.story.append(f"a new project: {[node.name for node in self.project.nodes]}")
        self.reconcile(Before())

    def step(self) -> None:
        self.steps += 1
        self.story.append(f"step {self.steps}")
        for node in self.project.nodes:
            if node.broken and self.random.random() < 0.7:
                node.broken = None
                self.story.append(f"  mended: {node.name}")
        if self.random.random() < 0.15:
            edits = [self.author.edit_noise() for _ in range(self.random.randint(1, 4))]
        else:
            edits = [self.author.edit() for _ in range(self.random.choice((1, 1, 1, 2, 2, 3, 5)))]
        self.story += [f"  {edit}" for edit in edits]
        before = Before()
        if self.random.random() < 0.15:
            self.by_hand(before)
        if self.random.random() < 0.2:
            before.commands = [self.part() for _ in range(self.random.randint(1, 2))]
        if self.random.random() < 0.1:
            before.kill_after = self.random.uniform(0.0, 0.1)
        self.story += [f"  by hand: {statement}" for statement in before.by_hand]
        self.story += [f"  {command}" for command in before.commands]
        self.story += [f"  killed after {before.kill_after:.3f} s"] if before.kill_after is not None else []
        self.reconcile(before)

    def by_hand(self, before: Before) -> None:
        """Another program drops, replaces or alters something."""
        places = {self.project.relation(node): node.name for node in self.project.persisted() if node.kind != "object"}
        standing = [place for place in places if place in self.content.relations]
        if not standing:
            return
        place = self.random.choice(standing)
        name = f'"{place[0]}"."{place[1]}"'
        is_view = self.content.relations[place].startswith("VIEW")
        drop = f"drop {'view' if is_view else 'table'} {name}"
        altered = [
            f"insert into {name} from {name} limit 1",
            f"alter table {name} add column if not exists by_hand integer",
        ]
        replaced = [drop, f"create {'table' if is_view else 'view'} {name} as select 1 as k, 'hand' as v"]
        redefined = [f"create or replace view {name} as select 1 as k, 'hand' as v"]
        others = [redefined] if is_view else [[one] for one in altered]
        before.by_hand = self.random.choice([[drop], replaced, *others])
        self.dirty.add(places[place])

    def part(self) -> list[str]:
        """A command for a part of the project, or for what is left over."""
        if self.random.random() < 0.2:
            return self.random.choice((["gc", "--yes"], ["gc", "--restore"], ["gc", "--empty", "--yes"]))
        name = self.random.choice([node.name for node in self.project.nodes if node.kind != "source"])
        select = self.random.choice((name, f"+{name}", f"{name}+"))
        command = self.random.choice(("run", "run", "reconcile"))
        return [command, "--select", select]

    def flags(self) -> list[str]:
        return [f"--vars={name}={value}" for name, value in self.project.command_variables.items()]

    def reconcile(self, before: Before) -> None:
        project, flags = self.project, self.flags()
        write(self.kept, project.files(), self.author.touched)
        self.author.touched.clear()
        shutil.rmtree(self.anew, ignore_errors=True)
        write(self.anew, project.files(), set())
        threads = self.random.randint(1, 4)
        if before.kill_after is not None:
            command = ["reconcile", *flags, f"--threads={threads}"]
            forked(lambda: dovetail_in(self.kept, *command).code, kill_after=before.kill_after)
        twice = self.random.random() < 0.3
        done = forked(lambda: reconciled(self.kept, before, flags, threads, twice))
        anew, is_now, should_be = forked(lambda: built_anew(self.anew, flags, self.kept))
        Check(self, before, done, anew, is_now, should_be).all()
        self.content = is_now


def write(root: Path, files: dict[str, bytes], touched: set[str]) -> None:
    """Makes a folder hold these files, and writes only what differs."""
    for folder in ("models", "seeds", "macros", "lib", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for file in (root / folder).rglob("*.*"):
            if file.is_file() and file.relative_to(root).as_posix() not in files and file.suffix != ".pyc":
                file.unlink()
    for path, data in files.items():
        file = root / path
        if path in touched or not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def reconciled(root: Path, before: Before, flags: list[str], threads: int, twice: bool) -> Done:
    """One step, in a forked process."""
    if before.by_hand:
        with Database(root / "project.duckdb") as database:
            for statement in before.by_hand:
                database.query(statement)
    for command in before.commands:
        said = dovetail_in(root, *command, *flags)
        assert said.code in (0, 1, 2), said
    plan = dovetail_in(root, "plan", "--output=json", *flags)
    reconcile = ["reconcile", "--log-format=json", f"--threads={threads}", *flags]
    said = dovetail_in(root, *reconcile)
    is_refused = REFUSED in said.stderr
    if is_refused:
        replanned = dovetail_in(root, "plan", "--output=json", *flags)
        assert (said.code, untimed(replanned)) == (2, untimed(plan)), f"refused, and not without traces: {said}"
        said = dovetail_in(root, *reconcile, "--no-check")
    if twice and said.code == 0:
        return Done(plan, said, dovetail_in(root, "reconcile", *flags), None, is_refused)
    return Done(plan, said, None, dovetail_in(root, "status", "--output=json", *flags), is_refused)


def untimed(plan: Said) -> list[tuple[str, str]]:
    return [(line["asset"], line["action"]) for line in plan.lines()]


def built_anew(root: Path, flags: list[str], kept: Path) -> tuple[Said, Content, Content]:
    """The project from nothing, in a forked process; and what both databases hold."""
    said = dovetail_in(root, "run", "--no-check", "--log-format=json", *flags)
    with Database() as database:
        return said, content(database, kept), content(database, root)


def content(database: Database, root: Path) -> Content:
    """What a project's database holds."""
    file, found = root / "project.duckdb", Content()
    if not file.exists():
        return found
    database.query(f"attach '{file}' (read_only); use project")
    tables = database.query(
        "select schema_name, table_name, false from duckdb_tables() where database_name = current_database()"
        " union all select schema_name, view_name, true from duckdb_views()"
        " where database_name = current_database() and not internal"
    )
    kinds = {(str(schema), str(table)): is_view for schema, table, is_view in tables if schema != "dovetail"}
    texts = columns_and_rows(database, list(kinds))
    found.relations = {
        place: ("VIEW\n" if kinds[place] == "true" else "TABLE\n") + text for place, text in texts.items()
    }
    for asset, payload in database.query("select asset, hex(payload) from dovetail.objects"):
        found.objects[str(asset)] = pickle.loads(bytes.fromhex(str(payload)))
    found.versions = dict(database.query("select asset, data_version from dovetail.assets"))
    database.query("use memory; detach project")
    return found


def columns_and_rows(database: Database, places: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Names and types of columns, and the rows in an order that is theirs alone."""
    queries = []
    for number, (schema, table) in enumerate(places):
        relation = f'"{schema}"."{table}"'
        queries.append(
            f"select {number} as number, '' as types, t::varchar as line from {relation} t"
            f" union all select {number}, concat_ws(' ', row_number() over (), column_name, column_type), null"
            f" from (describe {relation})"
        )
    try:
        lines = database.query(" union all ".join(queries) + " order by all") if queries else []
    except RuntimeError as error:
        # One is a view of something that is no part of the project any more, or could not be built.
        if len(places) == 1:
            return {places[0]: str(error)}
        return {place: text for one in places for place, text in columns_and_rows(database, [one]).items()}
    found: dict[tuple[str, str], list[str]] = {place: [] for place in places}
    for number, types, line in lines:
        found[places[int(str(number))]].append(f"{types} {line}")
    return {place: "\n".join(texts) for place, texts in found.items()}


@dataclass
class Check:
    """What must hold after a step."""

    work: Work
    before: Before
    done: Done
    anew: Said
    is_now: Content
    should_be: Content

    def all(self) -> None:
        broken = {node.broken for node in self.work.project.nodes}
        assert self.anew.code == (2 if "compile" in broken else 1 if broken - {None} else 0), self.anew.stderr
        if self.anew.code == 2:
            self.nothing_happened()
            return
        if self.done.is_refused:
            assert "binder" in broken, "refused, and every query can run"
        assert self.done.reconcile.code == self.anew.code, f"{self.done.reconcile.stderr}\n{self.anew.stderr}"
        self.plan_was_right()
        self.plan_was_no_more_than_needed()
        if self.done.reconcile.code != 0:
            self.the_failed_kept_theirs()
        if self.done.again is not None:
            assert "nothing to do" in self.done.again.stderr, f"a second reconcile: {self.done.again.stderr}"
        if self.done.status is not None:
            self.status_is_fresh(self.done.status)
        self.content_is_equal()
        self.remember()

    def nothing_happened(self) -> None:
        """The project does not compile: no command does anything."""
        done = self.done
        assert (done.plan.code, done.reconcile.code, done.status and done.status.code) == (2, 2, 2), done
        if not self.before.by_hand:
            # A view shows what its files hold now.
            was = {place: text for place, text in self.work.content.relations.items() if text[0] == "T"}
            is_now = {place: text for place, text in self.is_now.relations.items() if text[0] == "T"}
            assert (is_now, self.is_now.objects) == (was, self.work.content.objects)

    @property
    def outcomes(self) -> dict[str, str]:
        return self.done.reconcile.outcomes() if self.planned else {}

    @property
    def planned(self) -> dict[str, str]:
        return {line["asset"]: line["action"] for line in self.done.plan.lines()}

    @property
    def built(self) -> set[str]:
        """Names of what building from nothing built."""
        return {asset for asset, status in self.anew.outcomes().items() if status == "materialized"}

    def plan_was_right(self) -> None:
        assert set(self.planned) == set(self.outcomes), f"planned {self.planned}, did {self.outcomes}"
        for asset, action in self.planned.items():
            outcome = self.outcomes[asset]
            otherwise = "failed" if action == "build" else "unchanged"
            may_be = ("materialized", "skipped", otherwise)
            assert outcome in may_be, f"{asset}: planned to {action}, and it was {outcome}"

    def changed(self) -> set[str]:
        """What the edits can have changed by themselves."""
        project = self.work.project
        now = {node.name: (project.meaning(node), project.content(node)) for node in project.persisted()}
        return {name for name, key in now.items() if self.work.known.get(name) != key} | self.work.dirty

    def plan_was_no_more_than_needed(self) -> None:
        project, changed = self.work.project, self.changed()
        below = project.below(changed)
        for asset, action in self.planned.items():
            is_certain = action == "build" and not self.before.commands and self.before.kill_after is None
            allowed = changed if is_certain else changed | below
            assert asset in allowed, (
                f"{asset}: planned to {action}, and nothing of it was edited: {self.done.plan.stdout}"
            )
        if self.before.commands or self.before.kill_after is not None:
            return
        differs = {
            node.name
            for node in project.nodes
            if node.name in changed or self.holds(node, self.is_now) != self.holds(node, self.work.content)
        }
        for node in project.nodes:
            if self.planned.get(node.name) == "check" and self.outcomes[node.name] == "materialized":
                assert any(upstream.name in differs or self.shows(upstream, differs) for upstream in node.reads), (
                    f"{node.name} was built, though what it reads came out as it was"
                )

    def shows(self, node: Node, differs: set[str]) -> bool:
        """Whether something that is read by way of views and ephemeral models differs."""
        if self.work.project.materialized(node) not in ("view", "ephemeral"):
            return False
        return any(upstream.name in differs or self.shows(upstream, differs) for upstream in node.reads)

    def holds(self, node: Node, content: Content) -> object:
        if node.kind == "object":
            return content.objects.get(node.name)
        return content.relations.get(self.work.project.relation(node))

    def the_failed_kept_theirs(self) -> None:
        for node in self.work.project.persisted():
            if node.name in self.built or node.kind == "object" or node.name in self.work.dirty or self.before.commands:
                continue
            place = self.work.project.relation(node)
            was_table = self.work.content.relations.get(place, "VIEW").startswith("TABLE")
            if was_table and self.outcomes.get(node.name) in ("failed", "skipped"):
                assert self.is_now.relations.get(place) == self.work.content.relations[place], (
                    f"{node.name} was not built, and yet it changed"
                )

    def status_is_fresh(self, status: Said) -> None:
        persisted = self.work.project.persisted()
        states = {line["asset"]: line for line in status.lines() if line["state"] != "orphaned"}
        assert set(states) == {node.name for node in persisted}, states
        for name in self.built:
            assert states[name]["state"] == "fresh", states[name]
        orphans = [line.get("relation") for line in status.lines() if line["state"] == "orphaned"]
        declared = {self.work.project.relation(node) for node in persisted if node.kind != "object"}
        assert not {f'"{schema}"."{name}"' for schema, name in declared} & set(orphans), orphans
        is_fresh = not orphans and all(line["state"] == "fresh" for line in states.values())
        assert status.code == (0 if is_fresh else 1)

    def content_is_equal(self) -> None:
        for node in self.work.project.persisted():
            if node.name not in self.built:
                continue
            is_now, should_be = self.holds(node, self.is_now), self.holds(node, self.should_be)
            problem = f"{node.name} is\n{is_now}\nbut should be\n{should_be}"
            assert should_be is not None and is_now == should_be, problem
            versions = self.is_now.versions.get(node.name), self.should_be.versions.get(node.name)
            assert versions[0] == versions[1] or node.kind == "object", f"{node.name} has data versions {versions}"

    def remember(self) -> None:
        project = self.work.project
        self.work.dirty -= self.built
        for node in project.persisted():
            if node.name in self.built:
                self.work.known[node.name] = project.meaning(node), project.content(node)
            else:
                self.work.known.pop(node.name, None)
        # What is not there now, or is ephemeral, may have become old when it comes back.
        names = {node.name for node in project.persisted()}
        self.work.known = {name: key for name, key in self.work.known.items() if name in names}
