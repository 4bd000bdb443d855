"""`status` and `reconcile` on Python assets: what makes them stale, and that nothing stale calls itself fresh."""

from __future__ import annotations

import json

import pytest

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
