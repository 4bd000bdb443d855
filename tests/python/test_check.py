"""`dovetail check` where Python takes part: what functions declare, read and gave, and extensions from packages."""

from __future__ import annotations

import pytest

BASE = "select range as id, 'name ' || range as name, range * 1.5 as amount from range(4)"

FUNCTION = """
from dovetail import asset

@asset(reads={"base": ["amount", "id"]})
def report(base):
    assert base.columns == ["amount", "id"], base.columns
    return base
"""

FACTORY = """
from dovetail import asset

def make(name, columns):
    @asset(name=name, reads={"base": columns})
    def inner(base):
        return base

make("ids", ["id"])
make("names", "name")
"""


def test_a_parameter_receives_the_columns_that_are_read(project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/report.py", FUNCTION)
    project.dovetail("run")
    assert set(project.query("select * from report")[0]) == {"amount", "id"}


@pytest.mark.parametrize("annotation", ["pa.Table", "pl.DataFrame", "pl.LazyFrame", "pd.DataFrame"])
def test_every_form_has_just_these_columns(project, annotation: str) -> None:
    project.write("models/base.sql", BASE)
    project.write(
        "models/report.py",
        f"""
import pandas as pd
import polars as pl
import pyarrow as pa
from dovetail import asset

@asset(reads={{"base": ["name"]}})
def report(base: {annotation}):
    return base
""",
    )
    project.dovetail("run")
    assert set(project.query("select * from report")[0]) == {"name"}


def test_factories_say_what_they_read(project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/made.py", FACTORY)
    project.dovetail("run")
    assert set(project.query("select * from names")[0]) == {"name"}
    project.write("models/base.sql", "select 1 as id, 2 as title")
    said = project.dovetail("check", code=2).stderr
    assert "`names` reads the column `name` of `base`, which does not have it" in said
    assert "`ids` reads" not in said


def test_other_columns_are_other_code(project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/report.py", FUNCTION)
    project.dovetail("run")
    project.dovetail("status")
    project.write("models/report.py", FUNCTION.replace('["amount", "id"]', '["id", "amount"]', 1))
    assert "columns of base" in project.dovetail("status", code=1).stdout


def test_what_reads_cannot_say(project) -> None:
    project.write("models/base.sql", BASE)
    project.write(
        "models/made.py", FACTORY.replace('make("names", "name")', 'make("names", 5)').replace("columns}", "columns}")
    )
    said = project.dovetail("ls", code=2).stderr
    assert "`reads` of `@asset` maps parameters to the columns that they receive" in said


def test_a_function_that_has_run_is_known(project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/plain.py", "from dovetail import asset\n\n@asset\ndef plain(base):\n    return base\n")
    project.write("models/reader.sql", "select nothing from plain")
    assert "2 unknown" in project.dovetail("check").stderr
    project.dovetail("run", "-s", "+plain")
    said = project.dovetail("check", code=2).stderr
    assert "`reader` reads the column `nothing`, which does not exist" in said
    # A run that builds the function anew may give other columns, and one that leaves it alone cannot.
    assert project.dovetail("run", code=None).returncode == 1
    project.write("models/second.sql", "select 1 as x from reader")
    assert project.dovetail("run", "-s", "reader+", code=None).returncode == 2
    # With other code, or other columns above it, nobody knows.
    project.write("models/base.sql", BASE.replace(" as amount", " as total"))
    assert "unknown" in project.dovetail("check").stderr


def test_a_model_that_only_binds_with_an_extension(project) -> None:
    project.write(
        "dovetail.toml",
        '[targets.dev]\nextensions = ["inet"]\nsettings = { allow_unsigned_extensions = true }\n',
    )
    project.write("models/hosts.sql", "select '127.0.0.1'::inet as ip")
    project.write("models/names.sql", "select host(ip) as name, family(ip) as family from hosts")
    project.write("models/wrong.sql", "select host(ip, 1) as name from hosts")
    said = project.dovetail("check", code=2).stderr
    assert "host(INET, INTEGER_LITERAL)" in said and "models/wrong.sql:1:8" in said, said
    assert said.count("error[") == 1, said
    columns = project.json("show", "names", "--schema", "-o", "json")
    assert [(column["column"], column["type"]) for column in columns] == [("name", "VARCHAR"), ("family", "UTINYINT")]


def test_values_of_an_extension_have_a_version(project) -> None:
    project.write(
        "dovetail.toml",
        '[targets.dev]\nextensions = ["inet"]\nsettings = { allow_unsigned_extensions = true }\n',
    )
    project.write("models/hosts.sql", "select '127.0.0.1'::inet as ip, ['::1'::inet, null] as more, {'a': ip} as deep")
    project.write("models/copy.sql", "select * from hosts")
    project.dovetail("run")
    project.dovetail("run", "--atomic")
    project.dovetail("status", "--verify")
    versions = "select count(distinct data_version) as n from dovetail.assets where data_version is not null"
    assert project.query(versions) == [{"n": 1}]
