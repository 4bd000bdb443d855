"""Failures of user code: tracebacks, exits, prints, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import COMMAND

IMPORTS = """import pyarrow as pa
from dovetail import asset, sql

"""


def run_all(project, text: str, code: int = 1) -> str:
    project.write("models/m.py", IMPORTS + text)
    return project.dovetail("run", "--verbose", code=code).stderr


def test_tracebacks_show_the_users_frames(project) -> None:
    project.write("helpers.py", "def divide(a, b):\n    return a / b\n")
    errors = run_all(
        project,
        """
import json
from helpers import divide

@asset
def source(): return sql("select 1 as id, 'x' as name")

@asset
def chained(source: pa.Table):
    try:
        divide(1, 0)
    except ZeroDivisionError as error:
        raise RuntimeError("no ratio") from error

@asset
def in_library(source: pa.Table):
    return json.loads("{")

@asset
def custom(source):
    class Odd(Exception): pass
    raise Odd("odd", 1)
""",
    )
    head = r"error\[DT0602\]: `chained` failed: RuntimeError: no ratio\n +--> models/m.py:16:9"
    assert re.search(head, errors), errors
    assert (
        'Traceback (most recent call last):\n  File "models/m.py", line 14, in chained\n    divide(1, 0)\n'
        '  File "helpers.py", line 2, in divide\n    return a / b\n'
    ) in re.sub(r"\n +[~^]+", "", errors)
    assert "ZeroDivisionError: division by zero\n\nThe above exception was the direct cause" in errors
    assert "Inputs:\n  source: id INTEGER, name VARCHAR" in errors
    assert "_call.py" not in errors
    library = errors[errors.index("`in_library` failed") :]
    assert library.count("json/") == 1, "the innermost frame of a library, and no other"
    assert "Odd: ('odd', 1)" in errors


def test_exits_and_interrupts_in_user_code_are_errors(project) -> None:
    errors = run_all(
        project,
        """
import sys

@asset
def leaves(): sys.exit(3)
@asset
def leaves_quietly(): sys.exit()
@asset
def interrupts(): raise KeyboardInterrupt
@asset
def generator():
    yield pa.record_batch({"a": [1]})
    raise SystemExit("bye")
@asset
def fine(): return pa.table({"a": [1]})
""",
    )
    assert "`leaves` failed: `sys.exit(3)` was called" in errors
    assert "`leaves_quietly` failed: `sys.exit()` was called" in errors
    assert "`interrupts` failed: the function raised KeyboardInterrupt" in errors
    assert "`generator` failed: `sys.exit('bye')` was called" in errors
    assert project.query("from fine") == [{"a": 1}]


def test_modules_that_fail_to_import(project) -> None:
    project.write("models/broken.py", IMPORTS + "import not_there\n\n@asset\ndef a(): return 1\n")
    project.write("models/wrong.py", IMPORTS + "1 / 0\n\n@asset\ndef b(): return 1\n")
    errors = project.dovetail("run", code=1).stderr
    assert re.search(r"error\[DT0305\]: `a` failed: ModuleNotFoundError: .*\n +--> models/broken.py:4", errors), errors
    assert re.search(r"error\[DT0305\]: `b` failed: ZeroDivisionError.*\n +--> models/wrong.py:4", errors), errors


def test_a_module_beside_the_file_is_named_with_its_package(project) -> None:
    project.write("models/deep/common.py", "VALUE = 1\n")
    project.write("models/deep/asks.py", IMPORTS + "from common import VALUE\n\n@asset\ndef a(): return 1\n")
    errors = project.dovetail("run", code=1).stderr
    assert "No module named 'common'" in errors
    assert "hint: `common` stands beside this file: import it as `.common` or as `models.deep.common`" in errors
    assert "is not installed" not in errors


def test_prints_are_the_assets_own(project) -> None:
    asset = """
@asset
def p{n}():
    import logging, sys, threading, time
    logging.getLogger("p{n}").warning("warned {n}")
    for step in range(5):
        print("step", {n}, step)
        time.sleep(0.005)
    sys.stderr.write("error {n}\\n")
    sys.stdout.buffer.write(b"bytes {n}\\n")
    yield pa.record_batch({{"a": [1]}})
    print("late {n}", end="")
