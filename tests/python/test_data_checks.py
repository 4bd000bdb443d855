"""Checks of data in whole builds: what fails one is never published, whatever it is of and however it is asked."""

from __future__ import annotations

import json

import pytest
from conftest import Project

#: What is checked, in each form that an asset may have: its file and text, at generation `{g}`.
SUBJECTS = {
    "sql": ("models/subject.sql", "select {g}::bigint as g, range as i from range(3)"),
    "view": (
        "models/subject.sql",
        "{{{{ config(materialized='view') }}}} select {g}::bigint as g, range as i from range(3)",
    ),
    "seed": ("seeds/subject.csv", "g,i\n{g},0\n{g},1\n{g},2\n"),
    "python": (
        "models/subject.py",
        "import pyarrow as pa\nfrom dovetail import asset\n\n\n@asset\ndef subject():\n"
        "    return pa.table({{'g': [{g}] * 3, 'i': [0, 1, 2]}})\n",
    ),
    "object": (
        "models/subject.py",
        "from dovetail import asset\n\n\n@asset(materialized='object')\ndef subject():\n    return {{'g': {g}}}\n",
    ),
}

OF_TABLE = """
import polars as pl
from dovetail import asset, check


@check("subject", severity="{severity}")
def fits(subject: pl.DataFrame) -> pl.DataFrame:
    return subject.filter(pl.col("g") > 1)


@asset
def below(subject: pl.LazyFrame) -> pl.LazyFrame:
    return subject.select(pl.col("g").max())
"""

OF_OBJECT = """
import pyarrow as pa
from dovetail import asset, check


@check("subject", severity="{severity}")
def fits(subject):
    assert subject["g"] <= 1, "the model is off"


@asset
def below(subject):
    return pa.table({{"g": [subject["g"]]}})
"""

CHECKS = """
import polars as pl
import pandas as pd
import pyarrow as pa
import dovetail
from dovetail import CheckResult, Context, Relation, check
"""


def write(project: Project, kind: str, generation: int, severity: str = "error") -> None:
    path, text = SUBJECTS[kind]
    project.write(path, text.format(g=generation))
    project.write("models/checks.py", (OF_OBJECT if kind == "object" else OF_TABLE).format(severity=severity))
    project.write("models/beside.sql", f"select {generation} as g")
    project.write("models/further.sql", "select g + 0 as g from below")


def seen(project: Project) -> dict[str, list[str]]:
    """What readers see of each asset; nothing of what does not stand, or is staged."""
    among = "where table_schema = 'main' and table_name not like '%staged%'"
    found = project.query(f"select table_name as t from information_schema.tables {among}")
    queries = [f"select '{row['t']}' as name, to_json(t)::varchar as said from {row['t']} t" for row in found]
    queries.append("select asset, md5(payload) from dovetail.objects")
    world: dict[str, list[str]] = {}
    for row in project.query(f"from ({' union all '.join(queries)}) order by all"):
        world.setdefault(row["name"], []).append(row["said"])
    return world


def newest(project: Project, name: str) -> dict:
    """The newest record of a check."""
    query = "select status, is_of_published = 1 as published, failures from dovetail.checks where check_name = '{}'"
    return project.query(f"{query.format(name)} order by started_at desc, rowid desc limit 1")[0]


