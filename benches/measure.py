"""Runs commands and measures them from the outside.

Nothing heavy is imported here: the peak memory that the system reports for a child includes what its parent held
when it was started.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

WORK = Path(__file__).parent / "work"
DOVETAIL = Path(sys.executable).parent / "dovetail"
BENCH_PYTHON = WORK / "venv" / "bin" / "python"
BASELINE = Path(__file__).parent / "baseline.py"
COMPARE = Path(__file__).parent / "compare.py"


@dataclass
class Sample:
    """One process: seconds of wall time, seconds of CPU (user and system), peak resident memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass
class Case:
    """A command to measure, and what to do before each of its runs (which is not measured)."""

    command: Sequence[object]
    folder: Path
    before: Callable[[], None] = lambda: None

    def run(self) -> Sample:
        """Runs the command once; raises `CalledProcessError` with its stderr when it fails."""
        self.before()
        command = [str(part) for part in self.command]
        errors = WORK / "stderr.txt"
        with errors.open("wb") as stderr:
            start = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(
                process.returncode, command, stderr=errors.read_text(encoding="utf-8", errors="replace")[-4000:]
            )
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def alternately(runs: int, *cases: Case) -> list[list[Sample]]:
    """Runs each case `runs` times, in turns, the order reversed every other turn; their samples, by case."""
    samples: list[list[Sample]] = [[] for _ in cases]
    for turn in range(runs):
        order = range(len(cases)) if turn % 2 == 0 else reversed(range(len(cases)))
        for index in order:
            samples[index].append(cases[index].run())
    return samples


@dataclass
class Figure:
    """One line of the report."""

    name: str
    # What is compared: `wall` and `cpu` in seconds, `peak_mb` in MB.
    quantity: str
    ours: list[Sample]
    # Without samples there is no ratio, and the goal is a number for our own figure.
    theirs: list[Sample] = field(default_factory=list)
    # An upper bound: of the ratio when `goal_is_ratio`, else of our own figure.
    goal: float | None = None
    goal_is_ratio: bool = False

    @property
    def value(self) -> float:
        return median(getattr(sample, self.quantity) for sample in self.ours)

    @property
    def counterpart(self) -> float | None:
        return median(getattr(sample, self.quantity) for sample in self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        return self.value / self.counterpart if self.counterpart else None

    @property
    def is_met(self) -> bool | None:
        measured = self.ratio if self.goal_is_ratio else self.value
        return None if self.goal is None or measured is None else measured <= self.goal

    @staticmethod
    def heading() -> str:
        titles = ("dovetail", "other", "ratio", "goal", "", "cpu s", "other", "MB", "other")
        return f"{'':46}" + "".join(f"{title:>10}" for title in titles)

    def line(self) -> str:
        """Measured quantity, counterpart, ratio, goal, verdict; then CPU and memory of both."""
        unit = " MB" if self.quantity == "peak_mb" else " s"
        goal = "" if self.goal is None else f"{self.goal:g}{'x' if self.goal_is_ratio else unit}"
        cells = [
            number(self.value, unit),
            number(self.counterpart, unit),
            number(self.ratio, "x"),
            goal,
            {True: "met", False: "MISSED", None: ""}[self.is_met],
            *(number(middle(samples, "cpu"), "") for samples in (self.ours, self.theirs)),
            *(number(middle(samples, "peak_mb"), "", 0) for samples in (self.ours, self.theirs)),
        ]
        return f"{self.name:46}" + "".join(f"{cell:>10}" for cell in cells)

    def as_dict(self) -> dict:
        derived = {"value": self.value, "counterpart": self.counterpart, "ratio": self.ratio, "is_met": self.is_met}
        return {**asdict(self), **derived}


def middle(samples: list[Sample], quantity: str) -> float | None:
    return median(getattr(sample, quantity) for sample in samples) if samples else None


def number(value: float | None, unit: str, digits: int | None = None) -> str:
    if value is None:
        return ""
    if digits is None:
        digits = 0 if unit == " MB" else 2 if unit == "x" or value >= 1 else 3
    return f"{value:.{digits}f}{unit}"
