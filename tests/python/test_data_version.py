"""Data versions across SQL and Python: what is cut off, versions of the project's own, and what reaches a table."""

from __future__ import annotations

import json

import pytest
from edits.process import Database, forked

READS = "select count(*) as n from made"
THROUGH = "import pyarrow as pa\nfrom dovetail import asset\n\n\n@asset\ndef through({}):\n    return start\n"


def states(project) -> dict[str, str]:
    result = project.dovetail("status", "--output", "json", code=None)
    return {line["asset"]: line["state"] for line in map(json.loads, result.stdout.splitlines())}


def reconcile(project) -> list[str]:
    """What was done, by asset; that nothing is left to do."""
    result = project.dovetail("reconcile", "--threads", "1")
    assert "nothing to do" in project.dovetail("reconcile").stderr
    lines = [line.split()[:2] for line in result.stderr.splitlines()]
    return [" ".join(line) for line in lines if line and line[0] in ("ok", "same", "failed")]


def version(project, asset: str = "made") -> dict:
    rows = project.query(
        "select details->>'data_version' as version, details->>'data_method' as method from dovetail.materializations "
        f"where asset = '{asset}' order by rowid desc limit 1"
    )
    return rows[0]


def made(project, body: str, arguments: str = "", head: str = "") -> None:
    decorator = f"@asset({arguments})" if arguments else "@asset"
    project.write(
        "models/made.py",
        f"import polars as pl\nimport pyarrow as pa\nfrom dovetail import Result, asset\n{head}\n\n\n{decorator}\n"
        f"def made():\n    {body}\n",
    )
    project.write("models/reads.sql", READS)


def test_equal_content_is_cut_off_across_languages(project):
    project.write("models/start.sql", "select range as id from range(5)")
    project.write("models/through.py", THROUGH.format("start"))
    project.write("models/end.sql", "select sum(id) as total from through")
    project.dovetail("run")
    # SQL comes out the same: Python is skipped in the same run, and what is below it.
    project.write("models/start.sql", "select range as id from range(5) order by id desc")
    assert reconcile(project) == ["ok start", "same through", "same end"]
    # Python comes out the same: SQL is skipped.
    project.write("models/through.py", THROUGH.format("start: pa.Table"))
    assert reconcile(project) == ["ok through", "same end"]


def test_a_column_is_added_and_the_old_rows_stay_when_that_fails(project):
    made(project, "return pl.DataFrame({'a': [1, 2]})")
    project.dovetail("run")
    made(project, "return pl.DataFrame({'a': [1, 2], 'b': [3]})")
    project.dovetail("reconcile", code=1)
    assert project.query("from made order by all") == [{"a": 1}, {"a": 2}]
    made(project, "return pl.DataFrame({'a': [1, 2], 'b': [3, 4]})")
    assert reconcile(project) == ["ok made", "ok reads"]
    assert project.query("from made order by all") == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]


def test_columns_may_change_places(project):
    made(project, "return pl.DataFrame({'a': [1, 2], 'b': [3, 4]})")
    project.dovetail("run")
    made(project, "return pl.DataFrame({'b': [3, 4], 'a': [1, 2]})")
    reconcile(project)
    assert project.query("select a, b from made order by all") == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]


def test_an_empty_frame_is_an_empty_table(project):
    made(project, "return pl.DataFrame({'a': [1]})")
    project.dovetail("run")
    made(project, "return pl.DataFrame({'a': [1]}).filter(pl.col('a') > 1)")
    assert reconcile(project) == ["ok made", "ok reads"]
    assert project.query("from reads") == [{"n": 0}]
    assert [row["column_name"] for row in project.query("select column_name from (describe from made)")] == ["a"]


HEIGHT = "def height(frame):\n    return frame.height"


