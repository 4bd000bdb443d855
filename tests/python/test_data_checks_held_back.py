"""What checks hold back, and what becomes of the others when one of them breaks."""

from __future__ import annotations

import json
import resource
import subprocess

from conftest import COMMAND, Project

BASE = "select {{ var('g', 1) }}::bigint as g, range as i from range(3)"


def checks(project: Project, text: str) -> None:
    project.write("models/checks.py", f"import dovetail\nfrom dovetail import Relation, check\n\n\n{text}\n")


def test_a_check_of_a_view_guards_the_tables_that_it_shows(project: Project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/v.sql", "{{ config(materialized='view') }} select * from base")
    project.write("models/p.yml", "models: [{name: v, data_tests: [{expression: g < 2}]}]")
    project.dovetail("build")
    project.dovetail("build", "--vars", "g=2", code=1)
    # `base` is published before `v` is asked, and readers of `v` see its rows at once.
    assert project.query("select distinct g from v") == [{"g": 1}]


def test_a_check_that_reads_below_its_asset(project: Project) -> None:
    """It cannot be asked before the asset is published."""
    project.write("models/base.sql", BASE)
    project.write("models/below.sql", "select max(g) as g from base")
    checks(project, "@check('base')\ndef odd(base, below):\n    return base.filter('g > 1')")
    result = project.dovetail("build", code=2)
    assert 'and `below` after that: say `@check("below")`' in result.stderr


def test_limit_of_a_check_function_counts(project: Project) -> None:
    project.write("models/base.sql", BASE)
    checks(project, "@check('base', limit=2, error_if='> 2')\ndef few(base):\n    return base")
    # As of `config(limit=2, error_if='> 2')` in a file under tests/: two failures, a warning.
    result = project.dovetail("build")
    assert "1 warned" in result.stderr


def test_a_check_that_catches_the_error_of_a_query(project: Project) -> None:
    project.write("models/base.sql", BASE)
    checks(
        project,
        "@check('base')\ndef catches(base):\n    try:\n"
        "        dovetail.sql(\"select 'x'::int as x from base\").fetchall()\n"
        "    except dovetail.errors.QueryError:\n        return True\n",
    )
    project.dovetail("run")
    project.dovetail("test")
    result = project.dovetail("build", code=1)
    assert "error[DT1005]: the check `catches` caught the error of a query of its own" in result.stderr


def test_a_check_that_fails_to_answer_spoils_no_other(project: Project) -> None:
    project.write("models/base.sql", BASE)
    checks(project, "@check('base')\ndef fine(base):\n    return base.filter('g > 1')")
    tests = "[{expression: {name: bad, expression: \"('x' || i)::int > 0\"}}]"
    columns = "[{name: i, data_tests: [not_null]}]"
    project.write("models/p.yml", f"models: [{{name: base, data_tests: {tests}, columns: {columns}}}]")
    result = project.dovetail("build", code=1)
    assert "Current transaction is aborted" not in result.stderr, result.stderr
    assert "the check `not_null_base_i` cannot be answered: Conversion Error" not in result.stderr, result.stderr


def test_property_files_beside_tests_are_read(project: Project) -> None:
    project.write("models/base.sql", BASE)
    project.write("tests/small.sql", "select * from base where g > 0")
    project.write("tests/small.yml", "data_tests: [{name: small, config: {severity: warn}}]")
    result = project.dovetail("build", code=None)
    assert result.returncode == 0 or "tests/small.yml" in result.stderr, result.stderr


def test_an_answer_that_cannot_be_taken_down_is_told(project: Project) -> None:
    project.write(
        "models/base.sql",
        "select {{ var('g', 1) }}::bigint as g, (select string_agg(md5((i * 1000 + n)::varchar), '') "
        "from range({{ 300 if var('g', 1) == 2 else 1 }}) w(n)) as h from range(150) t(i)",
    )
    checks(project, "@check('base')\ndef small(base):\n    return base.filter('g > 1')")
    project.dovetail("build")
    result = subprocess.run(
        [COMMAND, "build", "--vars", "g=2"],
        cwd=project.root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0 and "`small` fails" in result.stderr
    shown = project.dovetail("show", "--failures", "small").stderr
    assert "File too large" in result.stderr or "failed" in shown, result.stderr + shown


def test_statistics_come_in_their_order(project: Project) -> None:
    project.write("models/base.sql", BASE)
    bounds = "{min: [7, 8], max: [7, 8], mean: [7, 8]}"
    project.write(
        "models/p.yml", f"models: [{{name: base, columns: [{{name: i, data_tests: [{{distribution: {bounds}}}]}}]}}]"
    )
    project.dovetail("run")
    found = set()
    for _ in range(15):
        [answer] = [line["failing"]["rows"] for line in answers(project)]
        found.add(tuple(row["statistic"] for row in answer))
    assert found == {("min", "max", "mean")}


def answers(project: Project) -> list[dict]:
    return [json.loads(line) for line in project.dovetail("test", "--output", "json", code=1).stdout.splitlines()]


def test_a_view_over_what_is_built_is_asked_too(project: Project) -> None:
    project.write("models/base.sql", BASE)
    project.write("models/v.sql", "{{ config(materialized='view') }} select * from base")
    project.write("models/p.yml", "models: [{name: v, data_tests: [{expression: g < 2}]}]")
    project.dovetail("build")
    # `v` shows the new rows from the commit on; nothing is asked, and the exit code is 0. With `--atomic` too.
    project.dovetail("build", "--select", "base", "--vars", "g=2", "--atomic", code=1)
    assert project.query("select distinct g from v") == [{"g": 1}]


def test_a_file_that_fails_its_check_is_never_seen(project: Project) -> None:
    def report(text: str) -> None:
        project.write(
            "models/report.py",
            f"""
from pathlib import Path

import polars as pl
from dovetail import asset, check
from dovetail.io import FileIO


@asset(materialized="object", io_manager=FileIO("r.txt"))
def report() -> str:
    return "{text}"


@asset
def copied(report: Path) -> pl.DataFrame:
    return pl.DataFrame({{"text": [report.read_text()]}})


@check(report)
def is_good(report: Path) -> None:
    assert report.read_text() != "bad"
""",
        )

    def files() -> dict[str, str]:
        return {file.name: file.read_text() for file in (project.root / "target").glob("*.txt")}

    for manner in ([], ["--atomic"]):
        report("good")
        project.dovetail("build", *manner)
        report("bad")
        project.dovetail("build", *manner, code=1)
        assert files() == {"r.txt": "good"}
        assert project.query("select text from copied") == [{"text": "good"}]
        assert "stale" in project.dovetail("status", code=1).stdout
        report("better")
        project.dovetail("build", *manner)
        assert files() == {"r.txt": "better"}
        assert project.query("select text from copied") == [{"text": "better"}]
        project.dovetail("status")