"""
    assets = "".join(asset.format(n=n) for n in range(4))
    result = run_all(project, "import logging\nlogging.basicConfig()\n" + assets, 0)
    for number in range(4):
        lines = re.findall(rf"p{number} +\| (.*)", result)
        assert lines == [
            f"WARNING:p{number}:warned {number}",
            *(f"step {number} {step}" for step in range(5)),
            f"error {number}",
            f"bytes {number}",
            f"late {number}",
        ]
    quiet = project.dovetail("run")
    assert "step" not in quiet.stdout + quiet.stderr


ENDLESS = "sql('select sum(a.range * b.range) as x from range(1000000) a, range(1000000) b')"
SLEEPERS = {
    "python": "def sleeper():\n    while True:\n        time.sleep(0.02)\n",
    "async": "async def sleeper():\n    await asyncio.sleep(1000)\n",
    "generator": "def sleeper():\n    yield pa.record_batch({'a': [1]})\n    while True:\n        time.sleep(0.02)\n",
    "blocked": "def sleeper():\n    time.sleep(1000)\n",
    "query": f"def sleeper():\n    return {ENDLESS}\n",
    "inside": f"def sleeper():\n    return {ENDLESS}.to_arrow_table()\n",
}


@pytest.mark.parametrize("kind", SLEEPERS)
def test_ctrl_c_stops_at_once(project, kind: str) -> None:
    project.write(
        "models/m.py",
        IMPORTS
        + "import asyncio, time\n@asset\ndef done(): return pa.table({'a': [1]})\n"
        + "@asset\ndef marker(done):\n    open('started', 'w').close()\n    return pa.table({'a': [1]})\n"
        + f"@asset(deps=['marker'])\n{SLEEPERS[kind]}",
    )
    process = subprocess.Popen(
        [COMMAND, "run"], cwd=project.root, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    limit = time.monotonic() + 60
    while not (project.root / "started").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(0.5)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert time.monotonic() - asked < 5
    assert project.query("from done") == [{"a": 1}]


def test_ctrl_c_again_ends_in_order(project) -> None:
    project.write(
        "models/m.py",
        IMPORTS
        + "import time\n@asset\ndef sleeper():\n    open('started', 'w').close()\n    time.sleep(1000)\n"
        + "@asset\ndef below(sleeper): return sleeper\n",
    )
    process = subprocess.Popen(
        [COMMAND, "run"], cwd=project.root, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    limit = time.monotonic() + 60
    while not (project.root / "started").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    lines = []
    process.send_signal(signal.SIGINT)
    try:
        lines.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        lines += process.communicate(timeout=20)[1].splitlines()
    finally:
        process.kill()
    assert process.returncode == 130, lines
    # Earlier than it would have ended by itself.
    assert time.monotonic() - asked < 1.4
    assert lines[0] == "waiting for `sleeper` to stop; Ctrl-C again ends at once\n"
    assert lines[-1].startswith("interrupted: 0 materialized, 2 stopped in ")
    assert project.json("history", "--output", "json")[0]["status"] == "interrupted"


def test_a_failed_asset_leaves_its_old_table(project) -> None:
    project.write("models/m.py", IMPORTS + "@asset\ndef t():\n    yield pa.record_batch({'a': [1]})\n")
    project.dovetail("run")
    run_all(project, "@asset\ndef t():\n    yield pa.record_batch({'b': [2]})\n    raise ValueError('no')\n")
    assert project.query("from t") == [{"a": 1}]


def test_messages_are_whole(project) -> None:
    errors = run_all(
        project,
        """
@asset
def source(): return sql("select 1 as id")

@asset
def bound(source):
    wrong = source.filter("nope > 1")
    return wrong

@asset
def bound_text():
    return sql("select * from nowhere")

@asset
def quiet(source):
    from dovetail.errors import DovetailError
    try:
        source.filter("nope > 1")
    except DovetailError as error:
        raise ValueError("mine") from error