def asked(project: Project, *arguments: str, code: int | None = 0) -> dict[str, dict]:
    """The answers of a command, by check."""
    result = project.dovetail(*arguments, "--output", "json", code=code)
    return {answer["check"]: answer for answer in map(json.loads, result.stdout.splitlines())}


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("kind", SUBJECTS)
def test_what_fails_stays_as_it_was(project: Project, kind: str, atomic: bool) -> None:
    build = ["build", *(["--atomic"] if atomic else [])]
    # The first time nothing appears.
    write(project, kind, 2)
    result = project.dovetail(*build, code=1)
    beside = {} if atomic else {"beside": ['{"g":2}']}
    assert seen(project) == beside, result.stderr
    assert project.query("select asset from dovetail.assets") == [{"asset": name} for name in beside]
    write(project, kind, 1)
    project.dovetail(*build)
    before = seen(project)
    assert set(before) == {"subject", "below", "further", "beside"}
    write(project, kind, 2)
    result = project.dovetail(*build, code=1)
    assert seen(project) == {**before, **beside}, result.stderr
    assert "skipped below" in result.stderr and "skipped further" in result.stderr, result.stderr
    assert "`subject` is not published: `fits` fails" in result.stderr
    assert "models/checks.py:" in result.stderr
    failures = 1 if kind == "object" else 3
    assert newest(project, "fits") == {"status": "failed", "published": False, "failures": failures}
    shown = project.dovetail("show", "--failures", "fits", "--output", "csv")
    assert shown.stdout == ("" if kind == "object" else "g,i\n2,0\n2,1\n2,2\n")
    assert "of what was then not published" in shown.stderr
    # What stands is what the check lets pass, and is known to be stale.
    assert asked(project, "test")["fits"]["status"] == "passed"
    project.dovetail("status", code=1)
    # A warning is published.
    write(project, kind, 2, "warn")
    result = project.dovetail("reconcile", *build[1:])
    assert "warning[DT1001]: `fits` fails" in result.stderr and "1 warned" in result.stderr
    assert seen(project)["further"] == ['{"g":2}']
    assert newest(project, "fits") == {"status": "warned", "published": True, "failures": failures}
    project.dovetail("status")


@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("atomic", [False, True])
def test_two_inputs_of_which_one_is_built_in_the_same_run(project: Project, threads: str, atomic: bool) -> None:
    """The check is of `orders`, and reads `customers`, which nothing but the check asks to be there first."""
    project.write("models/customers.sql", "select unnest({{ var('customers', '[1, 2]') }}) as id")
    project.write("models/orders.sql", "select unnest({{ var('orders', '[1, 2]') }}) as customer")
    project.write("models/report.sql", "select count(*) as n from orders")
    text = f"""{CHECKS}
@check("orders")
def known(orders: pl.DataFrame, customers: pa.Table):
    return orders.join(pl.from_arrow(customers), left_on="customer", right_on="id", how="anti")


@check("orders")
def known_lazily(orders: Relation, customers: Relation):
    return orders.query("o", "select customer from o where customer not in (select id from customers)")
"""
    project.write("models/checks.py", text)
    build = ["build", "--threads", threads, *(["--atomic"] if atomic else [])]
    project.dovetail(*build)
    # Both change: each is right with the other alone.
    answers = asked(project, *build, "--vars", "{customers: '[7, 8]', orders: '[8, 7, 8]'}")
    assert {answer["status"] for answer in answers.values()} == {"passed"}
    assert project.query("from report") == [{"n": 3}]
    # One of them alone: what stands of the other is read.
    answers = asked(project, *build, "--select", "orders", "--vars", "orders=[1, 7]", code=1)
    assert {name: answer["failures"] for name, answer in answers.items()} == {"known": 1, "known_lazily": 1}
    assert project.query("select sum(customer)::int as s from orders") == [{"s": 23}]
    answers = asked(project, *build, "--vars", "{customers: '[7]', orders: '[7, 8]'}", code=1)
    assert {answer["status"] for answer in answers.values()} == {"failed"}
    assert project.query("select sum(customer)::int as s from orders") == [{"s": 23}]
    assert project.query("select sum(id)::int as s from customers") == [{"s": 15 if atomic else 7}]


