"""Builds with checks that are killed, stopped, locked out or short of disk; and what a reader sees meanwhile.

`DOVETAIL_KILLS` is how many builds are killed (default: 20), `DOVETAIL_KILL_SEED` when (default: 1).
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import time

import duckdb
import pytest
from conftest import COMMAND, Project
from test_killed import KILLS, SEED, command, database

ROWS = 20_000
#: What is published in every generation, and what in even ones alone: a check says so.
FREE = ["base", "free"]
GUARDED = ["guarded", "related", "below"]
OBJECT = "fitted"
#: The checks that guard each asset.
CHECKS = {
    "base": {"not_null_base_i", "unique_base_i", "whole"},
    "free": {"expression_free_g_2_0"},
    "guarded": {"even"},
    "related": {"expression_related_g_2_0", "as_base"},
    OBJECT: {"fits"},
}

PYTHON = """
from dovetail import Relation, Result, asset, check


@asset
def related(base: Relation) -> Relation:
    return base.filter("i % 2 = 0")


@asset(materialized="object")
def fitted(base: Relation):
    g = base.aggregate("max(g)").fetchone()[0]
    return Result({"g": g}, metadata={"g": g})


@check("base")
def whole(base: Relation):
    return base.aggregate("count(*) as n, min(g) as lo, max(g) as hi").filter("lo <> hi")


@check("guarded")
def even(guarded: Relation):
    return guarded.filter("g % 2 = 1")


@check("related")
def as_base(related: Relation, base: Relation):
    return related.query("r", "select g from r where g not in (select g from base)")


@check("fitted")
def fits(fitted):
    assert fitted["g"] % 2 == 0, "the model is odd"
"""

PROPERTIES = """
models:
  - {name: base, columns: [{name: i, data_tests: [unique, not_null]}]}
  - {name: free, data_tests: [{expression: {expression: g % 2 = 0, config: {severity: warn}}}]}
  - {name: related, data_tests: [{expression: g % 2 = 0}]}
