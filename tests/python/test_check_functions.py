"""`@check` and `CheckResult`: what they take, and what becomes of what a check function gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pytest
from conftest import Project
from dovetail import CheckResult, asset, check, source


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch) -> None:
    """What prints in this process goes where it went before a function of a project was called."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))


def test_a_check_function_stays_a_function() -> None:
    @check("orders", severity="warn")
    def fits(orders: list[int], most: int = 3) -> bool:
        """All are small."""
        return max(orders) <= most

    @check
    def small(orders: list[int]) -> bool:
        return fits(orders)

    @check()
    async def later(orders: list[int]) -> None: ...

    assert fits([1, 2]) and not fits([4]) and small([1])
    assert (fits.__name__, fits.__doc__) == ("fits", "All are small.")
    assert later.__name__ == "later"


def test_a_check_is_about_an_asset_by_name_or_function() -> None:
    @asset(name="sales")
    def orders() -> None: ...

    @source
    def rates() -> None: ...

    def about(function: Any) -> str | None:
        return function.__dovetail_check__.asset

    def fits(sales: Any) -> bool:
        return True

    assert about(check(orders)(fits)) == "sales"
    assert about(check("sales")(fits)) == "sales"
    assert about(check(asset=orders)(fits)) == "sales"
    assert about(check(rates, severity="warn", deps=[orders, "customers"])(fits)) == "rates"
    assert about(check(None)(fits)) is None
    assert about(check(fits)) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("check('a', severty='warn')(f)", "no argument `severty`; did you mean `severity`"),
        ("check('a', 'b')(f)", "takes its arguments by name, but for the asset"),
        ("check('a', asset='b')(f)", "names its asset twice"),
        ("check(3)(f)", "`asset` of `@check` is a name or an asset function, not 3"),
        ("check(f, severity='warn')(f)", "`asset` of `@check` is a name or an asset function"),
        ("check(asset=f)(f)", "`asset` of `@check` is a name or an asset function"),
        ("check(f.__class__)", "decorates functions .* not a class"),
        ("check('a')(42)", "decorates functions .* not a int"),
        ("check('a')(staticmethod(f))", "functions of a module, not methods"),
        ("check('a')(lambda: 1)", "a `lambda` has no name"),
        ("check('a', severity='fatal')(f)", "'warn' or 'error', not 'fatal'"),
        ("check('a', severity=1)(f)", "`severity` of `@check` is a text, not 1"),
        ("check('a', warn_if=5)(f)", "`warn_if` of `@check` is a text, not 5"),
        ("check('a', limit=0)(f)", "`limit` of `@check` is at least 1, not 0"),
        ("check('a', limit=True)(f)", "`limit` of `@check` is a whole number, not True"),
        ("check('a', deps='x')(f)", "write `deps=\\['x'\\]`"),
        ("check('a', deps=[f])(f)", "lists names or asset functions"),
        ("check('a', inputs={'a': 1})(f)", "maps parameters to names"),
        ("check('a', reads={'a': []})(f)", "maps parameters to the columns"),
        ("check('a', tags=[1])(f)", "a text or a list of texts"),
        ("check('a', materialized='table')(f)", "no argument `materialized`"),
        ("CheckResult(passed=1)", "`passed` of a `CheckResult` is True or False, not 1"),
        ("CheckResult(passed=pa.scalar(None, pa.bool_()))", "is True or False"),
        ("CheckResult(message=1)", "`message` of a `CheckResult` is a text, not 1"),
        ("CheckResult(metadata=[1])", "`metadata` of a `CheckResult` is a dictionary, not list"),
    ],
)
def test_wrong_use(call: str, message: str) -> None:
    def f(a: Any) -> None: ...

    with pytest.raises(TypeError, match=message):
        eval(call, {"check": check, "CheckResult": CheckResult, "pa": pa, "f": f})