READS = {
    "by_relation": ("", "orders: Relation", "orders.filter('g > 1')"),
    "by_query": ("", "orders: Relation", "orders.query('o', 'select g from orders where g > 1')"),
    "by_sql": ("", "orders", "dovetail.sql('select g from main.orders where g > 1')"),
    "by_context": ("", "orders, context: Context", "context.sql('with o as (from orders) from o where g > 1')"),
    "by_polars": ("", "orders: pl.DataFrame", "orders.filter(pl.col('g') > 1)"),
    "lazily": ("", "orders: pl.LazyFrame", "orders.filter(pl.col('g') > 1)"),
    "by_pandas": ("", "orders: pd.DataFrame", "orders[orders.g > 1]"),
    "by_arrow": ("", "orders: pa.Table", "orders.filter(pa.compute.greater(orders['g'], 1))"),
    "by_batch": ("", "orders: pa.RecordBatchReader", "(b.filter(pa.compute.greater(b['g'], 1)) for b in orders)"),
    "by_truth": ("", "orders: pl.DataFrame", "(orders['g'] <= 1).all()"),
    "by_result": ("", "orders: pd.DataFrame", "CheckResult(bool((orders.g <= 1).all()), orders[orders.g > 1])"),
    "later": ("async ", "orders: pl.DataFrame", "orders.filter(pl.col('g') > 1)"),
}


@pytest.mark.parametrize("atomic", [False, True])
def test_every_way_of_reading_sees_what_is_staged(project: Project, atomic: bool) -> None:
    project.write("models/orders.sql", "select {{ var('g', 1) }}::bigint as g, range as i from range(5000)")
    text = CHECKS + "import pyarrow.compute\n"
    for name, (manner, parameters, value) in READS.items():
        text += f"\n\n@check('orders')\n{manner}def {name}({parameters}):\n    return {value}\n"
    project.write("models/checks.py", text)
    build = ["build", *(["--atomic"] if atomic else [])]
    answers = asked(project, *build)
    assert {name: answer["failures"] for name, answer in answers.items()} == dict.fromkeys(READS, 0)
    answers = asked(project, *build, "--vars", "g=2", code=1)
    counts = {name: 1 if name == "by_truth" else 5000 for name in READS}
    assert {name: answer["failures"] for name, answer in answers.items()} == counts
    assert project.query("select distinct g from orders") == [{"g": 1}]
    # The same functions of what stands.
    answers = asked(project, "test")
    assert {name: answer["failures"] for name, answer in answers.items()} == dict.fromkeys(READS, 0)
    project.dovetail("run", "--vars", "g=2")
    answers = asked(project, "test", code=1)
    assert {name: answer["failures"] for name, answer in answers.items()} == counts
    for name in ("by_query", "by_truth", "by_batch"):
        alone = asked(project, "test", "--select", name, code=1)
        assert {**alone[name], "seconds": 0} == {**answers[name], "seconds": 0}


BROKEN = {
    "a_number": ("return 3", "the check returned an int, which is no verdict", "def a_number"),
    "a_series": ("return pl.Series([True])", "hint: `.all()` makes one `True` or `False`", "def a_series"),
    "raises": ("raise KeyError('gone')", "KeyError: 'gone'", "raise KeyError"),
    "raises_late": ("yield orders.head(0)\n    raise ValueError('late')", "ValueError: late", "raise ValueError"),
    "exits": ("import sys; sys.exit(0)", "`sys.exit(0)` was called", "import sys"),
    "misspells": ("return orders.fliter('x')", "AttributeError", "orders.fliter"),
    "queries": ("return dovetail.sql('select nope from orders')", '"nope" not found', "select nope"),
    "writes": ("return dovetail.sql('drop table orders')", "QueryError", "drop table"),
}