def test_a_function_gives_the_version(project):
    made(project, "return pl.DataFrame({'a': [1, 2]})", "data_version=height", HEIGHT)
    project.dovetail("run")
    before = version(project)
    assert before["method"] == "given 1"
    # Other values, the same version: what reads it is up to date.
    made(project, "return pl.DataFrame({'a': [3, 4]})", "data_version=height", HEIGHT)
    assert reconcile(project) == ["ok made", "same reads"]
    assert version(project) == before
    made(project, "return pl.DataFrame({'a': [3]})", "data_version=height", HEIGHT)
    assert reconcile(project) == ["ok made", "ok reads"]
    # The function is code like any other.
    made(project, "return pl.DataFrame({'a': [3]})", "data_version=height", HEIGHT + " + 1")
    assert states(project) == {"made": "stale", "reads": "pending"}
    assert reconcile(project) == ["ok made", "ok reads"]


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("return Result(pl.DataFrame({'a': [1]}), data_version='v1')", ""),
        ("return Result((frame for frame in [pl.DataFrame({'a': [1]})]), data_version=b'v1')", ""),
        ("return Result(pl.DataFrame({'a': [1]}), data_version=('v', 1))", "data_version=len"),
        ("return Result({'a': 1}, data_version=1)", "materialized='object'"),
        ("return {'a': 1}", "materialized='object', data_version=len"),
    ],
)
def test_a_version_may_come_with_the_result(project, body, arguments):
    made(project, body, arguments)
    (project.root / "models/reads.sql").unlink()
    project.dovetail("run")
    first = version(project)
    assert first["method"] == "given 1" and len(first["version"]) == 64
    project.dovetail("run")
    assert version(project) == first


def test_versions_of_different_types_differ(project):
    found = set()
    for stated in ("1", "'1'", "b'1'", "1.0", "True", "('1',)", "[1, 1]", "__import__('datetime').date(2024, 1, 1)"):
        made(project, f"return Result(pl.DataFrame({{'a': [1]}}), data_version={stated})")
        project.dovetail("run", "--select", "made")
        found.add(version(project)["version"])
    assert len(found) == 8


@pytest.mark.parametrize(
    ("body", "arguments", "words"),
    [
        (
            "yield pl.DataFrame({'a': [1]})",
            "data_version=len",
            "`data_version=len` cannot look at what the function gave: a generator can be read only once",
        ),
        (
            "return pa.table({'a': [1]}).to_reader()",
            "data_version=len",
            "a RecordBatchReader can be read only once",
        ),
        ("return pl.DataFrame({'a': [1]})", "data_version=type", "what `type` returned is"),
        ("return pl.DataFrame({'a': [1]})", "data_version=print", "what `print` returned is None"),
        ("return pl.DataFrame({'a': [1]})", "data_version=lambda frame: 1 / 0", "ZeroDivisionError"),
        ("return Result(pl.DataFrame({'a': [1]}), data_version={})", "", "the `data_version` of the `Result` is {}"),
    ],
)
def test_what_is_no_version_is_an_error(project, body, arguments, words):
    made(project, body, arguments)
    result = project.dovetail("run", "--select", "made", code=1)
    assert words in result.stderr


def test_versions_are_switched_off(project):
    made(project, "return pl.DataFrame({'a': [1]})", "data_version='off'")
    project.dovetail("run")
    assert version(project)["method"] == "off"
    project.dovetail("run", "--select", "made")
    assert states(project) == {"made": "fresh", "reads": "stale"}
    made(project, "return pl.DataFrame({'a': [1]})", "data_version='none'")
    result = project.dovetail("ls", code=2)
    assert "`data_version` cannot be `none`" in result.stderr
    # Nothing that is computed depends on it.
    made(project, "return pl.DataFrame({'a': [1]})")
    assert states(project)["made"] == "fresh"


def test_factories_have_versions_and_former_names(project):
    project.write(
        "models/made.py",
        "import polars as pl\nfrom dovetail import asset\n\n\ndef factory(name):\n"
        "    @asset(name=name, data_version=len, renamed_from='before_' + name)\n    def one():\n"
        "        return pl.DataFrame({'a': [1]})\n\n\nfor name in ['made']:\n    factory(name)\n",
    )
    project.dovetail("run")
    assert version(project)["method"] == "given 1"


