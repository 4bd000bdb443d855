"""`status` and `reconcile` on Python assets: what makes them stale, and that nothing stale calls itself fresh."""

from __future__ import annotations

import json

import pytest
from edits.process import Database, forked

ASSET = """
import pyarrow as pa
import polars as pl
from dovetail import Relation, asset
from models.helpers import LIMIT


@asset
def read({name}: {annotation}) -> {annotation}:
    assert LIMIT
    return {name}
"""


def states(project) -> dict[str, str]:
    result = project.dovetail("status", "--output", "json", code=None)
    found = {line["asset"]: line["state"] for line in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == (1 if set(found.values()) - {"fresh"} else 0)
    return found


def built(project, annotation: str = "pa.Table") -> None:
    project.write("models/helpers.py", "LIMIT = 1\nOTHER = 1\n")
    project.write("models/inner.sql", "{{ config(materialized='ephemeral') }} select * from range({{ var('n', 3) }})")
    project.write("models/outer.sql", "{{ config(materialized='ephemeral') }} select * from inner_")
    project.write("models/inner_.sql", "{{ config(materialized='ephemeral') }} select * from {{ ref('inner') }}")
    project.write("models/read.py", ASSET.format(name="outer", annotation=annotation))
    project.write("models/below.sql", "select count(*) as n from read")
    project.dovetail("run")
    assert set(states(project).values()) == {"fresh"}


@pytest.mark.parametrize("annotation", ["pa.Table", "pl.LazyFrame", "Relation"])
def test_an_edit_of_an_ephemeral_model_reaches_python(project, annotation):
    built(project, annotation)
    project.write("models/inner.sql", "{{ config(materialized='ephemeral') }} select * from range(7)")
    assert states(project) == {"read": "stale", "below": "pending"}
    project.dovetail("reconcile")
    assert project.query("select n from below") == [{"n": 7}]
    assert set(states(project).values()) == {"fresh"}


def test_a_comment_in_an_ephemeral_model_changes_nothing(project):
    built(project)
    project.write("models/outer.sql", "{{ config(materialized='ephemeral') }} -- all\nSELECT * FROM inner_")
    assert set(states(project).values()) == {"fresh"}


def test_helpers_mark_their_users_only(project):
    built(project)
    project.write("models/helpers.py", '"""Words."""\nLIMIT = 1  # one\nOTHER = 2\n')
    assert set(states(project).values()) == {"fresh"}
    project.write("models/helpers.py", "LIMIT = 2\nOTHER = 2\n")
    assert states(project) == {"read": "stale", "below": "pending"}
    result = project.dovetail("reconcile")
    assert "ok      read" in result.stderr and "same    below" in result.stderr


def test_options_of_a_source_reach_python(project):
    source = (
        "sources: [{{name: raw, tables: [{{name: x, external: {{location: x.csv, options: {{delim: '{}'}}}}}}]}}]\n"
    )
    project.write("x.csv", "a;b,c\n1;2,3\n")
    project.write("models/s.yml", source.format(";"))
    project.write(
        "models/read.py",
        "from dovetail import asset\n\n\n@asset(inputs={'raw': 'raw.x'})\ndef read(raw):\n    return raw\n",
    )
    project.dovetail("run")
    assert states(project) == {"read": "fresh"}
    project.write("models/s.yml", source.format(","))
    assert states(project) == {"read": "stale"}


def chain(project) -> None:
    """`a` in SQL, `b` in Python by way of a helper, `c` in SQL; `other` uses another helper, `sized` a variable."""
    project.write("dovetail.toml", "[vars]\nsize = 1\n")
    project.write("models/helpers.py", "def one(x):\n    return x\n\n\ndef two(x):\n    return x\n")
    project.write("models/a.sql", "select 1 as x")
    project.write("models/b.py", B)
    project.write("models/c.sql", "select x from b")
    project.write("models/sized.sql", "select {{ var('size') }} as size")
    project.write("models/about.yml", "models:\n  - name: a\n    description: One.\n")
    project.dovetail("run")


B = """
import pyarrow as pa
from dovetail import asset
from models.helpers import one, two


@asset
def b(a: pa.Table) -> pa.Table:
    return pa.table({"x": [one(x) for x in a["x"].to_pylist()]})


@asset
def other(a: pa.Table) -> pa.Table:
    return pa.table({"x": [two(x) + 1 for x in a["x"].to_pylist()]})
"""


def unfresh(project) -> dict[str, str]:
    return {asset: state for asset, state in states(project).items() if state != "fresh"}


def planned(project) -> list[str]:
    return [f"{line['action']} {line['asset']}" for line in project.json("plan", "--output", "json")]


def outcomes(project) -> dict[str, str]:
    lines = project.dovetail("reconcile").stderr.splitlines()
    words = [line.split()[:2] for line in lines]
    return {word[1]: word[0] for word in words if word[0] in ("ok", "same")}


def test_comments_change_nothing_in_either_language(project):
    chain(project)
    project.write("models/a.sql", "/* one */\nSELECT 1 as x -- x\n")
    noted = B.replace("    return", '    """Words."""\n    # Why.\n    return')
    project.write("models/b.py", noted.replace('"x"', "'x'"))
    helpers = "# All.\ndef one(x):\n    '''Same.'''\n    return (x)\n\n\ndef two(x): return x\n"
    project.write("models/helpers.py", helpers)
    project.write("models/about.yml", "# About.\nmodels:\n  - name: a  # the first\n    description: Uno.\n")
    project.write("dovetail.toml", "# Values.\n[vars]\nsize = 1  # small\n")
    assert unfresh(project) == {}
    assert planned(project) == []


def test_a_helper_marks_exactly_its_users(project):
    chain(project)
    project.write("models/helpers.py", "def one(x):\n    return x\n\n\ndef two(x):\n    return 2 * x\n")
    assert unfresh(project) == {"other": "stale"}
    assert outcomes(project) == {"other": "ok"}
    assert project.query("select x from other") == [{"x": 3}]


def test_a_body_counts_though_no_version_is_given(project):
    chain(project)
    project.write("models/b.py", B.replace("[one(x) for", "[one(x) + 10 for"))
    assert unfresh(project) == {"b": "stale", "c": "pending"}
    assert outcomes(project) == {"b": "ok", "c": "ok"}
    assert project.query("select x from c") == [{"x": 11}]


def test_a_variable_marks_the_models_that_read_it(project):
    chain(project)
    project.write("dovetail.toml", "[vars]\nsize = 2\nunused = 1\n")
    assert unfresh(project) == {"sized": "stale"}
    assert outcomes(project) == {"sized": "ok"}


SINCE = """
import pyarrow as pa
from dovetail import Context, asset


@asset
def since(context: Context):
    return pa.table({"day": [str(context.vars["size"])]})


@asset
def plain(context: Context):
    return pa.table({"x": [1]})
"""


def test_a_variable_marks_the_python_assets_that_take_it(project):
    chain(project)
    project.write("models/since.py", SINCE)
    project.dovetail("run")
    assert unfresh(project) == {}
    project.write("dovetail.toml", "[vars]\nsize = 2\nunused = 1\n")
    assert unfresh(project) == {"sized": "stale", "since": "stale"}
    assert "variable size changed" in project.dovetail("why", "since").stdout
    assert outcomes(project) == {"sized": "ok", "since": "ok"}
    assert project.query("select day from since") == [{"day": "2"}]
    project.dovetail("status", "--vars", "size=2")
    project.dovetail("status", "--vars", "size=3", code=1)


def test_what_comes_out_equal_cuts_off_across_languages(project):
    chain(project)
    project.write("models/a.sql", "select 2 - 1 as x")
    assert sorted(planned(project)) == ["build a", "check b", "check c", "check other"]
    assert planned(project)[0] == "build a"
    assert outcomes(project) == {"a": "ok", "b": "same", "other": "same", "c": "same"}
    # And a Python asset that comes out equal, for the SQL below it.
    project.write("models/b.py", B.replace("[one(x) for", "[one(x) + 0 for"))
    assert planned(project) == ["build b", "check c"]
    assert outcomes(project) == {"b": "ok", "c": "same"}


def test_what_is_only_named_makes_its_readers_stale_too(project):
    project.write("models/orders.sql", "select * from range(5) t(id)")
    project.write(
        "models/counted.py",
        """
import dovetail
from dovetail import asset


@asset(deps=["orders"])
def counted():
    return dovetail.sql("select count(*) as n from orders")
""",
    )
    project.dovetail("run")
    project.write("models/orders.sql", "select 4 - range as id from range(5)")
    assert planned(project) == ["build orders", "check counted"]
    assert outcomes(project) == {"orders": "ok", "counted": "same"}
    project.write("models/orders.sql", "select * from range(50) t(id)")
    assert outcomes(project) == {"orders": "ok", "counted": "ok"}
    assert project.query("select n from counted") == [{"n": 50}]
    assert states(project) == {"orders": "fresh", "counted": "fresh"}


def test_a_clock_that_goes_back_breaks_nothing(project):
    chain(project)
    # All that is recorded lies in the future now, as after a clock was moved back.
    with_database(
        project.root,
        "update dovetail.materializations set started_at = started_at + interval 10 year",
        "update dovetail.run_log set started_at = started_at + interval 10 year",
    )
    assert unfresh(project) == {}
    project.write("models/a.sql", "select 5 as x")
    assert unfresh(project) == {"a": "stale", "b": "pending", "c": "pending", "other": "pending"}
    assert outcomes(project) == {"a": "ok", "b": "ok", "c": "ok", "other": "ok"}
    assert project.query("select x from c") == [{"x": 5}]
    assert unfresh(project) == {}
    # The newest record counts, though its time is the smallest.
    project.write("models/a.sql", "select 1 as x")
    assert unfresh(project)["a"] == "stale"


def with_database(root, *statements: str) -> None:
    """Another program at work on the database."""

    def work() -> None:
        with Database(root / "project.duckdb") as database:
            for statement in statements:
                database.query(statement)

    forked(work)


def test_objects_go_to_the_trash_and_come_back(project):
    project.write("models/o.py", OBJECTS)
    project.dovetail("run")
    (project.root / "models/o.py").rename(project.root / "o.away")
    project.write("models/apart.sql", "select 1 as x")
    (line,) = [line for line in project.json("gc", "--output", "json") if line["stored_as"] == "object"]
    assert (line["asset"], line["state"], line["relation"]) == ("model", "orphaned", None)
    project.dovetail("gc", "--yes", "model")
    project.write("models/o.py", OBJECTS)
    # Its record is there, what was stored is not.
    assert states(project)["model"] == "missing"
    project.dovetail("gc", "--restore", "model")
    (project.root / "models/apart.sql").unlink()
    assert states(project) == {"model": "fresh", "read": "fresh"}
    assert "nothing to do" in project.dovetail("reconcile").stderr
    project.dovetail("run", "--select", "read")
    assert project.query("select x from read") == [{"x": 7}]


OBJECTS = """
import pyarrow as pa
from dovetail import asset


@asset(materialized="object")
def model():
    return {"x": 7}


@asset
def read(model: dict) -> pa.Table:
    return pa.table({"x": [model["x"]]})
"""


def test_only_what_a_function_receives_counts(project):
    project.write("models/base.sql", "select 1 as a, 2 as b, 3 as c")
    project.write(
        "models/m.py",
        "import pyarrow as pa\nfrom dovetail import asset\n\n\n"
        '@asset(reads={"base": ["a", "B"]})\ndef some(base: pa.Table):\n    return base\n\n\n'
        "@asset\ndef all(base: pa.Table):\n    return base\n\n\n"
        '@asset(materialized="object", reads={"base": ["a"]})\n'
        'def model(base: pa.Table):\n    return base["a"][0].as_py()\n',
    )
    project.dovetail("run")
    project.write("models/base.sql", "select 1 as a, 2 as b, 4 as c")
    said = project.dovetail("reconcile").stderr
    assert "ok      base" in said and "ok      all" in said and "same    some" in said and "same    model" in said
    assert set(states(project).values()) == {"fresh"}
    project.write("models/base.sql", "select 1 as a, 5 as b, 4 as c")
    said = project.dovetail("reconcile").stderr
    assert "ok      some" in said and "same    model" in said
    assert project.query("from some") == [{"a": 1, "b": 5}]


def test_columns_that_nobody_declared_are_read_by_their_names_too(project) -> None:
    module = (
        "import pyarrow as pa\nfrom dovetail import asset\n\n\n"
        '@asset(columns={"id": "BIGINT"}, contract={"enforced": False})\n'
        'def p():\n    return pa.table({"id": [1], "name": ["x"], "more": [3]})\n\n\n'
        '@asset(reads={"p": ["id", "name"]})\ndef r(p: pa.Table):\n    return p\n'
    )
    project.write("models/m.py", module)
    project.dovetail("run")
    project.write("models/m.py", module.replace("[3]", "[4]"))
    said = project.dovetail("reconcile").stderr
    assert "ok      p" in said and "same    r" in said
    project.write("models/m.py", module.replace('["x"]', '["y"]'))
    assert "ok      r" in project.dovetail("reconcile").stderr


def test_what_a_function_reads_by_other_ways_counts(project) -> None:
    project.write("models/p.sql", "select * from (values (1, 10), (2, 20)) t(a, b)")
    project.write("models/e.sql", "{{ config(materialized='ephemeral') }} select b from p")
    project.write(
        "models/functions.py",
        """
from dovetail import Context, asset

@asset(reads={"p": ["a"]}, deps=["p"])
def named(p, context: Context):
    return context.sql("select max(b) as b from p")

@asset(reads={"p": ["a"]})
def inlined(p, e):
    return e

@asset(reads={"p": ["a"]})
def plain(p):
    return p
""",
    )
    project.dovetail("run")
    project.write("models/p.sql", "select * from (values (1, 11), (2, 22)) t(a, b)")
    said = project.dovetail("reconcile").stderr
    assert "same    plain" in said, said
    assert project.query("select b from named") == [{"b": 22}]
    assert project.query("select b from inlined order by b") == [{"b": 11}, {"b": 22}]
    project.dovetail("status")