def test_a_check_result_keeps_what_it_is_given() -> None:
    import numpy as np

    result = CheckResult(np.bool_(False), failures=[1], message="m", metadata={"a": 1})
    assert (result.passed, result.failures, result.message, result.metadata) == (False, [1], "m", {"a": 1})
    assert result.passed is False and CheckResult(passed=pa.scalar(True)).passed is True
    assert (CheckResult().passed, CheckResult().metadata) == (None, {})
    assert repr(result) == "CheckResult(passed=False, failures=[1], message='m', metadata={'a': 1})"


class Turns:
    """Lets user code run always."""

    def enter(self) -> Turns:
        return self

    def over(self) -> None: ...

    def is_cancelled(self) -> bool:
        return False


class Database:
    """Nothing failed in it."""

    def take_failure(self) -> None:
        return None


class Called:
    """What a check function gave, as it is handed to Rust, and what it printed."""

    def __init__(self, project: Project, body: str, name: str = "") -> None:
        # A module is imported once in a process, so each has a name of its own.
        path = f"models/checks_{abs(hash((str(project.root), body)))}.py"
        imports = "import numpy as np, pandas as pd, polars as pl, pyarrow as pa\n"
        project.write(path, f"{imports}from dovetail import CheckResult, check\n{dedent(body)}")
        self.printed: list[str] = []
        facts = {"name": "p", "root": project.root, "target": "dev", "target_dir": "", "files": "", "vars": {}}
        request = {
            "project": facts,
            "asset": "orders",
            "check": name or "fits",
            "path": path,
            "function": "fits",
            "run": "1",
            "connection": Database(),
            "turns": Turns(),
            "sources": None,
            "inputs": [],
            "printed": self.printed.append,
        }
        from dovetail import _verdict

        self.outcome = _verdict.call(request)
        self.form: str = self.outcome.form
        self.data: Any = self.outcome.data

    def said(self) -> tuple[Any, ...]:
        return self.outcome.said()


def of_value(project: Project, value: str) -> Called:
    return Called(project, f"@check('orders')\ndef fits():\n    return {value}\n")


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ("True", True),
        ("False", False),
        ("None", True),
        ("np.bool_(False)", False),
        ("(pd.Series([1, 2]) > 0).all()", True),
        ("(pl.Series([1, 2]) > 1).all()", False),
        ("pa.scalar(True)", True),
        ("CheckResult()", True),
        ("CheckResult(False)", False),
        ("(frame for frame in [])", True),
    ],
)
def test_a_verdict_without_rows(project, value: str, passed: bool) -> None:
    called = of_value(project, value)
    assert (called.form, called.said()) == ("none", (passed, None, None, {}))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("pa.table({'x': [1]})", "stream"),
        ("pl.DataFrame({'x': [1]})", "stream"),
        ("pl.LazyFrame({'x': [1]})", "stream"),
        ("pd.DataFrame({'x': [1]})", "stream"),
        ("pa.table({'x': [1]}).to_reader()", "batches"),
        ("(pl.DataFrame({'x': [n]}) for n in range(3))", "batches"),
        ("[pl.DataFrame({'x': [1]})]", "batches"),
    ],
)
def test_rows_that_fail(project, value: str, form: str) -> None:
    called = of_value(project, value)
    assert (called.form, called.said()) == (form, (None, None, None, {}))
    called = of_value(project, f"CheckResult(True, {value}, 'tolerated', dict(n=1))")
    assert (called.form, called.said()) == (form, (True, "tolerated", None, {"n": 1}))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("3", "the check returned an int"),
        ("'yes'", "the check returned a str"),
        ("{'x': 1}", "the check returned a dict"),
        ("[]", "the check returned a list without items"),
        ("pa.scalar(None, pa.bool_())", "the check returned a pyarrow.BooleanScalar"),
        ("CheckResult(failures=[{'x': 1}])", "`failures` is a list of dict"),
        ("pl.Series([True])", "the check returned a polars.Series"),
        ("pd.Series([True])", "the check returned a pandas.Series"),
        ("np.array([True])", "the check returned a numpy.ndarray"),
    ],
)
def test_what_is_no_verdict_is_an_error_that_says_what_is(project, value: str, words: str) -> None:
    called = of_value(project, value)
    assert (called.form, called.data["kind"]) == ("error", "output")
    assert called.data["message"] == f"{words}, which is no verdict"
    assert "or a `CheckResult`" in called.data["hint"] and called.data["traceback"] == ""
    is_column = "Series" in words or "ndarray" in words
    assert ("`.all()`" in called.data["hint"]) == is_column