@asset
def surrogate():
    raise ValueError("bad \\udcff")

@asset
def long():
    raise ValueError("x" * 100_000)
""",
    )
    text = {part.partition("`")[0]: part for part in errors.split("error[DT0602]: `")[1:]}
    assert set(text) == {"bound", "bound_text", "quiet", "surrogate", "long"}, errors
    assert 'nope" not found' in text["bound"] or '"nope"' in text["bound"]
    assert "models/m.py:10:" in text["bound"], text["bound"]
    assert "nowhere" in text["bound_text"] and "models/m.py:15:" in text["bound_text"]
    assert "ValueError: mine" in text["quiet"]
    assert r"ValueError: bad \udcff" in text["surrogate"]
    assert len(text["long"]) < 12_000
    for part in text.values():
        assert not re.search(r"following exception:\s*(Inputs|error|$)", part), part


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 brings exception groups")
def test_groups_show_their_members(project) -> None:
    errors = run_all(
        project,
        """
import asyncio

@asset
async def tasks():
    async def fail(number):
        raise ValueError(f"part {number}")
    async with asyncio.TaskGroup() as group:
        group.create_task(fail(1))
        group.create_task(fail(2))

@asset
def many():
    inner = ExceptionGroup("inner", [KeyError("deep")])
    raise ExceptionGroup("outer", [inner, *(ValueError(n) for n in range(19))])
""",
    )
    text = {part.partition("`")[0]: part for part in errors.split("error[DT0602]: `")[1:]}
    tasks = text["tasks"]
    assert "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)" in tasks, tasks
    for number in (1, 2):
        member = tasks[tasks.index(f"--- {number} of 2 ---") :]
        assert re.search(rf'  File "models/m.py", line \d+, in fail\n(.*\n)*? +ValueError: part {number}\n', member), (
            tasks
        )
    many = text["many"]
    assert "ExceptionGroup: outer (20 sub-exceptions)" in many and "--- and 5 more ---" in many, many
    assert re.search(r"--- 1 of 20 ---\n +ExceptionGroup: inner .*\n +--- 1 of 1 ---\n +KeyError: 'deep'", many), many


def test_library_errors_leave_no_dangling_line(project) -> None:
    errors = run_all(
        project,
        """
from dovetail import IOManager

class Broken(IOManager):
    def save(self, context, value): raise ValueError("cannot save")
    def load(self, context, payload): return 1

@asset(materialized="object", io_manager=Broken)
def kept(): return 1
""",
    )
    assert "DT0607" in errors and "cannot save" in errors
    assert "direct cause" not in errors


def test_no_text_of_an_exception_commands_the_terminal(project) -> None:
    project.write(
        "models/a.py",
        "from dovetail import asset\n\n\n@asset\ndef a():\n    print('\\x1b[2Jcleared')\n"
        "    text = 'caf\u00e9\\tone\\ntwo'\n    raise ValueError('\\x1b[31mred\\x07' + text)\n",
    )
    errors = project.dovetail("run", code=1).stderr
    assert "`a` failed: ValueError: \\u{1b}[31mred\\u{7}caf\u00e9" in errors
    assert "ValueError: \\u{1b}[31mred\\u{7}caf\u00e9\tone\ntwo" in errors and "\\u{1b}[2Jcleared" in errors
    shown = [
        project.dovetail(*arguments, code=None) for arguments in (["status"], ["plan"], ["why", "a"], ["history", "a"])
    ]
    for result in [
        *shown,
        project.dovetail("--color", "always", "why", "a"),
        project.dovetail("run", "--verbose", code=1),
    ]:
        printed = result.stdout + result.stderr
        assert "\x1b[31mred" not in printed and "\\u{1b}[31mred" in printed, result.args
    [line] = project.json("plan", "--output", "json")
    assert any("\x1b[31mred" in cause["detail"] for cause in line["causes"])
    assert "\\u001b[31mred" in project.dovetail("run", "--log-format", "json", code=1).stderr