def test_a_declaration_that_differs_is_a_cause_of_its_own(project):
    made(project, "return pl.DataFrame({'a': [1], 'b': [2.5]})")
    project.dovetail("run")
    made(project, "return pl.DataFrame({'a': [1], 'b': [2.5]})", "columns={'a': 'int', 'b': 'DOUBLE'}")
    [line] = [line for line in status_lines(project) if line["asset"] == "made"]
    assert line["state"] == "stale"
    assert line["causes"] == [{"cause": "schema", "detail": "column `a` is declared INTEGER and is BIGINT"}]
    assert reconcile(project)[0] == "ok made"
    assert project.query("select typeof(a) as a from made") == [{"a": "INTEGER"}]
    # The order alone is config.
    made(project, "return pl.DataFrame({'a': [1], 'b': [2.5]})", "columns={'b': 'DOUBLE', 'a': 'INTEGER'}")
    [line] = [line for line in status_lines(project) if line["asset"] == "made"]
    assert [cause["cause"] for cause in line["causes"]] == ["config"]
    reconcile(project)
    made(project, "return pl.DataFrame({'a': [1], 'b': [2.5]})", "columns={'c': 'DOUBLE'}")
    [line] = [line for line in status_lines(project) if line["asset"] == "made"]
    assert line["causes"][0]["detail"] == "column `c` is declared DOUBLE and does not exist"


def status_lines(project) -> list[dict]:
    return [json.loads(line) for line in project.dovetail("status", "-o", "json", code=None).stdout.splitlines()]


def test_a_renamed_function_keeps_its_history(project):
    made(project, "return pl.DataFrame({'a': [1]})")
    project.dovetail("run")
    first = version(project)
    made(project, "return pl.DataFrame({'a': [1]})", "name='named', renamed_from='made'")
    project.write("models/reads.sql", "select count(*) as n from named")
    reconcile(project)
    rows = project.query("select asset, count(*) as n from dovetail.materializations group by asset order by asset")
    assert rows == [{"asset": "named", "n": 2}, {"asset": "reads", "n": 2}]
    assert version(project, "named") == first
    assert project.query("select table_name from duckdb_tables() where schema_name = 'main' order by 1") == [
        {"table_name": "named"},
        {"table_name": "reads"},
    ]


def test_a_renamed_object_goes_on(project):
    made(project, "return {'a': 1}", "materialized='object'")
    (project.root / "models/reads.sql").unlink()
    project.dovetail("run")
    made(project, "return {'a': 1}", "materialized='object', name='named', renamed_from='made'")
    (project.root / "models/reads.sql").unlink()
    reconcile(project)
    assert project.query("select asset, count(*) as n from dovetail.objects group by asset") == [
        {"asset": "named", "n": 1}
    ]


def test_versions_of_packages_are_recorded(project):
    import polars
    import sklearn

    made(project, "import sklearn\n    return pl.DataFrame({'a': [sklearn.__version__]})")
    project.dovetail("run")
    [row] = project.query("select details->'packages' as packages from dovetail.materializations where asset = 'made'")
    packages = row["packages"] if isinstance(row["packages"], dict) else json.loads(row["packages"])
    assert packages["polars"] == polars.__version__
    assert packages["sklearn"] == sklearn.__version__


def of_made(project) -> tuple[str, list]:
    [line] = [line for line in status_lines(project) if line["asset"] == "made"]
    return line["state"], line["causes"]


def recorded_as(project, version: str) -> str:
    """Says in the records that another polars was used; returns the one that was."""
    import polars

    def work() -> None:
        with Database(project.root / "project.duckdb") as database:
            before, after = (f'"polars":"{version}"' for version in (polars.__version__, version))
            changed = f"replace(details::varchar, '{before}', '{after}')"
            database.query(f"update dovetail.materializations set details = {changed}")

    forked(work)
    return polars.__version__


def test_versions_of_packages_count_when_the_project_says_so(project):
    made(project, "return pl.DataFrame({'a': [1]})")
    project.dovetail("run")
    project.write("dovetail.toml", "[fingerprint]\npackages = true\n")
    assert of_made(project) == ("fresh", []), "the version is the one that was recorded"
    installed = recorded_as(project, "0.1")
    detail = f"package polars is {installed}, and was 0.1"
    assert of_made(project) == ("stale", [{"cause": "code", "detail": detail}])
    project.write("dovetail.toml", "")
    assert of_made(project) == ("fresh", []), "nobody asks"
    project.write("dovetail.toml", "[fingerprint]\npackages = true\n")
    reconcile(project)
    assert of_made(project) == ("fresh", [])
    project.write("dovetail.toml", "[fingerprint]\npackages = true\nother = 1\n")
    assert "other" in project.dovetail("status", code=2).stderr