@pytest.mark.parametrize("atomic", [False, True])
def test_checks_that_are_broken_publish_nothing(project: Project, atomic: bool) -> None:
    project.write("models/orders.sql", "select {{ var('g', 1) }} as g")
    project.write("models/below.sql", "select * from orders")
    project.write("models/beside.sql", "select {{ var('g', 1) }} as g")
    imports = "import polars as pl\nimport dovetail\nfrom dovetail import check\n"
    project.dovetail("build")
    text = imports
    for name, (body, _, _) in BROKEN.items():
        # A warning does not make it less broken: nobody knows whether the data is right.
        text += f"\n\n@check('orders', severity='warn')\ndef {name}(orders: pl.DataFrame):\n    {body}\n"
    text += "\n\n@check('orders')\ndef other(orders):\n    return True\n"
    project.write("models/checks.py", text)
    lines = text.splitlines()
    result = project.dovetail("build", "--vars", "g=2", *(["--atomic"] if atomic else []), code=1)
    told = result.stderr.split("\nerror[")
    for name, (_, message, place) in BROKEN.items():
        [said] = [one for one in told if f"the check `{name}` failed" in one]
        [line] = [number for number, line in enumerate(lines, 1) if place in line]
        assert "DT1005]" in said and message in said and f"models/checks.py:{line}:" in said, said
        assert newest(project, name) == {"status": "broken", "published": False, "failures": None}
    assert f"1 passed, {len(BROKEN)} not answered" in result.stderr, result.stderr
    assert "skipped below" in result.stderr, result.stderr
    assert project.query("select o.g, b.g as below from orders o, below b") == [{"g": 1, "below": 1}]
    assert project.query("from beside") == [{"g": 1 if atomic else 2}]
    assert "could not be answered" in project.dovetail("show", "--failures", "raises").stderr
    assert f"1 passed, {len(BROKEN)} not answered" in project.dovetail("test", code=1).stderr
    (project.root / "models/checks.py").unlink()
    project.dovetail("reconcile", "--vars", "g=2")
    assert project.query("from below") == [{"g": 2}]


def test_rows_that_cannot_be_made(project: Project) -> None:
    project.write("models/orders.sql", "select {{ var('g', 1) }} as g, 'a' as name")
    text = "from dovetail import check\n\n\n@check('orders')\ndef computes(orders):\n"
    project.write("models/checks.py", f"{text}    return orders.select('name::int as n').filter('g > 1')\n")
    project.write("models/checks.py", f"{text}    return orders.filter('g > 1').select('name::int as n')\n")
    project.dovetail("build")
    result = project.dovetail("build", "--vars", "g=2", code=1)
    assert "error[DT1005]: the check `computes` failed" in result.stderr and "Could not convert" in result.stderr
    assert "models/checks.py:5:" in result.stderr
    assert project.query("from orders") == [{"g": 1, "name": "a"}]
    assert newest(project, "computes") == {"status": "broken", "published": False, "failures": None}


def test_what_a_check_prints_is_told_under_its_name(project: Project) -> None:
    project.write("models/orders.sql", "select 1 as g")
    body = "    print('one\\ntwo \\x1b[31m')\n    context.log('three')\n    return True\n"
    project.write(
        "models/checks.py",
        f"from dovetail import Context, check\n\n\n@check('orders')\ndef talks(orders, context: Context):\n{body}",
    )
    result = project.dovetail("build", "--verbose")
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip().startswith("talks |")]
    assert lines == ["talks | one", "talks | two \\u{1b}[31m", "talks | three"]
    assert result.stdout == "" and "talks |" not in project.dovetail("build").stderr
    assert asked(project, "build", "--verbose").keys() == {"talks"}


@pytest.mark.parametrize("form", ["relation", "arrow"])
def test_failing_rows_of_every_type(project: Project, form: str) -> None:
    project.write("models/orders.sql", "select 1 as g")
    rows = """select * from (values
        (1, 1.10::decimal(10, 2),
         timestamp '2020-01-02 03:04:05.678', date '2020-02-29', [1, null, 3], concat('a', chr(10), 'b')),
        (null, null, null, null, null, null)) t(n, d, t, day, l, s), (select true as b, 'ü€' as u, '' as empty)"""
    back = "found" if form == "relation" else "found.to_arrow_table()"
    body = f'    found = dovetail.sql("""{rows}""")\n    return {back}\n'
    project.write("models/checks.py", f"{CHECKS}\n@check('orders')\ndef odd(orders):\n{body}")
    project.dovetail("build", code=1)
    given = project.dovetail("show", "--failures", "odd", "--output", "csv").stdout
    whole = '1,1.10,2020-01-02 03:04:05.678,2020-02-29,"[1, NULL, 3]","a\nb",true,ü€,""\n'
    assert given == f'n,d,t,day,l,s,b,u,empty\n{whole},,,,,,true,ü€,""\n'
    [first, second] = project.json("show", "--failures", "odd", "--output", "json")
    assert first["s"] == "a\nb" and first["d"] == "1.10" and first["empty"] == ""
    assert [name for name, value in second.items() if value is None] == ["n", "d", "t", "day", "l", "s"]
    table = project.dovetail("show", "--failures", "odd").stdout
    assert "a\\nb" in table and table.count("NULL") == 7