def test_a_failed_assertion_is_a_verdict(project) -> None:
    called = Called(project, "\n@check('orders')\ndef fits():\n    print('looked')\n    assert 1 > 2, 'one is small'\n")
    assert (called.form, called.said(), called.printed) == ("none", (False, "one is small", 7, {}), ["looked"])
    called = Called(project, "def least():\n    assert 1 > 2\n\n@check('orders')\ndef fits():\n    least()\n")
    assert called.said() == (False, "assert 1 > 2", 4, {})
    called = Called(project, "@check('orders')\nasync def fits():\n    assert False, 'later'\n")
    assert called.said() == (False, "later", 5, {})
    text = "from polars.testing import assert_series_equal\n@check('orders')\ndef fits():\n"
    called = Called(project, text + "    assert_series_equal(pl.Series([1]), pl.Series([2]))\n")
    passed, message, line, _ = called.said()
    assert (passed, line) == (False, 6) and "Series are different" in message


def test_an_assertion_may_fail_while_rows_are_made(project) -> None:
    body = """
        @check("orders")
        def fits():
            yield pa.table({"x": [1]})
            print("made")
            assert False, "no more"
    """
    called = Called(project, body)
    assert called.form == "batches" and called.data.first.num_rows == 1
    assert called.data.next_item() is None
    called.data.close()
    assert called.said() == (False, "no more", 8, {}) and called.printed == ["made"]
    called = Called(project, "@check('orders')\ndef fits():\n    assert False, 'none'\n    yield\n")
    assert (called.form, called.said()) == ("none", (False, "none", 5, {}))


def test_other_exceptions_break_the_check(project) -> None:
    called = Called(project, "@check('orders')\ndef fits():\n    raise ValueError('no')\n")
    assert (called.form, called.data["kind"], called.data["line"]) == ("error", "raised", 5)
    assert called.data["message"] == "ValueError: no" and "raise ValueError" in called.data["traceback"]
    body = "@check('orders')\ndef fits():\n    yield pa.table({'x': [1]})\n    raise ValueError('late')\n"
    called = Called(project, body)
    assert called.data.next_item()["message"] == "ValueError: late"
    called = Called(project, "assert False, 'when imported'\n@check('orders')\ndef fits(): ...\n")
    assert (called.form, called.data["kind"]) == ("error", "import")
    called = Called(project, "@check('orders')\ndef fits():\n    yield {'x': 1}\n")
    assert "item 1 of the generator is a dict" in called.data["message"]


def test_a_check_is_found_by_its_name(project) -> None:
    body = "@check('orders', name='good')\ndef fits():\n    return True\n"
    body += "\n@check('orders')\ndef other():\n    return False\n"
    assert Called(project, body, "good").said()[0] is True
    assert Called(project, body.replace("return True", "return 1 > 0"), "unknown").said()[0] is True
    called = Called(project, "def fits():\n    return True\n")
    assert "declares no check `fits`" in called.data["message"]


def test_the_package_says_what_it_has() -> None:
    import dovetail

    assert {"check", "CheckResult"} <= set(dovetail.__all__) and set(dovetail.__all__) <= set(dir(dovetail))
    code = "import sys; from dovetail import check, CheckResult; print({'polars', 'numpy'} & set(sys.modules))"
    given = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path("/"))
    assert given.stdout.strip() == "set()"