"""


def write(project: Project) -> None:
    project.write("models/base.sql", f"select {{{{ var('g', 0) }}}}::bigint as g, range as i from range({ROWS})")
    project.write("models/free.sql", "select g, i, md5(i::varchar) as h from base")
    project.write("models/guarded.sql", "select g, i + g as i from base")
    project.write("models/below.sql", "select r.g, r.i from guarded g join related r on g.i = r.i + r.g")
    project.write("models/py.py", PYTHON)
    project.write("models/p.yml", PROPERTIES)


class World:
    """What a database holds."""

    def __init__(self, project: Project) -> None:
        self.tables: dict[str, tuple[int, int, int]] = {}
        self.made: dict[str, list[dict]] = {}
        self.checks: list[dict] = []
        if not database(project).exists():
            return
        found = project.query("select table_schema as s, table_name as t from information_schema.tables")
        names = {(row["s"], row["t"]) for row in found}
        queries = ["select '' as what, null as lo, null as hi, null as n, '' as text where false"]
        standing = [name for name in [*FREE, *GUARDED] if ("main", name) in names]
        queries += [f"select '{name}', min(g), max(g), count(*), '' from {name}" for name in standing]
        if ("dovetail", "checks") in names:
            queries += [
                "select 'made', null, null, rowid, to_json(m)::varchar from dovetail.materializations m",
                "select 'check', null, null, rowid, to_json(c)::varchar from dovetail.checks c",
            ]
        for row in project.query(f"from ({' union all '.join(queries)}) order by what, n"):
            if row["what"] == "made":
                record = json.loads(row["text"])
                record["details"] = as_object(record["details"])
                self.made.setdefault(record["asset"], []).append(record)
            elif row["what"] == "check":
                record = json.loads(row["text"])
                record["details"] = as_object(record["details"])
                self.checks.append(record)
            else:
                self.tables[row["what"]] = (row["lo"], row["hi"], row["n"])

    def generation(self, asset: str) -> int | None:
        """Of what stands, as the data says; of the object, as its record does."""
        if asset == OBJECT:
            made = self.made.get(OBJECT)
            return as_object(made[-1]["metadata"])["g"] if made else None
        return self.tables[asset][0] if asset in self.tables else None

    def agrees(self) -> None:
        """What stands is whole and lets its checks pass, and the state tells exactly that."""
        for name, (lo, hi, n) in self.tables.items():
            assert lo == hi and n == (ROWS // 2 if name in ("related", "below") else ROWS), f"{name}: {self.tables}"
            assert name in self.made, f"{name} stands without a record"
        for name in [*GUARDED, OBJECT]:
            assert self.generation(name) in (None, 0, 2, 4), f"{name} is published against its check"
        assert {name for name in self.made if name != OBJECT} <= self.tables.keys()
        # Every version that was published was let pass by each of its checks in the same run, and a check that is
        # said to be of something published has the version of it that its run has published.
        published = {(made["run"], name, version(made)) for name, all_made in self.made.items() for made in all_made}
        passed = set()
        for record in self.checks:
            [name] = [name for name, names in CHECKS.items() if record["check_name"] in names]
            assert record["asset"] == name
            if record["is_of_published"] == 1:
                assert record["status"] in ("passed", "warned") if name == "free" else record["status"] == "passed"
                of = (record["run"], name, record["details"]["inputs"][name]["data"])
                assert of in published, f"{record} is of nothing that was published"
                passed.add((*of, record["check_name"]))
            else:
                assert record["status"] in ("failed", "passed"), record
        expected = {(*of, check) for of in published for check in CHECKS.get(of[1], ())}
        assert passed == expected, f"{expected - passed} was published without being asked"


def as_object(value: str | dict) -> dict:
    return json.loads(value) if isinstance(value, str) else value


def version(made: dict) -> str:
    return made["details"]["data_version"]


def kill(project: Project, arguments: list[str], after: float, code: int) -> bool:
    """Kills a command after so many seconds; false where it was faster, and ended with this code."""
    process = subprocess.Popen(
        [COMMAND, *arguments], cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == code
    return False


def test_killed_at_any_instant(project: Project) -> None:
    write(project)
    chance = random.Random(SEED)
    started = time.monotonic()
    project.dovetail(*command(["build"], 0))
    longest = 1.1 * (time.monotonic() - started)
    World(project).agrees()
    turn = hit = odd = 0
    stands = 0
    while hit < KILLS:
        atomic = turn % 2 == 1
        turn += 1
        if turn % 10 >= 8:
            for file in project.root.glob("*.duckdb*"):
                file.unlink()
        before = World(project)
        generation = chance.choice([number for number in range(5) if number != stands])
        arguments = [chance.choice(["build", "reconcile"]), *(["--atomic"] if atomic else [])]
        killed = kill(project, command(arguments, generation), chance.uniform(0, longest), generation % 2)
        hit += killed
        odd += killed and generation % 2
        world = World(project)
        world.agrees()
        if atomic and before.tables:
            found = {name: world.generation(name) for name in [*FREE, *GUARDED, OBJECT]}
            old = {name: before.generation(name) for name in found}
            assert found == old or (generation % 2 == 0 and set(found.values()) == {generation}), found
        # Where checks fail, this builds what they let pass; then all of an even generation is built.
        project.dovetail(*command(["reconcile"], generation), code=generation % 2)
        world = World(project)
        world.agrees()
        assert world.generation("base") == world.generation("free") == generation
        stands = generation + generation % 2
        if stands != generation:
            project.dovetail(*command(["reconcile"], stands))
            world = World(project)
            world.agrees()
        assert {world.generation(name) for name in [*FREE, *GUARDED, OBJECT]} == {stands}
        assert "nothing to do" in project.dovetail("reconcile", "--vars", f"g={stands}").stderr
    assert odd or KILLS < 10
    print(f"{hit} of {turn} builds killed, {odd} of these with checks that fail")


HELD = """
import pathlib
import time

from dovetail import Relation, asset, check, sql