def test_two_hundred_columns_stay_readable(project: Project) -> None:
    columns = ", ".join(f"repeat('{number % 10}', 60) as c{number}" for number in range(200))
    project.write("models/wide.sql", f"select range as i, {columns} from range(1000)")
    body = "    return wide.filter(pl.col('i') >= 300)\n"
    project.write("models/checks.py", f"{CHECKS}\n@check('wide')\ndef short(wide: pl.LazyFrame):\n{body}")
    result = project.dovetail("build", code=1)
    assert max(len(line) for line in result.stderr.splitlines()) <= 130
    assert "700 rows do not fit" in result.stderr
    assert "`dovetail show --failures short` shows the first " in result.stderr, result.stderr
    rows = project.json("show", "--failures", "short", "--output", "json", "--limit", "1000")
    # A hundred rows of this width are more than what is kept of one check.
    assert 1 <= len(rows) <= 100 and all(len(row) == 201 for row in rows)
    assert [row["i"] for row in rows] == [str(300 + number) for number in range(len(rows))]


def test_an_edited_check_is_asked_again_and_nothing_is_built(project: Project) -> None:
    project.write("models/orders.sql", "select 1 as g")
    project.write("helpers/limits.py", "MOST = 5\n")

    def edit(old: str, new: str) -> None:
        file = project.root / "models/checks.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    project.write(
        "models/checks.py",
        f"{CHECKS}from helpers.limits import MOST\n\n\n@check('orders')\ndef small(orders: pl.DataFrame):\n"
        "    return orders.filter(pl.col('g') > MOST)\n\n\n@check('orders')\ndef other(orders):\n    return True\n",
    )
    project.dovetail("build")
    built = project.query("select run, materialized_at::varchar as t from dovetail.assets")
    edits = [
        (lambda: edit("> MOST", ">= MOST"), ["small"]),
        (lambda: edit("return True", "# as it is\n    return True"), []),
        (lambda: project.write("helpers/limits.py", "MOST = 6\n"), ["small"]),
        (lambda: edit("@check('orders')\ndef other", "@check('orders', warn_if='> 1')\ndef other"), ["other"]),
    ]
    for change, stale in edits:
        change()
        planned = [line.split()[1:3] for line in project.dovetail("plan").stdout.splitlines()]
        assert planned == [["test", name] for name in stale]
        assert project.dovetail("status", code=None).returncode == bool(stale)
        result = project.dovetail("reconcile")
        assert (f"checks: {len(stale)} passed" if stale else "nothing to do") in result.stderr
        project.dovetail("status")
    # `test` asks it too; and one that now fails says so, of what stands.
    project.write("helpers/limits.py", "MOST = 0\n")
    assert "small" in project.dovetail("plan").stdout
    answers = asked(project, "test", code=1)
    assert {name: answer["status"] for name, answer in answers.items()} == {"small": "failed", "other": "passed"}
    assert newest(project, "small") == {"status": "failed", "published": True, "failures": 1}
    project.dovetail("status", code=1)
    project.dovetail("reconcile", code=1)
    assert project.query("select run, materialized_at::varchar as t from dovetail.assets") == built
    assert project.query("from orders") == [{"g": 1}]


