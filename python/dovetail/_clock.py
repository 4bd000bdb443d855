"""What a unit test has Python code see: another clock, and other variables of the environment.

Where ``time_machine`` is installed it moves every clock of the process. Without it, the names by which the project's
own modules ask for the time (``datetime.now()``, ``dt.date.today()``, ``time.time()``) stand for others while a test
runs; no other module sees any of it, and neither does an ``import`` inside of a function.
"""

from __future__ import annotations

import datetime as _datetime
import importlib.util
import os
import sys
import time as _time
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

_undo: list[Callable[[], None]] = []


def pretend(
    root: str, paths: Sequence[str], moment: float | None, environment: dict[str, str]
) -> dict[str, Any] | None:
    """Imports the modules, then sets the clock (seconds since 1970) and the variables.

    Returns the description of what an import raised, else nothing. ``restore`` undoes it.
    """
    from dovetail import _errors, _modules

    restore()
    _set_environment(environment)
    for path in paths:
        try:
            _modules.load(root, path)
        except BaseException as error:
            restore()
            return _errors.describe(error, root=root, path=path, kind="import")
    if moment is not None:
        _set_clock(root, moment)
    return None


def restore() -> None:
    """Lets clocks run and variables be what they were."""
    while _undo:
        _undo.pop()()


def _set_environment(environment: dict[str, str]) -> None:
    before = {name: os.environ.get(name) for name in environment}

    def undo() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    _undo.append(undo)
    os.environ.update(environment)


def _set_clock(root: str, moment: float) -> None:
    if importlib.util.find_spec("time_machine") is not None:
        import time_machine

        traveller = time_machine.travel(moment, tick=False)
        traveller.start()
        _undo.append(traveller.stop)
        return
    replaced = _replacements(moment)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(os.path.join(root, "")):
            _swap(module, replaced)


def _swap(module: ModuleType, replaced: dict[int, Any]) -> None:
    """Replaces what the names of a module stand for, until ``restore``."""
    for name, value in list(vars(module).items()):
        if id(value) in replaced and not name.startswith("__"):
            _undo.append(partial(setattr, module, name, value))
            setattr(module, name, replaced[id(value)])


class _Frozen(type):
    """The class of stand-ins: they make and recognise instances of the real class, and no others."""

    _real: type

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], real: type | None = None) -> Any:
        if real is None:
            # Somebody inherits from the class while the clock stands: from the real one.
            return type(name, tuple(getattr(base, "_real", base) for base in bases), namespace)
        return super().__new__(mcs, name, bases, {**namespace, "_real": real})

    def __init__(cls, *arguments: Any, real: type | None = None) -> None:
        super().__init__(*arguments)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        return cls._real(*arguments, **named)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls._real)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, cls._real)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._real

    def __hash__(cls) -> int:
        return hash(cls._real)


def _replacements(moment: float) -> dict[int, Any]:
    """What stands for that by which the time is asked, by the identity of the latter."""
    real_datetime, real_date = _datetime.datetime, _datetime.date
    utc = real_datetime.fromtimestamp(0, _datetime.timezone.utc) + _datetime.timedelta(seconds=moment)
    local = utc.astimezone().replace(tzinfo=None)

    def now(tz: Any = None) -> _datetime.datetime:
        return local if tz is None else utc.astimezone(tz)

    frozen_datetime = _Frozen(
        "datetime",
        (real_datetime,),
        {
            "now": staticmethod(now),
            "today": staticmethod(lambda: local),
            "utcnow": staticmethod(lambda: utc.replace(tzinfo=None)),
        },
        real=real_datetime,
    )
    frozen_date = _Frozen("date", (real_date,), {"today": staticmethod(local.date)}, real=real_date)
    nanoseconds = round(moment * 1_000_000) * 1000

    def given(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda seconds=None: function(moment if seconds is None else seconds)

    def told(function: Callable[..., Any], position: int) -> Callable[..., Any]:
        def tell(*arguments: Any) -> Any:
            return function(*arguments, *([localtime(moment)] if len(arguments) <= position else []))

        return tell

    localtime = _time.localtime
    clocks: list[tuple[Any, Any]] = [
        (_time.time, lambda: moment),
        (_time.time_ns, lambda: nanoseconds),
        (_time.localtime, given(_time.localtime)),
        (_time.gmtime, given(_time.gmtime)),
        (_time.ctime, given(_time.ctime)),
        (_time.asctime, told(_time.asctime, 0)),
        (_time.strftime, told(_time.strftime, 1)),
    ]
    dates = [(real_datetime, frozen_datetime), (real_date, frozen_date)]
    # Modules that are held by name are others with these in them.
    modules = [(_time, _stand_in(_time, clocks)), (_datetime, _stand_in(_datetime, dates))]
    return {id(real): other for real, other in [*clocks, *dates, *modules]}


def _stand_in(module: ModuleType, replaced: list[tuple[Any, Any]]) -> ModuleType:
    other = ModuleType(module.__name__, module.__doc__)
    vars(other).update(vars(module))
    for real, fake in replaced:
        setattr(other, real.__name__, fake)
    return other