@check("orders")
def slow(orders: Relation, customers: Relation):
    found = orders.query("o", "select g from o where g in (select g from customers) and g = 3")
    if pathlib.Path("hold").exists():
        pathlib.Path("held").touch()
        {wait}
    return found


@asset
def below(orders: Relation):
    return orders
"""
WAITS = {
    "in python": "while True: time.sleep(0.01)",
    "in a query": "sql('select count(*) from range(100000000) a, range(100000000) b where a.range % 7 = 9').fetchall()",
}


def held(project: Project, wait: str) -> None:
    """A project at generation 1 whose check never ends."""
    project.write("models/orders.sql", "select {{ var('g', 1) }}::bigint as g, range as i from range(3)")
    project.write("models/customers.sql", "select {{ var('g', 1) }}::bigint as g")
    project.write("models/py.py", HELD.format(wait=WAITS[wait]))
    project.write("models/p.yml", "models: [{name: orders, columns: [{name: i, data_tests: [unique]}]}]")
    project.dovetail("build")


def build_and_wait(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """A build of generation 2, in the middle of its check."""
    (project.root / "hold").touch()
    process = subprocess.Popen(
        [COMMAND, "build", "--vars", "g=2", "--threads", "2", *arguments],
        cwd=project.root,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (project.root / "held").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    (project.root / "hold").unlink()
    return process


def records(project: Project) -> list[dict]:
    return project.query("select run, check_name, asset, status, is_of_published from dovetail.checks order by all")


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_of_a_check(project: Project, wait: str, how: signal.Signals, atomic: bool) -> None:
    held(project, wait)
    before = records(project)
    process = build_and_wait(project, *(["--atomic"] if atomic else []))
    process.send_signal(how)
    said = process.communicate()[1]
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130), said
    assert project.query("select distinct o.g, b.g as below from orders o, below b") == [{"g": 1, "below": 1}]
    assert project.query("from customers") == [{"g": 1 if atomic else 2}]
    # What was not answered is not known, and what was not published was not let pass.
    assert records(project) == before
    assert project.dovetail("status", "--vars", "g=2", code=1).stdout.startswith("below")
    project.dovetail("reconcile", "--vars", "g=2", *(["--atomic"] if atomic else []))
    assert project.query("select distinct o.g, b.g as below from orders o, below b") == [{"g": 2, "below": 2}]
    project.dovetail("status", "--vars", "g=2")


def test_the_database_is_locked(project: Project) -> None:
    held(project, "in python")
    before = records(project)
    with duckdb.connect(str(database(project))):
        for arguments in (["build", "--vars", "g=2"], ["test"], ["show", "--failures", "slow"]):
            result = project.dovetail(*arguments, code=2)
            assert "error[DT0702]" in result.stderr, result.stderr
    assert records(project) == before and project.query("select distinct g from orders") == [{"g": 1}]
    # A build in the middle of a check holds it too, and who waits reads what it published.
    process = build_and_wait(project)
    assert "error[DT0702]" in project.dovetail("test", code=2).stderr
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    project.dovetail("test", "--wait=60")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("atomic", [False, True])
def test_a_disk_that_is_full_after_the_checks(project: Project, atomic: bool, fails: bool) -> None:
    """The disk ends where the table is written down, or where the rows are that fail."""
    project.write(
        "models/large.sql",
        "select {{ var('g', 1) }}::bigint as g, range as i, "
        "(select string_agg(md5((i * 1000 + n)::varchar), '') from range({{ var('width', 1) }}) w(n)) as h "
        "from range(150)",
    )
    project.write("models/beside.sql", "select {{ var('g', 1) }} as g")
    text = "from dovetail import Relation, check\n\n\n@check('large')\ndef small(large: Relation):\n"
    project.write("models/py.py", f"{text}    return large.filter('g > {1 if fails else 2}')\n")
    build = ["build", *(["--atomic"] if atomic else [])]
    project.dovetail(*build)
    before = records(project)
    assert [record["status"] for record in before] == ["passed"]
    log = database(project).with_suffix(".duckdb.wal")
    limit = (log.stat().st_size if log.exists() else 0) + (40_000 if fails else 200_000)
    result = subprocess.run(
        [COMMAND, *build, "--vars", "{g: 2, width: 300}"],
        cwd=project.root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=300,
    )
    # What a check has found is lost with the disk, and that is told.
    assert result.returncode == (2 if fails else 1), result.stderr
    assert "File too large" in result.stderr, result.stderr
    assert ("how the run ended cannot be written down" in result.stderr) == fails, result.stderr
    assert project.query("select distinct g from large") == [{"g": 1}], result.stderr
    assert [record for record in records(project) if record["is_of_published"] == 1] == before, result.stderr
    project.dovetail("test")
    answers = project.dovetail(*build, "--vars", "{g: 2, width: 300}", code=int(fails)).stderr
    assert ("`small` fails" in answers) == fails
    assert project.query("select distinct g from large") == [{"g": 1 if fails else 2}]


POLL = """
import pathlib
import time