WRONG = {
    "a missing asset": ("@check('ordres')\ndef one(orders): ...", ["DT0502", "`ordres` of `one`", ":4:8"]),
    "a missing upstream": ("@check('orders')\ndef one(orders, custmers): ...", ["DT0502", "`custmers`", ":5:17"]),
    "no asset": ("@check\ndef one(): ...", ["DT0303", "`one` is about no asset", ":5:5"]),
    "a loop": ("for n in 'ab':\n    @check('orders', name=n)\n    def one(orders): ...", ["DT0303", ":5:6"]),
    "a class": ("@check('orders')\nclass One: ...", ["DT0302", ":4:1"]),
    "an argument": ("@check('orders', severty='warn')\ndef one(orders): ...", ["DT0303", "`severity`", ":4:18"]),
    "a threshold": (
        "@check('orders', warn_if='many')\ndef one(orders): ...",
        ["DT0504", "`warn_if` of `one`", ":4:18"],
    ),
    "a name twice": (
        "@check('orders')\ndef one(orders): ...\n\n\n@check('orders', name='one')\ndef two(orders): ...",
        ["DT1004", "two checks are named `one`", ":9:5", ":5:5"],
    ),
    "the name of a file": ("@check('orders')\ndef plain(orders): ...", ["DT1004", "named `plain`", ":5:5"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_declarations_build_nothing(project: Project, what: str) -> None:
    text, told = WRONG[what]
    project.write("models/orders.sql", "select 1 as g")
    project.write("tests/plain.sql", "select * from orders where g > 1")
    project.write("models/checks.py", f"from dovetail import check\n\n\n{text}\n")
    for command in ("build", "test", "ls"):
        result = project.dovetail(command, code=2)
        assert "models/checks.py" in result.stderr, result.stderr
        assert all(words in result.stderr for words in told), result.stderr
    assert not (project.root / "project.duckdb").exists()


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("tests/plain.sql", b"select *\nfrom orders where s = '\xff'", ["DT0005", "tests/plain.sql:2:"]),
        (
            "tests/generic/odd.sql",
            b"{% test odd(model) %}\n\xc3\x28{% endtest %}",
            ["DT0005", "tests/generic/odd.sql:2:"],
        ),
        (
            "tests/plain.sql",
            b"select *\nfrom orders\nwhere nope > 1",
            ["`plain` reads the column `nope`", "plain.sql:3:7"],
        ),
        (
            "tests/plain.sql",
            b"{# a #}\nselect *\nfrom {{ ref('orders') }}\nwhere g g",
            ["DT0201", "tests/plain.sql:4:"],
        ),
        ("tests/plain.sql", b"select 1 as g", ["DT1003", "reads no asset and no source", "tests/plain.sql:1:1"]),
        ("tests/plain.sql", b"", ["DT0202", "tests/plain.sql"]),
        ("tests/plain.sql", b"select * from {{ ref('ordres') }}", ["DT0502", "`ordres`", "tests/plain.sql:1:"]),
        ("models/p.yml", b"models:\n  - name: orders\n    data_tests: [unique\n", ["DT0401", "models/p.yml:"]),
        ("models/p.yml", b"models: [{name: orders, data_tests: [\xff]}]", ["DT0005", "models/p.yml:1:"]),
    ],
)
def test_files_that_are_wrong_build_nothing(project: Project, path: str, content: bytes, told: list[str]) -> None:
    project.write("models/orders.sql", "select 1 as g, 'a' as s")
    project.write("models/below.sql", "select * from orders")
    project.write(path, "")
    (project.root / path).write_bytes(content)
    result = project.dovetail("build", code=2)
    assert all(words in result.stderr for words in told), result.stderr
    # What a look ahead leaves behind holds no table.
    if (project.root / "project.duckdb").exists():
        assert project.query("select table_name from information_schema.tables") == []


@pytest.mark.parametrize("atomic", [False, True])
def test_a_retry_asks_what_the_build_asked(project: Project, atomic: bool) -> None:
    write(project, "sql", 1)
    project.dovetail("build")
    before = seen(project)
    write(project, "sql", 2)
    project.dovetail("build", *(["--atomic"] if atomic else []), code=1)
    assert "`subject` is not published" in project.dovetail("retry", code=1).stderr
    assert seen(project) == {**before, **({} if atomic else {"beside": ['{"g":2}']})}
    write(project, "sql", 1)
    project.dovetail("retry")
    assert seen(project)["further"] == ['{"g":1}'] and newest(project, "fits")["published"]
