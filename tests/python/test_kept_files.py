"""Objects that are kept in files: whether the file still is what was written, and that none overwrites another's."""

from __future__ import annotations

import json
import shutil

REPORT = """
import pyarrow as pa
from dovetail import FileIO, asset


@asset(materialized="object", io_manager="file")
def report():
    return "one"


@asset
def reader(report):
    return pa.table({"text": [report.read_text()]})
"""


def states(project, *arguments: str) -> dict[str, tuple[str, list[str]]]:
    result = [
        json.loads(line)
        for line in project.dovetail("status", "--output", "json", *arguments, code=None).stdout.splitlines()
    ]
    return {line["asset"]: (line["state"], [cause["detail"] for cause in line["causes"]]) for line in result}


def built(project) -> None:
    project.write("models/report.py", REPORT)
    project.dovetail("run")
    assert states(project) == {"reader": ("fresh", []), "report": ("fresh", [])}
    assert states(project, "--verify") == states(project)


def test_a_file_that_is_gone_is_made_again(project) -> None:
    built(project)
    shutil.rmtree(project.root / "target")
    assert states(project)["report"] == ("missing", ["its file target/reports/report.txt is gone"])
    planned = project.json("plan", "--output", "json")
    assert [(line["action"], line["asset"]) for line in planned] == [("build", "report"), ("check", "reader")]
    result = project.dovetail("reconcile")
    assert "ok      report" in result.stderr and "same    reader" in result.stderr
    assert states(project)["report"] == ("fresh", [])


def test_a_file_that_was_altered_has_drifted(project) -> None:
    built(project)
    drifted = ("drifted", ["its file target/reports/report.txt is not what was written"])
    file = project.root / "target/reports/report.txt"
    file.write_text("two")
    assert states(project)["report"] == ("fresh", []), "of equal size, and not read"
    assert states(project, "--verify")["report"] == drifted
    file.write_text("three")
    assert states(project)["report"] == drifted
    project.dovetail("reconcile")
    assert file.read_text() == "one"
    assert states(project, "--verify")["report"] == ("fresh", [])


def test_another_content_is_another_version_for_readers(project) -> None:
    built(project)
    project.write("models/report.py", REPORT.replace('"one"', '"two"'))
    result = project.dovetail("reconcile")
    assert "ok      reader" in result.stderr
    assert project.query("from reader") == [{"text": "two"}]
    project.write("models/report.py", REPORT.replace('return "one"', 'return "t" + "wo"'))
    assert "same    reader" in project.dovetail("reconcile").stderr


def test_no_asset_overwrites_the_file_of_another(project) -> None:
    project.write("models/report.py", REPORT.replace('"file"', 'FileIO("rep.txt")'))
    project.write(
        "models/other.py",
        'from dovetail import FileIO, asset\n\n\n@asset(deps=["report"], io_manager=FileIO("rep.txt"),'
        ' materialized="object")\ndef other():\n    return "other"\n',
    )
    errors = project.dovetail("run", code=1).stderr
    assert "`other` failed: `file` could not store `other`: ValueError: `report` has written the same file" in errors
    assert "put `{asset}` into the path" in errors
    assert (project.root / "target/rep.txt").read_text() == "one"