import dovetail
from dovetail import Context, Relation, asset, check


def touch(name):
    pathlib.Path(name).touch()


def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.002)


@check("orders")
def good(orders: Relation):
    found = orders.filter("g = 2").fetchall()
    # The reader looks while the new rows are there, and are read here.
    touch("checking")
    if pathlib.Path("polls").exists():
        wait_for("polled")
    return len(found) == 0


@asset(inputs={{"published": "outside.orders"}})
def reader(published: Relation, context: Context):
    if not pathlib.Path("polls").exists():
        return dovetail.sql("select 0 as g")
    wait_for("checking")
    found = []

    def poll():
        [(g, lo, n)] = {read}.fetchall()
        found.append((g, lo, n))

    for _ in range(20):
        poll()
    touch("polled")
    {until}
    return context.sql("from (values " + ", ".join(map(str, found)) + ") t(g, lo, n)")


@asset
def below(orders: Relation):
    touch("below")
    return orders


@asset(deps=["orders"])
def after(orders: Relation):
    return orders


@asset
def last(customers: Relation):
    return customers
"""
READ = {
    "by a query": 'dovetail.sql("select max(g), min(g), count(*) from orders")',
    "by context": 'context.sql("select max(g), min(g), count(*) from main.orders")',
    "as a source": "published.aggregate('max(g), min(g), count(*)')",
}


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_reader_never_sees_what_fails(project: Project, read: str, kind: str) -> None:
    """An asset of the same run polls what is published, on a connection of its own, while the check is asked."""
    configured = f"{{{{ config(materialized='{kind}') }}}}"
    project.write(
        "models/orders.sql", f"{configured} select {{{{ var('g', 1) }}}}::bigint as g, range as i from range(1000)"
    )
    project.write("models/customers.sql", "select 1 as id")
    # What stands there is a table of others to this reader, so it waits for nobody.
    source = "{name: outside, schema: main, tables: [{name: orders, observe: off}]}"
    project.write("models/p.yml", f"sources: [{source}]")

    def build(generation: int, until: str, code: int) -> set[tuple[int, int, int]]:
        for name in ("checking", "polled", "below"):
            (project.root / name).unlink(missing_ok=True)
        project.write("models/py.py", POLL.format(read=READ[read], until=until))
        project.dovetail("build", "--vars", f"g={generation}", "--threads", "3", code=code)
        return {(row["g"], row["lo"], row["n"]) for row in project.query("from reader")}

    project.dovetail("run")
    project.write("models/py.py", POLL.format(read=READ[read], until="pass"))
    project.dovetail("build")
    (project.root / "polls").touch()
    # While the check says no, and long after it has.
    assert build(2, "for _ in range(300): poll(); time.sleep(0.002)", 1) == {(1, 1, 1000)}
    assert not (project.root / "below").exists()
    # The control: what is good is seen by the same reader, after the old and never mixed with it.
    assert build(3, "while found[-1][0] == 1: poll()", 0) == {(1, 1, 1000), (3, 3, 1000)}
    assert (project.root / "below").exists()
